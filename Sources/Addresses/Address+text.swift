// Reading an address from text, without allocating: the lane does it for peers' headers.
extension Address {
    /// Longest text: eight groups of which the last two are written as dotted decimal.
    package static let textLimit = 45

    /// Reads dotted decimal or RFC 4291 text, without a zone, brackets or surrounding space; nil for anything else.
    package init?(_ text: some StringProtocol) {
        var text = String(text)
        let address = text.withUTF8 { Address(text: RawSpan(_unsafeBytes: UnsafeRawBufferPointer($0))) }
        guard let address else { return nil }
        self = address
    }

    /// The same from ASCII bytes.
    package init?(text: RawSpan) {
        guard text.byteCount <= Self.textLimit else { return nil }
        var hasColon = false
        for index in 0..<text.byteCount where text.byte(index) == UInt8(ascii: ":") {
            hasColon = true
            break
        }
        guard hasColon else {
            guard let value = Self.dotted(text) else { return nil }
            self.init(ipv4: value)
            return
        }
        guard let address = Self.grouped(text) else { return nil }
        self = address
    }

    /// Groups of one to four hexadecimal digits; one "::" may stand for one or more groups of zeros, and the last two
    /// groups may be written as dotted decimal (RFC 4291, section 2.2).
    private static func grouped(_ text: RawSpan) -> Address? {
        var groups = Groups()
        var index = 0
        if text.byteCount >= 2, text.byte(0) == UInt8(ascii: ":") {
            guard text.byte(1) == UInt8(ascii: ":") else { return nil }
            groups.gap = 0
            index = 2
        }
        while index < text.byteCount {
            var end = index
            var hasDot = false
            while end < text.byteCount, text.byte(end) != UInt8(ascii: ":") {
                if text.byte(end) == UInt8(ascii: ".") { hasDot = true }
                end += 1
            }
            if hasDot {
                guard end == text.byteCount, let value = dotted(text.extracting(index..<end)),
                    groups.append(UInt16(value >> 16)), groups.append(UInt16(truncatingIfNeeded: value))
                else { return nil }
                break
            }
            guard (1...4).contains(end - index) else { return nil }
            var value: UInt16 = 0
            for place in index..<end {
                guard let digit = hex(text.byte(place)) else { return nil }
                value = value << 4 | UInt16(digit)
            }
            guard groups.append(value) else { return nil }
            guard end < text.byteCount else { break }
            // A colon follows: another group must come, or the one gap.
            index = end + 1
            guard index < text.byteCount else { return nil }
            if text.byte(index) == UInt8(ascii: ":") {
                guard groups.gap == nil else { return nil }
                groups.gap = groups.count
                index += 1
            }
        }
        return groups.address
    }

    /// The groups read so far, as one number, and where the gap was.
    private struct Groups {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var count = 0
        var gap: Int?

        mutating func append(_ group: UInt16) -> Bool {
            guard count < 8 else { return false }
            high = high << 16 | low >> 48
            low = low << 16 | UInt64(group)
            count += 1
            return true
        }

        /// The groups before the gap moved to the front; nil where the groups are too few, or the gap stands for none.
        var address: Address? {
            let whole = UInt128(high) << 64 | UInt128(low)
            guard let gap else { return count == 8 ? Address(high: high, low: low) : nil }
            guard count <= 7 else { return nil }
            let behind = (count - gap) * 16
            let back = whole & ((UInt128(1) << UInt128(behind)) - 1)
            let front = gap == 0 ? 0 : (whole >> UInt128(behind)) << UInt128(128 - gap * 16)
            let value = front | back
            return Address(high: UInt64(truncatingIfNeeded: value >> 64), low: UInt64(truncatingIfNeeded: value))
        }
    }

    private static func hex(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Four decimal numbers without leading zeros: 010.0.0.1 means different addresses to different readers.
    private static func dotted(_ text: RawSpan) -> UInt32? {
        var value: UInt32 = 0
        var number: UInt32 = 0
        var digits = 0
        var parts = 0
        for index in 0...text.byteCount {
            if index < text.byteCount, text.byte(index) != UInt8(ascii: ".") {
                let digit = text.byte(index) &- UInt8(ascii: "0")
                guard digit <= 9, digits < 3, digits == 0 || number > 0 else { return nil }
                number = number * 10 + UInt32(digit)
                digits += 1
                continue
            }
            guard digits > 0, number <= 255, parts < 4 else { return nil }
            value = value << 8 | number
            parts += 1
            number = 0
            digits = 0
        }
        return parts == 4 ? value : nil
    }
}

extension RawSpan {
    fileprivate func byte(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
