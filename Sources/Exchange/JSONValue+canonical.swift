internal import Fingerprints
internal import Moments

/// Values of our own forms, each written one way only, so that the same content is the same bytes.
extension JSONValue {
    /// Shares are written in millionths.
    static let shareUnit = 1e6

    static func count(_ value: UInt64) -> JSONValue { .number(String(min(value, Fingerprint.countLimit))) }

    /// A rate, in whole units a second.
    static func rate(_ value: Double) -> JSONValue {
        .count(value > 0 ? UInt64(min(value, Double(Fingerprint.countLimit)).rounded()) : 0)
    }

    static func text(_ value: String?) -> JSONValue { value.map { .string($0) } ?? .null }

    /// What lies outside four-digit years cannot be written; a reader refuses long before.
    static func time(_ moment: Moment) -> JSONValue {
        .string(min(max(moment, Moment(seconds: 0)), Moment(seconds: 253_402_300_799)).text)
    }

    /// A time with milliseconds, always: "2026-11-23T16:43:48.000Z".
    static func instant(_ moment: Moment) -> JSONValue {
        guard case .string(let text) = time(moment), !text.contains(".") else { return time(moment) }
        return .string(text.dropLast() + ".000Z")
    }

    static func share(_ value: Double?) -> JSONValue { value.map { .share($0) } ?? .null }

    /// 0...1 with at most six decimals, without zeros at the end: "0", "0.25", "1".
    static func share(_ value: Double) -> JSONValue {
        let units = Int(((value > 0 ? min(value, 1) : 0) * shareUnit).rounded())
        guard units > 0, units < Int(shareUnit) else { return .number(units == 0 ? "0" : "1") }
        var digits = String(String(units + Int(shareUnit)).dropFirst())
        while digits.hasSuffix("0") { digits.removeLast() }
        return .number("0." + digits)
    }
}
