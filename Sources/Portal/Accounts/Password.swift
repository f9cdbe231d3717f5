internal import Crypto
internal import CryptoExtras
internal import FoundationEssentials

/// Passwords as they are kept: scrypt (RFC 7914) with a salt of its own for each, in the form
/// "$scrypt$ln=15,r=8,p=3$salt$hash" (base64 without padding).
package enum Password {
    /// What one hash costs. OWASP's password storage cheat sheet names N = 2^15, r = 8, p = 3 among its equals: 32 MiB,
    /// which two at once can take on a small machine.
    package struct Cost: Equatable, Sendable {
        /// log2 of N, 1-17.
        package var logRounds: Int
        /// r, 1-16.
        package var blockSize: Int
        /// p, 1-4.
        package var parallelism: Int

        package init(logRounds: Int, blockSize: Int, parallelism: Int) {
            self.logRounds = logRounds
            self.blockSize = blockSize
            self.parallelism = parallelism
        }

        package static let usual = Cost(logRounds: 15, blockSize: 8, parallelism: 3)

        /// What a hash from the register may cost: more than that is not from us.
        var isBounded: Bool {
            (1...17).contains(logRounds) && (1...16).contains(blockSize) && (1...4).contains(parallelism)
        }
    }

    /// Characters, after OWASP ASVS 2.1: no rules on which, only on how many.
    package static let lengths = 12...256
    private static let hashBytes = 32

    /// A new hash with a new salt; takes a few tenths of a second, so not on a thread that others wait for.
    ///
    /// - Returns: nil where the password is empty or longer than any we take.
    package static func hash(_ password: String, cost: Cost = .usual) -> String? {
        var generator = SystemRandomNumberGenerator()
        let salt = (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) }
        guard let hash = derive(password, salt, cost) else { return nil }
        return text(cost, salt, hash)
    }

    /// Whether the password is the one that was hashed; in the same time for every wrong one.
    package static func verify(_ password: String, against stored: String) -> Bool {
        guard let (cost, salt, expected) = read(stored), let hash = derive(password, salt, cost) else { return false }
        return areEqual(hash, expected)
    }

    /// A hash that no password has: what a name without an account is checked against.
    package static func nobody(_ cost: Cost) -> String {
        text(cost, [UInt8](repeating: 0, count: 16), [UInt8](repeating: 0, count: hashBytes))
    }

    /// Compares without telling by its time where two differ.
    static func areEqual(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        return zip(left, right).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func derive(_ password: String, _ salt: [UInt8], _ cost: Cost) -> [UInt8]? {
        // The library takes the address of the first byte, so there must be one.
        guard !password.isEmpty, password.utf8.count <= 4 * lengths.upperBound, !salt.isEmpty, cost.isBounded else {
            return nil
        }
        let key = try? KDF.Scrypt.deriveKey(
            from: Array(password.utf8), salt: salt, outputByteCount: hashBytes, rounds: 1 << cost.logRounds,
            blockSize: cost.blockSize, parallelism: cost.parallelism)
        return key?.withUnsafeBytes { Array($0) }
    }

    private static func text(_ cost: Cost, _ salt: [UInt8], _ hash: [UInt8]) -> String {
        let parameters = "ln=\(cost.logRounds),r=\(cost.blockSize),p=\(cost.parallelism)"
        return "$scrypt$\(parameters)$\(base64(salt))$\(base64(hash))"
    }

    private static func read(_ stored: String) -> (Cost, salt: [UInt8], hash: [UInt8])? {
        let parts = stored.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0].isEmpty, parts[1] == "scrypt", stored.utf8.count <= 256 else { return nil }
        let numbers = parts[2].split(separator: ",").map { $0.split(separator: "=", omittingEmptySubsequences: false) }
        guard numbers.count == 3, numbers.map(\.first) == ["ln", "r", "p"], numbers.allSatisfy({ $0.count == 2 }),
            let logRounds = Int(numbers[0][1]), let blockSize = Int(numbers[1][1]),
            let parallelism = Int(numbers[2][1]),
            let salt = bytes(parts[3]), let hash = bytes(parts[4]), hash.count == hashBytes
        else { return nil }
        let cost = Cost(logRounds: logRounds, blockSize: blockSize, parallelism: parallelism)
        return cost.isBounded ? (cost, salt, hash) : nil
    }

    private static func base64(_ bytes: [UInt8]) -> String {
        String(Data(bytes).base64EncodedString().prefix { $0 != "=" })
    }

    private static func bytes(_ base64: Substring) -> [UInt8]? {
        let padding = String(repeating: "=", count: (4 - base64.utf8.count % 4) % 4)
        return Data(base64Encoded: base64 + padding).map { Array($0) }
    }
}
