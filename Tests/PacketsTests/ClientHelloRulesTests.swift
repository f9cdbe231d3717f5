import Bytes
import Packets
import Testing

/// A ClientHello made by hand.
private struct Builder {
    var version: [UInt8] = [3, 3]
    var sessionID: [UInt8] = []
    var ciphers: [UInt16] = [0x1301]
    var compression: [UInt8] = [0]
    var extensions: [(type: UInt16, content: [UInt8])] = []

    var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.write(version)
        writer.write([UInt8](repeating: 7, count: 32))
        writer.write(UInt8(sessionID.count))
        writer.write(sessionID)
        writer.write(Self.list(ciphers))
        writer.write(UInt8(compression.count))
        writer.write(compression)
        var block: [UInt8] = []
        for (type, content) in extensions { block += Self.two(type) + Self.vector(content) }
        if !block.isEmpty { writer.write(Self.vector(block)) }
        return writer.bytes
    }

    static func two(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
    static func vector(_ content: [UInt8]) -> [UInt8] { two(UInt16(content.count)) + content }
    static func list(_ values: [UInt16]) -> [UInt8] { vector(values.flatMap { two($0) }) }
    static func name(_ name: String, type: UInt8 = 0) -> [UInt8] { vector([type] + vector(Array(name.utf8))) }
    static func protocols(_ names: [[UInt8]]) -> [UInt8] { vector(names.flatMap { [UInt8($0.count)] + $0 }) }

    /// Tickets with their ages, then as many proofs.
    static func keys(_ tickets: [[UInt8]]) -> [UInt8] {
        let proof = [32] + [UInt8](repeating: 9, count: 32)
        return vector(tickets.flatMap { vector($0) + [0, 0, 0, 1] }) + vector(tickets.flatMap { _ in proof })
    }

    func with(_ type: UInt16, _ content: [UInt8]) -> Builder {
        var copy = self
        copy.extensions.append((type, content))
        return copy
    }

    func read() throws(Malformed) -> ClientHello { try ClientHello(decoding: bytes.span.bytes) }

    var refusal: Malformed.Reason? {
        do throws(Malformed) {
            _ = try read()
            return nil
        } catch {
            return error.reason
        }
    }
}

@Suite struct `A ClientHello's name` {
    @Test(arguments: [
        ("voorbeeld.example", "voorbeeld.example"), ("WWW.Voorbeeld.EXAMPLE", "www.voorbeeld.example"),
        ("voorbeeld.example.", "voorbeeld.example"), ("a_b.example", "a_b.example"), ("localhost", "localhost"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("1.example", "1.example"),
    ])
    func `is taken in lower case`(sent: String, taken: String) throws {
        #expect(try Builder().with(0, Builder.name(sent)).read().serverName == Array(taken.utf8))
    }

    @Test(arguments: [
        "", ".", "..", ".example", "a..example", "voorbeeld.example..", "voor beeld", "voorbeeld.example:443", "[::1]",
        "voorbeeld\0.example", "bücher.example", "a/b", "*.example", "a\r\nb",
    ])
    func `is refused when it is no host name`(name: String) {
        #expect(Builder().with(0, Builder.name(name)).refusal == .invalid)
    }

    @Test func `has its lengths`() {
        let label = String(repeating: "a", count: 63)
        #expect(Builder().with(0, Builder.name(label)).refusal == nil)
        #expect(Builder().with(0, Builder.name(label + "a")).refusal == .invalid)
        let long = [label, label, label, String(repeating: "a", count: 61)].joined(separator: ".")
        #expect(Builder().with(0, Builder.name(long)).refusal == nil)
        #expect(Builder().with(0, Builder.name(long + "a")).refusal == .invalid)
    }

    @Test func `stands alone in its list`() {
        #expect(Builder().with(0, Builder.name("a.example", type: 1)).refusal == .unsupported)
        let two = Builder.vector([0] + Builder.vector([97]) + [0] + Builder.vector([98]))
        #expect(Builder().with(0, two).refusal == .contradictory)
        #expect(Builder().with(0, []).refusal == .truncated)
        #expect(Builder().with(0, [0, 9, 0, 0, 1, 97]).refusal == .contradictory)
    }
}

@Suite struct `A ClientHello` {
    @Test func `may have no extensions`() throws {
        let hello = try Builder().read()
        #expect(hello.extensions.isEmpty)
        #expect(hello.ciphers == [0x1301])
    }

