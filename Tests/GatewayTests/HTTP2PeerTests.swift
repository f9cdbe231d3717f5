import Addresses
import Messages
import TestKit
import Testing

/// Programs that speak HTTP/2 frame by frame, with another library's header blocks: Peers/ beside this file.
private enum Peers {
    static let python = Python.path(with: "hpack") ?? "python3"

    static func run(_ script: String, _ arguments: [String]) throws -> [Substring] {
        let folder = #filePath.prefix(upTo: #filePath.lastIndex(of: "/")!) + "/Peers/"
        return try Tool.run([python, folder + script] + arguments).split(separator: "\n")
    }
}

@Suite(.needs(pythonModule: "hpack")) struct `HTTP/2 by the book` {
    /// RFC 9113 by its sections, and RFC 7541.
    @Test(arguments: ["3", "4", "5", "6", "7", "8", "HPACK", "honest"]) func `is kept`(chapter: String) throws {
        let street = try Street()
        let lines = try Peers.run("conformance.py", ["\(street.clear.port)", chapter])
        #expect(lines.filter { !$0.hasPrefix("ok ") } == [])
        #expect(!lines.isEmpty)
    }
}

@Suite(.needs(pythonModule: "h2")) struct `HTTP/2 and other programs` {
    private static let certificates = Result { try Street.Certificates() }

    @Test(arguments: [true, false]) func `h2 sends and gets much at once, whole`(isTLS: Bool) throws {
        let street = try Street(certificates: try Self.certificates.get())
        let endpoint = isTLS ? street.tls : street.clear
        let host = isTLS ? "veilig.example.nl" : Street.host
        let lines = try Peers.run("visits.py", ["\(endpoint.port)", isTLS ? "tls" : "clear", host])
        #expect(lines.filter { $0.hasPrefix("ok 13 requests") }.count == 2, "\(lines)")
        #expect(street.origin.requests.contains { $0.message.trailers.map(\.name) == ["x-sum"] })
    }

    @Test(.needs(tool: "h2load"), arguments: [(1, 1), (4, 16)])
    func `h2load gets every answer`(connections: Int, streams: Int) throws {
        let street = try Street { $0.sites[0].hosts = ["localhost"] }
        let output = try Tool.run([
            "h2load", "-n2000", "-c\(connections)", "-m\(streams)", "--connect-to=\(street.clear)",
            "http://localhost/fixed/1000",
        ])
        #expect(output.contains("status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx"), "\(output)")
        #expect(output.contains("2000 succeeded, 0 failed, 0 errored, 0 timeout"), "\(output)")
    }

    @Test(arguments: 1...3) func `frames at random do no harm`(seed: Int) throws {
        let street = try Street()
        let lines = try Peers.run("chaos.py", ["\(street.clear.port)", "3", "\(seed)"])
        print("chaos \(seed): \(lines)")
        #expect(try street.get("/fixed/5").status == 200)
        // All of it is given back.
        let status = street.lane.status { $0.connections.open <= 1 }
        #expect(status.connections.open <= 1)
    }
}

@Suite(.needs(pythonModule: "hpack"), .serialized) struct `A flood of HTTP/2 frames` {
    @Test(arguments: [
        "reset", "reset, with ever new connections", "ping", "settings", "priority", "window update", "empty data",
        "continuation", "unknown", "bomb",
        "crumbs", "malformed", "dribble",
    ])
    func `keeps nobody else from being served`(kind: String) throws {
        let street = try Street()
        let line = try #require(
            try Peers.run("floods.py", ["\(street.clear.port)", "\(street.lane.child.process)", kind, "2"]).last)
        let outcome = String(line)
        print("flood of \(kind): \(outcome)")
        #expect(outcome.contains("\"failures\": []"), "\(outcome)")
        // Three pages: how many more is a matter of the flood's own program, which the visitor shares.
        #expect(number("answers", in: outcome) >= 12, "\(outcome)")
        #expect(number("share of core", in: outcome) < 0.5, "\(outcome)")
        #expect(number("grown", in: outcome) < 33_554_432, "\(outcome)")
        #expect(try street.get("/fixed/5").status == 200)
    }

    private func number(_ name: String, in json: String) -> Double {
        guard let start = json.firstRange(of: "\"\(name)\": ")?.upperBound else { return .nan }
        return Double(json[start...].prefix { "-.0123456789".contains($0) }) ?? .nan
    }
}
