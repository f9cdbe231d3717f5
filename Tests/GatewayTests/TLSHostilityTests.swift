import Addresses
import CNIOBoringSSL
import Messages
import TestKit
import Testing

/// What a visitor tries with TLS, before and behind the handshake.
@Suite(.needs(tool: "openssl")) struct `A hostile visitor over TLS` {
    private let street: Street
    private let certificates: Street.Certificates

    init() throws {
        certificates = try `TLS`.certificates.get()
        street = try Street(certificates: certificates)
    }

    /// Where a ClientHello has two seconds.
    private func hurriedStreet() throws -> Street {
        try Street(certificates: certificates) {
            $0.limits.headTime = 4000
            $0.limits.progressRate = 500
        }
    }

    /// The hello's message in records of so many bytes.
    private static func records(_ hello: [UInt8], of size: Int) -> [UInt8] {
        let message = hello[5...]
        return stride(from: message.startIndex, to: message.endIndex, by: size).flatMap { start in
            let part = message[start..<min(start + size, message.endIndex)]
            return [22, 3, 1, UInt8(part.count >> 8), UInt8(part.count & 255)] + part
        }
    }

    /// The first answer: its kind, and what an alert says.
    private func answer(_ client: RawClient) throws -> (kind: UInt8, alert: UInt8?)? {
        var bytes: [UInt8] = []
        while bytes.count < 7 {
            let more = (try? client.socket.receive(within: 10_000)) ?? []
            if more.isEmpty { break }
            bytes += more
        }
        return bytes.first.map { ($0, $0 == 21 && bytes.count >= 7 ? bytes[6] : nil) }
    }

    private func expectService() {
        let visitor = TLSVisitor(to: street.tls)
        #expect(visitor.visit() == .served(isResumed: false))
    }

    @Test(arguments: [1, 3, 100, 400]) func `has a ClientHello read in any pieces`(size: Int) throws {
        let client = try RawClient(to: street.tls)
        try client.send(TLSVisitor.hello(), pieces: size, pause: size < 10 ? 1 : 20)
        #expect(try answer(client)?.kind == 22)
        let hello = TLSVisitor.hello()
        let other = try RawClient(to: street.tls)
        // As many records as may be, or a few.
        try other.send(Self.records(hello, of: max(size, hello.count / 31)))
        #expect(try answer(other)?.kind == 22)
        #expect(street.lane.status { _ in true }.connections.failedHandshakes == 0)
    }

    @Test func `has it read behind a PROXY header, in the same piece and in others`() throws {
        let header = Array("PROXY TCP4 192.0.2.7 198.51.100.1 49152 443\r\n".utf8)
        let hello = TLSVisitor.hello()
        for pieces in [1, 2, 40, 200] {
            let client = try RawClient(to: street.tlsBehind)
            try client.send(header + hello, pieces: max(1, (header + hello).count / pieces + 1), pause: 10)
            #expect(try answer(client)?.kind == 22)
        }
    }

    @Test func `is told what it may not have, and nothing is computed for it`() throws {
        var unknown = TLSVisitor.Manner()
        unknown.name = "elders.example.nl"
        var old = TLSVisitor.Manner()
        old.greatest = UInt16(TLS1_1_VERSION)
        var foreign = TLSVisitor.Manner()
        foreign.protocols = ["acme-tls/1", "spdy/3"]
        var torn = TLSVisitor.hello()
        // The length of all extensions is one more than there are.
        let place = 5 + 4 + 34 + 1 + Int(torn[43]) + 2 + Int(torn[76]) << 8 + Int(torn[77]) + 2
        torn[place + 1] &+= 1
        let cases: [([UInt8], UInt8)] = [
            (TLSVisitor.hello(unknown), 112), (TLSVisitor.hello(old), 70), (TLSVisitor.hello(foreign), 120), (torn, 50),
            // More records than any client needs; a record of no bytes, and one too long.
            (Self.records(TLSVisitor.hello(), of: 3), 50), ([22, 3, 1, 0, 0], 50), ([22, 3, 1, 255, 255], 50),
            // A message too long, and one that is no ClientHello.
            ([22, 3, 1, 64, 0, 1, 0, 64, 1], 50), ([22, 3, 1, 0, 4, 2, 0, 0, 0], 50),
        ]
        for (bytes, alert) in cases {
            let client = try RawClient(to: street.tls)
            try client.send(bytes)
            let answer = try answer(client)
            #expect(answer?.alert == alert, "\(bytes.prefix(9))")
            #expect(client.isClosed(within: 10_000))
        }
        let status = street.lane.status { $0.connections.failedHandshakes == 9 }.connections
        #expect(status.failedHandshakes == 9 && status.handshakes == 0)
        #expect(status.tls.unknownNames == 1 && status.tls.unsupported == 2 && status.tls.malformed == 6)
        #expect(status.tls.busyNanoseconds == 0)
        expectService()
    }

    @Test func `is closed without a word where it speaks no TLS`() throws {
        // In clear, SSL 2.0's hello, zeros, and a TLS record that does not begin a handshake.
        let strangers: [[UInt8]] = [
            Array(request("GET / HTTP/1.1", "Host: veilig.example.nl").utf8),
            [0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10] + [UInt8](repeating: 7, count: 37),
            [UInt8](repeating: 0, count: 5000), [23, 3, 3, 0, 5, 1, 2, 3, 4, 5], [22, 2, 0, 0, 5],
        ]
        for bytes in strangers {
            let client = try RawClient(to: street.tls)
            try client.send(bytes)
            #expect(client.isClosed(within: 10_000))
        }
        #expect(street.lane.status { $0.connections.tls.malformed == 5 }.connections.tls.malformed == 5)
        expectService()
    }

    @Test func `that offers HTTP 1.0 alone, or nothing, is served`() throws {
        for protocols in [["http/1.0"], [], ["spdy/3", "http/1.1"]] {
            var manner = TLSVisitor.Manner()
            manner.protocols = protocols
            #expect(TLSVisitor(to: street.tls, manner).visit().isServed)
        }
        var nameless = TLSVisitor.Manner()
        nameless.name = nil
        #expect(TLSVisitor(to: street.tls, nameless).visit().isServed)
    }

    @Test func `that sends its ClientHello slowly is closed, unless a good part of it comes in time`() throws {
        let street = try hurriedStreet()
        let hello = TLSVisitor.hello()
        let silent = try RawClient(to: street.tls)
        let dripping = try RawClient(to: street.tls)
        try dripping.send(Array(hello[..<40]))
        // Behind it lies a second half of the time, for the rest.
        let big = Self.records([22, 3, 1, 0, 0] + Self.padded(hello, to: 4000), of: 4000)
        let steady = try RawClient(to: street.tls)
        for start in stride(from: 0, to: big.count, by: 140) {
            try steady.send(Array(big[start..<min(start + 140, big.count)]))
            if start < 4000 { try? dripping.send([hello[40 + start / 140]]) }
            pauseThread(110)
        }
        #expect(try answer(steady)?.kind == 22)
        #expect(silent.isClosed(within: 10_000) && dripping.isClosed(within: 10_000))
        #expect(street.lane.status { $0.connections.tls.timedOut >= 2 }.connections.tls.timedOut >= 2)
    }

    /// The message with an extension of padding (RFC 7685) that makes it so long.
    private static func padded(_ hello: [UInt8], to size: Int) -> [UInt8] {
        var message = Array(hello[5...])
        let place = 4 + 34 + 1 + Int(message[38]) + 2 + Int(message[71]) << 8 + Int(message[72]) + 2
        let added = size - message.count
        message += [0, 21, UInt8((added - 4) >> 8), UInt8((added - 4) & 255)]
        message += [UInt8](repeating: 0, count: added - 4)
        let extensions = message.count - place - 2
        message[place] = UInt8(extensions >> 8)
        message[place + 1] = UInt8(extensions & 255)
        message[2] = UInt8((message.count - 4) >> 8)
        message[3] = UInt8((message.count - 4) & 255)
        return message
    }

    @Test func `that shakes hands by half is closed in time`() throws {
        let street = try hurriedStreet()
        let client = try RawClient(to: street.tls)
        try client.send(TLSVisitor.hello())
        #expect(try answer(client)?.kind == 22)
        #expect(client.isClosed(within: 10_000))
        #expect(street.lane.status { $0.connections.tls.timedOut == 1 }.connections.tls.timedOut == 1)
    }

    @Test func `does not get a second handshake over its connection`() throws {
        let arguments = [
            "openssl", "s_client", "-connect", "\(street.tls)", "-servername", "veilig.example.nl", "-tls1_2",
        ]
        let child = try Child(arguments, takesInput: true)
        #expect(child.waitForLine(holding: "Verify return code") != nil)
        child.write(Array("R\n".utf8))
        let output = child.readOutput()
        _ = child.wait()
        #expect(output.contains("RENEGOTIATING"))
        #expect(!output.contains("Verify return code"))
        expectService()
    }

    @Test func `that makes keys anew, or sends records of a byte, does not keep the worker from others`() throws {
        let isOver = Flag()
        let endpoint = street.tls
        let records = Counter()
        let threads = try (0..<4).map { number in
            try TestThread {
                while !isOver.isUp {
                    guard let connection = TLSVisitor(to: endpoint).connect(within: 2000) else { continue }
                    _ = connection.send(Array("GET /x HTTP/1.1\r\nX: ".utf8))
                    for round in 0..<20_000 where !isOver.isUp {
                        records.add()
                        let isNewKey = number % 2 == 0 && round % 30 != 0
                        guard isNewKey ? connection.updateKeys() : connection.send([65]) else { break }
                    }
                }
            }
        }
        defer { for thread in threads { thread.join() } }
        defer { isOver.isUp = true }
        let visitor = TLSVisitor(to: street.tls)
        for _ in 0..<40 {
            #expect(visitor.visit(within: 5000).isServed)
            pauseThread(50)
        }
        let status = street.lane.status { _ in true }.connections
        print("records of a byte, and new keys asked for: \(records.value); \(status.tls.cut) connections cut")
        #expect(records.value > 1000)
    }
}
