import Addresses
import Messages
import TestKit
import Testing

/// Requests whose bodies trickle in and are too long, or of unknown length, to be gathered first.
@Suite struct `A slow upload` {
    private typealias F = FrameClient

    private static let start = request(
        "POST /upload HTTP/1.1", "Host: www.example.nl", "Transfer-Encoding: chunked", body: "4\r\nslow\r\n")
    private static let end = "0\r\n\r\n"

    private func begin(_ count: Int, at street: Street) throws -> [RawClient] {
        try (0..<count).map { number in
            let client = try street.visitor(from: Address(ipv4: 0x7f00_1401 + UInt32(number) % 4))
            try client.send(Self.start)
            return client
        }
    }

    /// More than the origin takes, and some that come when others have waited for a while.
    private func press(_ street: Street, _ path: String = "/hang") throws -> [RawClient] {
        var others: [RawClient] = []
        let isPressed = eventually {
            guard let client = try? street.visitor(from: Address(ipv4: 0x7f02_0001 + UInt32(others.count) << 8)),
                (try? client.send(request("GET \(path) HTTP/1.1", "Host: \(Street.host)"))) != nil
            else { return false }
            others.append(client)
            return street.lane.status { _ in true }.sites.first?.isUnderPressure == true
        }
        try #require(isPressed)
        return others
    }

    @Test func `does not keep an origin's slot from others, and is served when it is whole`() throws {
        let street = try Street()
        // More than the origin takes at once at first.
        var uploads = try begin(14, at: street)
        #expect(
            street.lane.status(within: 6000) { $0.sites[0].admitted >= 14 && $0.sites[0].inFlight == 0 }
                .sites[0].inFlight == 0)
        for _ in 0..<10 { #expect(try street.get("/fixed/1").status == 200) }
        for index in uploads.indices {
            try uploads[index].send(Self.end)
            let response = try uploads[index].readResponse()
            #expect(response.status == 200)
            #expect(response.bodyText.hasSuffix("slow"))
        }
        let site = street.lane.status { $0.sites[0].inFlight == 0 && $0.sites[0].responses[1] == 24 }.sites[0]
        #expect(site.responses == [0, 24, 0, 0, 0])
        #expect(site.inFlight == 0)
    }

    @Test func `counts at the origin again from its last byte on`() throws {
        let street = try Street()
        let client = try street.visitor()
        try client.send(
            request("POST /slow/1500 HTTP/1.1", "Host: www.example.nl", "Transfer-Encoding: chunked", body: "1\r\nx"))
        let begun = street.lane.status { $0.sites[0].admitted == 1 && $0.sites[0].inFlight == 0 }.sites[0]
        #expect(begun.admitted == 1 && begun.inFlight == 0)
        try client.send("\r\n0\r\n\r\n")
        #expect(street.lane.status { $0.sites[0].inFlight == 1 }.sites[0].inFlight == 1)
        var reading = client
        #expect(try reading.readResponse().bodyText == "slow\n")
        #expect(street.lane.status { $0.sites[0].inFlight == 0 }.sites[0].inFlight == 0)
    }

    @Test func `gives the origin its whole time once it is complete`() throws {
        let street = try Street { $0.limits.originTime = 900 }
        let client = try street.visitor()
        try client.send(
            request("POST /slow/600 HTTP/1.1", "Host: www.example.nl", "Transfer-Encoding: chunked", body: "1\r\nx"))
        pauseThread(2300)
        try client.send("\r\n0\r\n\r\n")
        var reading = client
        #expect(try reading.readResponse().status == 200)
    }

