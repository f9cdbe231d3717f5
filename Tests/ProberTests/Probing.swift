import Addresses
import Incidents
import Prober
import Synchronization
import TestKit

/// Samples that a prober reported, kept for the test.
final class Reports: Sendable {
    private let state = Mutex<(samples: [Sample], calls: Int)>(([], 0))

    var samples: [Sample] { state.withLock { $0.samples } }
    var calls: Int { state.withLock { $0.calls } }

    func take(_ samples: [Sample]) {
        state.withLock { state in
            state.samples += samples
            state.calls += 1
        }
    }

    func of(_ site: String) -> [Sample] { samples.filter { $0.site == site } }
}

enum Probing {
    static let local = Address(ipv4: 0x7f00_0001)

    static var configuration: Prober.Configuration {
        var configuration = Prober.Configuration(vantage: "here", network: "loopback")
        configuration.interval = .milliseconds(200)
        configuration.timeout = .seconds(5)
        return configuration
    }

    static func target(
        _ site: String = "site", at endpoints: [Endpoint], path: String = "/", word: String? = nil,
        way: Sample.Path = .lane, security: ProbeTarget.Security = .clear
    ) -> ProbeTarget {
        ProbeTarget(
            site: site, host: "www.example.nl", path: path, word: word,
            ways: [way: ProbeTarget.Way(endpoints: endpoints, security: security)])
    }

    /// Runs a prober until `enough` says so, ten seconds at most, and returns what it reported.
    @discardableResult
    static func run(
        _ targets: [ProbeTarget], _ configuration: Prober.Configuration = configuration,
        until enough: @escaping @Sendable (Reports) -> Bool
    ) async throws -> Reports {
        let reports = Reports()
        let prober = try Prober(targets: targets, configuration: configuration) { reports.take($0) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await prober.run() }
            for _ in 0..<1_000 where !enough(reports) { try await Task.sleep(for: .milliseconds(10)) }
            group.cancelAll()
            try await group.waitForAll()
        }
        return reports
    }

    /// The first sample of one target.
    static func first(
        _ target: ProbeTarget, _ configuration: Prober.Configuration = configuration
    ) async throws -> Sample? {
        var configuration = configuration
        configuration.interval = .seconds(5)
        return try await run([target], configuration) { !$0.samples.isEmpty }.samples.first
    }
}
