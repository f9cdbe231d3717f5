// The only file that sees BoringSSL: it is no public product of swift-nio-ssl, which is therefore pinned exactly.
internal import CNIOBoringSSL
internal import Glibc

/// What could not be used of a site's or an origin's TLS settings, in words for the operator.
struct TLSFailure: Error, CustomStringConvertible {
    var description: String

    init(_ what: String) {
        var detail = ""
        let code = ERR_get_error()
        if code != 0 {
            var text = [CChar](repeating: 0, count: 160)
            ERR_error_string_n(code, &text, text.count)
            detail = ": " + String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
        }
        ERR_clear_error()
        description = what + detail
    }
}

/// Where TLS takes ciphertext from and puts it, one for each worker: all its connections share one BIO, because only
/// one of them runs at a time and every call uses up its input and hands over its output before it returns.
struct TLSPort {
    var input: UnsafeRawPointer?
    var inputCount = 0
    var output: UnsafeMutableRawPointer
    var outputCount = 0
    var outputCapacity: Int
    var bio: OpaquePointer?
    /// The sites in force; set by the worker, used by the certificate callback.
    var sites: Unmanaged<SiteTable>?
    /// Whose certificate the present handshake shows: index of the site that its ClientHello asks for, or `noSite`; set by
    /// the worker before each.
    var site: UInt16 = noSite
    /// Whether HTTP/2 is offered to whom the present handshake is with; set by the worker before each.
    var offersHTTP2 = false
    static let noSite = UInt16.max
    /// A site that a reload took away.
    static let goneSite = UInt16.max - 1
    /// The host of the public pages, which is no site.
    static let pagesSite = UInt16.max - 2

    static func make() -> UnsafeMutablePointer<TLSPort> {
        let port = UnsafeMutablePointer<TLSPort>.allocate(capacity: 1)
        let capacity = 160 << 10
        port.initialize(to: TLSPort(output: malloc(capacity)!, outputCapacity: capacity))
        let bio = BIO_new(TLS.method)!
        BIO_set_data(bio, port)
        BIO_set_init(bio, 1)
        port.pointee.bio = bio
        return port
    }

    mutating func put(_ bytes: UnsafeRawPointer, _ count: Int) {
        if outputCapacity - outputCount < count {
            outputCapacity = (outputCount + count) * 2
            output = realloc(output, outputCapacity)!
        }
        memcpy(output + outputCount, bytes, count)
        outputCount += count
    }
}

/// Operations on one TLS connection (an `SSL`), named by an opaque pointer so that records stay plain.
enum TLS {
    enum Result: Equatable {
        case bytes(Int)
        /// Needs more ciphertext.
        case more
        /// The peer ended the stream properly.
        case end
        case failed
    }

