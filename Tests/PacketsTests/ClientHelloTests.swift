import Bytes
import CNIOBoringSSL
import Packets
import Testing

private func sha256(_ bytes: borrowing [UInt8]) -> [UInt8] {
    var digest = [UInt8](repeating: 0, count: 32)
    SHA256(copy bytes, bytes.count, &digest)
    return digest
}

private func read(_ bytes: [UInt8]) throws(Malformed) -> ClientHello.Reading {
    try ClientHello.read(records: bytes.span.bytes)
}

private func hello(_ bytes: [UInt8]) throws -> ClientHello {
    guard case .hello(let hello, let length) = try read(bytes) else {
        throw Malformed(.truncated, at: bytes.count)
    }
    #expect(length == bytes.count)
    return hello
}

/// Cuts the message out of its one record and spreads it over records of `size` bytes.
private func spread(_ record: [UInt8], over size: Int) -> [UInt8] {
    var out: [UInt8] = []
    var rest = record[5...]
    while !rest.isEmpty {
        let part = rest.prefix(size)
        out += [22, 3, 1, UInt8(part.count >> 8), UInt8(part.count & 255)] + part
        rest = rest.dropFirst(size)
    }
    return out
}

private let name = Array("www.voorbeeld.example".utf8)

@Suite struct `A recorded ClientHello` {
    /// The second figure is that of an independent implementation (ja4plus 1.4.0 over the same bytes); Chrome 99's is the
    /// example in the definition too.
    @Test(arguments: [
        (RecordedHellos.openSSL13, "t13d311000_e8f1e7e78f70_1f22a2ca17c4"),
        (RecordedHellos.openSSL12, "t12i280600_d943125447b4_e7e480e5a997"),
        (RecordedHellos.curl, "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6"),
        (RecordedHellos.python, "t13d1812h1_85036bcba153_d41ae481755e"),
        (RecordedHellos.chrome99, "t13d1516h2_8daaf6152771_e5627efa2ab1"),
        (RecordedHellos.chrome146, "t13d1516h2_8daaf6152771_d8a2da3f94cd"),
        (RecordedHellos.firefox147, "t13d1717h2_5b57614c22b0_3cbfd9057e0d"),
        (RecordedHellos.safari26, "t13d2013h2_a09f3c656075_7f0f34a4126d"),
    ])
    func `has the fingerprint of its program`(record: [UInt8], expected: String) throws {
        #expect(JA4(of: try hello(record), sha256: sha256).description == expected)
    }

    @Test func `of Chrome says what tshark says of it`() throws {
        let hello = try hello(RecordedHellos.chrome99)
        #expect(hello.serverName == name)
        #expect(hello.protocols == [Array("h2".utf8), Array("http/1.1".utf8)])
        #expect(hello.version == 0x0303)
        #expect(hello.versions.filter { !JA4.isGrease($0) } == [0x0304, 0x0303])
        #expect(hello.ciphers.count == 16)
        #expect(JA4.isGrease(hello.ciphers[0]))
        #expect(hello.signatureAlgorithms == [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601])
        #expect(hello.groups.filter { !JA4.isGrease($0) } == [29, 23, 24])
        #expect(hello.sessionIDLength == 32)
        #expect(!hello.offersResumption)
    }

    @Test func `without a name and of TLS 1.2 says so`() throws {
        let hello = try hello(RecordedHellos.openSSL12)
        #expect(hello.serverName == nil)
        #expect(hello.protocols.isEmpty)
        #expect(hello.versions.isEmpty)
        #expect(hello.version == 0x0303)
    }

    @Test(arguments: [
        RecordedHellos.openSSL13, RecordedHellos.openSSL12, RecordedHellos.python, RecordedHellos.chrome146,
        RecordedHellos.firefox147, RecordedHellos.safari26,
    ])
    func `is waited for at every length`(record: [UInt8]) throws {
        for length in 0..<record.count {
            guard case .more(let needed) = try read(Array(record[..<length])) else {
                Issue.record("taken at \(length) of \(record.count)")
                return
            }
            #expect(needed == (length < 5 ? 5 : record.count))
        }
        // What comes behind it belongs to the connection.
        #expect(try read(record + [20, 3, 3, 0, 1, 1]) == .hello(try hello(record), length: record.count))
    }

