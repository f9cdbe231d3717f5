import Heads
import TestKit
import Testing

/// Against another implementation: Python's hpack, from the distribution or PyPI.
@Suite(.needs(pythonModule: "hpack")) struct `Header blocks and hpack` {
    private static let python = Python.path(with: "hpack") ?? "python3"

    /// Each line: a block, then its fields, all in hexadecimal.
    private static let encoder = """
        import hpack, random, sys
        dice = random.Random(int(sys.argv[1]))
        names = [b':path', b'cookie', b'user-agent', b'x-' + b'n' * 300] + [b'x-%d' % n for n in range(60)]
        kinds = [lambda: b'', lambda: b'%d' % dice.randrange(9), lambda: bytes(dice.choices(b'abcdefgh/=;', k=dice.randrange(200))),
                 lambda: dice.randbytes(dice.randrange(60)), lambda: dice.randbytes(dice.randrange(2000))]
        encoder = hpack.Encoder()
        for _ in range(3000):
            if dice.random() < 0.02: encoder.header_table_size = dice.choice([0, 64, 300, 1000, 4096])
            fields = []
            for _ in range(dice.randrange(12)):
                pair = (dice.choice(names), dice.choice(kinds)())
                fields.append(hpack.NeverIndexedHeaderTuple(*pair) if dice.random() < 0.1 else hpack.HeaderTuple(*pair))
            block = encoder.encode(fields, huffman=dice.random() < 0.7)
            print(block.hex(), *[text.hex() + '.' for pair in fields for text in pair])
        """

    @Test(arguments: 1...3) func `are read as they were meant`(seed: Int) throws {
        let output = try Tool.run([Self.python, "-c", Self.encoder, "\(seed)"])
        var decoder = HPACKDecoder()
        var fields = HPACKFields()
        var count = 0
        for line in output.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            let words = line.split(separator: " ", omittingEmptySubsequences: false).map {
                hex($0.replacing(".", with: ""))
            }
            let texts = words.dropFirst()
            #expect(decoder.decode(words[0], into: &fields) == nil)
            #expect(fields.plain.flatMap { [$0.name, $0.value] } == Array(texts), "block \(count)")
            count += 1
        }
        #expect(count == 3000)
    }

    private static let decoder = """
        import hpack, sys
        decoder = hpack.Decoder()
        decoder.max_allowed_table_size = 0
        for line in sys.stdin:
            print(*[text.hex() + '.' for pair in decoder.decode(bytes.fromhex(line), raw=True) for text in pair])
        """

    @Test func `are understood as we wrote them`() throws {
        var blocks = ""
        var expected: [[PlainField]] = []
        for status in [100, 200, 204, 206, 302, 304, 400, 404, 429, 500, 503, 599] {
            let head = """
                HTTP/1.1 \(status) Reason\r\nServer: origin\r\nX-Long-\(status): \(String(repeating: "v", count: status * 7))\r
                Set-Cookie: a=b\r\nKeep-Alive: 5\r\nConnection: x-gone\r\nX-Gone: 1\r\nX-Empty:\r\nDate: now\r\n\r\n
                """
            let bytes = Array(head.utf8)
            var response = ResponseHead()
            let refusal = response.read(bytes.span, from: 0, method: .get)
            #expect(refusal == nil)
            let block = written { writer in
                if blocks.isEmpty { writer.writeEmptyTable() }
                writer.writeStatus(status)
                bytes.withUnsafeBytes { writer.write(response, of: $0) { $0.id != .date } }
                writer.write("content-length", decimal: UInt64(status) * 1_000_000_007)
                writer.write("x-new-name", "value")
            }
            blocks += block.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "\n"
            expected.append([
                PlainField(":status", "\(status)"), PlainField("server", "origin"),
                PlainField("x-long-\(status)", String(repeating: "v", count: status * 7)),
                PlainField("set-cookie", "a=b"), PlainField("x-empty", ""),
                PlainField("content-length", "\(status * 1_000_000_007)"), PlainField("x-new-name", "value"),
            ])
        }
        let output = try Tool.run([Self.python, "-c", Self.decoder], input: Array(blocks.utf8))
        let lines = output.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        let read = lines.map { $0.split(separator: " ").map { hex($0.replacing(".", with: "")) } }
        #expect(read == expected.map { $0.flatMap { [$0.name, $0.value] } })
    }
}

/// The block that `body` writes.
func written(capacity: Int = 64 << 10, _ body: (inout HPACKWriter) -> Void) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: capacity) { place, count in
        var writer = HPACKWriter(UnsafeMutableRawBufferPointer(place))
        body(&writer)
        count = writer.count
    }
}
