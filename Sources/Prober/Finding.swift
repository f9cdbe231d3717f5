internal import Glibc
internal import Incidents
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// What one check found.
struct Finding: Sendable {
    var result: Sample.Result
    /// Milliseconds from the start of connecting.
    var firstByte: Double?

    init(_ result: Sample.Result, firstByte: Double? = nil) {
        self.result = result
        self.firstByte = firstByte
    }
}

extension Sample.Result {
    /// What an error on the way says of the service, or of ourselves.
    init(of error: any Error) {
        self =
            switch error {
            case let error as IOError: Self(errno: error.errnoCode)
            case ChannelError.connectTimeout: .timeout
            case let error as NIOSSLExtraError
            where error == .failedToValidateHostname || error == .serverHostnameImpossibleToMatch:
                .untrusted
            case NIOSSLError.noCertificateToValidate, NIOSSLError.unableToValidateCertificate: .untrusted
            // BoringSSL names the reason in words only.
            case NIOSSLError.handshakeFailed(.sslError(let stack))
            where stack.contains { $0.description.contains("CERTIFICATE_VERIFY_FAILED") }:
                .untrusted
            // A response that ends too early is broken off; what is no HTTP at all is an answer, and a wrong one.
            case HTTPParserError.invalidEOFState: .failed
            case is HTTPParserError, is Overlong: .wrong
            default: .failed
            }
    }

    /// The same of a system call's error number.
    package init(errno number: Int32) {
        self =
            switch number {
            // No descriptors, memory, ports or rights; no such network here.
            case EMFILE, ENFILE, ENOMEM, ENOBUFS, EADDRNOTAVAIL, EAFNOSUPPORT, ENETUNREACH, ENETDOWN, EACCES, EPERM:
                .void
            case ETIMEDOUT: .timeout
            default: .failed
            }
    }
}

/// The service sent more than a check reads.
struct Overlong: Error {}
