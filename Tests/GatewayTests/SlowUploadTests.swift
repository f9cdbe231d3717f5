import Addresses
import Messages
import TestKit
import Testing

/// Requests whose bodies trickle in and are too long, or of unknown length, to be gathered first.
@Suite struct `A slow upload` {
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
        #expect(street.lane.status { $0.sites[0].inFlight == 1 }.sites[0].inFlight == 1)
        #expect(street.lane.status { $0.sites[0].inFlight == 0 }.sites[0].inFlight == 0)
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
