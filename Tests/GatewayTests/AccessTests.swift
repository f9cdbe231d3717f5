import Addresses
import Glibc
import Messages
import TestKit
import Testing

/// Who passes a flood, and who is turned away, over real sockets.
@Suite struct AccessTests {
    private static func prefix(_ text: String) throws -> Prefix { try #require(Prefix(text)) }
    private static let agent = "User-Agent: Mozilla/5.0 (compatible; ZoekBot/2.1; +http://zoek.example/bot)"

    /// One request over a connection of its own; nil: no answer.
    private static func ask(
        _ street: Street, from source: String, _ path: String = "/nieuws", _ fields: String...,
        to endpoint: Endpoint? = nil, preface: String = ""
    ) throws -> HTTPMessage? {
        let from: Address = try #require(Address(source))
        let client = try RawClient(to: endpoint ?? street.clear, from: from)
        var reading = client
        let lines = ["GET \(path) HTTP/1.1", "Host: \(Street.host)", "Connection: close"] + fields
        try client.send(preface + lines.map { $0 + "\r\n" }.joined() + "\r\n")
        return try? reading.readResponse()
    }

    /// The origin holds all it can, and all places in the queue are taken.
    private func full(_ street: Street) throws -> [RawClient] {
        var waiting: [RawClient] = []
        for number in 0..<40 {
            let client = try street.visitor(from: Address(ipv4: 127 << 24 | 2 << 16 | UInt32(number) << 8 | 1))
            try client.send(request("GET /hang HTTP/1.1", "Host: \(Street.host)"))
            waiting.append(client)
        }
        guard eventually({ street.lane.status { _ in true }.sites.first?.isUnderPressure == true }) else {
            throw TestKitError.timedOut("the pressure")
        }
        return waiting
    }

    private static func flooded(_ change: @escaping (inout Snapshot) throws -> Void = { _ in }) throws -> Street {
        try Street {
            $0.limits.queueLength = 4
            $0.limits.queueTime = 60_000
            $0.sites[0].allow = [try prefix("127.9.9.0/24")]
            $0.sites[0].deny = [try prefix("127.9.0.0/16"), try prefix("127.9.9.66/32")]
            try change(&$0)
        }
    }

    @Test func `an allowed source passes a flood, a denied one gets 403, a stranger waits his turn`() throws {
        let street = try Self.flooded()
        let waiting = try full(street)
        #expect(try Self.ask(street, from: "127.9.9.9")?.status == 200)
        #expect(try Self.ask(street, from: "127.9.8.9")?.status == 403)
        // The longest block counts.
        #expect(try Self.ask(street, from: "127.9.9.66")?.status == 403)
        // It takes the place of one who waits, or is refused; it is not served what nobody had before.
        var stranger = try street.visitor(from: Address(ipv4: 127 << 24 | 8 << 16 | 1), timeout: 500)
        try stranger.send(request("GET /agenda HTTP/1.1", "Host: \(Street.host)"))
        #expect((try? stranger.readResponse())?.status != 200)
        let page = try Self.ask(street, from: "127.9.9.66", "/", "Accept: text/html", "Accept-Language: en")
        #expect(
            page?.status == 403 && page.map { String(decoding: $0.body, as: UTF8.self) }?.contains("No access") == true)
        let access = street.lane.status { $0.sites[0].access.denied == 3 }.sites[0].access
        #expect(access.allowed == 1 && access.denied == 3 && access.probes == 0)
        #expect(street.origin.requests.count { $0.message.target == "/nieuws" } == 1)
        #expect(!street.origin.requests.contains { $0.message.target == "/agenda" })
        withExtendedLifetime(waiting) {}
    }

    @Test func `an allowed source is never said to be hostile, whatever it asks for`() throws {
        let street = try Self.flooded()
        let waiting = try full(street)
        let source: Address = try #require(Address("127.9.9.9"))
        for _ in 0..<60 {
            // It holds what it may; what is over that waits, and is left.
            _ = try? RawClient(to: street.clear, from: source).send(
                request("GET /hang HTTP/1.1", "Host: \(Street.host)", "Connection: close"))
            pauseThread(60)
        }
        #expect(street.lane.status { $0.sites[0].access.allowed >= 60 }.sites[0].access.allowed >= 60)
        #expect(street.lane.proven.sources.isEmpty && street.lane.proven.spared == 0)
        withExtendedLifetime(waiting) {}
    }

    @Test func `what is said by hand holds at once, goes before the configuration, and ends by itself`() throws {
        let street = try Self.flooded()
        #expect(try Self.ask(street, from: "127.8.0.1")?.status == 200)
        let now = UInt64(time(nil))
        let entry = AccessList.Entry(.deny, try Self.prefix("127.8.0.1/32"), site: "www", until: now + 4)
        let other = AccessList.Entry(.deny, try Self.prefix("127.8.0.0/16"), site: "ook", until: now + 600)
        let again = AccessList.Entry(.allow, try Self.prefix("127.9.9.66/32"), site: "www", until: now + 600)
        let all = AccessList.Entry(.deny, try Self.prefix("127.7.0.0/16"), site: "", until: now + 600)
        try street.lane.tell(AccessList([entry, other, again, all]))
        #expect(eventually { (try? Self.ask(street, from: "127.8.0.1"))??.status == 403 })
        // Another site's order is not this one's; everyone's is.
        #expect(try Self.ask(street, from: "127.8.0.2")?.status == 200)
        #expect(try Self.ask(street, from: "127.7.0.2")?.status == 403)
        #expect(try Self.ask(street, from: "127.9.9.66")?.status == 200)
        // A new snapshot keeps them.
        var next = street.lane.snapshot
        next.generation += 1
        try street.lane.reload(next)
        #expect(try Self.ask(street, from: "127.7.0.2")?.status == 403)
        // The office is gone: its time is over all the same.
        street.lane.closeOffice()
        #expect(eventually { (try? Self.ask(street, from: "127.8.0.1"))??.status == 200 })
        #expect(UInt64(time(nil)) >= now + 4)
        #expect(try Self.ask(street, from: "127.7.0.2")?.status == 403)
    }