    @Test func `of a known length asks for nothing until its first part is there`() throws {
        let street = try Street()
        let body = String(repeating: "x", count: 100_000)
        let clients = try (0..<40).map { number in
            let client = try street.visitor(from: Address(ipv4: 0x7f00_1701 + UInt32(number) << 8), timeout: 10_000)
            try client.send(
                request(
                    "POST /upload HTTP/1.1", "Host: www.example.nl", "Content-Length: 100000",
                    body: String(body.prefix(4_095))))
            return client
        }
        // What would wait for a slot behind them does not wait.
        for _ in 0..<10 { #expect(try street.get("/fixed/1").status == 200) }
        let site = street.lane.status { $0.sites[0].responses[1] == 10 }.sites[0]
        #expect(site.admitted == 10 && site.waiting == 0 && site.inFlight == 0)
        var reading = clients[7]
        try reading.send(String(body.dropFirst(4_095)))
        let response = try reading.readResponse()
        #expect(response.status == 200 && response.bodyText.hasSuffix(body))
        withExtendedLifetime(clients) {}
    }

    @Test(arguments: [60_000, 100_000])
    func `over HTTP/2 of a known length asks for nothing until its first part is there`(length: Int) throws {
        let street = try Street()
        let body = pattern(length)
        do {
            // More on each than a connection has places for bodies that are awaited whole.
            var clients = try (0..<3 as Range<UInt32>).map {
                try F(to: street.clear, from: Address(ipv4: 0x7f00_1801 + $0 << 8))
            }
            let streams = (0..<25 as Range<UInt32>).map { $0 * 2 + 1 }
            for client in clients {
                for stream in streams {
                    try client.ask(stream, "/upload", method: "POST", [("content-length", "\(length)")], ends: false)
                    try client.content(stream, Array(body[..<4_095]), ends: false)
                }
            }
            #expect(street.lane.status { $0.connections.streams == 75 }.connections.streams == 75)
            for _ in 0..<10 { #expect(try street.get("/fixed/1").status == 200) }
            var site = street.lane.status { $0.sites[0].responses[1] == 10 }.sites[0]
            #expect(site.admitted == 10 && site.waiting == 0 && site.inFlight == 0)
            for stream in [streams[1], streams[24]] {
                for place in stride(from: 4_095, to: length, by: 16_000) {
                    try clients[1].content(stream, Array(body[place..<min(length, place + 16_000)]), ends: false)
                }
                let response = try clients[1].response(stream)
                #expect(response.status == "200" && response.body.suffix(length) == body[...])
            }
            site = street.lane.status { $0.sites[0].responses[1] == 12 && $0.sites[0].inFlight == 0 }.sites[0]
            #expect(site.admitted == 12)
            withExtendedLifetime(clients) {}
        }
        #expect(street.lane.status { $0.sites[0].memory == 0 }.sites[0].memory == 0)
    }

    @Test func `of unknown length gets on after a while, and has no slot for it`() throws {
        // With a slot for each, for as long as other uploads have one, half of them would wait in vain.
        let street = try Street { $0.limits.queueTime = 700 }
        var uploads = try (0..<20).map { number in
            let client = try street.visitor(from: Address(ipv4: 0x7f00_1901 + UInt32(number) << 8), timeout: 10_000)
            try client.send(Self.start)
            return client
        }
        let site = street.lane.status(within: 10_000) { $0.sites[0].admitted == 20 && $0.sites[0].inFlight == 0 }
        #expect(site.sites[0].admitted == 20 && site.sites[0].inFlight == 0)
        for index in uploads.indices {
            try uploads[index].send(Self.end)
            #expect(try uploads[index].readResponse().status == 200)
        }
    }

    @Test func `of unknown length may end behind its first part, with others behind it`() throws {
        let street = try Street()
        var client = try street.visitor()
        try client.send(Self.start)
        pauseThread(50)
        try client.send(Self.end + request("GET /fixed/7 HTTP/1.1", "Host: www.example.nl"))
        #expect(try client.readResponse().bodyText.hasSuffix("slow"))
        #expect(try client.readResponse().body.count == 7)
        // The other one's body is whole, the one behind it not.
        try client.send(Self.start)
        pauseThread(50)
        try client.send(
            Self.end + request("POST /upload HTTP/1.1", "Host: www.example.nl", "Content-Length: 9", body: "not"))
        #expect(try client.readResponse().bodyText.hasSuffix("slow"))
        try client.send(" whole")
        #expect(try client.readResponse().bodyText.hasSuffix("not whole"))
        // What is no chunk asks no origin for anything.
        try client.send(
            request("POST /upload HTTP/1.1", "Host: www.example.nl", "Transfer-Encoding: chunked", body: "4\r\nslo"))
        pauseThread(50)
        try client.send("w\r\nx\r\n")
        #expect(try client.readResponse().status == 400)
        var carried = try F(to: street.clear)
        try carried.ask(1, "/upload", method: "POST", [("trailer", "x-end")], ends: false)
        try carried.content(1, pattern(10), ends: false)
        try carried.send(1, flags: 5, stream: 1, payload: F.block([("x-end", "yes")]))
        let response = try carried.response(1)
        #expect(response.status == "200" && response.body.suffix(10) == pattern(10)[...])
        #expect(street.origin.requests.count == 5)
        #expect(street.lane.status { $0.sites[0].memory == 0 }.sites[0].memory == 0)
    }

    @Test func `of unknown length has the time under pressure that others have`() throws {
        let street = try Street {
            $0.limits.progressTime = 2_000
            $0.limits.progressRate = 10
            $0.limits.queueTime = 60_000
        }
        let others = try press(street)
        var client = try street.visitor(from: Address(ipv4: 0x7f00_1a01), timeout: 10_000)
        try client.send(Self.start)
        var carried = try F(to: street.clear, from: Address(ipv4: 0x7f00_1b01))
        for stream in [1, 3] as [UInt32] {
            try carried.ask(stream, "/upload", method: "POST", ends: false)
            try carried.content(stream, pattern(10), ends: false)
        }
        // Whole: it asks as all do now, and waits.
        try carried.content(3, pattern(10), ends: true)
        let wanted = UInt64(others.count + 1)
        let site = street.lane.status { $0.sites[0].inFlight + $0.sites[0].waiting == wanted }.sites[0]
        #expect(site.inFlight + site.waiting == wanted)
        #expect(try client.readResponse().status == 408)
        #expect(try carried.response(1).status == "408")
        withExtendedLifetime(others) {}
    }

    @Test func `is told to go on without its origin, and asks for nothing until its first part is there`() throws {
        let street = try Street {
            $0.limits.progressTime = 5_000
            $0.limits.progressRate = 10
            $0.limits.queueTime = 60_000
        }
        let others = try press(street)
        let asked = UInt64(others.count)
        var clients = try (0..<8).map { number in
            let client = try street.visitor(from: Address(ipv4: 0x7f00_1c01 + UInt32(number) << 8), timeout: 10_000)
            let length = number % 2 == 0 ? 100 : 100_000
            try client.send(
                request(
                    "POST /upload HTTP/1.1", "Host: www.example.nl", "Content-Length: \(length)", "Expect: 100-continue"
                ))
            return client
        }
        var carried = try F(to: street.clear, from: Address(ipv4: 0x7f00_1d01))
        try carried.ask(
            1, "/upload", method: "POST", [("content-length", "100000"), ("expect", "100-continue")], ends: false)
        for client in clients { #expect(eventually { client.socket.hasBytes }) }
        #expect(try carried.wait { $0.responses[1]?.informational == ["100"] })
        var site = street.lane.status { $0.sites[0].inFlight + $0.sites[0].waiting == asked }.sites[0]
        #expect(site.inFlight + site.waiting == asked)
        // All of a small one, and a large one's first part: they ask as all do now, and wait.
        try clients[0].send(String(repeating: "x", count: 100))
        try clients[1].send(String(repeating: "x", count: 4_096))
        site = street.lane.status { $0.sites[0].inFlight + $0.sites[0].waiting == asked + 2 }.sites[0]
        #expect(site.inFlight + site.waiting == asked + 2)
        // Told once; who says nothing more has his time.
        let last = try clients[7].readResponse()
        #expect(last.informational.map(\.status) == [100] && last.status == 408)
        #expect(try carried.response(1, within: 10_000).status == "408")
        withExtendedLifetime(others) {}
    }

    @Test func `that was told to go on by us is not asked about again`() throws {
        let street = try Street { $0.limits.queueTime = 60_000 }
        let others = try press(street, "/slow/1500")
        var client = try street.visitor(from: Address(ipv4: 0x7f00_1e01), timeout: 60_000)
        try client.send(
            request("POST /upload HTTP/1.1", "Host: www.example.nl", "Content-Length: 5000", "Expect: 100-continue"))
        var carried = try F(to: street.clear, from: Address(ipv4: 0x7f00_1f01))
        for stream in [1, 3, 5] as [UInt32] {
            let length = stream == 1 ? [("content-length", "5000")] : []
            try carried.ask(stream, "/upload", method: "POST", length + [("expect", "100-continue")], ends: false)
        }
        #expect(eventually { client.socket.hasBytes })
        #expect(try carried.wait { client in [1, 3, 5].allSatisfy { client.responses[$0]?.informational == ["100"] } })
        let body = pattern(5_000)
        try client.send(String(repeating: "x", count: 5_000))
        try carried.content(1, body, ends: true)
        try carried.content(3, body, ends: true)
        try carried.content(5, [], ends: true)
        let response = try client.readResponse()
        #expect(response.informational.map(\.status) == [100] && response.status == 200)
        for stream in [1, 3, 5] as [UInt32] {
            let response = try carried.response(stream, within: 60_000)
            #expect(response.informational == ["100"] && response.status == "200")
            #expect(response.body.suffix(stream == 5 ? 0 : 5_000) == body[..<(stream == 5 ? 0 : 5_000)])
        }
        let uploads = street.origin.requests.filter { $0.message.startLine.hasPrefix("POST") }
        #expect(uploads.count == 4 && uploads.allSatisfy { $0.message["expect"] == nil })
        withExtendedLifetime(others) {}
    }

    @Test func `that does not wait to be told to go on is as others`() throws {
        let street = try Street()
        var client = try street.visitor()
        for length in [4, 100_000] {
            let body = String(repeating: "x", count: length)
            try client.send(
                request(
                    "POST /upload HTTP/1.1", "Host: www.example.nl", "Content-Length: \(length)",
                    "Expect: 100-continue",
                    body: String(body.prefix(2))))
            pauseThread(100)
            #expect(!client.socket.hasBytes)
            try client.send(String(body.dropFirst(2)))
            let response = try client.readResponse()
            #expect(response.informational.isEmpty && response.status == 200 && response.bodyText.hasSuffix(body))
            #expect(street.seen?["expect"] == nil)
        }
    }

    @Test func `stays whole over a reload and a drain, in clear and over TLS, with several workers`() throws {
        let street = try Street(workers: 2, certificates: try Street.Certificates())
        let body = [UInt8](repeating: UInt8(ascii: "x"), count: 99_999) + [UInt8(ascii: "y")]
        // Awaited whole, its first part, and for a second.
        let fields = ["Content-Length: 20000", "Content-Length: 100000", "Transfer-Encoding: chunked"]
        var clear = try (0..<12).map { _ in try street.visitor(timeout: 20_000) }
        let visitor = TLSVisitor(to: street.tls)
        let sealed = try (0..<12).map { _ in try #require(visitor.connect()) }
        func send(_ number: Int, _ text: some Sequence<UInt8>) throws {
            guard number >= clear.count else {
                return try clear[number].send(String(decoding: Array(text), as: UTF8.self))
            }
            #expect(sealed[number - clear.count].send(Array(text)))
        }
        for number in 0..<24 {
            let host = number < clear.count ? Street.host : "veilig.example.nl"
            let begin = number % 3 == 2 ? "186A0\r\n" : ""
            try send(
                number,
                Array(request("POST /upload HTTP/1.1", "Host: \(host)", fields[number % 3], body: begin).utf8)
                    + body[..<999])
        }
        #expect(street.lane.status { $0.sites[0].memory > 0 && $0.sites[1].memory > 0 }.sites[1].memory > 0)
        var next = street.lane.snapshot
        next.generation = 2
        try street.lane.reload(next)
        for number in 0..<24 { try send(number, body[999..<2_000]) }
        try street.lane.drain()
        for number in 0..<24 {
            let length = number % 3 == 0 ? 20_000 : 100_000
            try send(number, body[(2_000 + 100_000 - length)...] + Array((number % 3 == 2 ? "\r\n0\r\n\r\n" : "").utf8))
        }
        for number in 0..<24 {
            var answer: [UInt8] = []
            if number < clear.count {
                answer = try clear[number].readAll()
            } else {
                while case let piece = sealed[number - clear.count].receive(), !piece.isEmpty { answer += piece }
            }
            let length = number % 3 == 0 ? 20_000 : 100_000
            let whole = body[..<2_000] + body[(2_000 + 100_000 - length)...]
            #expect(answer.starts(with: "HTTP/1.1 200".utf8) && answer.suffix(length) == whole, "\(number)")
        }
        #expect(street.origin.requests.count == 24)
        #expect(street.lane.child.wait() == 0)
    }

    @Test func `is one of a share that a source may have`() throws {
        // All are let through to the origin, so that the slots do not bound them.
        let street = try Street { $0.sites[0].mode = .observe }
        let clients = try (0..<48).map { _ in
            let client = try street.visitor(from: Address(ipv4: 0x7f00_1501))
            try client.send(Self.start)
            return client
        }
        pauseThread(2500)
        let told = clients.count { $0.socket.hasBytes }
        #expect((12...24).contains(told), "\(told) were told")
        let other = try street.visitor(from: Address(ipv4: 0x7f00_1601))
        try other.send(Self.start)
        pauseThread(1600)
        try other.send(Self.end)
        var reading = other
        #expect(try reading.readResponse().status == 200)
        var first = try #require(clients.first { $0.socket.hasBytes })
        #expect(try first.readResponse().status == 408)
    }
}

extension SiteStatus {
    /// Over all classes.
    var admitted: UInt64 { classes.reduce(0) { $0 + $1.admitted } }
}
