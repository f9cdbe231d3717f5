import Addresses
import Messages
import TestKit
import Testing

/// What an organisation may have at most, over real sockets: it stays within, and its neighbour notices nothing.
@Suite struct `An organisation at its cap` {
    private static let hosts = ["een.example.nl", "twee.example.nl", "buur.example.nl"]

    /// Two sites of an organisation with caps, and one of another without.
    private static func street(
        workers: Int = 1, _ change: @escaping (inout Snapshot.Site) -> Void
    ) throws -> Street {
        try Street(workers: workers) { snapshot in
            let origin = snapshot.sites[0].origins[0].endpoint
            snapshot.sites = hosts.enumerated().map { number, host in
                var site = Street.site("site\(number)", [host], origin)
                site.organisation = number < 2 ? "a" : "b"
                if number < 2 { change(&site) }
                return site
            }
            snapshot.limits.queueLength = 64
            snapshot.limits.queueTime = 30_000
        }
    }

    /// A visitor, in a network of his own by number.
    private static func client(_ street: Street, _ number: UInt32) throws -> RawClient {
        try RawClient(to: street.clear, from: Address(ipv4: 0x7f20_0101 + number << 16), timeout: 30_000)
    }

    /// Requests for a site, each from a network of its own.
    private static func ask(_ street: Street, _ site: Int, _ path: String, _ count: Int, from first: Int = 0) throws
        -> [RawClient]
    {
        try (0..<count).map { number in
            let client = try Self.client(street, UInt32(first + number))
            try client.send(request("GET \(path) HTTP/1.1", "Host: \(hosts[site])"))
            return client
        }
    }

