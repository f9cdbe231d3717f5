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
    @Test(arguments: ["3", "4", "5", "6", "7", "8", "HPACK"]) func `is kept`(chapter: String) throws {
        let street = try Street()
        let lines = try Peers.run("conformance.py", ["\(street.clear.port)", chapter])
        #expect(lines.filter { !$0.hasPrefix("ok ") } == [])
        #expect(!lines.isEmpty)
    }
}

@Suite(.needs(pythonModule: "hpack"), .serialized) struct `A flood of HTTP/2 frames` {
    @Test(arguments: [
        "reset", "ping", "settings", "priority", "window update", "empty data", "continuation", "unknown", "bomb",
        "crumbs", "malformed", "dribble",
    ])
    func `keeps nobody else from being served`(kind: String) throws {
        let street = try Street()
        let line = try #require(
            try Peers.run("floods.py", ["\(street.clear.port)", "\(street.lane.child.process)", kind, "2"]).last)
        let outcome = String(line)
        print("flood of \(kind): \(outcome)")
        #expect(outcome.contains("\"failures\": []"), "\(outcome)")
        #expect(number("answers", in: outcome) > 20, "\(outcome)")
        #expect(number("grown", in: outcome) < 33_554_432, "\(outcome)")
        #expect(try street.get("/fixed/5").status == 200)
    }

    private func number(_ name: String, in json: String) -> Double {
        guard let start = json.firstRange(of: "\"\(name)\": ")?.upperBound else { return .nan }
        return Double(json[start...].prefix { "-.0123456789".contains($0) }) ?? .nan
    }
}
