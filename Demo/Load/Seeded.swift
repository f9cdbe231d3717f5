/// A random generator that gives the same numbers for the same seed (SplitMix64), so that a run can be repeated.
package struct Seeded: RandomNumberGenerator, Sendable {
    private var state: UInt64

    package init(_ seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// A number in 0..<bound; bound must be above 0.
    package mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    /// Nanoseconds till the next arrival where `rate` arrive each second, independently of each other.
    package mutating func gap(rate: Double) -> UInt64 {
        let uniform = Double(next() >> 11) * 0x1p-53
        return UInt64(-logarithm(1 - uniform) / rate * 1e9)
    }
}