    @Test func `of connections turns its own away, or closes one of its own that rests`() throws {
        let street = try Self.street { $0.caps.connections = 4 }
        var busy = try Self.ask(street, 0, "/slow/4000", 4)
        #expect(street.lane.status { $0.sites[0].connections == 4 }.sites[0].connections == 4)
        // All four work: the fifth is one too many, at whichever of its sites.
        for site in 0..<2 {
            let more = try Self.ask(street, site, "/", 1, from: 10 + site)[0]
            #expect(more.isClosed(within: 3_000))
        }
        var neighbours = try Self.ask(street, 2, "/", 20, from: 20)
        for index in neighbours.indices { #expect(try neighbours[index].readResponse().status == 200) }
        var status = street.lane.status { $0.sites[2].connections == 20 && $0.sites[1].capClosed == 1 }
        #expect(status.sites.map(\.connections) == [4, 0, 20])
        #expect(status.sites.map(\.capClosed) == [1, 1, 0] && status.sites.allSatisfy { $0.budgetClosed == 0 })
        // Those that rest make way.
        for index in busy.indices { #expect(try busy[index].readResponse().status == 200) }
        var fresh = try Self.ask(street, 1, "/", 3, from: 40)
        for index in fresh.indices { #expect(try fresh[index].readResponse().status == 200) }
        #expect(busy.count { $0.isClosed(within: 500) } == 3)
        status = street.lane.status { $0.sites[1].connections == 3 }
        #expect(status.sites.map(\.connections) == [1, 3, 20] && status.sites.map(\.capClosed) == [1, 1, 0])
        withExtendedLifetime((busy, neighbours, fresh)) {}
    }

    @Test(arguments: [1, 3]) func `of its queue leaves each of its sites a part, and its neighbour all`(
        workers: Int
    ) throws {
        let street = try Self.street(workers: workers) { $0.caps.queue = 8 }
        // Ten places a site, and who waits for them: six here, for two are kept for the other site.
        let first = try Self.ask(street, 0, "/slow/15000", 30)
        var status = street.lane.status(within: 10_000) { $0.sites[0].capRefused == 14 }
        #expect(status.sites[0].inFlight == 10 && status.sites[0].waiting == 6 && status.sites[0].capRefused == 14)
        let second = try Self.ask(street, 1, "/slow/15000", 20, from: 40)
        status = street.lane.status(within: 10_000) { $0.sites[1].capRefused == 8 }
        #expect(status.sites[1].inFlight == 10 && status.sites[1].waiting == 2 && status.sites[1].capRefused == 8)
        #expect(status.sites[0].waiting + status.sites[1].waiting == 8)
        let neighbours = try Self.ask(street, 2, "/slow/15000", 40, from: 70)
        status = street.lane.status(within: 10_000) { $0.sites[2].waiting == 30 }
        #expect(status.sites[2].waiting == 30 && status.sites[2].capRefused == 0)
        #expect(status.sites[2].classes.reduce(0) { $0 + $1.refused } == 0)
        withExtendedLifetime((first, second, neighbours)) {}
    }

    private static func upload(_ count: Int, to site: Int = 0) -> String {
        request("POST /fixed/10 HTTP/1.1", "Host: \(hosts[site])", "Content-Length: \(count)")
    }

    @Test func `of memory gathers no more bodies, and still takes requests`() throws {
        let upload = Self.upload(30_000)
        let body = [UInt8](repeating: 0x78, count: 30_000)
        let held = UInt64(4 * (upload.utf8.count + body.count))
        // What is not heads' alone has room for four of these, and not for the first part of another.
        let street = try Self.street { $0.caps.memory = (held + 1_000) * 4 / 3 }
        var uploads = try (0..<4).map { try Self.client(street, $0) }
        for client in uploads { try client.send(upload) }
        #expect(street.lane.status { $0.sites[0].memory == held }.sites[0].memory == held)
        let fifth = try Self.client(street, 10)
        try fifth.send(upload)
        // It is with the origin already; its neighbour's is gathered.
        #expect(street.lane.status { $0.sites[0].admitted == 1 }.sites[0].admitted == 1)
        let neighbour = try Self.client(street, 11)
        try neighbour.send(Self.upload(30_000, to: 2))
        let gathered = street.lane.status { $0.sites[2].memory > 30_000 }.sites[2]
        #expect(gathered.memory > 30_000 && gathered.admitted == 0)
        for site in 0..<2 {
            var more = try Self.client(street, UInt32(20 + site))
            #expect(try more.get("/fixed/10", host: Self.hosts[site]).status == 200)
        }
        uploads += [fifth, neighbour]
        for index in uploads.indices {
            try uploads[index].send(body)
            #expect(try uploads[index].readResponse().status == 200)
        }
        let status = street.lane.status { $0.sites.allSatisfy { $0.memory == 0 } }
        #expect(status.sites.allSatisfy { $0.memory == 0 && $0.capRefused == 0 && $0.budgetRefused == 0 })
    }

    @Test func `of memory takes no more requests until some are answered`() throws {
        // A head is 49 bytes: six have a place.
        let street = try Self.street { $0.caps.memory = 300 }
        var waiting = try Self.ask(street, 0, "/slow/4000", 20)
        let site = street.lane.status { $0.sites[0].capRefused == 14 && $0.sites[0].inFlight == 6 }.sites[0]
        #expect(site.capRefused == 14 && site.inFlight == 6 && site.memory <= 300, "\(site.memory) bytes held")
        // At its other site too, and not at its neighbour: this head has no place in 300 bytes whatever else is there.
        let length = String(repeating: "0", count: 300) + "10"
        for (site, expected) in [(1, 503), (2, 200)] {
            var more = try Self.client(street, UInt32(40 + site))
            #expect(try more.get("/fixed/" + length, host: Self.hosts[site]).status == expected)
        }
        var statuses = [Int]()
        for index in waiting.indices { statuses.append(try waiting[index].readResponse().status) }
        #expect(statuses.count { $0 == 503 } == 14 && statuses.count { $0 == 200 } == 6)
        var late = try Self.client(street, 50)
        #expect(try late.get("/fixed/10", host: Self.hosts[1]).status == 200)
    }

    @Test func `of memory lets slow readers hold back their origin, and each gets all in the end`() throws {
        let street = try Self.street { $0.caps.memory = 512 << 10 }
        // Less than a segment over loopback, and a window would open by probes only.
        street.lane.setSendBuffer(128 << 10)
        var readers = try (0..<6 as Range<UInt32>).map { number in
            let client = try Self.client(street, number)
            client.socket.setReceiveBuffer(128 << 10)
            try client.send(request("GET /fixed/2000000 HTTP/1.1", "Host: \(Self.hosts[0])"))
            return client
        }
        _ = street.lane.status { $0.sites[0].memory > 256 << 10 }
        pauseThread(1_000)
        // Each holds one piece more than three quarters at most; without a cap it would be 256 KiB each.
        let held = try #require(street.lane.status { _ in true }.sites.first).memory
        #expect((256 << 10...(384 + 6 * 64) << 10).contains(held), "\(held)")
        for index in readers.indices { #expect(try readers[index].readResponse().body.count == 2_000_000) }
        #expect(street.lane.status { $0.sites[0].memory == 0 }.sites[0].memory == 0)
    }

    @Test func `of memory refuses HTTP/2 uploads that wait, and no other`() throws {
        let street = try Self.street { $0.caps.memory = 64 << 10 }
        let piece = [UInt8](repeating: 0x78, count: 16_000)
        // All of the origin's places are taken: what comes now waits.
        var slow = try Self.ask(street, 0, "/slow/4000", 10, from: 1)
        #expect(street.lane.status { $0.sites[0].inFlight == 10 }.sites[0].inFlight == 10)
        var client = try FrameClient(to: street.clear, from: Address(ipv4: 0x7f20_0101))
        try client.ask(1, "/fixed/10", method: "POST", host: Self.hosts[0], ends: false)
        for _ in 0..<3 { try client.content(1, piece, ends: false) }
        #expect(street.lane.status { $0.sites[0].memory > 48_000 }.sites[0].waiting == 1)
        for _ in 0..<2 { try client.content(1, piece, ends: false) }
        #expect(try client.response(1).status == "503")
        for index in slow.indices { #expect(try slow[index].readResponse().status == 200) }
        // What an origin has begun to take goes on, though slow readers fill all of the cap meanwhile.
        try client.ask(3, "/fixed/10", method: "POST", host: Self.hosts[0], ends: false)
        #expect(street.lane.status { $0.sites[0].admitted == 11 }.sites[0].admitted == 11)
        street.lane.setSendBuffer(128 << 10)
        var readers = try (20..<28 as Range<UInt32>).map { try Self.client(street, $0) }
        for reader in readers {
            reader.socket.setReceiveBuffer(128 << 10)
            try reader.send(request("GET /fixed/2000000 HTTP/1.1", "Host: \(Self.hosts[0])"))
        }
        // How much each holds is the kernel's matter: where it is too little, others come too.
        for number in 28..<40 as Range<UInt32>
        where street.lane.status(within: 1_000, when: { $0.sites[0].memory > 64 << 10 }).sites[0].memory <= 64 << 10 {
            readers.append(try Self.client(street, number))
            try readers.last?.send(request("GET /fixed/2000000 HTTP/1.1", "Host: \(Self.hosts[0])"))
        }
        #expect(street.lane.status { $0.sites[0].memory > 64 << 10 }.sites[0].memory > 64 << 10)
        for number in 0..<30 {
            try client.content(3, piece, ends: number == 29)
            #expect(try client.ping())
        }
        #expect(try client.response(3).status == "200")
        // Who of them asked when the others had filled it was refused, as he should be.
        let answers = try readers.indices.map { try readers[$0].readResponse() }
        let refusedReaders = answers.count { $0.status == 503 }
        #expect(answers.allSatisfy { $0.status == 503 || $0.body.count == 2_000_000 } && refusedReaders < 8)
        let status = street.lane.status { $0.sites[0].memory == 0 && $0.sites[0].inFlight == 0 }
        #expect(status.sites[0].memory == 0 && status.sites[0].capRefused == 1 + UInt64(refusedReaders))
    }

    @Test func `who leaves in the middle of a body gives its places back`() throws {
        let street = try Self.street { _ in }
        do {
            let visitors = try (0..<3 as Range<UInt32>).map { try Self.client(street, $0) }
            for visitor in visitors { try visitor.send(Self.upload(30_000) + "some of it") }
            let carried = try FrameClient(to: street.clear, from: Address(ipv4: 0x7f20_0101))
            for stream in [1, 3] as [UInt32] {
                let length = [("content-length", "30000")]
                try carried.ask(stream, "/fixed/10", method: "POST", host: Self.hosts[0], length, ends: false)
            }
            #expect(street.lane.status { $0.sites[0].memory > 150_000 }.sites[0].memory > 150_000)
            // One of its own, the others with their connections.
            try carried.send(3, stream: 1, payload: FrameClient.bytes(8))
            #expect(street.lane.status { $0.sites[0].memory < 125_000 }.sites[0].memory > 120_000)
            withExtendedLifetime((visitors, carried)) {}
        }
        #expect(street.lane.status { $0.sites[0].memory == 0 }.sites[0].memory == 0)
    }

    @Test func `the books of memory hold each body once, until its origin has it`() throws {
        let street = try Self.street { _ in }
        // Gathered over HTTP/2: places for all of it, whatever came.
        let client = try FrameClient(to: street.clear, from: Address(ipv4: 0x7f20_0101))
        for stream in [1, 3] as [UInt32] {
            try client.ask(
                stream, "/fixed/10", method: "POST", host: Self.hosts[1], [("content-length", "30000")], ends: false)
            try client.content(stream, [UInt8](repeating: 0x78, count: 16_000), ends: false)
        }
        var memory = street.lane.status { $0.sites[1].memory > 60_000 }.sites[1].memory
        #expect((60_000...61_000).contains(memory), "\(memory)")
        for stream in [1, 3] as [UInt32] {
            try client.content(stream, [UInt8](repeating: 0x78, count: 14_000), ends: true)
        }
        #expect(street.lane.status { $0.sites[1].admitted == 2 && $0.sites[1].memory == 0 }.sites[1].memory == 0)
        // Whole bodies that wait for their turn, over HTTP/1.
        var slow = try Self.ask(street, 0, "/slow/4000", 10, from: 1)
        #expect(street.lane.status { $0.sites[0].inFlight == 10 }.sites[0].inFlight == 10)
        var waiting = try (20..<22 as Range<UInt32>).map { try Self.client(street, $0) }
        for visitor in waiting { try visitor.send(Self.upload(30_000) + String(repeating: "x", count: 30_000)) }
        memory = street.lane.status { $0.sites[0].waiting == 2 && $0.sites[0].memory > 60_000 }.sites[0].memory
        #expect((60_000...62_000).contains(memory), "\(memory)")
        for index in slow.indices { #expect(try slow[index].readResponse().status == 200) }
        for index in waiting.indices { #expect(try waiting[index].readResponse().status == 200) }
        #expect(street.lane.status { $0.sites[0].memory == 0 }.sites[0].memory == 0)
    }

    @Test func `of time refuses its own, and nobody once it is quiet again`() throws {
        let street = try Self.street { $0.caps.processor = 5 }
        var (client, neighbour) = (try Self.client(street, 0), try Self.client(street, 1))
        var (asked, refused) = (0, 0)
        while refused < 100, asked < 200_000 {
            // Another one each time: what is kept of one that was asked for would be shown.
            if try client.get("/fixed/\(1_000 + asked % 10_000)", host: Self.hosts[0]).status == 503 { refused += 1 }
            asked += 1
            guard asked % 100 == 0 else { continue }
            #expect(try neighbour.get("/fixed/1000", host: Self.hosts[2]).status == 200)
        }
        #expect(refused == 100)
        let status = street.lane.status { $0.sites[0].capRefused + $0.sites[0].budgetRefused == 100 }
        #expect(status.sites[0].capRefused > 50)
        #expect(status.sites[1...].allSatisfy { $0.capRefused == 0 && $0.budgetRefused == 0 })
        // With a request now and then it is far below its cap.
        var last = [UInt16]()
        for _ in 0..<200 where last.suffix(20) != [UInt16](repeating: 200, count: 20)[...] {
            pauseThread(50)
            last.append(UInt16(try client.get("/fixed/\(20_000 + last.count)", host: Self.hosts[0]).status))
        }
        #expect(last.suffix(20).allSatisfy { $0 == 200 })
    }

    @Test func `comes and goes with a reload`() throws {
        let street = try Self.street { $0.caps.connections = 4 }
        var snapshot = street.lane.snapshot
        snapshot.generation += 1
        for index in snapshot.sites.indices { snapshot.sites[index].caps.connections = nil }
        try street.lane.reload(snapshot)
        var all = try Self.ask(street, 0, "/slow/1000", 8)
        for index in all.indices { #expect(try all[index].readResponse().status == 200) }
        snapshot.generation += 1
        for index in 0..<2 { snapshot.sites[index].caps.connections = 4 }
        try street.lane.reload(snapshot)
        // Who is there already stays; each that comes takes the place of one that rests.
        var fresh = try Self.ask(street, 1, "/", 1, from: 20)
        #expect(try fresh[0].readResponse().status == 200)
        #expect(street.lane.status { $0.sites[0].connections == 7 }.sites[0].connections == 7)
        withExtendedLifetime((all, fresh)) {}
    }
}
