internal import CNIOBoringSSL

/// The client side of TLS for one server name; the only file here that sees BoringSSL.
///
/// Visitors verify the server and resume their sessions, as browsers do; flood sources do neither.
package final class TLSClient {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    private let verifying: OpaquePointer
    private let careless: OpaquePointer
    private let host: String
    /// Where a connection's new session is put till the engine fetches it: an index of the SSL objects' extra data.
    fileprivate static let mailbox = SSL_get_ex_new_index(0, nil, nil, nil, nil)

    /// - Parameters:
    ///   - host: the name to ask for (SNI) and to verify.
    ///   - authority: path of the PEM file of the only authority accepted.
    package init(host: String, authority: String) throws(Failure) {
        guard let verifying = SSL_CTX_new(TLS_method()) else { throw Failure(description: "no TLS context") }
        guard let careless = SSL_CTX_new(TLS_method()) else {
            SSL_CTX_free(verifying)
            throw Failure(description: "no TLS context")
        }
        self.verifying = verifying
        self.careless = careless
        self.host = host
        guard SSL_CTX_load_verify_locations(verifying, authority, nil) == 1 else {
            throw Failure(description: "\(authority) holds no certificate")
        }
        SSL_CTX_set_verify(verifying, SSL_VERIFY_PEER, nil)
        SSL_CTX_set_session_cache_mode(verifying, SSL_SESS_CACHE_CLIENT)
        SSL_CTX_sess_set_new_cb(verifying) { ssl, session in
            guard let slot = SSL_get_ex_data(ssl, TLSClient.mailbox) else { return 0 }
            let mailbox = slot.assumingMemoryBound(to: OpaquePointer?.self)
            if let older = mailbox.pointee { SSL_SESSION_free(older) }
            mailbox.pointee = session
            // 1: the session is ours now, and so is freeing it.
            return 1
        }
        let protocols: [UInt8] = [8] + Array("http/1.1".utf8)
        for context in [verifying, careless] {
            SSL_CTX_set_alpn_protos(context, protocols, protocols.count)
            SSL_CTX_set_mode(
                context, UInt32(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER))
        }
    }

    deinit {
        SSL_CTX_free(verifying)
        SSL_CTX_free(careless)
    }

    /// A session on a connected socket, resuming `ticket` where there is one. nil when memory is short.
    func open(socket: Int32, isVisitor: Bool, ticket: inout TLSTicket?) -> TLSConnection? {
        guard let ssl = SSL_new(isVisitor ? verifying : careless) else { return nil }
        let connection = TLSConnection(ssl)
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