    /// The BIO method shared by all ports; made once.
    nonisolated(unsafe) static let method: OpaquePointer = {
        // Unsafe because of the C pointer: it is filled here and only read afterwards.
        let method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "wasstraat")!
        BIO_meth_set_read(method) { bio, bytes, count in
            let port = BIO_get_data(bio)!.assumingMemoryBound(to: TLSPort.self)
            BIO_clear_retry_flags(bio)
            let taken = min(Int(count), port.pointee.inputCount)
            guard taken > 0, let input = port.pointee.input else {
                BIO_set_retry_read(bio)
                return -1
            }
            memcpy(bytes!, input, taken)
            port.pointee.input = input + taken
            port.pointee.inputCount -= taken
            return Int32(taken)
        }
        BIO_meth_set_write(method) { bio, bytes, count in
            BIO_get_data(bio)!.assumingMemoryBound(to: TLSPort.self).pointee.put(bytes!, Int(count))
            return count
        }
        BIO_meth_set_ctrl(method) { _, command, _, _ in command == BIO_CTRL_FLUSH ? 1 : 0 }
        return method
    }()

    static func connection(_ context: TLSContext, _ port: UnsafeMutablePointer<TLSPort>) -> OpaquePointer? {
        guard let connection = SSL_new(context.pointer) else { return nil }
        let bio = port.pointee.bio!
        // One reference for reading and one for writing, which SSL_free gives back.
        BIO_up_ref(bio)
        BIO_up_ref(bio)
        SSL_set0_rbio(connection, bio)
        SSL_set0_wbio(connection, bio)
        if context.isServer {
            SSL_set_accept_state(connection)
        } else {
            SSL_set_connect_state(connection)
            if !context.serverName.isEmpty {
                SSL_set_tlsext_host_name(connection, context.serverName)
                SSL_set1_host(connection, context.serverName)
            }
        }
        return connection
    }

    static func free(_ connection: OpaquePointer) { SSL_free(connection) }

    /// Goes on with the handshake: `bytes(0)` when it is complete.
    static func handshake(_ connection: OpaquePointer) -> Result {
        ERR_clear_error()
        let result = SSL_do_handshake(connection)
        return result == 1 ? .bytes(0) : judge(connection, result)
    }

    static func read(_ connection: OpaquePointer, into buffer: UnsafeMutableRawPointer, room: Int) -> Result {
        ERR_clear_error()
        let result = SSL_read(connection, buffer, Int32(clamping: room))
        return result > 0 ? .bytes(Int(result)) : judge(connection, result)
    }

    /// All bytes are taken (the port has no bound of its own; callers bound what they send).
    static func write(_ connection: OpaquePointer, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count > 0 else { return true }
        ERR_clear_error()
        return SSL_write(connection, bytes.baseAddress, Int32(bytes.count)) == Int32(bytes.count)
    }

    /// Puts a close notification into the port.
    static func shutdown(_ connection: OpaquePointer) {
        ERR_clear_error()
        _ = SSL_shutdown(connection)
    }

    /// Whether the handshake settled on HTTP/2.
    static func speaksHTTP2(_ connection: OpaquePointer) -> Bool {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(connection, &name, &length)
        return length == 2 && name?[0] == UInt8(ascii: "h") && name?[1] == UInt8(ascii: "2")
    }

    /// This connection gets no ticket, and resumes nothing; to be called before its handshake.
    static func withholdTickets(_ connection: OpaquePointer) { SSL_set_options(connection, UInt32(SSL_OP_NO_TICKET)) }

    static func isResumed(_ connection: OpaquePointer) -> Bool { SSL_session_reused(connection) == 1 }

    private static func judge(_ connection: OpaquePointer, _ result: Int32) -> Result {
        switch SSL_get_error(connection, result) {
        case SSL_ERROR_WANT_READ: .more
        case SSL_ERROR_ZERO_RETURN: .end
        default: .failed
        }
    }

    /// HMAC-SHA256 (RFC 2104); 32 bytes.
    static func authenticate(_ bytes: [UInt8], key: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        var length: UInt32 = 32
        HMAC(EVP_sha256(), key, key.count, bytes, bytes.count, &code, &length)
        return code
    }

    static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        SHA256(bytes, bytes.count, &digest)
        return digest
    }
}

/// A set of TLS settings (an `SSL_CTX`): of the listeners, of one site's certificate, or towards an origin.
final class TLSContext: @unchecked Sendable {
    // Unchecked because of the C pointer: BoringSSL counts references atomically, and nothing is changed after init.
    let pointer: OpaquePointer
    let isServer: Bool
    let serverName: String
    fileprivate let tickets: TicketKeys?

    deinit {
        SSL_CTX_free(pointer)
    }

