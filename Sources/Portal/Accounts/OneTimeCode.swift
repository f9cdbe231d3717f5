internal import Crypto
package import Moments
internal import Synchronization

/// The second factor: six digits that an app makes of a shared secret, other ones every 30 seconds (TOTP, RFC 6238). With
/// HMAC-SHA-1, for that is what all such apps have; what is weak in SHA-1 does not matter here (RFC 4226, appendix B).
package enum OneTimeCode {
    /// Bytes of a secret (RFC 4226, section 4, R6).
    package static let secretSize = 20
    private static let digits = 6
    private static let period: Int64 = 30

    /// The code of one of the steps of 30 seconds that there were since 1970.
    package static func code(_ secret: [UInt8], step: Int64) -> String {
        let message = withUnsafeBytes(of: step.bigEndian) { Array($0) }
        let mac = Array(HMAC<Insecure.SHA1>.authenticationCode(for: message, using: SymmetricKey(data: secret)))
        let offset = Int(mac[mac.count - 1] & 15)
        let number = mac[offset..<offset + 4].reduce(0 as UInt32) { $0 << 8 | UInt32($1) } & 0x7fff_ffff
        let text = String(number % 1_000_000)
        return String(repeating: "0", count: digits - text.count) + text
    }

    /// The step that this is the code of: the present one, or one beside it, for clocks differ (RFC 6238, section 5.2).
    ///
    /// - Parameter text: as it was typed, perhaps with a space in the middle.
    package static func step(of text: String, _ secret: [UInt8], at now: Moment) -> Int64? {
        let typed = Array(text.utf8.filter { $0 != UInt8(ascii: " ") })
        let present = now.milliseconds / 1_000 / period
        // All are compared, whichever it is.
        return [present, present - 1, present + 1].reduce(nil) { found, step in
            Password.areEqual(typed, Array(code(secret, step: step).utf8)) ? step : found
        }
    }

    /// A secret as people type it into their app: base32 (RFC 4648, section 6) in groups of four.
    package static func groups(_ secret: [UInt8]) -> String {
        let letters = Array(base32(secret))
        return stride(from: 0, to: letters.count, by: 4)
            .map { String(letters[$0..<min($0 + 4, letters.count)]) }.joined(separator: " ")
    }

    /// What an app reads instead, where it is opened on the same device (Key URI Format of Google Authenticator).
    package static func link(_ secret: [UInt8], account: String) -> String {
        "otpauth://totp/Wasstraat:\(account)?secret=\(base32(secret))&issuer=Wasstraat"
    }

    private static func base32(_ bytes: [UInt8]) -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".utf8)
        var text: [UInt8] = []
        var (held, bits) = (0 as UInt32, 0)
        for byte in bytes {
            held = held << 8 | UInt32(byte)
            bits += 8
            while bits >= 5 {
                bits -= 5
                text.append(alphabet[Int(held >> UInt32(bits) & 31)])
            }
        }
        if bits > 0 { text.append(alphabet[Int(held << UInt32(5 - bits) & 31)]) }
        return String(decoding: text, as: UTF8.self)
    }
}

/// Lets each code in once (RFC 6238, section 5.2): who saw it over someone's shoulder comes too late.
final class SpentCodes: Sendable {
    /// By account: the secret and the step of the last code. Of accounts that there are, so there are few.
    private let last = Mutex<[String: (secret: [UInt8], step: Int64)]>([:])

    /// Whether it is a code of this moment that was not used before; it is used then.
    func admit(_ code: String, _ secret: [UInt8], of account: String, at now: Moment) -> Bool {
        guard let step = OneTimeCode.step(of: code, secret, at: now) else { return false }
        return last.withLock { last in
            if let spent = last[account], spent.secret == secret, step <= spent.step { return false }
            last[account] = (secret, step)
            return true
        }
    }
}
