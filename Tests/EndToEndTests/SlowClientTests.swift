import Addresses
import Load
import TestKit
import Testing

/// Clients that send or read as slowly as they can, 2,000 at a time, made by a tool that others made for it.
extension MeasuredTests {
    @Suite(.serialized) struct SlowClientTests {
        enum Mode: String, CaseIterable, CustomTestStringConvertible {
            case heads = "-H"
            case bodies = "-B"
            case ranges = "-R"
            case reading = "-X"

            var testDescription: String { "slow \(self)" }
        }

        /// In clear and over TLS at the same time, at two installations.
        @Test(.needs(tool: "slowhttptest"), .needs(tool: "openssl"), arguments: Mode.allCases)
        func `visitors do not notice 2,000 slow clients`(mode: Mode) throws {
            let origins = try [LoopbackOrigin(), LoopbackOrigin()]
            defer { for origin in origins { origin.stop() } }
            let authority = try TestAuthority()
            let certificate = try authority.certificate(for: ["localhost"])
            let installations = try [RunningWasstraat(), RunningWasstraat()]
            var attacks: [Child] = []
            var traffic: [Traffic] = []
            for (index, wasstraat) in installations.enumerated() {
                let isSecure = index == 1
                try wasstraat.configure([
                    RunningWasstraat.Site(
                        host: "localhost", origin: origins[index].endpoint, certificate: isSecure ? certificate : nil)
                ])
                try wasstraat.start()
                let plan = Traffic.Plan(
                    site: Traffic.echo, host: "localhost", target: isSecure ? wasstraat.secure : wasstraat.clear,
                    authority: isSecure ? authority.path : nil, known: 12, unknown: 12, visitorRate: 15, seconds: 21,
                    seed: UInt64(index))
                traffic.append(try Traffic(plan))
            }
            for (index, visitors) in traffic.enumerated() {
                try visitors.waitUntilMixed()
                let wasstraat = installations[index]
                let url =
                    index == 1
                    ? "https://localhost:\(wasstraat.secure.port)/fixed/300000"
                    : "http://localhost:\(wasstraat.clear.port)/fixed/300000"
                let seconds = ["-c", "2000", "-r", "500", "-l", "20", "-i", "4", "-p", "3", "-u", url]
                attacks.append(try Child(["slowhttptest", mode.rawValue] + seconds + Self.details(mode)))
            }
            for (index, visitors) in traffic.enumerated() {
                let figures = try visitors.figures()
                let wasstraat = installations[index]
                let accepted = try wasstraat.figure("wasstraat_connections_total")
                print("slow \(mode) \(index == 1 ? "TLS" : "clear"): connections \(accepted); \(figures.text)")
                if figures.failed > 0 { print(try wasstraat.scrape().split(separator: "\n").filter(Self.isTelling)) }
                #expect(figures.visitors.clicks.count > 60)
                #expect(wasstraat.crashes == [])
                // The attack took place.
                #expect(accepted > 2_000)
                #expect(figures.failed == 0)
            }
            for attack in attacks {
                _ = attack.readOutput()
                #expect(attack.wait() == 0)
            }
        }

        /// Figures that say where requests got stuck.
        private static func isTelling(_ line: Substring) -> Bool {
            let names = ["limit", "in_flight", "waiting", "requests", "responses", "origin_failures", "connections"]
            return names.contains { line.hasPrefix("wasstraat_\($0)") } && !line.hasSuffix(" 0")
        }

        private static func details(_ mode: Mode) -> [String] {
            switch mode {
            case .heads: ["-x", "24"]
            case .bodies: ["-s", "8192", "-x", "10"]
            case .ranges: ["-a", "5", "-b", "2000"]
            case .reading: ["-w", "16", "-y", "512", "-n", "2", "-z", "32"]
            }
        }
    }
}