    @Test(arguments: [
        RecordedHellos.openSSL13, RecordedHellos.openSSL12, RecordedHellos.curl, RecordedHellos.chrome146,
        RecordedHellos.firefox147, RecordedHellos.safari26,
    ])
    func `is refused when its message is cut off anywhere`(record: [UInt8]) {
        let body = Array(record[9...])
        let ciphersStart = 2 + 32 + 1 + Int(body[34])
        let ciphersLength = Int(body[ciphersStart]) << 8 + Int(body[ciphersStart + 1])
        let extensionsStart = ciphersStart + 2 + ciphersLength + 2
        for length in 0..<body.count {
            // In TLS 1.2 the message could end before its extensions.
            let isEnd = length == extensionsStart
            let part = Array(body[..<length])
            do {
                _ = try ClientHello(decoding: part.span.bytes)
                #expect(isEnd, "\(length)")
            } catch {
                #expect(error.reason == .truncated || error.reason == .invalid, "\(length): \(error)")
                #expect(error.offset <= length)
            }
        }
    }

    @Test func `is put together from records cut anywhere`() throws {
        let record = RecordedHellos.openSSL12
        let expected = try hello(record)
        for size in [6, 7, 9, 50, 100, record.count - 6, record.count - 5] {
            let bytes = spread(record, over: size)
            #expect(try hello(bytes) == expected)
            // Waiting for what it asks for always ends, and never takes a part for the whole.
            var length = 0
            var rounds = 0
            while case .more(let needed) = try read(Array(bytes[..<length])) {
                #expect(needed > length && needed <= bytes.count)
                length = needed
                rounds += 1
            }
            #expect(length == bytes.count)
            #expect(rounds <= 2 * ((record.count - 5 + size - 1) / size))
        }
        // The header of the message itself cut.
        for cut in 1...4 {
            let message = record[5...]
            let bytes =
                [22, 3, 1, 0, UInt8(cut)] + message.prefix(cut)
                + [22, 3, 1, 0, UInt8(message.count - cut)] + message.dropFirst(cut)
            #expect(try hello(bytes) == expected)
        }
    }

    @Test func `in more than 32 records is refused`() {
        let bytes = spread(RecordedHellos.openSSL12, over: 4)
        #expect(throws: Malformed(.overBudget, at: 32 * 9)) { try read(bytes) }
    }
}

@Suite struct `What is no ClientHello` {
    @Test func `is refused at its first byte`() {
        for byte in UInt8.min...UInt8.max where byte != 22 {
            #expect(throws: Malformed(.invalid, at: 0)) { try read([byte]) }
        }
        #expect(throws: Malformed(.invalid, at: 0)) { try read(Array("GET / HTTP/1.1\r\n\r\n".utf8)) }
    }

    @Test(
        arguments: [
            ([22, 2], Malformed(.unsupported, at: 1)), ([22, 3, 1, 0, 0], Malformed(.invalid, at: 3)),
            ([22, 3, 1, 0x40, 1], Malformed(.overBudget, at: 3)), ([22, 3, 1, 1, 0, 2], Malformed(.invalid, at: 5)),
            ([22, 3, 1, 1, 0, 1, 0, 0x40, 1], Malformed(.overBudget, at: 6)),
            // A second message in the record of the first.
            ([22, 3, 1, 0, 6, 1, 0, 0, 1, 3, 2], Malformed(.contradictory, at: 11)),
            ([22, 3, 1, 0, 2, 1, 0, 23, 3, 3, 0, 1, 0], Malformed(.invalid, at: 7)),
        ] as [([UInt8], Malformed)])
    func `is refused in its records`(bytes: [UInt8], expected: Malformed) {
        #expect(throws: expected) { try read(bytes) }
    }
}
