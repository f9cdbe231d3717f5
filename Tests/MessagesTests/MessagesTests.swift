import Addresses
import Bytes
import Detection
import Fingerprints
import Messages
import Sketches
import Testing

/// Reads a value of our own form from bytes.
func decode<Value: Message>(_ bytes: [UInt8]) throws(Malformed) -> Value {
    try Value(decoding: bytes.span.bytes)
}

/// Checks the round trip, and that no shorter or longer input is taken for the value.
func check<Value: Message & Equatable>(_ value: Value) {
    let bytes = value.encoded()
    #expect(throws: Never.self) {
        let back: Value = try decode(bytes)
        #expect(back == value)
    }
    for length in 0..<bytes.count {
        #expect(throws: Malformed.self, "cut at \(length) of \(bytes.count)") {
            let _: Value = try decode(Array(bytes[..<length]))
        }
    }
    #expect(throws: Malformed(.invalid, at: bytes.count)) { let _: Value = try decode(bytes + [0]) }
}

@Suite struct `A message` {
    @Test(arguments: 0..<20) func `round trips as a snapshot, and is refused when cut off`(seed: UInt64) {
        var random = Seeded(seed)
        check(Snapshot.random(&random))
    }

    @Test(arguments: 0..<5) func `round trips as a lane's status, and is refused when cut off`(seed: UInt64) {
        var random = Seeded(seed)
        check(LaneStatus.random(&random))
    }

    @Test(arguments: 0..<5) func `round trips as a lane's traffic, and is refused when cut off`(seed: UInt64) {
        var random = Seeded(seed)
        check(LaneTraffic.random(&random))
    }

    @Test(arguments: 0..<20) func `round trips as proven sources, and is refused when cut off`(seed: UInt64) {
        var random = Seeded(seed)
        check(ProvenSources.random(&random))
        var handed = HandedSources()
        handed.conduct = HandedSources.Conduct.allCases.randomElement(using: &random) ?? .dry
        (handed.taken, handed.refused, handed.omitted, handed.spared) = (random.number(), 1, .max, random.number())
        check(handed)
    }

    @Test func `of proven sources names one subscriber each, in a bounded list, in our version`() throws {
        func encoded(_ prefix: String) throws -> [UInt8] {
            let prefix = try #require(Prefix(prefix))
            return ProvenSources([.init(prefix, site: "a", refusals: 40, milliseconds: 3_000)]).encoded()
        }
        for fine in ["192.0.2.7/32", "2001:db8:1:2::/64"] {
            #expect(throws: Never.self) { let _: ProvenSources = try decode(encoded(fine)) }
        }
        for wide in ["192.0.2.0/31", "0.0.0.0/0", "2001:db8::/63", "2001:db8::1/128", "::/0"] {
            #expect(throws: Malformed.self, "\(wide)") { let _: ProvenSources = try decode(encoded(wide)) }
        }
        var other = try encoded("192.0.2.7/32")
        other[0] = 2
        #expect(throws: Malformed.self) { let _: ProvenSources = try decode(other) }
        let one = ProvenSources.Source(
            Prefix(Address(ipv4: 1), length: 32), site: "a", refusals: 1, milliseconds: 1)
        let most = ProvenSources(Array(repeating: one, count: ProvenSources.limit))
        #expect(throws: Never.self) { let _: ProvenSources = try decode(most.encoded()) }
        let tooMany = ProvenSources(most.sources + [one])
        #expect(throws: Malformed.self) { let _: ProvenSources = try decode(tooMany.encoded()) }
        let longName = ProvenSources([
            .init(one.prefix, site: String(repeating: "a", count: 65), refusals: 1, milliseconds: 1)
        ])
        #expect(throws: Malformed.self) { let _: ProvenSources = try decode(longName.encoded()) }
    }

    @Test(arguments: 0..<20) func `round trips as pages, and is refused when cut off`(seed: UInt64) {
        var random = Seeded(seed)
        check(Pages.random(&random))
    }

    @Test func `round trips as a hello, and is refused when cut off`() {
        check(Hello(name: "lane", process: 4711, started: 1_700_000_000_000_000_000, generation: 0, descriptors: 9))
        check(
            Hello(
                name: String(repeating: "a", count: 64), process: .max, started: .max, generation: .max,
                descriptors: .max))
    }

    @Test func `round trips when empty`() {
        check(Snapshot())
        check(LaneStatus())
        check(LaneTraffic())
        check(Pages(made: 0, files: []))
    }

