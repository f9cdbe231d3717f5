import Addresses
import Messages
import TestKit
import Testing

/// Visitors who ask and go away: the origin does not know, and works on.
@Suite struct `A request that its visitor abandons` {
    /// Asks, and breaks the connection off as soon as the request must have been read.
    private func askAndReset(_ path: String, _ street: Street, from source: Address) throws {
        let client = try street.visitor(from: source)
        try client.send(request("GET \(path) HTTP/1.1", "Host: www.example.nl"))
        pauseThread(15)
        client.socket.resetOnClose()
    }

    @Test func `counts at the origin until that has answered it`() throws {
        let street = try Street()
        for number in 0..<40 {
            try askAndReset("/slow/2000", street, from: Address(ipv4: 0x7f00_1e01 + UInt32(number) % 8))
        }
        // As many as the limit allows at first, and not one for each that was broken off.
        #expect((5...12).contains(street.origin.open), "\(street.origin.open) at the origin")
        #expect(street.origin.requests.count == street.origin.open)
        let busy = street.lane.status { $0.sites[0].inFlight >= 5 }.sites[0]
        #expect((5...12).contains(busy.inFlight))
        // And all is given back.
        #expect(street.lane.status(within: 6000) { $0.sites[0].inFlight == 0 }.sites[0].inFlight == 0)
        #expect(try street.get("/fixed/1").status == 200)
        #expect(street.lane.status { $0.sites[0].inFlight == 0 }.sites[0].inFlight == 0)
        // The connection for the next request is all that stays.
        #expect(eventually { street.origin.open <= 1 })
    }

    @Test(arguments: ["/hang", "/slow/200", "/drop"])
    func `gives its slot back, however the origin goes on`(path: String) throws {
        let street = try Street { $0.limits.originTime = 600 }
        street.origin.answer("/drop", with: [.pause(milliseconds: 300), .reset])
        for _ in 0..<3 { try askAndReset(path, street, from: Address(ipv4: 0x7f00_2801)) }
        #expect(eventually { street.origin.requests.count == 3 })
        #expect(eventually { street.origin.open == 0 })
        #expect(street.lane.status { $0.sites[0].inFlight == 0 && $0.generation == 1 }.sites[0].inFlight == 0)
        #expect(try street.get("/fixed/1").status == 200)
    }

    @Test func `lets a drain end`() throws {
        let street = try Street()
        try askAndReset("/slow/1000", street, from: Street.local)
        #expect(eventually { street.origin.requests.count == 1 })
        try street.lane.drain()
        #expect(street.lane.child.wait() == 0)
    }
}
