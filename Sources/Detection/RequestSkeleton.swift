internal import Heads

/// Names the skeleton of a target by a number: segments and parameter names that come often for what stands before
/// them, as they are (runs of digits as one), and rare ones by their punctuation alone. So all requests of one
/// template have one skeleton, however random their values, and pages of a site have their own.
struct RequestSkeleton: Sendable {
    /// Cells in each of two rows.
    private static let cells = 1 << 16
    /// Occurrences from which on a text is no chance, at the least, and as a share of what has the same beginning.
    private static let leastCount: UInt32 = 3
    private static let shareShift: UInt32 = 12
    /// Segments and parameters that are looked at; the rest is one text.
    private static let pieceLimit = 16

    /// Occurrences of beginnings: a count-min sketch, so that never-ending new texts cost no memory.
    private var counts = [UInt32](repeating: 0, count: 2 * cells)

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        byte >= 48 && byte <= 57 || byte | 32 >= 97 && byte | 32 <= 122
    }

    private mutating func count(_ hash: UInt64, isCounting: Bool) -> UInt32 {
        let first = Int(truncatingIfNeeded: hash) & (Self.cells - 1)
        let place = Self.cells + (Int(truncatingIfNeeded: hash >> 40) & (Self.cells - 1))
        if isCounting {
            counts[first] = counts[first] == .max ? .max : counts[first] + 1
            counts[place] = counts[place] == .max ? .max : counts[place] + 1
        }
        return min(counts[first], counts[place])
    }

    /// - Parameters:
    ///   - seed: the site and the method.
    ///   - isCounting: whether the target is one more; else it is only looked at.
    mutating func key(
        _ bytes: Span<UInt8>, from start: Int, path pathEnd: Int, to end: Int, seed: UInt64, isCounting: Bool
    ) -> UInt64 {
        var hash = RequestSummary.spread(seed)
        var above = count(hash, isCounting: isCounting)
        var index = start
        var pieces = 0
        while index < pathEnd {
            pieces += 1
            let isLast = pieces == Self.pieceLimit
            let (literal, wild, next) = Self.piece(bytes, index, pathEnd, ends: isLast ? 0 : UInt8(ascii: "/"))
            hash = step(hash, literal, wild, &above, isCounting)
            index = next
        }
        index = pathEnd
        pieces = 0
        while index < end {
            // At "?" or "&"; the name ends at "=", or there is none and a value stands there.
            pieces += 1
            index += 1
            var close = index
            while close < end, bytes[close] != UInt8(ascii: "="), bytes[close] != UInt8(ascii: "&") { close += 1 }
            if close < end, bytes[close] == UInt8(ascii: "="), pieces <= Self.pieceLimit {
                let (literal, wild, _) = Self.piece(bytes, index - 1, close, ends: 0)
                hash = step(hash, literal, wild, &above, isCounting)
            } else {
                hash = RequestSummary.spread(hash &+ 0x3f)
            }
            index = close
            while index < end, bytes[index] != UInt8(ascii: "&") { index += 1 }
        }
        return hash
    }

    private mutating func step(
        _ hash: UInt64, _ literal: UInt64, _ wild: UInt64, _ above: inout UInt32, _ isCounting: Bool
    ) -> UInt64 {
        let named = RequestSummary.spread(hash ^ literal &* 0x9e37_79b9_7f4a_7c15)
        let number = count(named, isCounting: isCounting)
        if number >= max(Self.leastCount, above >> Self.shareShift) {
            above = number
            return named
        }
        let unnamed = RequestSummary.spread(hash ^ wild &* 0xc2b2_ae3d_27d4_eb4f)
        above = count(unnamed, isCounting: isCounting)
        return unnamed
    }

    /// The piece that begins at `start`, up to the next `ends` behind its first byte: its hash with runs of digits as
    /// one, and that of its punctuation.
    private static func piece(
        _ bytes: Span<UInt8>, _ start: Int, _ end: Int, ends: UInt8
    ) -> (literal: UInt64, wild: UInt64, next: Int) {
        var literal: UInt64 = 0xcbf2_9ce4_8422_2325
        var wild: UInt64 = 0x8422_2325_cbf2_9ce4
        var wasDigit = false
        var wasWord = false
        var index = start
        while index < end {
            let byte = bytes[index]
            if byte == ends, index > start { break }
            index += 1
            let isDigit = byte >= 48 && byte <= 57
            if !isDigit || !wasDigit { literal = (literal ^ UInt64(isDigit ? 48 : byte)) &* 0x100_0000_01b3 }
            wasDigit = isDigit
            let isWord = isAlphanumeric(byte)
            if !isWord || !wasWord { wild = (wild ^ UInt64(isWord ? 119 : byte)) &* 0x100_0000_01b3 }
            wasWord = isWord
        }
        return (literal, wild, index)
    }
}
