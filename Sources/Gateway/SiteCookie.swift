/// The cookie that a site's visitors carry, so that they are known when it matters.
///
/// It holds no personal data and cannot follow anybody: everyone who comes within the same hour gets the same one. It
/// says only which hour that was, signed. It lasts seven days, and none is given out
/// under pressure.
struct SiteCookie: Sendable {
    static let name: StaticString = "wasstraat"
    /// Hours that a cookie is accepted.
    static let lifetime: UInt64 = 7 * 24
    private let key: [UInt8]
    private let site: [UInt8]
    /// The values of the hours around `now`, made beforehand: a look-up for each request, not a signature.
    private var prepared: [[UInt8]] = []
    private let firstHour: UInt64

    /// - Parameter hour: the present hour, counted from 1970. Snapshots are renewed at least daily, so that a day ahead
    ///   is enough.
    init(key: [UInt8], site: String, hour: UInt64) {
        self.key = key
        self.site = Array(site.utf8)
        firstHour = hour - min(hour, Self.lifetime)
        prepared = (firstHour..<hour + 26).map { sign(hour: $0) }
    }

    /// The value for one hour: the hour in eight hexadecimal digits, then 32 of its signature.
    func value(hour: UInt64) -> [UInt8] {
        let index = Int(clamping: hour &- firstHour)
        return hour >= firstHour && index < prepared.count ? prepared[index] : sign(hour: hour)
    }

    private func sign(hour: UInt64) -> [UInt8] {
        let text = Self.hexadecimal((0..<4).map { UInt8(truncatingIfNeeded: hour >> UInt64(24 - 8 * $0)) })
        return text + Self.hexadecimal(Array(TLS.authenticate(site + [0] + text, key: key).prefix(16)))
    }

    /// The hour out of a value that has the right form; its signature is still to be compared.
    static func hour(of value: UnsafeRawBufferPointer) -> UInt64? {
        guard value.count == 40 else { return nil }
        var hour: UInt64 = 0
        for byte in value[..<8] {
            switch byte {
            case 48...57: hour = hour << 4 | UInt64(byte - 48)
            case 97...102: hour = hour << 4 | UInt64(byte - 87)
            default: return nil
            }
        }
        return hour
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}