    @Test func `tells its order and what it resumes`() throws {
        let hello = try Builder()
            .with(0x1a1a, []).with(35, [1]).with(16, Builder.protocols([[104, 50]])).with(10, Builder.list([29, 23]))
            .with(43, [4, 3, 4, 3, 3]).with(42, []).with(41, Builder.keys([[7, 8]]))
            .read()
        #expect(hello.extensions == [0x1a1a, 35, 16, 10, 43, 42, 41])
        #expect(hello.hasTicket && hello.hasPreSharedKey && hello.hasEarlyData && hello.offersResumption)
        #expect(hello.ticket == [7, 8])
        #expect(hello.groups == [29, 23])
        #expect(hello.versions == [0x0304, 0x0303])
        let empty = try Builder().with(35, []).read()
        #expect(!empty.hasTicket && !empty.offersResumption && empty.ticket.isEmpty)
        #expect(try Builder().with(35, [1, 2]).read().ticket == [1, 2])
        #expect(try Builder().with(41, Builder.keys([[1], [2, 3]])).read().ticket == [1])
    }

    @Test func `is refused when it contradicts itself`() {
        #expect(Builder().with(23, []).with(23, []).refusal == .contradictory)
        #expect(Builder().with(41, [1]).with(23, []).refusal == .contradictory)
        #expect(Builder().with(42, [0]).refusal == .contradictory)
        #expect(Builder().with(41, Builder.keys([[1]]) + [0]).refusal == .contradictory)
        #expect(Builder().with(41, Builder.keys([[]])).refusal == .invalid)
        #expect(Builder().with(41, Builder.keys([])).refusal == .truncated)
        #expect(Builder().with(41, [1, 2, 3]).refusal == .truncated)
        #expect(Builder().with(10, Builder.list([29]) + [0]).refusal == .contradictory)
        #expect(Builder().with(16, Builder.protocols([[104, 50]]) + [0]).refusal == .contradictory)
        var builder = Builder()
        builder.compression = [1]
        #expect(builder.refusal == .invalid)
        builder.compression = []
        #expect(builder.refusal == .invalid)
        #expect(throws: Malformed.self) { try ClientHello(decoding: (Builder().bytes + [0, 1]).span.bytes) }
        #expect(throws: Malformed.self) { try ClientHello(decoding: (Builder().with(23, []).bytes + [0]).span.bytes) }
    }

    @Test func `is refused when a list is empty or odd`() {
        var builder = Builder()
        builder.ciphers = []
        #expect(builder.refusal == .invalid)
        #expect(Builder().with(10, [0, 0]).refusal == .invalid)
        #expect(Builder().with(13, [0, 3, 4, 3, 4]).refusal == .invalid)
        #expect(Builder().with(43, [3, 3, 4, 3]).refusal == .invalid)
        #expect(Builder().with(16, [0, 0]).refusal == .contradictory)
        #expect(Builder().with(16, Builder.vector([0])).refusal == .invalid)
        #expect(Builder().with(16, Builder.vector([3, 104, 50])).refusal == .truncated)
    }

    @Test func `is refused when it is over a budget`() {
        var builder = Builder()
        builder.ciphers = Array(repeating: 1, count: ClientHello.cipherLimit)
        #expect(builder.refusal == nil)
        builder.ciphers.append(1)
        #expect(builder.refusal == .overBudget)
        builder = Builder()
        builder.extensions = (0..<ClientHello.extensionLimit).map { (UInt16(1000 + $0), []) }
        #expect(builder.refusal == nil)
        #expect(builder.with(2000, []).refusal == .overBudget)
        let names = Array(repeating: [UInt8(97)], count: ClientHello.protocolLimit)
        #expect(Builder().with(16, Builder.protocols(names)).refusal == nil)
        #expect(Builder().with(16, Builder.protocols(names + [[97]])).refusal == .overBudget)
        let groups = Array(repeating: UInt16(29), count: ClientHello.parameterLimit)
        #expect(Builder().with(10, Builder.list(groups)).refusal == nil)
        #expect(Builder().with(10, Builder.list(groups + [29])).refusal == .overBudget)
        #expect(Builder().with(21, Array(repeating: 0, count: 16384)).refusal == .overBudget)
    }