    @Test func `behind a load balancer the visitor's own address counts`() throws {
        let street = try Self.flooded()
        let now = UInt64(time(nil))
        try street.lane.tell(
            AccessList([.init(.deny, try Self.prefix("192.0.2.7/32"), site: "", until: now + 600)]))
        func status(_ visitor: String) throws -> Int? {
            try Self.ask(
                street, from: "127.0.0.1", to: street.behind,
                preface: "PROXY TCP4 \(visitor) 198.51.100.1 49152 80\r\n")?.status
        }
        #expect(eventually { (try? status("192.0.2.7")) == 403 })
        #expect(try status("192.0.2.8") == 200)
    }

    @Test func `a crawler is asked for once, passes once it is proven, and is suspect where it is not`() throws {
        let street = try Self.flooded {
            var named = Snapshot.Bot(name: "zoek", agent: "zoekbot")
            named.hasDomains = true
            $0.bots = [Snapshot.Bot(name: "ander", agent: "anderbot"), named]
        }
        for _ in 0..<5 {
            #expect(try Self.ask(street, from: "127.5.0.1", "/nieuws", Self.agent)?.status == 200)
            #expect(try Self.ask(street, from: "127.5.0.2", "/nieuws", Self.agent)?.status == 200)
            // Nothing can prove this one, and nothing speaks against it; this one says nothing.
            #expect(try Self.ask(street, from: "127.5.0.3", "/nieuws", "User-Agent: AnderBot")?.status == 200)
            #expect(try Self.ask(street, from: "127.5.0.4", "/nieuws", "User-Agent: Mozilla/5.0")?.status == 200)
        }
        let (one, other) = (try #require(Address("127.5.0.1")), try #require(Address("127.5.0.2")))
        #expect(eventually { street.lane.claims.count == 2 })
        #expect(Set(street.lane.claims) == [.init(one, bot: "zoek"), .init(other, bot: "zoek")])
        let until = UInt64(time(nil)) + 600
        try street.lane.tell(
            BotVerdicts([
                .init(.init(one, bot: "zoek"), isTrue: true, until: until),
                .init(.init(other, bot: "zoek"), isTrue: false, until: until),
            ]))
        #expect(
            eventually {
                _ = try? Self.ask(street, from: "127.5.0.1", "/nieuws", Self.agent)
                return street.lane.status { _ in true }.sites[0].access.bots > 0
            })
        let waiting = try full(street)
        // Before strangers, but not beyond the limit: it waits in a stranger's place. The impostor gets what a flood gets.
        let before = street.lane.status { _ in true }.sites[0].classes[0].queued
        let crawler = try RawClient(to: street.clear, from: one)
        try crawler.send(request("GET /nieuws HTTP/1.1", "Host: \(Street.host)", Self.agent))
        #expect(try Self.ask(street, from: "127.5.0.2", "/nieuws", Self.agent)?.status == 429)
        let site = street.lane.status { $0.sites[0].classes[0].queued > before }.sites[0]
        #expect(site.classes[0].queued == before + 1 && site.access.impostors == 1 && site.access.bots >= 2)
        #expect(street.lane.claims.count == 2)
        withExtendedLifetime((waiting, crawler)) {}
    }

    @Test func `a crawler with published addresses needs no office`() throws {
        let street = try Self.flooded {
            var bot = Snapshot.Bot(name: "lijst", agent: "zoekbot")
            bot.ranges = [try Self.prefix("127.5.1.0/24")]
            $0.bots = [bot]
        }
        #expect(try Self.ask(street, from: "127.5.1.9", "/nieuws", Self.agent)?.status == 200)
        #expect(try Self.ask(street, from: "127.5.2.9", "/nieuws", Self.agent)?.status == 200)
        let access = street.lane.status { $0.sites[0].access.impostors == 1 }.sites[0].access
        #expect(access.bots == 1 && access.impostors == 1 && street.lane.claims.isEmpty)
        // The agent alone is worth nothing, and without it the address is a visitor's.
        #expect(try Self.ask(street, from: "127.5.1.9", "/nieuws", "User-Agent: Mozilla/5.0")?.status == 200)
        #expect(street.lane.status { $0.sites[0].classes[1].admitted >= 1 }.sites[0].access.bots == 1)
    }

    @Test func `our prober passes at its own pace, and is counted apart`() throws {
        let street = try Self.flooded()
        let entry = AccessList.Entry(.probe, try Self.prefix("127.4.0.1/32"), site: "", until: .max)
        try street.lane.tell(AccessList([entry]))
        #expect(
            eventually {
                _ = try? Self.ask(street, from: "127.4.0.1")
                return street.lane.status { _ in true }.sites[0].access.probes > 0
            })
        let waiting = try full(street)
        #expect(try Self.ask(street, from: "127.4.0.1")?.status == 200)
        withExtendedLifetime(waiting) {}
    }
}
