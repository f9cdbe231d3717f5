package import Incidents
internal import Glibc
internal import Logging
internal import Moments
internal import NIOPosix
internal import NIOSSL

/// Checks services from one place, as a visitor would, with a new connection for each check.
///
/// Each way of each target has its own moment within the interval and keeps to it: checks do not come all at once, they
/// do not drift, and a slow one delays nobody. A check that could not be made is reported as `void`. Requests name
/// themselves in User-Agent and are treated as everybody's: what they find is what visitors find.
package struct Prober: Sendable {
    package struct Configuration: Sendable {
        /// The name of this vantage point, and of the network in which it stands.
        package var vantage: String
        package var network: String
        /// Between two checks of one way; 0.1-300 s.
        package var interval = Duration.seconds(5)
        /// For a whole check, from the start of connecting; 0.1-60 s.
        package var timeout = Duration.seconds(10)
        /// Our lane's name in Via: a response without it was made by the lane itself.
        package var instance = "wasstraat"
        /// Checks under way at once, each with one descriptor; more are void.
        package var concurrency = 4_096

        package init(vantage: String, network: String) {
            self.vantage = vantage
            self.network = network
        }
    }

    package static let targetLimit = 10_000
    /// Rounds that a prober, held up, makes good with void samples; of a longer pause the gap between samples tells.
    static let missedLimit = 120

    /// One way of one target.
    struct Turn: Sendable {
        var site: String
        var path: Sample.Path
        /// One per endpoint.
        var checks: [Check]
    }

    let turns: [Turn]
    let configuration: Configuration
    private let report: @Sendable ([Sample]) async -> Void
    private let logger = Logger(label: "prober")

    /// - Parameter report: takes samples as they come, some five times a second at most, one call at a time.
    /// - Throws: `ProberRefusal`.
    package init(
        targets: [ProbeTarget], configuration: Configuration, report: @escaping @Sendable ([Sample]) async -> Void
    ) throws {
        guard targets.count <= Self.targetLimit else { throw ProberRefusal.configuration("more than 10,000 targets") }
        guard (.milliseconds(100) ... .seconds(300)).contains(configuration.interval) else {
            throw ProberRefusal.configuration("the interval must be 0.1-300 s")
        }
        guard (.milliseconds(100) ... .seconds(60)).contains(configuration.timeout) else {
            throw ProberRefusal.configuration("the timeout must be 0.1-60 s")
        }
        self.configuration = configuration
        self.report = report
        var trust = Trust()
        var turns: [Turn] = []
        for path in Sample.Path.allCases {
            for target in targets {
                if let fault = target.fault { throw ProberRefusal.target(site: target.site, reason: fault) }
                guard let way = target.ways[path] else { continue }
                let checks = try way.endpoints.map { try Check(target, path, way, $0, configuration, &trust) }
                turns.append(Turn(site: target.site, path: path, checks: checks))
            }
        }
        self.turns = turns
    }

    /// Checks until its task is cancelled, and reports what was found until then.
    package func run() async throws {
        let outbox = Outbox()
        // A thread that nobody else blocks: what others do in this process must not look like trouble of a service.
        await withTaskExecutorPreference(LoopExecutor(MultiThreadedEventLoopGroup.singleton.next())) {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    while !Task.isCancelled {
                        // Cancelled: the rest is delivered below.
                        try? await Task.sleep(for: .milliseconds(200))
                        await deliver(outbox)
                    }
                }
                await keepTime(outbox, &group)
            }
            await deliver(outbox)
        }
    }

    private func deliver(_ outbox: Outbox) async {
        let (samples, lost) = outbox.take()
        if lost > 0 { logger.error("samples were lost: nobody took them", metadata: ["lost": "\(lost)"]) }
        guard !samples.isEmpty else { return }
        await withTaskExecutorPreference(globalConcurrentExecutor) { await report(samples) }
    }

    private func keepTime(_ outbox: Outbox, _ group: inout DiscardingTaskGroup) async {
        let clock = ContinuousClock()
        let begun = clock.now
        let wall = Moment.now()
        let interval = configuration.interval
        var round = 0
        while !Task.isCancelled {
            let behind = Int((clock.now - begun) / interval) - round
            if behind > Self.missedLimit {
                logger.error("held up: rounds left out", metadata: ["rounds": "\(behind - Self.missedLimit)"])
                round += behind - Self.missedLimit
            }
            for (place, turn) in turns.enumerated() {
                let offset = interval * round + interval * place / turns.count
                do {
                    try await clock.sleep(until: begun + offset, tolerance: .zero)
                } catch {
                    return
                }
                if clock.now - begun - offset > interval {
                    // Its next turn has come: the prober was held up.
                    let missed = Finding(.void)
                    outbox.add(sample(turn, at: wall + offset / .seconds(1), missed))
                } else if outbox.begin(limit: configuration.concurrency) {
                    group.addTask { [round] in
                        let at = Moment.now()
                        let check = turn.checks[round % turn.checks.count]
                        let finding = await check.perform(within: configuration.timeout)
                        // nil: the prober ends, and nothing was found out.
                        outbox.end(finding.map { sample(turn, at: at, $0) })
                    }
                } else {
                    outbox.add(sample(turn, at: Moment.now(), Finding(.void)))
                }
            }
            round += 1
            if turns.isEmpty { try? await clock.sleep(for: interval) }
        }
    }

    private func sample(_ turn: Turn, at moment: Moment, _ finding: Finding) -> Sample {
        Sample(
            site: turn.site, vantage: configuration.vantage, network: configuration.network, path: turn.path,
            at: moment, result: finding.result, firstByte: finding.firstByte)
    }
}

extension Moment {
    static func now() -> Moment {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Moment(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
    }
}
