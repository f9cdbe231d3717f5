/// SipHash (Aumasson and Bernstein 2012) with a 128-bit key: without the key nobody can find inputs that collide, or the
/// input that belongs to an output.
package struct KeyedHash: Sendable {
    @usableFromInline let key0: UInt64
    @usableFromInline let key1: UInt64

    /// Takes the first 16 bytes of `key`; a shorter one is filled up with zeros.
    package init(key: [UInt8]) {
        func word(_ start: Int) -> UInt64 {
            (0..<8).reduce(0) { $0 | UInt64(start + $1 < key.count ? key[start + $1] : 0) << UInt64(8 * $1) }
        }
        key0 = word(0)
        key1 = word(8)
    }

    /// SipHash-1-3 of three words: fast, for tables whose content an attacker chooses but does not see.
    @inlinable
    package func callAsFunction(_ first: UInt64, _ second: UInt64, _ third: UInt64 = 0) -> UInt64 {
        var state = State(key0, key1)
        state.absorb(first, rounds: 1)
        state.absorb(second, rounds: 1)
        state.absorb(third, rounds: 1)
        return state.finish(length: 24, rounds: (1, 3))
    }

    /// SipHash-2-4 of two words (16 bytes): for pseudonyms, which leave the machine's memory.
    @inlinable
    package func pseudonym(_ first: UInt64, _ second: UInt64) -> UInt64 {
        var state = State(key0, key1)
        state.absorb(first, rounds: 2)
        state.absorb(second, rounds: 2)
        return state.finish(length: 16, rounds: (2, 4))
    }

    @usableFromInline
    struct State {
        @usableFromInline var v0: UInt64
        @usableFromInline var v1: UInt64
        @usableFromInline var v2: UInt64
        @usableFromInline var v3: UInt64

        @inlinable
        init(_ key0: UInt64, _ key1: UInt64) {
            v0 = key0 ^ 0x736f_6d65_7073_6575
            v1 = key1 ^ 0x646f_7261_6e64_6f6d
            v2 = key0 ^ 0x6c79_6765_6e65_7261
            v3 = key1 ^ 0x7465_6462_7974_6573
        }

        @inlinable
        static func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 { word &<< bits | word &>> (64 &- bits) }

        @inlinable
        mutating func round() {
            v0 = v0 &+ v1
            v1 = Self.rotated(v1, 13) ^ v0
            v0 = Self.rotated(v0, 32)
            v2 = v2 &+ v3
            v3 = Self.rotated(v3, 16) ^ v2
            v0 = v0 &+ v3
            v3 = Self.rotated(v3, 21) ^ v0
            v2 = v2 &+ v1
            v1 = Self.rotated(v1, 17) ^ v2
            v2 = Self.rotated(v2, 32)
        }

        @inlinable
        mutating func absorb(_ word: UInt64, rounds: Int) {
            v3 ^= word
            for _ in 0..<rounds { round() }
            v0 ^= word
        }

        @inlinable
        mutating func finish(length: UInt64, rounds: (Int, Int)) -> UInt64 {
            absorb(length &<< 56, rounds: rounds.0)
            v2 ^= 0xff
            for _ in 0..<rounds.1 { round() }
            return v0 ^ v1 ^ v2 ^ v3
        }
    }
}
