internal import CNIOBoringSSL

/// The client side of TLS for one server name.
///
/// Visitors verify the server and resume their sessions, as browsers do; flood sources do neither. Where browsers were
/// recorded, each has a greeting of its own and speaks HTTP/2; without them all greet as BoringSSL does.
package final class TLSClient {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    private let verifying: OpaquePointer
    private let careless: OpaquePointer
    private let host: String
    private let browsers: [RecordedBrowser]
    /// One for each recorded browser.
    private var browserContexts: [OpaquePointer] = []
    /// Where a connection's new session is put till the engine fetches it: an index of the SSL objects' extra data.
    fileprivate static let mailbox = SSL_get_ex_new_index(0, nil, nil, nil, nil)

    /// - Parameters:
    ///   - host: the name to ask for (SNI) and to verify.
    ///   - authority: path of the PEM file of the only authority accepted.
    ///   - browsers: whose greetings sources may have.
    package init(host: String, authority: String, browsers: [RecordedBrowser] = []) throws(Failure) {
        guard let verifying = SSL_CTX_new(TLS_method()) else { throw Failure(description: "no TLS context") }
        guard let careless = SSL_CTX_new(TLS_method()) else {
            SSL_CTX_free(verifying)
            throw Failure(description: "no TLS context")
        }
        self.verifying = verifying
        self.careless = careless
        self.host = host
        self.browsers = browsers
        try Self.verify(verifying, authority)
        let protocols: [UInt8] = [8] + Array("http/1.1".utf8)
        for context in [verifying, careless] { SSL_CTX_set_alpn_protos(context, protocols, protocols.count) }
        for browser in browsers {
            guard let context = SSL_CTX_new(TLS_method()) else { throw Failure(description: "no TLS context") }
            browserContexts.append(context)
            try Self.verify(context, authority)
            BrowserHello.prepare(context, as: browser)
        }
        for context in [verifying, careless] + browserContexts {
            SSL_CTX_set_mode(
                context, UInt32(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
        }
    }

    /// Makes a context verify the server and keep its sessions.
    private static func verify(_ context: OpaquePointer, _ authority: String) throws(Failure) {
        guard SSL_CTX_load_verify_locations(context, authority, nil) == 1 else {
            throw Failure(description: "\(authority) holds no certificate")
        }
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT)
        SSL_CTX_sess_set_new_cb(context) { ssl, session in
            guard let slot = SSL_get_ex_data(ssl, TLSClient.mailbox) else { return 0 }
            let mailbox = slot.assumingMemoryBound(to: OpaquePointer?.self)
            if let older = mailbox.pointee { SSL_SESSION_free(older) }
            mailbox.pointee = session
            // 1: the session is ours now, and so is freeing it.
            return 1
        }
    }

    deinit {
        SSL_CTX_free(verifying)
        SSL_CTX_free(careless)
        for context in browserContexts { SSL_CTX_free(context) }
    }

    /// A session on a connected socket, resuming `ticket` where there is one. nil when memory is short.
    ///
    /// - Parameter browser: which of the recorded browsers greets; nil: none.
    func open(socket: Int32, isVisitor: Bool, browser: Int? = nil, ticket: inout TLSTicket?) -> TLSConnection? {
        let context = browser.map { browserContexts[$0] } ?? (isVisitor ? verifying : careless)
        guard let ssl = SSL_new(context) else { return nil }
        let connection = TLSConnection(ssl)
        if let browser {
            BrowserHello.prepare(connection: ssl, as: browsers[browser])
            // A browser that floods does not look who answers.
            if !isVisitor { SSL_set_verify(ssl, SSL_VERIFY_NONE, nil) }
        }
        guard SSL_set_fd(ssl, socket) == 1, SSL_set_tlsext_host_name(ssl, host) == 1 else { return nil }
        if isVisitor {
            X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), host, host.utf8.count)
            SSL_set_ex_data(ssl, Self.mailbox, connection.mailbox)
            if let last = ticket {
                SSL_set_session(ssl, last.session)
                // A TLS 1.3 ticket serves once, so that connections cannot be linked (RFC 8446, section C.4).
                ticket = nil
            }
        }
        SSL_set_connect_state(ssl)
        return connection
    }
}

/// A session to resume; freed with its last reference.
final class TLSTicket {
    fileprivate let session: OpaquePointer

    fileprivate init(_ session: OpaquePointer) { self.session = session }

    deinit { SSL_SESSION_free(session) }
}

/// TLS on one socket. Not to be used after the socket is closed.
final class TLSConnection {
    enum Step: Equatable {
        /// Bytes moved; for the handshake: it is done.
        case moved(Int)
        case wantsRead, wantsWrite
        /// The peer has ended the stream.
        case ended
        /// The connection has ended, and the peer has not said so.
        case broken
        /// TLS itself failed, such as the certificate.
        case failed
    }

    private let ssl: OpaquePointer
    fileprivate let mailbox: UnsafeMutablePointer<OpaquePointer?>

    fileprivate init(_ ssl: OpaquePointer) {
        self.ssl = ssl
        mailbox = .allocate(capacity: 1)
        mailbox.initialize(to: nil)
    }

    deinit {
        SSL_free(ssl)
        if let session = mailbox.pointee { SSL_SESSION_free(session) }
        mailbox.deallocate()
    }

    /// The server has chosen HTTP/2.
    var isFramed: Bool {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        return length == 2 && name?[0] == UInt8(ascii: "h") && name?[1] == UInt8(ascii: "2")
    }

    var isResumed: Bool { SSL_session_reused(ssl) == 1 }

    /// The newest ticket that the server has sent, once.
    func takeTicket() -> TLSTicket? {
        guard let session = mailbox.pointee else { return nil }
        mailbox.pointee = nil
        return TLSTicket(session)
    }

    func handshake() -> Step {
        ERR_clear_error()
        return step(SSL_do_handshake(ssl))
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Step {
        ERR_clear_error()
        return step(SSL_read(ssl, buffer.baseAddress, Int32(buffer.count)))
    }

    func write(_ bytes: UnsafeRawBufferPointer) -> Step {
        ERR_clear_error()
        return step(SSL_write(ssl, bytes.baseAddress, Int32(bytes.count)))
    }

    private func step(_ result: Int32) -> Step {
        if result > 0 { return .moved(Int(result)) }
        return switch SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: .wantsRead
        case SSL_ERROR_WANT_WRITE: .wantsWrite
        case SSL_ERROR_ZERO_RETURN: .ended
        case SSL_ERROR_SYSCALL: .broken
        default: .failed
        }
    }
}
