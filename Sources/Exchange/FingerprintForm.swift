package import Fingerprints

/// A form as it was read, signed or not: well formed, with the identifier of its content, and with a signature that
/// holds where there is one. For one's own use; what others sent is accepted through ``AcceptedFingerprint`` alone.
package struct FingerprintForm: Equatable, Sendable {
    package let fingerprint: Fingerprint
    package let version: FormVersion
    package let identifier: String
    package let seal: Seal

    package enum Seal: Equatable, Sendable {
        case unsigned
        /// By whom it says; the key has signed it, whether it is trusted or not.
        case signed(Signer)
    }

    package init(parsing bytes: [UInt8]) throws(ExchangeError) {
        try self.init(FormContent(parsing: bytes))
    }

    init(_ content: FormContent) throws(ExchangeError) {
        fingerprint = content.fingerprint
        version = content.version
        identifier = try content.checkedIdentifier()
        guard let signing = content.signing else {
            seal = .unsigned
            return
        }
        try content.check(signing)
        seal = .signed(signing.signer)
    }
}

extension Fingerprint {
    /// Reads an unsigned form; a signed one is refused, as are all faults.
    package init(unsignedForm bytes: [UInt8]) throws(ExchangeError) {
        let form = try FingerprintForm(parsing: bytes)
        guard form.seal == .unsigned else { throw ExchangeError(.unknownKey, "\"signature\": this one is signed") }
        self = form.fingerprint
    }
}
