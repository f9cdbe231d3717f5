package import Moments

/// What a measure in the packet filter has dropped, and where: in packets and bytes, for the filter knows no requests.
package struct PacketTally: Equatable, Sendable, Codable {
    /// While it was live.
    package var dropped = FilterCount()
    /// While it was dry, or suspended: what it would have dropped.
    package var spared = FilterCount()
    /// It drops; else it counts only.
    package var isLive: Bool
    /// The installation, as it calls itself, and the interface that the filter is at.
    package var machine: String
    package var interface: String
    /// When the attack began that it is against; nil: it is against no attack on record.
    package var attack: Moment?
    /// What it matches, for people; empty: sources one by one.
    package var match: String
    /// The filter's counter as it was last looked at: what is more was not counted here yet.
    package private(set) var reading = FilterCount()
    /// The same of the counter beside it, of what is dry or of answers; nil: there is one counter.
    package private(set) var spareReading: FilterCount?
    /// Of cookies the SYN that were answered in their place, visitors' among them; nil: it is of something else. What is
    /// dropped then are acknowledgements of no cookie.
    package private(set) var answered: FilterCount?
    /// Of blocked sources the most that were blocked at a time; nil: it is of something else.
    package var sources: UInt32?

    package init(
        isLive: Bool, machine: String, interface: String, attack: Moment?, match: String = "",
        reading: FilterCount = FilterCount(), spareReading: FilterCount? = nil
    ) {
        self.isLive = isLive
        self.machine = machine
        self.interface = interface
        self.attack = attack
        self.match = match
        self.reading = reading
        self.spareReading = spareReading
    }

    /// Takes in the filter's counter. One that stands lower than before began anew, as at a reboot: then all of it is new.
    /// What came while it was made live or dry counts as not dropped: nothing is claimed that may not have been done.
    package mutating func count(_ counter: FilterCount, isLive isNow: Bool) {
        let new = counter.since(reading)
        if isLive, isNow { dropped += new } else { spared += new }
        isLive = isNow
        reading = counter
    }

    /// Takes in the counter of what was dropped, and that of what would have been.
    /// - Returns: what was dropped since it was looked at last.
    @discardableResult package mutating func count(
        dropped counter: FilterCount, spared spareCounter: FilterCount
    ) -> FilterCount {
        let new = counter.since(reading)
        dropped += new
        spared += spareCounter.since(spareReading ?? FilterCount())
        reading = counter
        spareReading = spareCounter
        return new
    }

    /// Takes in the counter of false acknowledgements, and that of answers.
    package mutating func count(dropped counter: FilterCount, answered answers: FilterCount) {
        dropped += counter.since(reading)
        var sum = answered ?? FilterCount()
        sum += answers.since(spareReading ?? FilterCount())
        answered = sum
        reading = counter
        spareReading = answers
    }
}

extension FilterCount {
    /// What a counter counted since it stood so. One that stands lower than before began anew.
    package func since(_ reading: FilterCount) -> FilterCount {
        let isAnew = packets < reading.packets || bytes < reading.bytes
        let before = isAnew ? FilterCount() : reading
        return FilterCount(packets: packets - before.packets, bytes: bytes - before.bytes)
    }

    package static func += (sum: inout FilterCount, new: FilterCount) {
        sum.packets = sum.packets.addingReportingOverflow(new.packets).overflow ? .max : sum.packets + new.packets
        sum.bytes = sum.bytes.addingReportingOverflow(new.bytes).overflow ? .max : sum.bytes + new.bytes
    }
}
