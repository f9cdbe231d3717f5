import Addresses
import Messages
import TestKit
import Testing

/// Sources that the lane says are hostile, and those that it must not say.
@Suite struct HostileTests {
    private static func address(_ text: String) throws -> Address { try #require(Address(text)) }

    /// The origin is full and all places in the queue are taken, by sources that asked once: who asks more is refused.
    private func full(_ street: Street) throws -> [RawClient] {
        // What is usual: one request each.
        for number in 0..<400 {
            let source = Address(ipv4: 127 << 24 | 1 << 16 | UInt32(number) << 6 | 1)
            #expect(try street.get("/nieuws", from: source).status == 200)
        }
        var waiting: [RawClient] = []
        for number in 0..<80 {
            let client = try street.visitor(from: Address(ipv4: 127 << 24 | 2 << 16 | UInt32(number) << 8 | 1))
            try client.send(request("GET /hang HTTP/1.1", "Host: \(Street.host)"))
            waiting.append(client)
        }
        guard eventually({ street.lane.status { _ in true }.sites.first?.isUnderPressure == true }) else {
            throw TestKitError.timedOut("the pressure")
        }
        return waiting
    }

    /// One request over a connection of its own. What is refused is answered at once; what waits is given up.
    private func ask(
        _ endpoint: Endpoint, from source: String, agent: String, preface: String = ""
    ) throws -> Int? {
        guard let client = try? RawClient(to: endpoint, from: Self.address(source), timeout: 300) else { return nil }
        var reading = client
        try client.send(
            preface
                + request("GET /hang HTTP/1.1", "Host: \(Street.host)", "User-Agent: \(agent)", "Connection: close"))
        return (try? reading.readResponse())?.status
    }

    @Test func `a source that goes on in spite of refusals is said at once, and only where the kernel sees it`() throws
    {
        let street = try Street {
            $0.limits.queueLength = 4
            $0.limits.queueTime = 60_000
            $0.trustedPeers = [Prefix(try Self.address("127.7.7.7"), length: 32)]
        }
        let waiting = try full(street)
        var refused: [String: Int] = [:]
        var asked = 0
        func round() throws {
            asked += 1
            let all = [
                ("alone", try ask(street.clear, from: "127.9.9.9", agent: "flood/1")),
                ("shared", try ask(street.clear, from: "127.9.8.9", agent: "agent/\(asked % 5)")),
                ("trusted", try ask(street.clear, from: "127.7.7.7", agent: "flood/1")),
                (
                    "behind",
                    try ask(
                        street.behind, from: "127.9.7.9", agent: "flood/1",
                        preface: "PROXY TCP4 192.0.2.7 198.51.100.1 49152 80\r\n")
                ),
            ]
            for (name, status) in all where status == 429 { refused[name, default: 0] += 1 }
            pauseThread(60)
        }
        let clock = ContinuousClock()
        var deciding = clock.now
        while street.lane.proven.sources.isEmpty, asked < 200 {
            deciding = clock.now
            try round()
        }
        let took = deciding.duration(to: clock.now)
        print("hostile source said \(took) after the round of requests that decided it began")
        let source = try #require(street.lane.proven.sources.first)
        #expect(source.prefix == Prefix(try Self.address("127.9.9.9"), length: 32) && source.site == "www")
        #expect(source.refusals >= 40 && (3_000..<12_000).contains(source.milliseconds))
        for _ in 0..<20 { try round() }
        #expect(refused.count == 4 && refused.values.allSatisfy { $0 >= 50 }, "\(refused)")
        #expect(eventually { street.lane.proven.spared == 1 })
        #expect(street.lane.proven.sources.count == 1 && street.lane.proven.omitted == 0)
        #expect(street.lane.lines.isEmpty)
        withExtendedLifetime(waiting) {}
    }

    @Test func `what is proven while there is no office is dropped and counted`() throws {
        let street = try Street {
            $0.limits.queueLength = 4
            $0.limits.queueTime = 60_000
        }
        let waiting = try full(street)
        street.lane.closeOffice()
        for _ in 0..<80 {
            _ = try ask(street.clear, from: "127.9.9.9", agent: "flood/1")
            pauseThread(60)
        }
        try street.lane.reopenOffice()
        #expect(eventually(within: 10_000) { street.lane.proven.omitted == 1 })
        #expect(street.lane.proven.sources.isEmpty)
        withExtendedLifetime(waiting) {}
    }
}
