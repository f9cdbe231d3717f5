import Heads
import Testing

private let broken = Result<[PlainField], HTTP2Fault>.failure(HTTP2Fault(.connection, .compressionError))

@Suite struct `A header block` {
    /// RFC 7541, appendix C.
    @Test func `reads as the RFC's examples of one field`() {
        for (block, field) in [
            ("400a637573746f6d2d6b65790d637573746f6d2d686561646572", PlainField("custom-key", "custom-header")),
            ("040c2f73616d706c652f70617468", PlainField(":path", "/sample/path")),
            ("100870617373776f726406736563726574", PlainField("password", "secret")),
            ("82", PlainField(":method", "GET")),
        ] {
            var decoder = HPACKDecoder()
            #expect(decoder.read(hex(block)) == .success([field]))
        }
    }

    static let requests = [
        [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com")],
        [
            (":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "www.example.com"),
            ("cache-control", "no-cache"),
        ],
        [
            (":method", "GET"), (":scheme", "https"), (":path", "/index.html"), (":authority", "www.example.com"),
            ("custom-key", "custom-value"),
        ],
    ]

    @Test(arguments: [
        [
            "828684410f7777772e6578616d706c652e636f6d", "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
        [
            "828684418cf1e3c2e5f23a6ba0ab90f4ff", "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ],
    ])
    func `reads as the RFC's requests, plain and in Huffman's code`(blocks: [String]) {
        var decoder = HPACKDecoder()
        for (block, fields) in zip(blocks, Self.requests) {
            #expect(decoder.read(hex(block)) == .success(fields.map { PlainField($0, $1) }))
        }
    }

    static let responses = [
        [
            (":status", "302"), ("cache-control", "private"), ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
            ("location", "https://www.example.com"),
        ],
        [
            (":status", "307"), ("cache-control", "private"), ("date", "Mon, 21 Oct 2013 20:13:21 GMT"),
            ("location", "https://www.example.com"),
        ],
        [
            (":status", "200"), ("cache-control", "private"), ("date", "Mon, 21 Oct 2013 20:13:22 GMT"),
            ("location", "https://www.example.com"), ("content-encoding", "gzip"),
            ("set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"),
        ],
    ]

    @Test(arguments: [
        [
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54"
                + "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d41"
                + "53444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31",
        ],
        [
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae"
                + "82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960"
                + "d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ],
    ])
    func `reads as the RFC's responses, whose entries go from a table of 256 bytes`(blocks: [String]) throws {
        var decoder = HPACKDecoder()
        decoder.acknowledged(tableSize: 256)
        for (index, (block, fields)) in zip(blocks, Self.responses).enumerated() {
            let start = index == 0 ? hex("3fe101") : []
            #expect(decoder.read(start + hex(block)) == .success(fields.map { PlainField($0, $1) }))
        }
        // What is left of the table: the three newest.
        let names = try decoder.read(hex("bebfc0")).get().map(\.name)
        #expect(names == ["set-cookie", "content-encoding", "date"].map { Array($0.utf8) })
        #expect(decoder.read(hex("c1")) == broken)
    }

    @Test func `is broken by an index of nothing`() {
        for block in ["80", "be", "ff00", "7e0161", "0f2f0161", "ffffffffff0f", "ff8080808001"] {
            var decoder = HPACKDecoder()
            #expect(decoder.read(hex(block)) == broken, "\(block)")
        }
    }

    @Test func `may change the table's size at its start only, and within what we said`() {
        var decoder = HPACKDecoder()
        #expect(decoder.read(hex("20 3fe11f 82")) == .success([PlainField(":method", "GET")]))
        #expect(decoder.read(hex("8220")) == broken)
        decoder = HPACKDecoder()
        #expect(decoder.read(hex("3fe21f")) == broken)
    }

    @Test func `must announce a table made smaller`() {
        var decoder = HPACKDecoder()
        decoder.acknowledged(tableSize: 100)
        var other = decoder
        #expect(decoder.read(hex("82")) == broken)
        #expect(other.read(hex("3f4682")) == broken, "31 and 70")
        other = HPACKDecoder()
        other.acknowledged(tableSize: 100)
        #expect(other.read(hex("3f4582")) == .success([PlainField(":method", "GET")]))
    }

    @Test func `loses the table's entries with its size`() {
        var decoder = HPACKDecoder()
        _ = decoder.read(PlainBlock.field(PlainField("a", "b"), isKept: true))
        #expect(decoder.read(hex("be")) == .success([PlainField("a", "b")]))
        #expect(decoder.read(hex("203fe11fbe")) == broken)
    }

    @Test func `names a new entry after one that goes for it`() {
        var decoder = HPACKDecoder()
        let long = [UInt8](repeating: 110, count: 4000)
        _ = decoder.read(PlainBlock.field(PlainField(long, Array("old".utf8)), isKept: true))
        let block = hex("7e") + PlainBlock.text([UInt8](repeating: 118, count: 60)) + hex("be")
        let field = PlainField(long, [UInt8](repeating: 118, count: 60))
        #expect(decoder.read(block) == .success([field, field]))
    }

    @Test func `empties the table with an entry that is larger`() {
        var decoder = HPACKDecoder()
        _ = decoder.read(PlainBlock.field(PlainField("a", "b"), isKept: true))
        let large = PlainField([97], [UInt8](repeating: 98, count: 4064))
        #expect(decoder.read(PlainBlock.field(large, isKept: true)) == .success([large]))
        #expect(decoder.read(hex("be")) == broken)
    }

    @Test func `is broken in every truncation within a field`() {
        let block = hex("828684418cf1e3c2e5f23a6ba0ab90f4ff400a637573746f6d2d6b65790d637573746f6d2d686561646572")
        let ends = [0, 1, 2, 3, 17, block.count]
        for length in 0...block.count {
            var decoder = HPACKDecoder()
            let reading = decoder.read(Array(block[..<length]))
            #expect((reading != broken) == ends.contains(length), "\(length)")
        }
    }
}

@Suite struct `Huffman's code` {
    private func value(_ code: String) -> Result<[PlainField], HTTP2Fault> {
        var decoder = HPACKDecoder()
        let bytes = hex(code)
        return decoder.read([0, 1, 97, 0x80 | UInt8(bytes.count)] + bytes)
    }

    @Test func `ends with ones, seven at most`() {
        #expect(value("1f") == .success([PlainField("a", "a")]))
        for code in ["18", "1e", "1fff", "ff", "ffff", "1fffff", "1fffffff"] {
            #expect(value(code) == broken, "\(code)")
        }
        #expect(value("") == .success([PlainField("a", "")]))
    }

    @Test func `never says its end itself`() {
        #expect(value("fffffffc") == broken)
        #expect(value("1fffffff ffff") == broken)
    }

    @Test func `reaches the longest symbols`() {
        // 10, 13 and 22 have thirty bits, and 0xf9 the last of 28.
        #expect(value("fffffff3") == .success([PlainField([97], [10])]))
        #expect(value("fffffff7") == .success([PlainField([97], [13])]))
        #expect(value("fffffffb") == .success([PlainField([97], [22])]))
        #expect(value("fffffe2f") == .success([PlainField([97], [2])]))
    }
}

@Suite struct `A list beyond its limits` {
    private func limits(bytes: Int = 24 << 10, fields: Int = 200, work: Int = 256 << 10) -> HPACKFields.Limits {
        var limits = HPACKFields.Limits()
        limits.bytes = bytes
        limits.fields = fields
        limits.work = work
        return limits
    }

    @Test(arguments: [0, 1]) func `is told apart to the byte`(over: Int) {
        let list = [PlainField("a", "bcd"), PlainField("ef", "g")]
        let fields = decoded(list, limits: limits(bytes: 71 - over))
        #expect(fields.size == 71)
        #expect(fields.isTooLarge == (over == 1))
    }

    @Test func `keeps the table in step, so that the connection lives`() {
        var decoder = HPACKDecoder()
        var fields = HPACKFields(limits: limits(bytes: 100))
        let list = (0..<20).map { PlainField("name-\($0)", "value-\($0)") }
        let block = list.flatMap { PlainBlock.field($0, isKept: true) }
        #expect(decoder.decode(block, into: &fields) == nil)
        #expect(fields.isTooLarge && fields.count == 20 && fields.entries.count < 3)
        let next = (0..<20).map { UInt8(0xbe + $0) }
        #expect(decoder.read(next) == .success(Array(list.reversed())))
    }

    @Test func `counts every crumb of a cookie`() {
        let fields = decoded((0..<201).map { _ in PlainField("cookie", "a") })
        #expect(fields.isTooLarge && fields.count == 201)
    }

    @Test func `holds a hundred fields in the longest head of HTTP/1`() {
        let list = (0..<100).map { _ in PlainField("x-some-name", String(repeating: "v", count: 140)) }
        #expect(!decoded(list).isTooLarge)
    }

    @Test func `ends the connection where it is a bomb`() {
        var decoder = HPACKDecoder()
        let long = PlainField([97], [UInt8](repeating: 98, count: 4000))
        let bomb = PlainBlock.field(long, isKept: true) + [UInt8](repeating: 0xbe, count: 16000)
        #expect(decoder.read(bomb) == .failure(HTTP2Fault(.connection, .enhanceYourCalm)))
    }

    @Test func `decodes what does not fit only to count it`() {
        var decoder = HPACKDecoder()
        var fields = HPACKFields()
        // "0" has five bits in the code: 40,000 of them in 25,000 bytes.
        let text = PlainBlock.integer(50000, prefix: 7, 0x80) + [UInt8](repeating: 0, count: 50000)
        let block = [0x40, 1, 97] + text
        #expect(decoder.decode(block, into: &fields) == nil)
        #expect(fields.size == 80033 && fields.isTooLarge)
        #expect(decoder.read(hex("be")) == broken, "nothing of it in the table")
    }
}
