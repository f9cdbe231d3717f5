/// How many different keys a stream held, in 1 KiB: HyperLogLog (Flajolet, Fusy, Gandouet and Meunier, 2007) with 1,024
/// registers, standard error 3.3 %, and linear counting while few registers are in use. Merging two of the same hash
/// gives what one would have been that saw both streams.
package struct HyperLogLog: Equatable, Sendable {
    package static let registers = 1_024
    private static let bits = 10
    package private(set) var ranks: [UInt8]

    package init() { ranks = Array(repeating: 0, count: Self.registers) }

    /// Registers as they were read from elsewhere; nil where there are not 1,024, or one that no key could have made.
    package init?(ranks: [UInt8]) {
        guard ranks.count == Self.registers, ranks.allSatisfy({ $0 <= 64 - Self.bits + 1 }) else { return nil }
        self.ranks = ranks
    }

    /// Adds a key, given by its keyed hash.
    package mutating func add(_ key: UInt64) {
        let index = Int(truncatingIfNeeded: key >> UInt64(64 - Self.bits))
        let rank = UInt8(min(64 - Self.bits, (key << UInt64(Self.bits)).leadingZeroBitCount) + 1)
        if rank > ranks[index] { ranks[index] = rank }
    }

    /// Takes in what another saw, under the same hash: exactly what one would hold that had seen both.
    package mutating func merge(_ other: HyperLogLog) {
        for index in ranks.indices where other.ranks[index] > ranks[index] { ranks[index] = other.ranks[index] }
    }

    package var isEmpty: Bool { ranks.allSatisfy { $0 == 0 } }

    /// Different keys, estimated.
    package var count: Double {
        let count = Double(Self.registers)
        var sum = 0.0
        var empty = 0
        for rank in ranks {
            sum += 1 / Double(UInt64(1) << UInt64(rank))
            if rank == 0 { empty += 1 }
        }
        let raw = 0.7213 / (1 + 1.079 / count) * count * count / sum
        // Linear counting (Whang et al., 1990): -m ln(empty / m), with the logarithm by its series.
        return raw <= 2.5 * count && empty > 0 ? count * logarithm(count / Double(empty)) : raw
    }

    /// The natural logarithm of a value from 1 to 1,024: the floors of values have no Foundation and need no more digits.
    private func logarithm(_ value: Double) -> Double {
        let exponent = value.exponent
        let fraction = (value.significand - 1) / (value.significand + 1)
        let square = fraction * fraction
        var term = fraction
        var sum = 0.0
        for odd in stride(from: 1.0, through: 21, by: 2) {
            sum += term / odd
            term *= square
        }
        return 2 * sum + Double(exponent) * 0.693_147_180_559_945_3
    }
}
