import Addresses
import Glibc
import Load
import Testing

/// The demonstration's flood as a process of its own: the guard holds there too, whatever it is ordered.
@Suite struct FloodProcessTests {
    private func order(
        target: String = "127.0.0.1:9", source: String = "127.9.8.7", rate: Int = 10, connections: Int = 10,
        boundRate: Int = 40, shapes: String
    ) -> String {
        """
        {"target":"\(target)","authority":"www.example.nl","shapes":"\(shapes)","sources":["\(source)"],"rate":\(rate),\
        "seconds":1,"seed":1,"bounds":{"connections":\(connections),"requests":1000,"rate":\(boundRate),"seconds":30}}
        """
    }

    /// What `wasstraat-demo flood` says to an order, on both outputs, until it ends.
    private func answer(_ line: String, start: String = "") throws -> String {
        let demo = try Program.built("wasstraat-demo")
        return try Program.output(["sh", "-c", "printf '%s\\n%s' \"$1\" \"$2\" | \(demo) flood", "sh", line, start])
    }

    @Test func `takes an order for this machine`() throws {
        let shapes = try ShapesFile()
        #expect(try answer(order(shapes: shapes.path)).hasPrefix("ready"))
    }

    @Test(arguments: ["192.0.2.1:80", "10.99.0.1:80", "[2001:db8::1]:443", "126.255.255.255:80", "0.0.0.0:80"])
    func `refuses every other target`(target: String) throws {
        let shapes = try ShapesFile()
        let answer = try answer(order(target: target, shapes: shapes.path))
        #expect(answer.contains("is not on this machine"))
        #expect(!answer.contains("ready"))
    }

    @Test(arguments: ["10.99.0.1", "192.0.2.1", "::1"]) func `refuses sources from elsewhere`(source: String) throws {
        let shapes = try ShapesFile()
        let answer = try answer(order(source: source, shapes: shapes.path))
        #expect(answer.contains("cannot be a source"))
        #expect(!answer.contains("ready"))
    }

    @Test func `refuses what is beyond the caps, or beyond the order's own bounds`() throws {
        let shapes = try ShapesFile()
        #expect(try answer(order(connections: 20_001, shapes: shapes.path)).contains("connections must be"))
        #expect(try answer(order(boundRate: 20_001, shapes: shapes.path)).contains("rate must be"))
        #expect(try answer(order(rate: 41, shapes: shapes.path)).contains("beyond its bounds"))
        #expect(try answer(order(rate: 0, shapes: shapes.path)).contains("beyond its bounds"))
        #expect(try !answer("no order").contains("ready"))
    }

    @Test func `ends when its input ends, and reports last`() throws {
        let shapes = try ShapesFile()
        let begun = Clock.now()
        // The input ends at once after the start, long before the second is over.
        let answer = try answer(order(shapes: shapes.path), start: "\(begun)\n")
        #expect(Clock.now() < begun + 10_000_000_000)
        #expect(answer.split(separator: "\n").last?.contains("\"offered\":") == true)
    }
}

/// A file with one request shape; gone with its last reference.
private final class ShapesFile {
    static let text = """
        {"randoms": [], "requests": [{"type": "http", "method": "GET", "path": "/", "body_bytes": 0}]}
        """

    let path: String

    init() throws {
        var template = Array("/tmp/wasstraat-shapes-XXXXXX".utf8CString)
        let file = mkstemp(&template)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let text = Array(Self.text.utf8)
        try #require(write(file, text, text.count) == text.count)
        close(file)
    }

    deinit { unlink(path) }
}