    @Test func `of another form version is refused`() {
        var bytes = Snapshot().encoded()
        #expect(bytes[1] != 0xee)
        bytes[1] = 0xee
        #expect(throws: Malformed(.unsupported, at: 2)) { let _: Snapshot = try decode(bytes) }
    }

    /// Changed input gives an error or a value that is written as it was read: never a crash, never a value that our own
    /// writer could not have written.
    @Test func `with any byte changed is refused or means what it says`() {
        var random = Seeded(7)
        change(Snapshot.random(&random), &random)
        change(LaneTraffic.random(&random), &random)
        change(Pages.random(&random), &random)
        change(ProvenSources.random(&random), &random)
    }

    private func change<Value: Message>(_ value: Value, _ random: inout Seeded) {
        let bytes = value.encoded()
        for index in bytes.indices {
            var changed = bytes
            changed[index] ^= UInt8.random(in: 1...255, using: &random)
            guard let value: Value = try? decode(changed) else { continue }
            #expect(value.encoded() == changed, "byte \(index) of a \(Value.self)")
        }
    }

    @Test func `about traffic holds each network and shape once`() {
        var writer = ByteWriter()
        writer.writeBlob([])
        writer.write(UInt32(2))
        for _ in 0..<2 {
            writer.writeText("192.0.2.0/24")
            writer.write(UInt64(1))
        }
        writer.write(UInt32(0))
        #expect(throws: Malformed.self) {
            var reader = ByteReader(writer.bytes.span.bytes)
            _ = try Traffic(reading: &reader)
        }
    }

    @Test func `with an age behind the end of its page, or before another one, is refused`() {
        for offsets: [UInt32] in [[5], [4, 3]] {
            let file = Pages.File(
                path: "/", contentType: "text/plain", body: [1, 2, 3, 4],
                ages: offsets.map { Pages.AgeMark(offset: $0, form: .dutch) })
            #expect(throws: Malformed.self) { let _: Pages = try decode(Pages(made: 1, files: [file]).encoded()) }
        }
    }
}

@Suite struct `A message over its budget is refused` {
    @Test func `in its lists`() throws {
        var snapshot = Snapshot()
        let origin = Snapshot.Origin(endpoint: Endpoint(Address(ipv4: 1), port: 1))
        snapshot.sites = [
            Snapshot.Site(name: "a", organisation: "b", hosts: [], origins: Array(repeating: origin, count: 16))
        ]
        let fits: Snapshot = try decode(snapshot.encoded())
        #expect(fits == snapshot)
        snapshot.sites[0].origins.append(origin)
        #expect(refusal(snapshot) == .overBudget)

        snapshot = Snapshot()
        snapshot.listeners = Array(
            repeating: .init(endpoint: Endpoint(Address(ipv4: 1), port: 1), isTLS: false), count: 65)
        #expect(refusal(snapshot) == .overBudget)
        snapshot = Snapshot()
        snapshot.cores = Array(repeating: 1, count: 4097)
        #expect(refusal(snapshot) == .overBudget)
        snapshot = Snapshot()
        snapshot.trustedPeers = Array(repeating: Prefix(Address(ipv4: 1), length: 32), count: 4097)
        #expect(refusal(snapshot) == .overBudget)
        snapshot = Snapshot()
        snapshot.secrets.ticketKeys = Array(repeating: Array(repeating: 1, count: 48), count: 9)
        #expect(refusal(snapshot) == .overBudget)
    }

    @Test func `in its texts and byte strings`() {
        var snapshot = Snapshot()
        snapshot.instance = String(repeating: "x", count: 33)
        #expect(refusal(snapshot) == .overBudget)
        snapshot = Snapshot()
        snapshot.sites = [.init(name: String(repeating: "x", count: 65), organisation: "", hosts: [], origins: [])]
        #expect(refusal(snapshot) == .overBudget)
        snapshot.sites = [.init(name: "", organisation: "", hosts: [String(repeating: "x", count: 256)], origins: [])]
        #expect(refusal(snapshot) == .overBudget)
        snapshot = Snapshot()
        snapshot.secrets.pseudonymKey = Array(repeating: 0, count: 17)
        #expect(refusal(snapshot) == .overBudget)
        snapshot = Snapshot()
        snapshot.secrets.cookieKey = Array(repeating: 0, count: 33)
        #expect(refusal(snapshot) == .overBudget)
    }

