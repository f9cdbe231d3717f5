/// A strongly universal hash of 128 bits to 32: the multilinear function of Lemire and Kaser ("Strongly universal string
/// hashing is fast", 2014), top half of m0 + m1 x1 + m2 x2 + m3 x3 + m4 x4 modulo 2^64 over the key's four words.
///
/// Two keys that were chosen without knowing the multipliers meet with probability 2^-32, whatever they are: that, and
/// not more, is what the bounds of the sketches need. It is no cipher: who sees its values can work out the multipliers,
/// so its values stay inside.
package struct UniversalHash: Equatable, Sendable {
    @usableFromInline let m0: UInt64
    @usableFromInline let m1: UInt64
    @usableFromInline let m2: UInt64
    @usableFromInline let m3: UInt64
    @usableFromInline let m4: UInt64

    /// The function number `index` of those that the key stands for; they are independent of each other.
    package init(key: KeyedHash, index: UInt64) {
        m0 = key(0x756e_6976_6572_7361, index, 0)
        m1 = key(0x756e_6976_6572_7361, index, 1)
        m2 = key(0x756e_6976_6572_7361, index, 2)
        m3 = key(0x756e_6976_6572_7361, index, 3)
        m4 = key(0x756e_6976_6572_7361, index, 4)
    }

    @inlinable
    package func callAsFunction(_ high: UInt64, _ low: UInt64) -> UInt32 {
        let first = m1 &* (low & 0xffff_ffff) &+ m2 &* (low &>> 32)
        let second = m3 &* (high & 0xffff_ffff) &+ m4 &* (high &>> 32)
        return UInt32(truncatingIfNeeded: (m0 &+ first &+ second) &>> 32)
    }
}

/// A sum that stops at the largest value: counts come from untrusted records, and a sum must neither trap nor wrap.
@inlinable
package func saturatingSum(_ left: UInt64, _ right: UInt64) -> UInt64 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
}

/// The same of 32 bits. No generic function: across rooms those are not always specialised, and cost a hundredfold then.
@inlinable
package func saturatingSum(_ left: UInt32, _ right: UInt32) -> UInt32 {
    let (sum, overflow) = left.addingReportingOverflow(right)
    return overflow ? .max : sum
}
