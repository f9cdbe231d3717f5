/// What a member of a structured field says (RFC 9651), as far as anybody here wants to know.
package enum StructuredValue: Equatable, Sendable {
    case boolean(Bool)
    case integer(Int64)
    case string
    /// A decimal, a token, bytes, a date, a display string or an inner list.
    case other
}

/// Reads a Dictionary (RFC 9651, section 4.2.2): strictly, for what breaks the grammar anywhere says nothing at all.
/// Parameters are read and passed over. Nothing in it nests deeper than two levels, so that reading needs no bound but the
/// field's length.
package struct StructuredFieldReader {
    private let bytes: [UInt8]
    private var index = 0

    /// - Parameter field: the field's lines, joined by commas.
    package init(_ field: [UInt8]) { bytes = field }

    /// Calls `body` for each member in order; of two with the same key the later one counts. False: the field is no
    /// Dictionary, and what `body` was told means nothing.
    package mutating func readDictionary(_ body: (_ key: ArraySlice<UInt8>, _ value: StructuredValue) -> Void) -> Bool {
        skip(tabs: false)
        while index < bytes.count {
            guard let key = readKey() else { return false }
            if take("=") {
                guard let value = readMember() else { return false }
                body(key, value)
            } else {
                guard readParameters() else { return false }
                body(key, .boolean(true))
            }
            skip(tabs: true)
            guard index < bytes.count else { return true }
            guard take(",") else { return false }
            skip(tabs: true)
            // A comma has to have something behind it.
            guard index < bytes.count else { return false }
        }
        return true
    }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func take(_ sign: Unicode.Scalar) -> Bool {
        guard next == UInt8(ascii: sign) else { return false }
        index += 1
        return true
    }

    private mutating func skip(tabs: Bool) {
        while let byte = next, byte == Octets.space || tabs && byte == Octets.tab { index += 1 }
    }

    private mutating func readKey() -> ArraySlice<UInt8>? {
        let start = index
        guard let first = next, isLower(first) || first == UInt8(ascii: "*") else { return nil }
        while let byte = next, isLower(byte) || Octets.isDigit(byte) || "_-.*".utf8.contains(byte) { index += 1 }
        return bytes[start..<index]
    }

    private func isLower(_ byte: UInt8) -> Bool { (97...122).contains(byte) }

    private mutating func readMember() -> StructuredValue? {
        guard take("(") else { return readItem() }
        while index < bytes.count {
            skip(tabs: false)
            if take(")") { return readParameters() ? .other : nil }
            guard readItem() != nil, next == Octets.space || next == UInt8(ascii: ")") else { return nil }
        }
        return nil
    }

    private mutating func readItem() -> StructuredValue? {
        guard let value = readBareItem(), readParameters() else { return nil }
        return value
    }

    private mutating func readParameters() -> Bool {
        while take(";") {
            skip(tabs: false)
            guard readKey() != nil else { return false }
            if take("="), readBareItem() == nil { return false }
        }
        return true
    }

    // MARK: - Bare items

    private mutating func readBareItem() -> StructuredValue? {
        guard let first = next else { return nil }
        switch first {
        case UInt8(ascii: "\""): return readString() ? .string : nil
        case UInt8(ascii: "?"):
            index += 1
            if take("1") { return .boolean(true) }
            return take("0") ? .boolean(false) : nil
        case UInt8(ascii: "-"), 48...57: return readNumber()
        case UInt8(ascii: "*"), 65...90, 97...122:
            while let byte = next, Octets.isToken(byte) || byte == Octets.colon || byte == UInt8(ascii: "/") {
                index += 1
            }
            return .other
        case Octets.colon: return readBytes() ? .other : nil
        case UInt8(ascii: "@"):
            index += 1
            if case .integer? = readNumber() { return .other }
            return nil
        case UInt8(ascii: "%"): return readDisplayString() ? .other : nil
        default: return nil
        }
    }

    /// An Integer of 15 digits at most, or a Decimal: 12 digits, a point, three digits.
    private mutating func readNumber() -> StructuredValue? {
        let isNegative = take("-")
        var (number, digits) = (Int64(0), 0)
        while let byte = next, Octets.isDigit(byte) {
            digits += 1
            guard digits <= 15 else { return nil }
            number = number * 10 + Int64(byte - 48)
            index += 1
        }
        guard digits > 0 else { return nil }
        guard next == UInt8(ascii: ".") else { return .integer(isNegative ? -number : number) }
        guard digits <= 12 else { return nil }
        index += 1
        let point = index
        while let byte = next, Octets.isDigit(byte) { index += 1 }
        return (1...3).contains(index - point) ? .other : nil
    }

    private mutating func readString() -> Bool {
        index += 1
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return true
            case UInt8(ascii: "\\"): guard take("\"") || take("\\") else { return false }
            case 32..<127: continue
            default: return false
            }
        }
        return false
    }

    private mutating func readBytes() -> Bool {
        index += 1
        while let byte = next {
            index += 1
            switch byte {
            case Octets.colon: return true
            case 48...57, 65...90, 97...122, UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="): continue
            default: return false
            }
        }
        return false
    }

    /// Percent-encoded UTF-8, in lower case, between quotes.
    private mutating func readDisplayString() -> Bool {
        index += 1
        guard take("\"") else { return false }
        var text: [UInt8] = []
        while let byte = next {
            index += 1
            switch byte {
            case UInt8(ascii: "\""): return String(validating: text, as: UTF8.self) != nil
            case UInt8(ascii: "%"):
                guard let high = readHexDigit(), let low = readHexDigit() else { return false }
                text.append(high << 4 | low)
            case 32..<127: text.append(byte)
            default: return false
            }
        }
        return false
    }

    private mutating func readHexDigit() -> UInt8? {
        guard let byte = next, Octets.isDigit(byte) || (97...102).contains(byte) else { return nil }
        index += 1
        return Octets.hexDigit(byte)
    }
}
