/// The JA4 fingerprint of a TLS client (FoxIO, technical_details/JA4.md; the part under BSD-3): what it offers, made
/// independent of the order in which it offers it.
///
/// A value of fixed size, so that it can be counted and looked up without allocating; its text is for people and files.
package struct JA4: Hashable, Sendable {
    /// 64 bits of it for tables; a client can make another one that shares them.
    package var mixed: UInt64 {
        let hash = (shape ^ UInt64(shapeEnd) << 40 ^ ciphers << 13 ^ extensions) &* 0xd6e8_feb8_6659_fd93
        return hash ^ hash >> 32
    }

    /// What carries the TLS messages.
    package enum Transport: Sendable {
        case tcp, quic
    }

    /// The first ten characters ("t13d1516h2"): eight, then two.
    private let shape: UInt64
    private let shapeEnd: UInt16
    /// The first 48 bits of each hash.
    private let ciphers: UInt64
    private let extensions: UInt64

    /// - Parameter sha256: SHA-256 of the bytes; called twice at most. It comes from outside, for rooms on this floor
    ///   have no cryptography.
    package init(
        of hello: ClientHello, over transport: Transport = .tcp, sha256: (borrowing [UInt8]) -> [UInt8]
    ) {
        self.init(Source(hello, over: transport), sha256: sha256)
    }

    package init(_ source: Source, sha256: (borrowing [UInt8]) -> [UInt8]) {
        func hash(_ text: [UInt8]) -> UInt64 {
            guard !text.isEmpty else { return 0 }
            return sha256(text).prefix(6).reduce(0) { $0 << 8 | UInt64($1) }
        }
        shape = source.shape.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        shapeEnd = source.shape.dropFirst(8).reduce(0) { $0 << 8 | UInt16($1) }
        ciphers = hash(source.ciphers)
        extensions = source.hasExtensions ? hash(source.extensions) : 0
    }

    /// What is hashed, in the canonical text of the definition; joined by "_" it is the raw form, JA4_r.
    package struct Source: Equatable, Sendable {
        /// Ten characters: transport, version, whether a name is asked for, number of ciphers and of extensions, first
        /// and last character of the first protocol.
        package var shape: [UInt8]
        /// Ciphers in ascending order: four hexadecimal digits each, commas between; empty where there are none.
        package var ciphers: [UInt8]
        /// Extensions in ascending order, without server_name and ALPN; then "_" and the signature algorithms in their
        /// own order, if there are any.
        package var extensions: [UInt8]
        /// Whether any extension is in the list; without one the hash is zero.
        package var hasExtensions: Bool

        package init(_ hello: ClientHello, over transport: Transport = .tcp) {
            let ciphers = hello.ciphers.filter { !JA4.isGrease($0) }
            let all = hello.extensions.filter { !JA4.isGrease($0) }
            let listed = all.filter {
                $0 != ClientHello.ExtensionType.serverName && $0 != ClientHello.ExtensionType.protocols
            }
            let algorithms = hello.signatureAlgorithms.filter { !JA4.isGrease($0) }
            shape = [transport == .tcp ? UInt8(ascii: "t") : UInt8(ascii: "q")]
            let version = hello.versions.filter { !JA4.isGrease($0) }.max() ?? hello.version
            shape += JA4.name(version: version)
            let asksForName = hello.extensions.contains(ClientHello.ExtensionType.serverName)
            shape.append(asksForName ? UInt8(ascii: "d") : UInt8(ascii: "i"))
            shape += JA4.twoDigits(ciphers.count)
            shape += JA4.twoDigits(all.count)
            shape += JA4.ends(ofProtocol: hello.protocols.first ?? [])
            self.ciphers = JA4.list(ciphers.sorted())
            extensions = JA4.list(listed.sorted())
            if !algorithms.isEmpty { extensions += [UInt8(ascii: "_")] + JA4.list(algorithms) }
            hasExtensions = !listed.isEmpty
        }
    }

    /// Values that clients make up to keep servers tolerant (RFC 8701): 0x0a0a, 0x1a1a ... 0xfafa.
    package static func isGrease(_ value: UInt16) -> Bool {
        value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
    }

    private static func name(version: UInt16) -> [UInt8] {
        let name: StaticString =
            switch version {
            case 0x0304: "13"
            case 0x0303: "12"
            case 0x0302: "11"
            case 0x0301: "10"
            case 0x0300: "s3"
            case 0x0002: "s2"
            default: "00"
            }
        return [name.utf8Start[0], name.utf8Start[1]]
    }

    private static func twoDigits(_ count: Int) -> [UInt8] {
        let shown = UInt8(min(count, 99))
        return [UInt8(ascii: "0") + shown / 10, UInt8(ascii: "0") + shown % 10]
    }

    /// The first and last character; where either is no letter or digit, the first and last digit of the name in
    /// hexadecimal.
    private static func ends(ofProtocol name: [UInt8]) -> [UInt8] {
        guard let first = name.first, let last = name.last else { return [UInt8(ascii: "0"), UInt8(ascii: "0")] }
        func isPlain(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"):
                true
            default: false
            }
        }
        if isPlain(first), isPlain(last) { return [first, last] }
        return [digit(first >> 4), digit(last & 15)]
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func list(_ values: [UInt16]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity(values.count * 5)
        for value in values {
            if !text.isEmpty { text.append(UInt8(ascii: ",")) }
            for shift in [UInt16(12), 8, 4, 0] { text.append(digit(UInt8(truncatingIfNeeded: value >> shift & 15))) }
        }
        return text
    }
}

extension JA4 {
    /// Reads the text that `description` writes; nil for any other.
    package init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count == 36, bytes[10] == UInt8(ascii: "_"), bytes[23] == UInt8(ascii: "_"),
            bytes[..<10].allSatisfy({ $0 > 32 && $0 < 127 })
        else { return nil }
        func hash(_ digits: ArraySlice<UInt8>) -> UInt64? {
            var value: UInt64 = 0
            for byte in digits {
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"): value = value << 4 | UInt64(byte - 48)
                case UInt8(ascii: "a")...UInt8(ascii: "f"): value = value << 4 | UInt64(byte - 87)
                default: return nil
                }
            }
            return value
        }
        guard let ciphers = hash(bytes[11..<23]), let extensions = hash(bytes[24...]) else { return nil }
        shape = bytes[..<8].reduce(0) { $0 << 8 | UInt64($1) }
        shapeEnd = bytes[8..<10].reduce(0) { $0 << 8 | UInt16($1) }
        self.ciphers = ciphers
        self.extensions = extensions
    }
}

extension JA4: CustomStringConvertible {
    /// The usual 36 characters, such as "t13d1516h2_8daaf6152771_e5627efa2ab1".
    package var description: String {
        var text: [UInt8] = []
        forEachCharacter { text.append($0) }
        return String(decoding: text, as: UTF8.self)
    }

    /// Gives the characters of the text one by one, for places that write without allocating.
    package func forEachCharacter(_ body: (UInt8) -> Void) {
        for shift in stride(from: UInt64(56), through: 0, by: -8) { body(UInt8(truncatingIfNeeded: shape >> shift)) }
        body(UInt8(shapeEnd >> 8))
        body(UInt8(truncatingIfNeeded: shapeEnd))
        for hash in [ciphers, extensions] {
            body(UInt8(ascii: "_"))
            for shift in stride(from: UInt64(44), through: 0, by: -4) {
                body(Self.digit(UInt8(truncatingIfNeeded: hash >> shift & 15)))
            }
        }
    }
}
