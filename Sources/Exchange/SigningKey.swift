internal import Crypto
// [UInt8] is data to sign only where this is imported; the essentials suffice.
internal import FoundationEssentials

/// What an organisation signs its fingerprints with: Ed25519 (RFC 8032). The caller keeps its 32 bytes in a file that
/// only it can read.
package struct SigningKey: Sendable {
    private let key: Curve25519.Signing.PrivateKey

    package init(raw: [UInt8]) throws(ExchangeError) {
        guard raw.count == Signer.keySize, let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: raw) else {
            throw ExchangeError(.wrongKey, "a signing key is \(Signer.keySize) bytes, this has \(raw.count)")
        }
        self.key = key
    }

    private init(_ key: Curve25519.Signing.PrivateKey) { self.key = key }

    package static func generate() -> SigningKey { SigningKey(Curve25519.Signing.PrivateKey()) }

    package var raw: [UInt8] { Array(key.rawRepresentation) }

    /// Who signs with it.
    package func signer(named name: String) -> Signer {
        Signer(name: name, key: Array(key.publicKey.rawRepresentation))
    }

    func signature(of bytes: [UInt8]) throws(ExchangeError) -> [UInt8] {
        guard let signature = try? key.signature(for: bytes) else {
            throw ExchangeError(.wrongKey, "this key cannot sign")
        }
        return Array(signature)
    }
}

/// Who vouches for a fingerprint: a name for people, and the public key that counts.
package struct Signer: Hashable, Sendable {
    package var name: String
    package var key: [UInt8]

    package static let keySize = 32
    package static let signatureSize = 64
    /// Longest name in bytes.
    package static let nameLimit = 128

    package init(name: String, key: [UInt8]) {
        self.name = name
        self.key = key
    }

    /// The public key as people compare it and configurations hold it: 64 small hexadecimal digits.
    package init?(name: String, hexadecimalKey: String) {
        guard let key = Text.bytes(hexadecimal: hexadecimalKey, count: Self.keySize) else { return nil }
        self.init(name: name, key: key)
    }

    package var hexadecimalKey: String { Text.hexadecimal(key) }

    func hasSigned(_ bytes: [UInt8], with signature: [UInt8]) -> Bool {
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: key) else { return false }
        return key.isValidSignature(signature, for: bytes)
    }
}
