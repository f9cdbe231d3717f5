import Foundation
import TestKit
import Testing

/// The built program as a child process, in a folder of its own, and the made captures and logs that it reads.
struct ToolStreet {
    let folder: TemporaryFolder
    /// The captures' first second: fingerprints of it have not expired.
    let start = Int64(Date.now.timeIntervalSince1970) - 3_600

    /// It lies beside the tests' own program.
    static let program: String = {
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/wasstraat"
    }()

    init() throws { folder = try TemporaryFolder() }

    struct Outcome {
        var output: String
        var errors: String
        /// The shell's: 128 and more where a signal ended the program.
        var status: Int32
    }

    /// Runs "wasstraat \(line)" in the folder by a shell, so that the line may have pipes.
    func run(_ line: String, before: String = "") throws -> Outcome {
        let shell = try Child(["sh", "-c", "cd '\(folder.path)' && \(before) '\(Self.program)' \(line) >out 2>err"])
        _ = shell.readOutput()
        let status = shell.wait()
        return Outcome(
            output: String(decoding: try folder.read("out"), as: UTF8.self),
            errors: String(decoding: try folder.read("err"), as: UTF8.self), status: status)
    }

    func json(_ line: String, before: String = "") throws -> [String: Any] {
        let outcome = try run("dissect --json \(line)", before: before)
        try #require(outcome.status == 0, "\(outcome.errors)")
        return try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any])
    }

    /// The vectors of a report.
    func vectors(_ report: [String: Any]) throws -> [[String: Any]] {
        let attacks = try #require(report["attacks"] as? [[String: Any]])
        return attacks.flatMap { $0["vectors"] as? [[String: Any]] ?? [] }
    }

    // MARK: - What it reads

    /// Numbers that look random, the same in every run.
    struct Numbers {
        var state: UInt64 = 1

        mutating func below(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
    }

    static let victim = "203.0.113.9"
    static let name = "any.example"
    static let count = 4_000

    /// Answers of open resolvers to one host, over two seconds.
    func reflection() -> [CaptureBuilder.Record] {
        var numbers = Numbers()
        let payload = PacketBuilder.dns(Self.name, type: 255, isResponse: true, padding: 1_000)
        return (0..<Self.count).map { number in
            let source = "198.\(18 + numbers.below(2)).\(numbers.below(256)).\(1 + numbers.below(254))"
            let frame = PacketBuilder.udpFrame(
                from: source, 53, to: Self.victim, UInt16(1_024 + numbers.below(60_000)), payload,
                ttl: UInt8(40 + numbers.below(24)))
            return CaptureBuilder.Record(start * 1_000_000_000 + Int64(number) * 500_000, frame)
        }
    }

    /// Web visits to the same host, over twenty seconds.
    func visits() -> [CaptureBuilder.Record] {
        var numbers = Numbers(state: 2)
        var records: [CaptureBuilder.Record] = []
        for visit in 0..<200 {
            let visitor = "192.0.2.\(1 + numbers.below(250))"
            let port = UInt16(20_000 + visit)
            var time = start * 1_000_000_000 + Int64(visit) * 100_000_000
            func add(_ flags: UInt8, isAnswer: Bool, _ payload: Int = 0) {
                time += 7_000_000
                let bytes = [UInt8](repeating: 0x61, count: payload)
                let frame =
                    isAnswer
                    ? PacketBuilder.tcpFrame(from: Self.victim, 443, to: visitor, port, flags: flags, bytes)
                    : PacketBuilder.tcpFrame(from: visitor, port, to: Self.victim, 443, flags: flags, bytes)
                records.append(CaptureBuilder.Record(time, frame))
            }
            add(0x02, isAnswer: false)
            add(0x12, isAnswer: true)
            add(0x10, isAnswer: false)
            add(0x18, isAnswer: false, 300)
            for _ in 0..<3 {
                add(0x10, isAnswer: true, 1_400)
                add(0x10, isAnswer: false)
            }
            add(0x11, isAnswer: true)
            add(0x11, isAnswer: false)
        }
        return records.sorted { $0.time < $1.time }
    }

    /// A log of visitors, with a flood of searches in it.
    func log(isFlooded: Bool) -> String {
        var numbers = Numbers(state: 3)
        let clock = DateFormatter()
        clock.locale = Locale(identifier: "en_US_POSIX")
        clock.timeZone = TimeZone(identifier: "UTC")
        clock.dateFormat = "dd/MMM/yyyy:HH:mm:ss +0000"
        func line(_ second: Int, _ source: String, _ target: String, _ referer: String) -> String {
            let time = clock.string(from: Date(timeIntervalSince1970: TimeInterval(Int(start) + second)))
            return #"\#(source) - - [\#(time)] "GET \#(target) HTTP/1.1" 200 512 "\#(referer)" "Mozilla/5.0 (made)""#
        }
        var lines: [String] = []
        for second in 0..<600 {
            let source = "192.0.2.\(1 + numbers.below(250))"
            let page = "/nieuws/\(["aanleg", "bomen", "cultuur", "dorp"][Int(numbers.below(4))])"
            lines.append(line(second, source, page, "https://www.example.nl/"))
            lines.append(line(second, source, "/stijl.css", "https://www.example.nl\(page)"))
            guard isFlooded, (300..<340).contains(second) else { continue }
            for _ in 0..<100 {
                let from = "198.18.\(numbers.below(256)).\(1 + numbers.below(254))"
                let word = String(
                    (0..<5 + numbers.below(8)).map { _ in
                        Character(UnicodeScalar(UInt8(97 + numbers.below(26))))
                    })
                lines.append(line(second, from, "/zoeken?trefwoord=\(word)&p=\(1 + numbers.below(300))", "-"))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// Writes flood.pcap, normal.pcap, mixed.pcapng, flood.log and normal.log.
    func writeAll() throws {
        let (flood, normal) = (reflection(), visits())
        try folder.write(CaptureBuilder.pcap(flood), to: "flood.pcap")
        try folder.write(CaptureBuilder.pcap(normal), to: "normal.pcap")
        try folder.write(
            CaptureBuilder.section([.init()], (flood + normal).sorted { $0.time < $1.time }), to: "mixed.pcapng")
        try folder.write(log(isFlooded: true), to: "flood.log")
        try folder.write(log(isFlooded: false), to: "normal.log")
    }
}
