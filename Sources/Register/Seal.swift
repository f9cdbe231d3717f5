internal import Crypto
internal import FoundationEssentials

/// The register's secrets: what signs the chain, and what closes the sealed part. Both derived (HKDF, RFC 5869) from the
/// one key that the office keeps.
struct Seal: Sendable {
    static let keySize = 32

    private let chain: SymmetricKey
    private let boxes: SymmetricKey

    init(key: [UInt8]) throws(RegisterError) {
        guard key.count == Self.keySize else {
            throw RegisterError(.key, "the register's key has \(key.count) bytes; it needs \(Self.keySize)")
        }
        let root = SymmetricKey(data: key)
        func derived(_ purpose: String) -> SymmetricKey {
            HKDF<SHA256>.deriveKey(
                inputKeyMaterial: root, salt: Array("wasstraat register".utf8), info: Array(purpose.utf8),
                outputByteCount: Self.keySize)
        }
        chain = derived("chain 1")
        boxes = derived("boxes 1")
    }

    /// What the first entry follows.
    var genesis: [UInt8] { sign(Array("genesis".utf8)) }

    /// HMAC-SHA256, 32 bytes.
    func sign(_ message: [UInt8]) -> [UInt8] { Array(HMAC<SHA256>.authenticationCode(for: message, using: chain)) }

    /// Nonce, AES-256-GCM ciphertext and tag, bound to the owner: a box moved to another one does not open.
    func close(_ content: [UInt8], of owner: Owner) throws -> [UInt8] {
        let box = try AES.GCM.seal(content, using: boxes, authenticating: Array("\(owner)".utf8))
        return Array(box.nonce) + Array(box.ciphertext) + Array(box.tag)
    }

    func open(_ box: [UInt8], of owner: Owner) throws(RegisterError) -> [UInt8] {
        guard let sealed = try? AES.GCM.SealedBox(combined: box),
            let content = try? AES.GCM.open(sealed, using: boxes, authenticating: Array("\(owner)".utf8))
        else { throw RegisterError(.tampered, "the sealed part of \(owner) does not open: it was changed") }
        return Array(content)
    }

    /// Whose sealed part it is.
    enum Owner: CustomStringConvertible {
        case attack(Int64)
        case account(String)

        var description: String {
            switch self {
            case .attack(let id): "attack \(id)"
            case .account(let name): "account \(name)"
            }
        }
    }
}
