import Addresses
import CNIOBoringSSL
import Glibc
import TestKit

/// A visitor over TLS, each time over a connection of its own, who remembers its session as a browser does. It does not
/// verify: other tests do.
final class TLSVisitor {
    enum Outcome: Equatable {
        case served(isResumed: Bool)
        /// No connection, no handshake, or no whole response.
        case failed(String)

        var isServed: Bool { if case .served = self { true } else { false } }
    }

    /// A connection that shook hands.
    final class Connection {
        let ssl: OpaquePointer
        let socket: Socket
        /// Session tickets come whenever something is read, and BoringSSL gives them to whom it was told of.
        private let visitor: TLSVisitor

        fileprivate init(_ ssl: OpaquePointer, _ socket: Socket, of visitor: TLSVisitor) {
            self.ssl = ssl
            self.socket = socket
            self.visitor = visitor
        }

        deinit { SSL_free(ssl) }

        var isResumed: Bool { SSL_session_reused(ssl) == 1 }

        /// Whether all bytes were taken.
        func send(_ bytes: [UInt8]) -> Bool { SSL_write(ssl, bytes, Int32(bytes.count)) == Int32(bytes.count) }

        /// The next bytes; empty where there are none any more.
        func receive() -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 16_384)
            let count = SSL_read(ssl, &bytes, Int32(bytes.count))
            return count > 0 ? Array(bytes[..<Int(count)]) : []
        }

        /// Nothing more will be said: a close notification, and the end of this side.
        func endWriting() {
            SSL_shutdown(ssl)
            shutdown(socket.descriptor, Int32(SHUT_WR))
        }

        /// Has new keys made on both sides; false where the connection is gone.
        func updateKeys() -> Bool {
            SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1 && SSL_write(ssl, nil, 0) >= 0
        }
    }

    /// How a client's hello differs from a plain one's.
    struct Manner {
        var name: String? = "veilig.example.nl"
        var protocols = ["http/1.1"]
        var greatest = UInt16(TLS1_3_VERSION)
        var least = UInt16(TLS1_VERSION)
        /// In the order of BoringSSL's list; other ciphers make another client of it.
        var ciphers: String?
        var hasTicket = true
    }

    private static let owner = SSL_get_ex_new_index(0, nil, nil, nil, nil)

    private let context: OpaquePointer
    private let manner: Manner
    private let source: Address?
    private let endpoint: Endpoint
    private var session: OpaquePointer?

    init(to endpoint: Endpoint, from source: Address? = nil, _ manner: Manner = Manner()) {
        self.endpoint = endpoint
        self.source = source
        self.manner = manner
        context = Self.context(manner)
        guard manner.hasTicket else { return }
        SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_CLIENT)
        SSL_CTX_sess_set_new_cb(context) { ssl, session in
            guard let owner = SSL_get_ex_data(ssl, TLSVisitor.owner) else { return 0 }
            let visitor = Unmanaged<TLSVisitor>.fromOpaque(owner).takeUnretainedValue()
            if let older = visitor.session { SSL_SESSION_free(older) }
            visitor.session = session
            return 1
        }
    }

    deinit {
        if let session { SSL_SESSION_free(session) }
        SSL_CTX_free(context)
    }

    var hasSession: Bool { session != nil }

    private static func context(_ manner: Manner) -> OpaquePointer {
        let context = SSL_CTX_new(TLS_method())!
        SSL_CTX_set_min_proto_version(context, manner.least)
        SSL_CTX_set_max_proto_version(context, manner.greatest)
        let names = manner.protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        if !names.isEmpty { SSL_CTX_set_alpn_protos(context, names, names.count) }
        if let ciphers = manner.ciphers { SSL_CTX_set_cipher_list(context, ciphers) }
        return context
    }

    /// The bytes with which such a client begins.
    static func hello(_ manner: Manner = Manner()) -> [UInt8] {
        let context = context(manner)
        let ssl = SSL_new(context)!
        defer {
            SSL_free(ssl)
            SSL_CTX_free(context)
        }
        let (input, output) = (BIO_new(BIO_s_mem())!, BIO_new(BIO_s_mem())!)
        SSL_set0_rbio(ssl, input)
        SSL_set0_wbio(ssl, output)
        if let name = manner.name { SSL_set_tlsext_host_name(ssl, name) }
        SSL_set_connect_state(ssl)
        SSL_do_handshake(ssl)
        var bytes = [UInt8](repeating: 0, count: 32 << 10)
        let count = BIO_read(output, &bytes, Int32(bytes.count))
        return Array(bytes[..<max(0, Int(count))])
    }

    /// Connects and shakes hands; nil where either fails in time.
    func connect(within milliseconds: Int = 10_000) -> Connection? {
        guard let socket = try? Socket(to: endpoint, from: source, within: milliseconds), let ssl = SSL_new(context)
        else { return nil }
        let connection = Connection(ssl, socket, of: self)
        var time = timeval(tv_sec: milliseconds / 1000, tv_usec: milliseconds % 1000 * 1000)
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(socket.descriptor, SOL_SOCKET, option, &time, socklen_t(MemoryLayout<timeval>.size))
        }
        SSL_set_fd(ssl, socket.descriptor)
        if let name = manner.name { SSL_set_tlsext_host_name(ssl, name) }
        if manner.hasTicket {
            SSL_set_ex_data(ssl, Self.owner, Unmanaged.passUnretained(self).toOpaque())
            if let session { SSL_set_session(ssl, session) }
        }
        SSL_set_connect_state(ssl)
        ERR_clear_error()
        return SSL_do_handshake(ssl) == 1 ? connection : nil
    }

    /// One page, over a connection of its own.
    func visit(_ path: String = "/fixed/3", within milliseconds: Int = 10_000) -> Outcome {
        guard let connection = connect(within: milliseconds) else { return .failed("handshake") }
        let isResumed = connection.isResumed
        let name = manner.name ?? "veilig.example.nl"
        guard connection.send(Array(request("GET \(path) HTTP/1.1", "Host: \(name)", "Connection: close").utf8)) else {
            return .failed("sending")
        }
        var response: [UInt8] = []
        while case let bytes = connection.receive(), !bytes.isEmpty { response += bytes }
        guard response.starts(with: Array("HTTP/1.1 200 ".utf8)) else { return .failed("response") }
        return .served(isResumed: isResumed)
    }
}
