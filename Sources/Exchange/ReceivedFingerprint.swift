package import Fingerprints

/// A fingerprint as it came: well formed and signed, but nobody vouches for it yet. ``AcceptedFingerprint`` is what may
/// be used.
package struct ReceivedFingerprint: Equatable, Sendable {
    let content: FormContent
    let signing: FormContent.Signing

    package var fingerprint: Fingerprint { content.fingerprint }
    package var version: FormVersion { content.version }
    /// What it says of itself: to be checked.
    package var claimedIdentifier: String { content.claimedIdentifier }
    package var claimedSigner: Signer { signing.signer }

    /// Most bytes of one. An exported one has about 1,000.
    package static let sizeLimit = 65_536

    /// Reads one form. Space between values and the order of keys are free, everything else is strict.
    package init(parsing bytes: [UInt8]) throws(ExchangeError) {
        content = try FormContent(parsing: bytes)
        guard let signing = content.signing else {
            throw ExchangeError(.missingKey, "\"signature\" is not there: an unsigned form is for its maker's own use")
        }
        self.signing = signing
    }
}
