import FoundationEssentials
import Glibc
import TestKit
import Testing

/// The siege itself, for a few seconds: that all of its parts do what they say. What Wasstraat reaches in it is measured by
/// `make siege`, not here.
extension MeasuredTests {
    @Suite(.serialized) struct SiegeTests {
        struct Report: Decodable {
            struct Phase: Decodable {
                struct Group: Decodable {
                    var clicks: Int
                    var success: Double?
                }
                var name: String
                var known: Group
                var unknown: Group
            }
            struct Visitors: Decodable {
                var phases: [Phase]
                var framed: Int
            }
            struct Flood: Decodable {
                var offered: Int
                var framed: Int
                var browserAnswers: Int
            }
            struct Slow: Decodable { var peak: Int }
            struct Details: Decodable {
                var visitors: Visitors
                var floodOverTLS: Flood
                var floodInClear: Flood
                var slowInClear: Slow

                enum CodingKeys: String, CodingKey {
                    case visitors
                    case floodOverTLS = "flood over TLS"
                    case floodInClear = "flood in clear"
                    case slowInClear = "slow in clear"
                }
            }
            struct Row: Decodable {
                var name: String
                var void: String?
                var firstEffectSeconds: Double?
                var details: Details?
            }
            var rows: [Row]
        }

        /// Being root is not enough in some containers.
        static var isPossible: Bool {
            geteuid() == 0 && (try? Tool.run(["unshare", "-n", "-m", "ip", "link", "set", "lo", "up"])) != nil
        }

        @Test(.enabled(if: isPossible, "needs root and network namespaces"), .needs(tool: "python3"))
        func `visitors, floods and slow clients all come`() throws {
            let folder = try TemporaryFolder()
            let bin = try Package.program("siege-load").split(separator: "/").dropLast().map { "/\($0)" }.joined()
            // Ends with 1: a row that is not judged does not hold.
            let output = try Tool.run([
                "unshare", "-n", "-m", "sh", "-c", "python3 \"$@\" || true", "sh", Package.file("Benchmarks/siege"),
                "--bin", bin, "--only", "smoke", "--result", folder.path("result.json"),
            ])
            print(output)
            let decoder = JSONDecoder()
            decoder.keyDecodingStrategy = .convertFromSnakeCase
            let report = try decoder.decode(Report.self, from: Data(folder.read("result.json")))
            let row = try #require(report.rows.first)
            let details = try #require(row.details, "\(row.void ?? output)")
            let quiet = try #require(details.visitors.phases.first { $0.name == "quiet" })
            // An eighth of what the origin serves, but the load shares its core with all else that runs here.
            #expect(quiet.known.clicks > 10)
            #expect((quiet.known.success ?? 0) > 0.8, "\(output)")
            #expect((quiet.unknown.success ?? 0) > 0.8, "\(output)")
            // Browsers speak HTTP/2 where they are let.
            #expect(details.visitors.framed > 50)
            #expect(details.floodOverTLS.offered > 1_000)
            #expect(details.floodOverTLS.browserAnswers > 0)
            #expect(details.floodInClear.framed > 100)
            #expect(details.slowInClear.peak > 100)
            #expect(row.firstEffectSeconds != nil)
        }

        @Test func `stays out of the machine's own network`() throws {
            let child = try Child(["python3", Package.file("Benchmarks/siege"), "--only", "smoke"])
            let output = child.readOutput()
            #expect(child.wait() != 0)
            #expect(output.contains("namespace of its own") || output.contains("run it as root"), "\(output)")
        }
    }
}
