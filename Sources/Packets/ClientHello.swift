package import Bytes

/// What a TLS client says first (RFC 8446, section 4.1.2; RFC 5246, section 7.4.1.2): who it wants to reach, and by the
/// choice and order of what it offers, what program it is.
///
/// Reading costs one allocation for each list that is not empty. GREASE values (RFC 8701) are kept as they came.
package struct ClientHello: Equatable, Sendable {
    /// Longest message; BoringSSL takes no longer one either. Real ones stay under 2.5 KiB.
    package static let lengthLimit = 16 << 10
    /// Cipher suites in one message; all that are registered are fewer.
    package static let cipherLimit = 512
    package static let extensionLimit = 128
    /// Names in the ALPN extension.
    package static let protocolLimit = 32
    /// Groups, and signature algorithms, in one message.
    package static let parameterLimit = 256

    /// legacy_version: 0x0303 for TLS 1.2 and 1.3.
    package var version: UInt16
    package var ciphers: [UInt16] = []
    /// The types of the extensions in their order.
    package var extensions: [UInt16] = []
    /// The host asked for (SNI): lower-case, without a final dot, 1-253 bytes of letters, digits, "-", "_" and "."; nil
    /// where the client names none.
    package var serverName: [UInt8]?
    /// The protocols offered (ALPN), best first, each of 1-255 bytes.
    package var protocols: [[UInt8]] = []
    /// supported_versions; empty before TLS 1.3.
    package var versions: [UInt16] = []
    package var groups: [UInt16] = []
    package var signatureAlgorithms: [UInt16] = []
    /// Bytes of the session id: 0 or 32 as a rule; it says nothing in TLS 1.3.
    package var sessionIDLength = 0
    /// A session ticket of TLS 1.2 or earlier that is not empty.
    package var hasTicket = false
    /// A key of an earlier session (TLS 1.3).
    package var hasPreSharedKey = false
    package var hasEarlyData = false
    /// The ticket by which a session of TLS 1.2 or 1.3 is to be resumed, the first one where there are several; empty
    /// where there is none.
    package var ticket: [UInt8] = []

    /// Whether the client says that it was here before.
    package var offersResumption: Bool { hasTicket || hasPreSharedKey }

    /// Reads the body of the handshake message, without its type and length.
    package init(decoding body: RawSpan) throws(Malformed) {
        guard body.byteCount <= Self.lengthLimit else { throw Malformed(.overBudget, at: Self.lengthLimit) }
        var reader = ByteReader(body)
        version = try reader.readUInt16()
        guard version >> 8 == 3 else { throw Malformed(.unsupported, at: 0) }
        try reader.skip(32)
        sessionIDLength = Int(try reader.readByte())
        guard sessionIDLength <= 32 else { throw reader.malformed(.invalid) }
        try reader.skip(sessionIDLength)
        ciphers = try Self.readList(&reader, length: Int(try reader.readUInt16()), limit: Self.cipherLimit)
        try Self.readCompression(&reader)
        // Before TLS 1.2 the message could end here.
        guard reader.remaining > 0 else { return }
        let length = Int(try reader.readUInt16())
        guard length == reader.remaining else {
            throw reader.malformed(length > reader.remaining ? .truncated : .contradictory)
        }
        try readExtensions(&reader)
    }

    private mutating func readExtensions(_ reader: inout ByteReader) throws(Malformed) {
        extensions.reserveCapacity(24)
        while reader.remaining > 0 {
            guard extensions.count < Self.extensionLimit else { throw reader.malformed(.overBudget) }
            let type = try reader.readUInt16()
            guard !extensions.contains(type) else { throw reader.malformed(.contradictory) }
            extensions.append(type)
            var content = try reader.readPart(Int(try reader.readUInt16()))
            switch type {
            case ExtensionType.serverName: serverName = try Self.readServerName(&content)
            case ExtensionType.protocols: protocols = try Self.readProtocols(&content)
            case ExtensionType.groups:
                groups = try Self.readList(
                    &content, length: Int(try content.readUInt16()), limit: Self.parameterLimit)
            case ExtensionType.signatureAlgorithms:
                signatureAlgorithms = try Self.readList(
                    &content, length: Int(try content.readUInt16()), limit: Self.parameterLimit)
            case ExtensionType.versions:
                versions = try Self.readList(
                    &content, length: Int(try content.readByte()), limit: Self.parameterLimit)
            case ExtensionType.ticket:
                hasTicket = content.remaining > 0
                ticket = try content.readArray(content.remaining)
            case ExtensionType.preSharedKey:
                // The key's proof covers all that comes before it, so nothing may follow (RFC 8446, section 4.2.11).
                guard reader.remaining == 0 else { throw reader.malformed(.contradictory) }
                hasPreSharedKey = true
                ticket = try Self.readIdentity(&content)
            case ExtensionType.earlyData: hasEarlyData = true
            default: continue
            }
            guard content.remaining == 0 else { throw content.malformed(.contradictory) }
        }
    }

    /// 16-bit values that fill `length` bytes: at least one, at most `limit`.
    private static func readList(
        _ reader: inout ByteReader, length: Int, limit: Int
    ) throws(Malformed) -> [UInt16] {
        guard length >= 2, length % 2 == 0 else { throw reader.malformed(.invalid) }
        guard length / 2 <= limit else { throw reader.malformed(.overBudget) }
        guard length <= reader.remaining else { throw reader.malformed(.truncated) }
        var list: [UInt16] = []
        list.reserveCapacity(length / 2)
        for _ in 0..<length / 2 { list.append(try reader.readUInt16()) }
        return list
    }

    /// "No compression" must be among the methods.
    private static func readCompression(_ reader: inout ByteReader) throws(Malformed) {
        var hasNone = false
        for _ in 0..<(try reader.readByte()) {
            if try reader.readByte() == 0 { hasNone = true }
        }
        guard hasNone else { throw reader.malformed(.invalid) }
    }

    private static func readProtocols(_ content: inout ByteReader) throws(Malformed) -> [[UInt8]] {
        let length = Int(try content.readUInt16())
        guard length == content.remaining, length > 0 else { throw content.malformed(.contradictory) }
        var names: [[UInt8]] = []
        while content.remaining > 0 {
            guard names.count < protocolLimit else { throw content.malformed(.overBudget) }
            let length = Int(try content.readByte())
            guard length > 0 else { throw content.malformed(.invalid) }
            names.append(try content.readArray(length))
        }
        return names
    }

    /// The first of the keys offered, and the shape of what is around it (RFC 8446, section 4.2.11).
    private static func readIdentity(_ content: inout ByteReader) throws(Malformed) -> [UInt8] {
        var identities = try content.readPart(Int(try content.readUInt16()))
        let first = try identities.readArray(Int(try identities.readUInt16()))
        guard !first.isEmpty else { throw identities.malformed(.invalid) }
        // The age of the ticket; the identities after it are the handshake's to read, as are the proofs.
        try identities.skip(4)
        try content.skip(Int(try content.readUInt16()))
        return first
    }

    /// One name of type host_name (RFC 6066, section 3), checked as what may stand before a site.
    private static func readServerName(_ content: inout ByteReader) throws(Malformed) -> [UInt8] {
        let length = Int(try content.readUInt16())
        guard length == content.remaining else { throw content.malformed(.contradictory) }
        guard try content.readByte() == 0 else { throw content.malformed(.unsupported) }
        let start = content.offset + 2
        var name = try content.readArray(Int(try content.readUInt16()))
        // RFC 6066 sends no final dot; some clients do.
        if name.count > 1, name.last == UInt8(ascii: ".") { name.removeLast() }
        guard (1...253).contains(name.count) else { throw Malformed(.invalid, at: start) }
        var label = 0
        for index in name.indices {
            switch name[index] {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): name[index] |= 0x20
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): break
            case UInt8(ascii: "-"), UInt8(ascii: "_"): break
            case UInt8(ascii: ".") where label > 0:
                label = 0
                continue
            default: throw Malformed(.invalid, at: start + index)
            }
            label += 1
            guard label <= 63 else { throw Malformed(.invalid, at: start + index) }
        }
        guard label > 0 else { throw Malformed(.invalid, at: start + name.count) }
        return name
    }

    /// Types of extensions whose content is read (IANA, TLS ExtensionType Values).
    enum ExtensionType {
        static var serverName: UInt16 { 0 }
        static var groups: UInt16 { 10 }
        static var signatureAlgorithms: UInt16 { 13 }
        static var protocols: UInt16 { 16 }
        static var ticket: UInt16 { 35 }
        static var preSharedKey: UInt16 { 41 }
        static var earlyData: UInt16 { 42 }
        static var versions: UInt16 { 43 }
    }
}
