package import Fingerprints
package import Packets

/// What rules would have dropped of traffic that came: packets one by one, or a profile that knows shares alone.
package struct RuleCheck: Sendable {
    /// Each counter stops at its end.
    package struct Count: Equatable, Sendable, BitwiseCopyable {
        package var packets: UInt64 = 0
        package var bytes: UInt64 = 0

        package init(packets: UInt64 = 0, bytes: UInt64 = 0) {
            self.packets = packets
            self.bytes = bytes
        }

        @inlinable mutating func add(_ packet: PacketSummary) {
            let weight = UInt64(packet.weight)
            packets = packets.addingReportingOverflow(weight).overflow ? .max : packets &+ weight
            let all = weight &* UInt64(packet.length)
            bytes = bytes.addingReportingOverflow(all).overflow ? .max : bytes &+ all
        }
    }

    @usableFromInline let matcher: PacketMatcher
    /// Everything that was looked at.
    package private(set) var total = Count()
    /// What any rule would have dropped, counted once.
    package private(set) var dropped = Count()
    /// What each would have dropped if it were alone; packets that several match count for each.
    package private(set) var perRule: [Count]

    /// nil where there are more fingerprints than ``PacketMatcher/fingerprintLimit``.
    package init?(_ fingerprints: [Fingerprint]) {
        guard let matcher = PacketMatcher(fingerprints) else { return nil }
        self.matcher = matcher
        perRule = Array(repeating: Count(), count: fingerprints.count)
    }

    /// Counts a packet; returns the rules that match it, the first one the lowest bit.
    @discardableResult
    package mutating func count(_ packet: PacketSummary) -> UInt64 {
        total.add(packet)
        var found = matcher.matches(packet)
        let all = found
        guard found != 0 else { return 0 }
        dropped.add(packet)
        while found != 0 {
            perRule[found.trailingZeroBitCount].add(packet)
            found &= found &- 1
        }
        return all
    }

    /// Share of the packets that a rule would have dropped, 0...1; nil before the first packet.
    package func share(of rule: Int) -> Double? {
        total.packets == 0 ? nil : Double(perRule[rule].packets) / Double(total.packets)
    }

    /// The same of all rules together.
    package var share: Double? {
        total.packets == 0 ? nil : Double(dropped.packets) / Double(total.packets)
    }

    /// Shares of values in normal traffic, each feature by itself.
    package typealias Profile = [Feature: [(value: String, share: Double)]]

    /// The share of normal traffic that a conjunction hits, at most: no more than its rarest condition alone. What the
    /// profile does not name counts as hit; nil where it knows none of the features.
    package static func atMost(_ conditions: [Fingerprint.Condition], in profile: Profile) -> Double? {
        var least: Double?
        for condition in conditions {
            guard let values = profile[condition.feature] else { continue }
            var hit = 0.0
            var named = 0.0
            for (value, share) in values {
                guard let share = Rules.share(share) else { continue }
                named += share
                if mayHit(condition, value) { hit += share }
            }
            let most = min(1, hit + max(0, 1 - named))
            least = min(least ?? 1, most)
        }
        return least
    }

    /// Whether a packet or request of a profile's value may pass the condition.
    private static func mayHit(_ condition: Fingerprint.Condition, _ value: String) -> Bool {
        if condition.value == value { return true }
        let other = Fingerprint.Condition(condition.feature, value)
        guard let left = PacketTest(condition), let right = PacketTest(other) else {
            // Of requests a profile names exact values; of packets what cannot be read may be anything.
            return condition.feature.isOfPacket
        }
        switch (left, right) {
        case (.sourcePort(let one), .sourcePort(let two)), (.destinationPort(let one), .destinationPort(let two)),
            (.length(let one), .length(let two)), (.ttl(let one), .ttl(let two)),
            (.icmpType(let one), .icmpType(let two)), (.icmpCode(let one), .icmpCode(let two)),
            (.dnsType(let one), .dnsType(let two)):
            return one.intersection(two) != nil
        case (.flags(let one), .flags(let two)): return !one.isDisjoint(with: two)
        case (.fragment(let one), .fragment(let two)): return !one.isDisjoint(with: two)
        case (.service(let one, let role), .service(let two, let other)):
            return one == two && (role == .unknown || other == .unknown || role == other)
        case (.payload(let one), .payload(let two)): return one.starts(with: two) || two.starts(with: one)
        case (.dnsName(let one), .dnsName(let two)): return DNSName.hash(one) == DNSName.hash(two)
        default: return left == right
        }
    }
}