    /// Of TLS 1.2, to visitors: forward secrecy and authenticated encryption alone, as TLS 1.3 has nothing else. What that
    /// shuts out are browsers of before 2015.
    private static let suites = ["ECDSA", "RSA"].flatMap { key in
        ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "CHACHA20-POLY1305"].map { "ECDHE-\(key)-\($0)" }
    }.joined(separator: ":")

    private init(server: Bool, name: String = "", tickets: [[UInt8]] = []) {
        pointer = SSL_CTX_new(TLS_method())!
        isServer = server
        serverName = name
        SSL_CTX_set_min_proto_version(pointer, UInt16(TLS1_2_VERSION))
        if server { precondition(SSL_CTX_set_strict_cipher_list(pointer, Self.suites) == 1, "BoringSSL knows these") }
        SSL_CTX_set_session_cache_mode(pointer, SSL_SESS_CACHE_OFF)
        // One ticket for each connection: a browser's next connection needs no more, and each costs some microseconds.
        SSL_CTX_set_num_tickets(pointer, 1)
        SSL_CTX_set_session_id_context(pointer, "wasstraat", 9)
        let keys = tickets.filter { $0.count == 48 }
        self.tickets = keys.isEmpty ? nil : TicketKeys(keys: keys)
    }

    /// What listeners start a handshake with: it asks the port's sites for the certificate, offers HTTP, and
    /// resumes sessions with the given ticket keys (the first one writes).
    static func listener(ticketKeys: [[UInt8]]) -> TLSContext {
        let context = TLSContext(server: true, tickets: ticketKeys)
        SSL_CTX_set_select_certificate_cb(context.pointer) { hello in
            let connection = hello!.pointee.ssl!
            let port = BIO_get_data(SSL_get_rbio(connection))!.assumingMemoryBound(to: TLSPort.self)
            let sites = port.pointee.sites?.takeUnretainedValue()
            guard let context = sites?.certificate(of: port.pointee.site) else { return ssl_select_cert_error }
            SSL_set_SSL_CTX(connection, context.pointer)
            return ssl_select_cert_success
        }
        context.offerHTTP()
        if context.tickets != nil {
            SSL_CTX_set_tlsext_ticket_key_cb(context.pointer) { connection, name, iv, cipher, hmac, isWriting in
                // Not from the connection's context: that is the site's by now.
                let port = BIO_get_data(SSL_get_rbio(connection))!.assumingMemoryBound(to: TLSPort.self)
                guard let keys = port.pointee.sites?.takeUnretainedValue().listenerContext.tickets else { return -1 }
                return keys.prepare(name!, iv!, cipher!, hmac!, isWriting == 1)
            }
        } else {
            SSL_CTX_set_options(context.pointer, UInt32(SSL_OP_NO_TICKET))
        }
        return context
    }

    /// Whether the bytes are a session ticket that we wrote, with a key that is still in use.
    func wrote(_ ticket: [UInt8]) -> Bool { tickets?.wrote(ticket) ?? false }

    /// HTTP/2 if the client speaks it and the listener does, else HTTP/1.1, else none. BoringSSL asks the context that the
    /// certificate came from.
    private func offerHTTP() {
        SSL_CTX_set_alpn_select_cb(
            pointer,
            { connection, out, outLength, offered, offeredLength, _ in
                guard let offered, let connection else { return SSL_TLSEXT_ERR_NOACK }
                let all = UnsafeBufferPointer(start: offered, count: Int(offeredLength))
                let port = BIO_get_data(SSL_get_rbio(connection))!.assumingMemoryBound(to: TLSPort.self)
                var place = port.pointee.offersHTTP2 ? TLSContext.find("h2", in: all) : nil
                place = place ?? TLSContext.find("http/1.1", in: all)
                guard let place else { return SSL_TLSEXT_ERR_NOACK }
                out?.pointee = offered + place + 1
                outLength?.pointee = offered[place]
                return SSL_TLSEXT_ERR_OK
            }, nil)
    }

    /// Where in a list of names, each with its length before it, this one is.
    private static func find(_ name: StaticString, in list: UnsafeBufferPointer<UInt8>) -> Int? {
        var index = 0
        while index < list.count {
            let length = Int(list[index])
            if length == name.utf8CodeUnitCount, index + 1 + length <= list.count,
                memcmp(list.baseAddress! + index + 1, name.utf8Start, length) == 0
            {
                return index
            }
            index += 1 + length
        }
        return nil
    }

    /// A site's certificate chain and key, both PEM.
    static func site(chain: [UInt8], key: [UInt8]) throws(TLSFailure) -> TLSContext {
        let context = TLSContext(server: true)
        context.offerHTTP()
        let certificates = try readCertificates(chain)
        guard let leaf = certificates.first else { throw TLSFailure("the certificate file holds no certificate") }
        defer { for certificate in certificates { X509_free(certificate) } }
        guard SSL_CTX_use_certificate(context.pointer, leaf) == 1 else {
            throw TLSFailure("the certificate cannot be used")
        }
        for certificate in certificates.dropFirst() where SSL_CTX_add1_chain_cert(context.pointer, certificate) != 1 {
            throw TLSFailure("the certificate chain cannot be used")
        }
        let bio = BIO_new_mem_buf(key, key.count)
        defer { BIO_free(bio) }
        guard let privateKey = PEM_read_bio_PrivateKey(bio, nil, nil, nil) else {
            throw TLSFailure("the private key cannot be read")
        }
        defer { EVP_PKEY_free(privateKey) }
        guard SSL_CTX_use_PrivateKey(context.pointer, privateKey) == 1, SSL_CTX_check_private_key(context.pointer) == 1
        else { throw TLSFailure("the private key does not belong to the certificate") }
        return context
    }

    /// Towards an origin, which must present a certificate for `name` from one of the authorities (PEM; empty: the
    /// system's).
    static func origin(name: String, authorities: [UInt8]) throws(TLSFailure) -> TLSContext {
        let context = TLSContext(server: false, name: name)
        SSL_CTX_set_verify(context.pointer, SSL_VERIFY_PEER, nil)
        if authorities.isEmpty {
            let loaded = systemAuthorities.contains { SSL_CTX_load_verify_locations(context.pointer, $0, nil) == 1 }
            guard loaded else { throw TLSFailure("no system certificate authorities found") }
            return context
        }
        let certificates = try readCertificates(authorities)
        defer { for certificate in certificates { X509_free(certificate) } }
        guard !certificates.isEmpty else { throw TLSFailure("the authority file holds no certificate") }
        let store = SSL_CTX_get_cert_store(context.pointer)
        for certificate in certificates { X509_STORE_add_cert(store, certificate) }
        // A pinned certificate may be the origin's own, not an authority's.
        X509_STORE_set_flags(store, UInt(X509_V_FLAG_PARTIAL_CHAIN))
        return context
    }

    /// Debian and its kin, Fedora and its kin.
    private static let systemAuthorities = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem",
    ]

    private static func readCertificates(_ pem: [UInt8]) throws(TLSFailure) -> [OpaquePointer] {
        let bio = BIO_new_mem_buf(pem, pem.count)
        defer { BIO_free(bio) }
        var certificates: [OpaquePointer] = []
        while certificates.count < 16, let certificate = PEM_read_bio_X509(bio, nil, nil, nil) {
            certificates.append(certificate)
        }
        ERR_clear_error()
        return certificates
    }
}

