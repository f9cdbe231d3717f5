internal import Addresses
package import Packets
internal import Sketches

/// Made ordinary traffic of one site, packet by packet in the order of time, as a reader of its border would summarise
/// it: what a detector must leave alone. The same seed and scenario give the same packets on every machine: all
/// arithmetic is on integers.
///
/// Sessions of the scenario's activities begin at random moments (exponential gaps) and each sends its own packets:
/// handshakes, requests, answers, acknowledgements, retransmissions. It never ends. Memory: at most `sessionLimit`
/// sessions; what would begin beyond that does not.
package struct OrdinaryTraffic: Sendable {
    /// Sessions at once: a site with 20,000 packets a second has some thousands. Each takes about 130 bytes.
    package static let sessionLimit = 1 << 16

    package let scenario: Scenario
    private var random: SplitMix64
    private let start: Int64
    private var sessions: [Session] = []
    private var free: [Int32] = []
    /// A binary heap by time. Places below 0 are the arrivals of an activity: -1 - its number.
    private var times: [Int64] = []
    private var places: [Int32] = []

    /// - Parameter start: nanoseconds since 1970-01-01T00:00:00Z.
    package init(seed: UInt64, scenario: Scenario, start: Int64) {
        self.scenario = scenario
        self.start = start
        random = SplitMix64(seed: seed)
        for activity in Activity.allCases where scenario.rate(activity) > 0 {
            push(start &+ gap(activity, at: start), Int32(-1 - Int(activity.rawValue)))
        }
        // A scenario of nothing still has what comes to every address.
        if times.isEmpty { push(start, Int32(-1 - Int(Activity.radiation.rawValue))) }
    }

    /// The next packet that is seen in the scenario's direction.
    package mutating func next() -> PacketSummary {
        // Ends: every activity has packets in both directions, and arrivals do not cease.
        while true {
            let now = times[0]
            let place = places[0]
            guard place >= 0 else {
                arrive(Activity(rawValue: UInt8(-1 - place)) ?? .radiation, at: now)
                continue
            }
            var packet = PacketSummary()
            packet.time = now
            let delay = sessions[Int(place)].step(&random, &packet)
            if delay == Session.over {
                free.append(place)
                pop()
            } else {
                times[0] = now &+ Int64(delay)
                sink()
            }
            if isSeen(packet) { return packet }
        }
    }

    private func isSeen(_ packet: PacketSummary) -> Bool {
        switch scenario.view {
        case .both: true
        case .inbound: !scenario.holds(packet.source) || packet.destination.isMulticast
        case .outbound: scenario.holds(packet.source)
        }
    }

    /// Begins a session, and says when the next one of its activity comes.
    private mutating func arrive(_ activity: Activity, at now: Int64) {
        // A backup is one host's, and another one comes the next day.
        times[0] = now &+ (activity == .backup ? 86_400_000_000_000 : gap(activity, at: now))
        sink()
        let session = Session(activity, scenario, &random)
        if let place = free.popLast() {
            sessions[Int(place)] = session
            push(now, place)
        } else if sessions.count < Self.sessionLimit {
            sessions.append(session)
            push(now, Int32(sessions.count - 1))
        }
    }

    private mutating func gap(_ activity: Activity, at now: Int64) -> Int64 {
        var rate = max(1, scenario.rate(activity))
        if let surge = scenario.surge, surge.activity == activity {
            rate = rate &* UInt64(surge.factor(at: now &- start))
        }
        return Int64(random.exponential(mean: 1_000_000_000_000_000 / max(1, rate)))
    }

    // MARK: The heap

    private mutating func push(_ time: Int64, _ place: Int32) {
        times.append(time)
        places.append(place)
        var child = times.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard times[child] < times[parent] else { break }
            times.swapAt(child, parent)
            places.swapAt(child, parent)
            child = parent
        }
    }

    private mutating func pop() {
        times.swapAt(0, times.count - 1)
        places.swapAt(0, places.count - 1)
        times.removeLast()
        places.removeLast()
        sink()
    }

    /// Lets the first item, whose time has changed, find its place.
    private mutating func sink() {
        let count = times.count
        guard count > 1 else { return }
        let time = times[0]
        let place = places[0]
        var parent = 0
        while true {
            var child = 2 &* parent &+ 1
            guard child < count else { break }
            if child &+ 1 < count, times[child &+ 1] < times[child] { child &+= 1 }
            guard times[child] < time else { break }
            times[parent] = times[child]
            places[parent] = places[child]
            parent = child
        }
        times[parent] = time
        places[parent] = place
    }
}

extension Address {
    /// 224.0.0.0/4 or ff00::/8.
    fileprivate var isMulticast: Bool { isIPv4 ? ipv4 &>> 28 == 14 : high &>> 56 == 0xff }
}

extension SplitMix64 {
    /// A value with an exponential spread, at most 45 times the mean; right to 2 %: ln 2 × (k + f) with k heads in a row
    /// and f between 0 and 1 by a parabola, all on integers.
    mutating func exponential(mean: UInt64) -> UInt64 {
        let word = next()
        let heads = UInt64((word | 1 << 48).trailingZeroBitCount)
        let unit = (word &>> 49) &<< 1
        // -log2(1 - u/2) in 16 bits after the point: 0.7213 u + 0.2787 u².
        let fraction = (47_271 &* unit &+ ((18_265 &* unit) &>> 16) &* unit) &>> 16
        let units = ((heads &<< 16 &+ fraction) &* 45_426) &>> 16
        // No product over 64 bits: a long mean loses its last bits first. Means are under 2^57 ns, two years.
        return mean &>> 32 == 0 ? (mean &* units) &>> 16 : (mean &>> 16) &* units
    }

    /// A value with a long tail: half of them under 2 × `least`, each doubling half as often, at most 2^`doublings`.
    mutating func longTail(_ least: UInt32, doublings: UInt32) -> UInt32 {
        let word = next()
        let doubled = min(UInt32((word | 1 << 40).trailingZeroBitCount), doublings)
        let base = least &<< doubled
        return base &+ UInt32(truncatingIfNeeded: ((word &>> 41 & 0xffff) &* UInt64(base)) &>> 16)
    }

    /// A value from a range, ends included.
    mutating func within(_ range: ClosedRange<UInt32>) -> UInt32 {
        range.lowerBound &+ below(range.upperBound &- range.lowerBound &+ 1)
    }

    /// True in one of so many cases.
    mutating func one(in cases: UInt32) -> Bool { below(cases) == 0 }
}
