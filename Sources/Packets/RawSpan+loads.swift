// Loads in network byte order that are total: what lies beyond the end reads as zero. Packets are read through them, so
// that a forgotten check makes a wrong value at worst, never a read outside; where zero is no honest value, the caller
// checks the length of a whole header once.
extension RawSpan {
    /// Whether `width` bytes lie at `offset`.
    @inline(__always)
    func holds(_ width: Int, at offset: Int) -> Bool {
        byteCount >= width && UInt(bitPattern: offset) <= UInt(bitPattern: byteCount &- width)
    }

    @inline(__always)
    func byte(_ offset: Int) -> UInt8 {
        guard holds(1, at: offset) else { return 0 }
        // Inside: checked in the line above. The same holds for the loads below.
        return unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }

    @inline(__always)
    func two(_ offset: Int) -> UInt16 {
        guard holds(2, at: offset) else { return 0 }
        return UInt16(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt16.self))
    }

    @inline(__always)
    func four(_ offset: Int) -> UInt32 {
        guard holds(4, at: offset) else { return 0 }
        return UInt32(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt32.self))
    }

    @inline(__always)
    func eight(_ offset: Int) -> UInt64 {
        guard holds(8, at: offset) else { return 0 }
        return UInt64(bigEndian: unsafeLoadUnaligned(fromByteOffset: offset, as: UInt64.self))
    }

    /// At most eight bytes, the first one highest, zeros after the end.
    @inline(__always)
    func prefix(_ offset: Int, end: Int) -> UInt64 {
        if end &- offset >= 8, holds(8, at: offset) { return eight(offset) }
        var value: UInt64 = 0
        for index in 0..<8 { value = value << 8 | UInt64(offset &+ index < end ? byte(offset &+ index) : 0) }
        return value
    }

    /// Whether the text stands at `offset`.
    func has(_ text: StaticString, at offset: Int = 0) -> Bool {
        guard holds(text.utf8CodeUnitCount, at: offset) else { return false }
        return text.withUTF8Buffer { letters in
            for index in 0..<letters.count where byte(offset &+ index) != letters[index] { return false }
            return true
        }
    }

    /// Whether the text stands anywhere in the first `limit` bytes.
    func contains(_ text: StaticString, within limit: Int) -> Bool {
        let last = min(limit, byteCount) - text.utf8CodeUnitCount
        guard last >= 0 else { return false }
        for offset in 0...last where has(text, at: offset) { return true }
        return false
    }
}
