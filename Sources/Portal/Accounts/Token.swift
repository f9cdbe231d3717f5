internal import Crypto
internal import Incidents

/// What a browser holds: 256 random bits, and the name of the account that it was given to (empty before signing in).
struct Token: Sendable {
    let name: String
    private let secret: String

    init(name: String) {
        self.name = name
        var generator = SystemRandomNumberGenerator()
        secret = hexadecimal((0..<32).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    /// The value of a cookie: "name.secret"; nil for anything else.
    init?(cookie: some StringProtocol) {
        guard let dot = cookie.lastIndex(of: "."), cookie.utf8.count <= 160 else { return nil }
        let digits = cookie[cookie.index(after: dot)...].utf8
        guard digits.count == 64, digits.allSatisfy({ (48...57).contains($0) || (97...102).contains($0) }) else {
            return nil
        }
        name = String(cookie[..<dot])
        secret = String(cookie[cookie.index(after: dot)...])
        guard name.isEmpty || Self.isName(name) else { return nil }
    }

    var cookie: String { "\(name).\(secret)" }

    /// What the register keeps. The account's password hash and second factor go in, so that where one changes every
    /// session ends.
    func key(_ account: Account) -> String {
        let factor = account.factor.map { "\n" + hexadecimal($0) } ?? ""
        return hexadecimal(SHA256.hash(data: Array("\(secret)\n\(account.password)\(factor)".utf8)))
    }

    /// What every form of this session carries: only who can read our pages knows it.
    var formKey: String { hexadecimal(derived("form")) }

    /// The secret of a second factor that this session offers, until it ends or the console does.
    ///
    /// - Parameter offers: of the console alone.
    func offeredFactor(_ offers: Token) -> [UInt8] {
        Array(offers.derived("second factor\n" + secret).prefix(OneTimeCode.secretSize))
    }

    private func derived(_ purpose: String) -> HMAC<SHA256>.MAC {
        HMAC<SHA256>.authenticationCode(for: Array(purpose.utf8), using: SymmetricKey(data: Array(secret.utf8)))
    }

    /// Whether it may be an account's name: 1-64 of a-z, 0-9, ".", "-" and "_".
    static func isName(_ text: some StringProtocol) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || [45, 46, 95].contains($0) }
    }
}

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