    @Test func `before it has cost memory`() {
        // A count of four billion in a message of a few bytes.
        var writer = ByteWriter()
        writer.write(UInt64(1))
        writer.write(UInt64(1))
        LaneStatus.Connections().write(to: &writer)
        writer.write(UInt32.max)
        #expect(throws: Malformed(.overBudget, at: writer.bytes.count)) { let _: LaneStatus = try decode(writer.bytes) }
    }

    private func refusal(_ snapshot: Snapshot) -> Malformed.Reason? {
        do throws(Malformed) {
            let _: Snapshot = try decode(snapshot.encoded())
            return nil
        } catch {
            return error.reason
        }
    }
}

@Suite struct `A value that is none of ours is refused` {
    @Test func `a truth value that is neither`() {
        #expect(throws: Malformed(.invalid, at: 1)) {
            var reader = ByteReader([UInt8(2)].span.bytes)
            _ = try reader.readBool()
        }
    }

    @Test func `text that is not UTF-8`() {
        for broken: [UInt8] in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]] {
            #expect(throws: Malformed.self) {
                var writer = ByteWriter()
                writer.writeBlob(broken)
                var reader = ByteReader(writer.bytes.span.bytes)
                _ = try reader.readText()
            }
        }
    }

    @Test(arguments: [
        ("192.0.2.0", UInt8(33)), ("192.0.2.1", 24), ("2001:db8::", 129), ("2001:db8::1", 64), ("::", 255),
    ])
    func `a prefix that is not in its one form`(text: String, length: UInt8) throws {
        var writer = ByteWriter()
        writer.write(try #require(Address(text)))
        writer.write(length)
        #expect(throws: Malformed(.invalid, at: 17)) {
            var reader = ByteReader(writer.bytes.span.bytes)
            _ = try reader.readPrefix()
        }
    }

    @Test func `a service or mode out of its set`() {
        #expect(throws: Malformed(.invalid, at: 1)) {
            var reader = ByteReader([UInt8(9)].span.bytes)
            _ = try reader.readCase(Snapshot.Mode.self)
        }
    }
}

@Suite struct `The frame assembler` {
    private let frames = [
        Frame(.hello, body: Hello(name: "b", process: 1, started: 2, generation: 3, descriptors: 4).encoded()),
        Frame(.drain),
        Frame(.log, body: Array("informational".utf8)), Frame(.history, body: [0, 0, 0, 0, 1, 2, 3, 4]),
    ]

    private func all(_ assembler: inout FrameAssembler) throws(Malformed) -> [Frame] {
        var found: [Frame] = []
        while let frame = try assembler.next() { found.append(frame) }
        return found
    }

    @Test func `puts frames together wherever the stream is split`() throws {
        let stream = frames.flatMap { $0.encoded() }
        for split in 0...stream.count {
            var assembler = FrameAssembler()
            assembler.append(stream[..<split])
            var found = try all(&assembler)
            assembler.append(stream[split...])
            found += try all(&assembler)
            #expect(found == frames)
        }
    }

    @Test func `puts frames together byte by byte`() throws {
        var assembler = FrameAssembler()
        var found: [Frame] = []
        for byte in frames.flatMap({ $0.encoded() }) {
            assembler.append([byte])
            if let frame = try assembler.next() { found.append(frame) }
        }
        #expect(found == frames)
    }

    @Test func `knows every kind`() throws {
        for raw in Array(UInt8(1)...15) + [20, 21] {
            let kind = try #require(Frame.Kind(rawValue: raw))
            var assembler = FrameAssembler()
            assembler.append(Frame(kind, body: [1]).encoded())
            #expect(try assembler.next() == Frame(kind, body: [1]))
            #expect(try assembler.next() == nil)
        }
    }

    @Test(arguments: [UInt8(0), 16, 0x47, 0xff]) func `refuses a kind that it does not know`(kind: UInt8) {
        var assembler = FrameAssembler()
        assembler.append([kind, 0, 0, 0, 0])
        #expect(throws: Malformed(.unsupported, at: 0)) { try assembler.next() }
    }

    @Test func `refuses a body over the limit when it is announced`() throws {
        var assembler = FrameAssembler()
        assembler.append([7, 4, 0, 0, 1])
        #expect(throws: Malformed(.overBudget, at: 1)) { try assembler.next() }
        var other = FrameAssembler()
        other.append([7, 4, 0, 0, 0])
        #expect(try other.next() == nil)
    }
}
