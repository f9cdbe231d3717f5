package import Fingerprints
package import Moments

/// A fingerprint from elsewhere whose identifier and signature hold, that has not expired, and whose signer is trusted
/// or was accepted by the operator. It still starts dry and is measured again on one's own traffic.
package struct AcceptedFingerprint: Equatable, Sendable {
    package let fingerprint: Fingerprint
    package let identifier: String
    /// By the name on the list; of an unlisted signer the name is only its own claim.
    package let signer: Signer
    package let trust: Trust

    package enum Trust: String, Sendable {
        /// The signer is on the list of trusted ones.
        case listed
        /// The operator took it from a signer that is not.
        case unlisted
    }

    /// - Parameters:
    ///   - trusted: the signers whose fingerprints are taken; the key counts, not the name.
    ///   - isUnknownAccepted: the operator said to take this one whoever signed it.
    package init(
        _ received: ReceivedFingerprint, trusting trusted: [Signer], acceptingUnknown isUnknownAccepted: Bool = false,
        at now: Moment
    ) throws(ExchangeError) {
        fingerprint = received.fingerprint
        // By the version that it came in: a version 1 keeps its identifier and its signature.
        identifier = try received.content.checkedIdentifier()
        let claimed = received.claimedSigner
        try received.content.check(received.signing)
        guard fingerprint.expires > now else { throw ExchangeError(.expired, "expired on \(fingerprint.expires.text)") }
        // Clocks may differ by an hour, not more.
        guard fingerprint.made <= now + 3_600 else {
            throw ExchangeError(.wrongTime, "made on \(fingerprint.made.text), which is still to come")
        }
        if let listed = trusted.first(where: { $0.key == claimed.key }) {
            signer = listed
            trust = .listed
        } else if isUnknownAccepted {
            signer = claimed
            trust = .unlisted
        } else {
            throw ExchangeError(.unknownSigner, "the key \(claimed.hexadecimalKey) is not on the list of signers")
        }
    }
}
