import Addresses
import Incidents
import Moments
import Prober
import TestKit
import Testing

@Suite(.serialized) struct Cadence {
    @Test func `checks keep to their moments, whatever the others do`() async throws {
        let origin = try LoopbackOrigin()
        var configuration = Probing.configuration
        configuration.timeout = .seconds(1)
        let targets = [
            Probing.target("goed", at: [origin.endpoint], path: "/fixed/10"),
            Probing.target("traag", at: [origin.endpoint], path: "/hang"),
        ]
        let reports = try await Probing.run(targets, configuration) { $0.of("traag").count >= 10 }
        for site in ["goed", "traag"] {
            let moments = reports.of(site).map(\.at.milliseconds).sorted()
            try #require(moments.count >= 10)
            // The beat is 200 ms from the first to the last: a late start, on a busy machine, is made good by the next.
            let late = moments.enumerated().map { abs($1 - moments[0] - Int64($0) * 200) }.sorted()
            #expect(late[late.count / 2] < 100)
        }
        #expect(reports.of("goed").allSatisfy { $0.result == .success })
        #expect(reports.of("traag").allSatisfy { $0.result == .timeout })
    }

    @Test func `each check has a connection of its own`() async throws {
        let origin = try LoopbackOrigin()
        let target = Probing.target(at: [origin.endpoint], path: "/fixed/10")
        try await Probing.run([target]) { $0.samples.count >= 5 }
        #expect(origin.accepted >= 5)
        #expect(origin.requests.allSatisfy { $0.sequence == 1 })
    }

    @Test func `the endpoints of a way take turns`() async throws {
        let first = try LoopbackOrigin()
        let second = try LoopbackOrigin(at: Address(high: 0, low: 1))
        let target = Probing.target(at: [first.endpoint, second.endpoint], path: "/fixed/10")
        let reports = try await Probing.run([target]) { $0.samples.count >= 6 }
        #expect(reports.samples.allSatisfy { $0.result == .success })
        #expect(abs(first.accepted - second.accepted) <= 1)
        #expect(first.accepted >= 3)
    }

    @Test func `a check that cannot be begun is void, not left out`() async throws {
        let origin = try LoopbackOrigin()
        var configuration = Probing.configuration
        configuration.concurrency = 1
        configuration.timeout = .seconds(1)
        let target = Probing.target(at: [origin.endpoint], path: "/hang")
        let reports = try await Probing.run([target], configuration) { $0.samples.count >= 10 }
        #expect(reports.samples.filter { $0.result == .timeout }.count >= 1)
        #expect(reports.samples.filter { $0.result == .void }.count >= 6)
    }

    @Test func `hundreds of targets are checked each round, spread over the interval`() async throws {
        let origin = try LoopbackOrigin()
        var configuration = Probing.configuration
        configuration.interval = .seconds(1)
        let sites = (0..<300).map { "site\($0)" }
        let targets = sites.map { site in
            let way = ProbeTarget.Way(endpoints: [origin.endpoint], security: .clear)
            return ProbeTarget(site: site, host: "www.example.nl", path: "/fixed/10", ways: [.lane: way, .origin: way])
        }
        let reports = try await Probing.run(targets, configuration) { $0.samples.count >= 1_800 }
        #expect(reports.samples.allSatisfy { $0.result == .success })
        let first = try #require(reports.samples.map(\.at).min())
        var tenths = Array(repeating: 0, count: 10)
        var counts: [String: Int] = [:]
        for sample in reports.samples {
            counts["\(sample.site) \(sample.path)", default: 0] += 1
            if sample.at - first < 1 { tenths[Int((sample.at - first) * 10)] += 1 }
        }
        #expect(counts.count == 600)
        #expect(counts.values.allSatisfy { (2...5).contains($0) })
        // 60 each where all keep time.
        #expect(tenths.allSatisfy { $0 < 200 })
        // Many samples come in one report.
        #expect(reports.calls < 60)
    }

    @Test func `it ends when its task does, with checks under way`() async throws {
        let origin = try LoopbackOrigin()
        var configuration = Probing.configuration
        configuration.timeout = .seconds(60)
        let targets = (0..<5).map { Probing.target("site\($0)", at: [origin.endpoint], path: "/hang") }
        let begun = ContinuousClock.now
        let reports = try await Probing.run(targets, configuration) { _ in origin.requests.count >= 5 }
        #expect(ContinuousClock.now - begun < .seconds(5))
        #expect(reports.samples.isEmpty)
        #expect(eventually { origin.open == 0 })
    }
}

@Suite struct `A prober's targets` {
    private let endpoint = Endpoint(Probing.local, port: 80)

    private func refusal(of target: ProbeTarget) -> ProberRefusal? {
        do {
            _ = try Prober(targets: [target], configuration: Probing.configuration) { _ in }
            return nil
        } catch {
            return error as? ProberRefusal
        }
    }

    @Test(arguments: ["", "pad", "/a b", "/a\r\nX: y", "/\u{e9}", "/\0"])
    func `a path that would break the request is refused`(path: String) {
        #expect(refusal(of: Probing.target(at: [endpoint], path: path)) != nil)
    }

    @Test func `hosts, words and endpoints have their bounds`() {
        #expect(refusal(of: Probing.target(at: [endpoint])) == nil)
        #expect(refusal(of: Probing.target(at: [])) != nil)
        #expect(refusal(of: Probing.target(at: [Endpoint(Probing.local, port: 0)])) != nil)
        #expect(refusal(of: Probing.target(at: [endpoint], word: "")) != nil)
        #expect(refusal(of: Probing.target(at: [endpoint], word: String(repeating: "w", count: 1_025))) != nil)
        #expect(refusal(of: Probing.target(at: [endpoint], security: .verified(name: "a b"))) != nil)
        var target = Probing.target(at: [endpoint])
        target.host = "www.example.nl\r\nX: y"
        #expect(refusal(of: target) != nil)
    }

    @Test func `times have their bounds`() {
        for (interval, timeout) in [(0.01, 10), (301, 10), (5, 0.01), (5, 61)] {
            var configuration = Probing.configuration
            configuration.interval = .seconds(interval)
            configuration.timeout = .seconds(timeout)
            #expect(throws: ProberRefusal.self) { try Prober(targets: [], configuration: configuration) { _ in } }
        }
    }
}