/// Session ticket keys (RFC 5077, section 4): 16 bytes of name, 16 of MAC key, 16 of AES key; the first one writes.
private struct TicketKeys {
    var keys: [[UInt8]]

    /// The contract of SSL_CTX_set_tlsext_ticket_key_cb: 1 use it, 2 use it and write a new ticket, 0 unknown, -1 fail.
    func prepare(
        _ name: UnsafeMutablePointer<UInt8>, _ iv: UnsafeMutablePointer<UInt8>,
        _ cipher: UnsafeMutablePointer<EVP_CIPHER_CTX>, _ hmac: UnsafeMutablePointer<HMAC_CTX>, _ isWriting: Bool
    ) -> Int32 {
        let index = isWriting ? 0 : keys.firstIndex { memcmp($0, name, 16) == 0 }
        guard let index else { return 0 }
        let key = keys[index]
        return key.withUnsafeBufferPointer { key in
            let (mac, aes) = (key.baseAddress! + 16, key.baseAddress! + 32)
            if isWriting {
                memcpy(name, key.baseAddress!, 16)
                RAND_bytes(iv, 16)
                guard EVP_EncryptInit_ex(cipher, EVP_aes_128_cbc(), nil, aes, iv) == 1 else { return -1 }
            } else {
                guard EVP_DecryptInit_ex(cipher, EVP_aes_128_cbc(), nil, aes, iv) == 1 else { return -1 }
            }
            guard HMAC_Init_ex(hmac, mac, 16, EVP_sha256(), nil) == 1 else { return -1 }
            return index == 0 ? 1 : 2
        }
    }

    /// Whether name and proof of a ticket are ours: name, initial value, what is encrypted, and the proof over all of it.
    func wrote(_ ticket: [UInt8]) -> Bool {
        // Ours hold a session and a certificate's name; longer ones are not worth reading.
        guard (65...4096).contains(ticket.count), let key = keys.first(where: { memcmp($0, ticket, 16) == 0 }) else {
            return false
        }
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { proof in
            var length: UInt32 = 32
            return key.withUnsafeBufferPointer { key in
                ticket.withUnsafeBufferPointer { ticket in
                    let signed = ticket.count - 32
                    let mac = key.baseAddress! + 16
                    HMAC(EVP_sha256(), mac, 16, ticket.baseAddress, signed, proof.baseAddress, &length)
                    return CRYPTO_memcmp(proof.baseAddress, ticket.baseAddress! + signed, 32) == 0
                }
            }
        }
    }
}
