/// Builds one line of JSON (RFC 8259) byte by byte; what comes from outside cannot leave its string, its line or its
/// budget.
package struct JSONText: Sendable {
    package private(set) var bytes: [UInt8] = []
    /// Longest string, in bytes before escaping; the rest is cut off and marked with "…".
    package var stringLimit = 8_192

    package init() {}

    /// Bytes that need no escaping: structure, numbers, literals of ours.
    package mutating func raw(_ text: StaticString) {
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    package mutating func number(_ value: some BinaryInteger) {
        bytes.append(contentsOf: String(value).utf8)
    }

    /// A number with `digits` decimals; what JSON cannot say (infinity, not a number) becomes null.
    package mutating func number(_ value: Double, digits: Int = 1) {
        guard value.isFinite else { return raw("null") }
        bytes.append(contentsOf: Decimals.text(value, digits: digits).utf8)
    }

    /// A string with its quotes.
    ///
    /// Besides what JSON asks for it escapes DEL, the C1 controls and the characters that turn the direction of text or
    /// end a line: a terminal that shows the log must not obey them.
    package mutating func string(_ text: some StringProtocol) {
        bytes.append(UInt8(ascii: "\""))
        var taken = 0
        for scalar in text.unicodeScalars {
            taken += UTF8.width(scalar)
            if taken > stringLimit {
                bytes.append(contentsOf: "…".utf8)
                break
            }
            append(scalar)
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private mutating func append(_ scalar: Unicode.Scalar) {
        switch scalar.value {
        case 0x22: raw("\\\"")
        case 0x5c: raw("\\\\")
        case 0x0a: raw("\\n")
        case 0x0d: raw("\\r")
        case 0x09: raw("\\t")
        case 0..<0x20, 0x7f..<0xa0, 0x200e...0x200f, 0x2028...0x202e, 0x2066...0x2069, 0xfeff:
            raw("\\u")
            for shift in [12, 8, 4, 0] as [UInt32] {
                let digit = UInt8(truncatingIfNeeded: scalar.value >> shift & 15)
                bytes.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            }
        default: bytes.append(contentsOf: UTF8.encode(scalar)!)  // A Unicode.Scalar is never a surrogate.
        }
    }
}

/// Decimal fractions without Foundation.
package enum Decimals {
    /// `value` rounded to `digits` (0...9) decimals: "12.3". Values beyond what a 64-bit integer holds are clamped.
    package static func text(_ value: Double, digits: Int) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf" }
        var scale: Int64 = 1
        for _ in 0..<max(0, min(9, digits)) { scale *= 10 }
        let bound = 9.0e18 / Double(scale)
        let scaled = Int64((min(bound, max(-bound, value)) * Double(scale)).rounded())
        let sign = scaled < 0 ? "-" : ""
        let whole = scaled.magnitude / scale.magnitude
        guard scale > 1 else { return "\(sign)\(whole)" }
        let fraction = String(scaled.magnitude % scale.magnitude)
        return "\(sign)\(whole)." + String(repeating: "0", count: digits - fraction.utf8.count) + fraction
    }
}
