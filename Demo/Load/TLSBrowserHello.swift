internal import CNIOBoringSSL

/// Sets BoringSSL up so that its ClientHello is a recorded browser's, as far as it can.
///
/// BoringSSL is what Chrome has, so Chrome's comes out whole but for its ways of packing certificates, which are named and
/// not unpacked. Of others it lacks what it does not know: Firefox's finite fields, delegated credentials and record
/// size limit, Safari's 3DES; and the three suites of TLS 1.3 always come in BoringSSL's order.
enum BrowserHello {
    /// Numbers in an extension's list of ALPN protocols.
    private static let protocols: [UInt8] = [2] + Array("h2".utf8) + [8] + Array("http/1.1".utf8)
    /// The number that Chrome used up to version 132; there is a newer one.
    private static let applicationSettings: UInt16 = 17513
    private static let encryptedHello: UInt16 = 65037

    static func prepare(_ context: OpaquePointer, as browser: RecordedBrowser) {
        SSL_CTX_set_alpn_protos(context, protocols, protocols.count)
        SSL_CTX_set_grease_enabled(context, browser.grease ? 1 : 0)
        // Chrome shuffles its extensions, others do not.
        SSL_CTX_set_permute_extensions(context, browser.extensions.contains(applicationSettings) ? 1 : 0)
        let names = browser.ciphers.compactMap { number -> String? in
            guard number >> 8 != 0x13, let cipher = SSL_get_cipher_by_value(number) else { return nil }
            return SSL_CIPHER_get_name(cipher).map { String(cString: $0) }
        }
        SSL_CTX_set_strict_cipher_list(context, names.joined(separator: ":"))
        let known: Set<UInt16> = [23, 24, 25, 29, 0x11ec]
        let groups = browser.groups.filter { known.contains($0) }
        SSL_CTX_set1_group_ids(context, groups, groups.count)
        SSL_CTX_set_verify_algorithm_prefs(context, browser.signatures, browser.signatures.count)
        if !browser.extensions.contains(35) { SSL_CTX_set_options(context, UInt32(SSL_OP_NO_TICKET)) }
        if browser.extensions.contains(5) { SSL_CTX_enable_ocsp_stapling(context) }
        if browser.extensions.contains(18) { SSL_CTX_enable_signed_cert_timestamps(context) }
        for number in browser.compressions {
            // Never used: the servers here pack nothing. A packed certificate would end the handshake.
            SSL_CTX_add_cert_compression_alg(context, number, nil) { _, _, _, _, _ in 0 }
        }
    }

    /// What is set for each connection.
    static func prepare(connection: OpaquePointer, as browser: RecordedBrowser) {
        if browser.extensions.contains(applicationSettings) {
            SSL_set_alps_use_new_codepoint(connection, 0)
            let framed = Array("h2".utf8)
            SSL_add_application_settings(connection, framed, framed.count, nil, 0)
        }
        if browser.extensions.contains(encryptedHello) { SSL_set_enable_ech_grease(connection, 1) }
    }
}
