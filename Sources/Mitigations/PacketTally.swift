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

    package init(
        isLive: Bool, machine: String, interface: String, attack: Moment?, match: String = "",
        reading: FilterCount = FilterCount()
    ) {
        self.isLive = isLive
        self.machine = machine
        self.interface = interface
        self.attack = attack
        self.match = match
        self.reading = reading
    }

    /// Takes in the filter's counter. One that stands lower than before began anew, as at a reboot: then all of it is new.
    /// What came while it was made live or dry counts as not dropped: nothing is claimed that may not have been done.
    package mutating func count(_ counter: FilterCount, isLive isNow: Bool) {
        let isAnew = counter.packets < reading.packets || counter.bytes < reading.bytes
        let before = isAnew ? FilterCount() : reading
        let new = FilterCount(packets: counter.packets - before.packets, bytes: counter.bytes - before.bytes)
        if isLive, isNow { dropped += new } else { spared += new }
        isLive = isNow
        reading = counter
    }
}

extension FilterCount {
    package static func += (sum: inout FilterCount, new: FilterCount) {
        sum.packets = sum.packets.addingReportingOverflow(new.packets).overflow ? .max : sum.packets + new.packets
        sum.bytes = sum.bytes.addingReportingOverflow(new.bytes).overflow ? .max : sum.bytes + new.bytes
    }
}
