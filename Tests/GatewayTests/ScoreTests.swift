import Addresses
import Messages
import TestKit
import Testing

/// The lane shows admission what requests are like. Sources come by the PROXY protocol, so that nobody is known and none
/// asks much.
@Suite struct `Under a flood of many sources` {
    private static let browser = [
        "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
        "Accept: text/html,application/xhtml+xml", "Accept-Language: nl,en;q=0.5", "Accept-Encoding: gzip, br",
    ]

    private static func client(_ street: Street, _ source: String) throws -> RawClient {
        let client = try RawClient(to: street.behind)
        try client.send("PROXY TCP4 \(source) 198.51.100.1 49152 80\r\n")
        return client
    }

    @Test func `requests unlike the visitors' are suspect, a new visitor is served`() throws {
        let street = try Street { $0.limits.queueLength = 64 }
        // Calm: a slice of five seconds is learnt when the one after it has ended.
        let clock = ContinuousClock()
        let start = clock.now
        var number = 0
        while start.duration(to: clock.now) < .seconds(17) {
            var clients: [RawClient] = []
            for _ in 0..<4 {
                number += 1
                let client = try Self.client(street, "192.0.2.\(number % 200)")
                try client.send(
                    (["GET /slow/4\(number % 10) HTTP/1.1", "Host: \(Street.host)"] + Self.browser + ["", ""])
                        .joined(separator: "\r\n"))
                clients.append(client)
            }
            for var client in clients { #expect(try client.readResponse().status == 200) }
        }
        #expect(street.lane.status { _ in true }.sites[0].unlike == 0)
        let flood = try Self.flood(street)
        let suspects = street.lane.status { $0.sites[0].unlike > 100 }.sites[0]
        #expect(suspects.unlike > 100)
        #expect(suspects.isUnderPressure)
        // Somebody new, with a browser, while the flood waits.
        var visitor = try Self.client(street, "198.18.0.7")
        #expect(try visitor.get("/fixed/3", host: Street.host, fields: Self.browser).status == 200)

        // The lane ends in the middle of it; the next one goes on with what it knew.
        try street.lane.drain()
        #expect(eventually { !street.lane.learnt.isEmpty })
        for client in flood { client.socket.end() }
        let next = try Street { $0.limits.queueLength = 64 }
        try next.lane.teach(try #require(street.lane.learnt.first))
        #expect(eventually { next.lane.lines.contains { $0.contains("goes on from what was learnt before") } })
        let others = try Self.flood(next)
        #expect(next.lane.status { $0.sites[0].unlike > 100 }.sites[0].unlike > 100)
        for client in others { client.socket.end() }
    }

    /// Eight hundred sources that ask for random words, once each.
    private static func flood(_ street: Street) throws -> [RawClient] {
        var flood: [RawClient] = []
        for number in 0..<8 {
            for place in 0..<100 {
                let client = try Self.client(street, "203.0.\(number).\(place)")
                try client.send(
                    request(
                        "GET /slow/40?q=x\(number)Y\(place * 7919)z HTTP/1.1", "Host: \(Street.host)", "Accept: */*",
                        "User-Agent: flood/1.0"))
                flood.append(client)
            }
            pauseThread(300)
        }
        return flood
    }
}
