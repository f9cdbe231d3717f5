internal import Glibc

/// The cookie that a site's visitors carry, so that they are known when it matters.
///
/// It holds no personal data and cannot follow anybody: everyone who comes within the same hour gets the same one. It
/// says only which hour that was, signed. It lasts seven days, and none is given out
/// under pressure.
struct SiteCookie: Sendable {
    static let name: StaticString = "wasstraat"
    /// Hours that a cookie is accepted.
    static let lifetime: UInt64 = 7 * 24
    static let size = 40
    private let keys: [[UInt8]]
    private let site: [UInt8]
    /// The values of the hours around `now`, made beforehand, one after the other for each key: a look-up for each request,
    /// not a signature.
    private var prepared: [[[UInt8]]] = []
    private let firstHour: UInt64

    /// - Parameters:
    ///   - keys: the first one signs; what the others signed is accepted.
    ///   - hour: the present hour, counted from 1970. Snapshots are renewed at least daily, so that a day ahead is enough.
    init(keys: [[UInt8]], site: String, hour: UInt64) {
        self.keys = keys
        self.site = Array(site.utf8)
        firstHour = hour - min(hour, Self.lifetime)
        prepared = keys.map { key in (firstHour..<hour + 26).map { sign(hour: $0, key) } }
    }

    /// The value for one hour: the hour in eight hexadecimal digits, then 32 of its signature.
    func value(hour: UInt64) -> [UInt8] { value(hour: hour, 0) }

    /// Whether one of the keys signed this value for the hour that it says.
    func isGenuine(_ value: UnsafeRawBufferPointer, hour: UInt64) -> Bool {
        for place in keys.indices {
            let own = self.value(hour: hour, place)
            if own.withUnsafeBytes({ memcmp($0.baseAddress!, value.baseAddress!, Self.size) == 0 }) { return true }
        }
        return false
    }

    private func value(hour: UInt64, _ place: Int) -> [UInt8] {
        // A snapshot without keys gives out what nobody accepts.
        guard place < prepared.count else { return [UInt8](repeating: UInt8(ascii: "0"), count: Self.size) }
        let index = Int(clamping: hour &- firstHour)
        let isPrepared = hour >= firstHour && index < prepared[place].count
        return isPrepared ? prepared[place][index] : sign(hour: hour, keys[place])
    }

    private func sign(hour: UInt64, _ key: [UInt8]) -> [UInt8] {
        let text = Self.hexadecimal((0..<4).map { UInt8(truncatingIfNeeded: hour >> UInt64(24 - 8 * $0)) })
        return text + Self.hexadecimal(Array(TLS.authenticate(site + [0] + text, key: key).prefix(16)))
    }

    /// The hour out of a value that has the right form; its signature is still to be compared.
    static func hour(of value: UnsafeRawBufferPointer) -> UInt64? {
        value.count == size ? TurnCookie.number(value[..<8]) : nil
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}
