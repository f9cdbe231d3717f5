import Addresses
import Messages
import TestKit
import Testing

/// A lane whose connections are nearly all taken, over real sockets: by a site's that rest, and by some that say nothing.
@Suite struct `Connections that say nothing` {
    private static func source(_ number: Int) -> Address { Address(ipv4: 0x7f20_0101 + UInt32(number) << 16) }

    @Test func `take the place of ones that rest, not of visitors`() throws {
        let street = try Street { $0.limits.connections = 200 }
        func visit(_ number: Int) throws -> (client: RawClient, status: Int) {
            var client = try RawClient(to: street.clear, from: Self.source(number), timeout: 10_000)
            try client.send(request("GET / HTTP/1.1", "Host: www.example.nl"))
            return (client, try client.readResponse().status)
        }
        var resting: [RawClient] = []
        for number in 0..<170 {
            let visitor = try visit(number)
            #expect(visitor.status == 200)
            resting.append(visitor.client)
        }
        // Each of them takes from what the site may hold several times what a visitor's own search for a place gives back.
        var silent: [RawClient] = []
        for round in 0..<10 {
            for _ in 0..<4 {
                silent.append(try RawClient(to: street.clear, from: Self.source(180 + silent.count), timeout: 10_000))
            }
            let visitor = try visit(170 + round)
            #expect(visitor.status == 200)
            resting.append(visitor.client)
        }
        let status = street.lane.status { $0.connections.accepted >= 220 }
        #expect(status.sites[0].budgetClosed == 0 && status.connections.refused == 0)
        #expect(status.connections.closedForOthers > 0)
        withExtendedLifetime((resting, silent)) {}
    }

    @Test func `that stopped in their handshake go before those who are about to ask`() throws {
        let street = try Street(certificates: Street.Certificates()) { $0.limits.connections = 200 }
        var stopped: [RawClient] = []
        for number in 0..<170 {
            stopped.append(try RawClient(to: street.tls, from: Self.source(number), timeout: 10_000))
            try stopped[number].send(TLSVisitor.hello())
        }
        pauseThread(1_500)
        let visitors = (0..<40).map { TLSVisitor(to: street.tls, from: Self.source(180 + $0)) }
        let connections = visitors.map { $0.connect() }
        let asked = request("GET /fixed/3 HTTP/1.1", "Host: veilig.example.nl", "Connection: close")
        for connection in connections {
            #expect(connection?.send(Array(asked.utf8)) == true)
            #expect(connection?.receive().starts(with: Array("HTTP/1.1 200 ".utf8)) == true)
        }
        #expect(street.lane.status { $0.connections.closedForOthers > 0 }.connections.closedForOthers > 0)
        withExtendedLifetime(stopped) {}
    }
}
