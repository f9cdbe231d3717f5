/// What a byte may be in HTTP (RFC 9110, section 5.6.2 and 5.5), as bit sets over the first 128 values.
enum Octets {
    static let carriageReturn: UInt8 = 13
    static let lineFeed: UInt8 = 10
    static let space: UInt8 = 32
    static let tab: UInt8 = 9
    static let colon: UInt8 = 58

    /// tchar: letters, digits and !#$%&'*+-.^_`|~
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        // 0-63: ! # $ % & ' * + - . 0-9; 64-127: A-Z ^ _ ` a-z | ~
        let low: UInt64 = 0x03ff_6cfa_0000_0000
        let high: UInt64 = 0x57ff_ffff_c7ff_fffe
        guard byte < 128 else { return false }
        return (byte < 64 ? low >> UInt64(byte) : high >> UInt64(byte & 63)) & 1 == 1
    }

    /// field-vchar, space or tab: no control character, and in particular no bare CR, LF or NUL.
    @inline(__always)
    static func isValue(_ byte: UInt8) -> Bool {
        byte >= 32 && byte != 127 || byte == tab
    }

    @inline(__always)
    static func lowered(_ byte: UInt8) -> UInt8 {
        byte >= 65 && byte <= 90 ? byte | 32 : byte
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }

    @inline(__always)
    static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}

/// A place in the bytes of a head: where it starts and how long it is.
package struct Slice: Equatable, Sendable, BitwiseCopyable {
    package var start: UInt32
    package var count: UInt32

    @inlinable
    package init(_ start: Int, _ end: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = UInt32(truncatingIfNeeded: end - start)
    }

    package static var empty: Slice { Slice(0, 0) }

    @inlinable
    package var range: Range<Int> { Int(start)..<Int(start) + Int(count) }
}

extension Span<UInt8> {
    /// Whether the bytes in `slice` are `text`, which must be lower case, whatever their case.
    package func holds(_ text: StaticString, in slice: Slice) -> Bool {
        let count = Int(slice.count)
        guard count == text.utf8CodeUnitCount, slice.range.upperBound <= self.count else { return false }
        let start = Int(slice.start)
        for index in 0..<count where Octets.lowered(self[start + index]) != text.utf8Start[index] { return false }
        return true
    }

    /// The slice without spaces and tabs at its ends.
    func trimmed(_ start: Int, _ end: Int) -> Slice {
        var start = start
        var end = end
        while start < end, self[start] == Octets.space || self[start] == Octets.tab { start += 1 }
        while end > start, self[end - 1] == Octets.space || self[end - 1] == Octets.tab { end -= 1 }
        return Slice(start, end)
    }

    /// Calls `body` with each trimmed, non-empty member of a comma list; stops when it returns false.
    func members(of list: Slice, _ body: (Slice) -> Bool) {
        var start = Int(list.start)
        let end = list.range.upperBound
        while start <= end {
            var stop = start
            while stop < end, self[stop] != UInt8(ascii: ",") { stop += 1 }
            let member = trimmed(start, stop)
            if member.count > 0, !body(member) { return }
            start = stop + 1
        }
    }

    /// The bytes in `slice` as text; only for logs and tests.
    package func text(_ slice: Slice) -> String {
        var bytes: [UInt8] = []
        for index in slice.range where index < count { bytes.append(self[index]) }
        return String(decoding: bytes, as: UTF8.self)
    }
}