    @Test func `is refused in another version or with a long session id`() {
        var builder = Builder()
        builder.version = [2, 0]
        #expect(builder.refusal == .unsupported)
        builder.version = [3, 1]
        builder.sessionID = Array(repeating: 1, count: 33)
        #expect(builder.refusal == .invalid)
    }
}

@Suite struct `A JA4 fingerprint` {
    private func shape(_ builder: Builder) throws -> String {
        String(decoding: JA4.Source(try builder.read()).shape, as: UTF8.self)
    }

    /// The examples in the definition.
    @Test(
        arguments: [
            ([0x68, 0x32], "h2"), (Array("http/1.1".utf8), "h1"), ([0x78], "xx"), ([0xab], "ab"), ([0xab, 0xcd], "ad"),
            ([0x30, 0xab], "3b"), ([0x30, 0x31, 0xab, 0xcd], "3d"), ([0x30, 0xab, 0xcd, 0x31], "01"),
        ] as [([UInt8], String)])
    func `shows the ends of the first protocol`(name: [UInt8], expected: String) throws {
        #expect(try shape(Builder().with(16, Builder.protocols([name, [104, 51]]))) == "t12i0101" + expected)
    }

    @Test(
        arguments: [
            ([3, 0], [], "s3"), ([3, 1], [], "10"), ([3, 2], [], "11"), ([3, 3], [], "12"), ([3, 4], [], "13"),
            ([3, 9], [], "00"),
            ([3, 3], [4, 3, 3, 3, 4], "13"), ([3, 3], [2, 3, 2], "11"), ([3, 3], [4, 0xfa, 0xfa, 3, 3], "12"),
            ([3, 3], [2, 0xfa, 0xfa], "12"),
        ] as [([UInt8], [UInt8], String)])
    func `shows the highest version`(version: [UInt8], versions: [UInt8], expected: String) throws {
        var builder = Builder()
        builder.version = version
        if !versions.isEmpty { builder = builder.with(43, versions) }
        let text = try shape(builder)
        #expect(text.dropFirst().prefix(2) == expected)
    }

    @Test func `counts to 99 and leaves GREASE out`() throws {
        var builder = Builder()
        builder.ciphers = [0x0a0a, 0xfafa, 0x1301] + (0..<120).map { UInt16($0) }
        builder = builder.with(0x2a2a, []).with(0, Builder.name("a.example"))
        #expect(try shape(builder) == "t12d990100")
        #expect(String(decoding: JA4.Source(try builder.read(), over: .quic).shape, as: UTF8.self) == "q12d990100")
        builder.ciphers = [0x0a0a]
        let hello = try builder.read()
        // Nothing to hash: zeros, and the hash is not asked for.
        let fingerprint = JA4(of: hello) { _ in
            Issue.record("hashed")
            return Array(repeating: 1, count: 32)
        }
        #expect(fingerprint.description == "t12d000100_000000000000_000000000000")
        // 0x0a1a looks like GREASE and is none.
        #expect(!JA4.isGrease(0x0a1a) && !JA4.isGrease(0x0b0b) && JA4.isGrease(0xaaaa))
    }

    @Test func `is made of the sorted lists and the algorithms in their order`() throws {
        var builder = Builder()
        builder.ciphers = [0x1301, 0xc02b, 0x002f]
        builder = builder.with(0xff01, [0]).with(0, Builder.name("a.example"))
            .with(13, Builder.list([0x0804, 0x0a0a, 0x0403])).with(5, [])
        let source = JA4.Source(try builder.read())
        #expect(String(decoding: source.ciphers, as: UTF8.self) == "002f,1301,c02b")
        #expect(String(decoding: source.extensions, as: UTF8.self) == "0005,000d,ff01_0804,0403")
        // Another order of the same offers is the same client.
        var other = builder
        other.ciphers.reverse()
        other.extensions.reverse()
        let hash: (borrowing [UInt8]) -> [UInt8] = { Array(($0 as [UInt8]).suffix(6)) }
        #expect(JA4(of: try builder.read(), sha256: hash) == JA4(of: try other.read(), sha256: hash))
    }
}
