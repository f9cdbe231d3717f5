/// A small generator of numbers that look random and are the same on every machine: SplitMix64 (Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", 2014). For made traffic and tests; never for secrets.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    @usableFromInline var state: UInt64

    @inlinable
    package init(seed: UInt64) { state = seed }

    @inlinable
    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word &>> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word &>> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word &>> 31)
    }

    /// A number from 0 to `bound` - 1; 0 where the bound is 0. Each is as likely as the others but for 2^-32 × bound.
    @inlinable
    package mutating func below(_ bound: UInt32) -> UInt32 {
        UInt32(truncatingIfNeeded: ((next() &>> 32) &* UInt64(bound)) &>> 32)
    }

    /// A number from 0 up to, not including, 1.
    @inlinable
    package mutating func unit() -> Double { Double(next() &>> 11) * 0x1p-53 }
}
