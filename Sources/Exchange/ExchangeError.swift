/// Why a fingerprint from elsewhere, or a key, was not taken; or why one cannot be sent.
package struct ExchangeError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// More bytes than `ReceivedFingerprint.sizeLimit`.
        case tooLong = "too-long"
        /// The text ends before it is complete.
        case truncated
        /// No JSON text (RFC 8259), or deeper or with more members than any fingerprint has.
        case notJSON = "not-json"
        /// A key that the form does not have, lacks, or has twice.
        case unknownKey = "unknown-key"
        case missingKey = "missing-key"
        case repeatedKey = "repeated-key"
        /// Another format, or another version of this one.
        case unknownFormat = "unknown-format"
        /// A value that its key does not allow.
        case wrongValue = "wrong-value"
        /// A value that holds an address, which no fingerprint may.
        case holdsAddress = "holds-address"
        /// Times that cannot be: the end before the beginning, a life of more than a year, made in the future.
        case wrongTime = "wrong-time"
        /// The identifier is not that of the content.
        case wrongIdentifier = "wrong-identifier"
        /// The signature is not that of the signer named, over this content.
        case wrongSignature = "wrong-signature"
        case expired
        /// The signer is not on the list, and the operator did not accept it.
        case unknownSigner = "unknown-signer"
        /// A key that is not 32 bytes.
        case wrongKey = "wrong-key"
    }

    package var code: Code
    /// For people, in one line.
    package var reason: String

    package init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package var description: String { "\(code.rawValue): \(reason)" }
}
