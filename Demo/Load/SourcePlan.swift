package import Addresses

/// Deals out source addresses in 127.0.0.0/8, whole /24s at a time, so that no two groups share a /24.
///
/// Nothing but the address tells the groups apart, and the /24s are dealt at random (seeded): there is no pattern in them
/// that a gateway could learn.
package struct SourcePlan: Sendable {
    private var random: Seeded
    private var taken: Set<UInt32> = []

    package init(seed: UInt64) {
        random = Seeded(seed)
        // 127.0.0.0/24 is where servers listen.
        taken.insert(127 << 16)
    }

    /// `count` addresses, `perNetwork` (1...200) in each /24. At most 200,000 in all.
    package mutating func deal(_ count: Int, perNetwork: Int) -> [Address] {
        precondition((0...200_000).contains(count) && (1...200).contains(perNetwork))
        var dealt: [Address] = []
        while dealt.count < count {
            let network = 127 << 16 | UInt32(random.below(1 << 16))
            guard taken.insert(network).inserted else { continue }
            let first = UInt32(1 + random.below(250 - perNetwork))
            for host in 0..<min(perNetwork, count - dealt.count) {
                dealt.append(Address(ipv4: network << 8 | (first + UInt32(host))))
            }
        }
        return dealt
    }
}
