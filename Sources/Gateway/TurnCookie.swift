internal import Admission

/// The cookie that holds a turn: since when, the serial number, and the signature, in 8, 8 and 16 hexadecimal digits. It
/// ends with the turn, and says nothing of who carries it.
struct TurnCookie: Sendable {
    static let name: StaticString = "wasstraat-turn"
    static let size = 32
    private let seal: TurnSeal

    /// - Parameter keys: those of the cookies, the one in use first. Each site has its own made of them.
    init(keys: [[UInt8]], site: String) {
        let name = Array("turn".utf8) + [0] + Array(site.utf8)
        seal = TurnSeal(keys: keys.map { Array(TLS.authenticate(name, key: $0).prefix(16)) })
    }

    func write(_ turn: Turn, to ink: Ink) {
        ink.write(hexadecimal: UInt64(turn.since), digits: 8)
        ink.write(hexadecimal: UInt64(turn.serial), digits: 8)
        ink.write(hexadecimal: seal.sign(turn), digits: 16)
    }

    /// The turn of a cookie's value and its age; nil for anything else.
    func read(_ value: UnsafeRawBufferPointer, at seconds: UInt64) -> (turn: Turn, age: UInt32)? {
        guard value.count == Self.size, let since = Self.number(value[..<8]), let serial = Self.number(value[8..<16]),
            let signature = Self.number(value[16...])
        else { return nil }
        let turn = Turn(since: UInt32(since), serial: UInt32(serial))
        return seal.age(of: turn, signature: signature, at: seconds).map { (turn, $0) }
    }

    /// Of lower-case hexadecimal digits, 16 at most.
    static func number(_ digits: Slice<UnsafeRawBufferPointer>) -> UInt64? {
        var number: UInt64 = 0
        for byte in digits {
            switch byte {
            case 48...57: number = number << 4 | UInt64(byte - 48)
            case 97...102: number = number << 4 | UInt64(byte - 87)
            default: return nil
            }
        }
        return number
    }
}
