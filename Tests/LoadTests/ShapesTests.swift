import Addresses
import Load
import Testing

@Suite struct ShapesTests {
    func shapes(_ path: String, type: String = "http", method: String = "GET", bytes: Int = 0) throws -> Shapes {
        try Shapes(
            json: Array(
                """
                {"randoms": [{"digit": true, "upper": false, "lower": false, "min": 3, "max": 3},
                {"digit": false, "upper": false, "lower": true, "min": 2, "max": 5}],
                "requests": [{"type": "\(type)", "method": "\(method)", "path": "\(path)", "body_bytes": \(bytes)}]}
                """.utf8))
    }

    func line(_ path: String) throws -> String {
        var random = Seeded(1)
        return String(decoding: try shapes(path).make(&random).line, as: UTF8.self)
    }

    @Test func `fills the places for random text, counted from 0`() throws {
        let line = try line("/zoeken?n=$_0&q=$_1")
        #expect(line.wholeMatch(of: #/GET /zoeken\?n=[0-9]{3}&q=[a-z]{2,5}/#) != nil, "\(line)")
    }

    @Test func `reads as many digits as there are kinds`() throws {
        #expect(try line("/a$_12b").wholeMatch(of: #/GET /a[a-z]{2,5}2b/#) != nil)
        #expect(try line("/a$_9") == "GET /a$_9")
        #expect(try line("/a$_") == "GET /a$_")
    }

    @Test func `sends only what a request line may hold`() throws {
        #expect(try line("zoek naar ü#deel") == "GET /zoek%20naar%20%C3%BC")
        #expect(try line(#"/a\r\nHost: b"#) == "GET /a%0D%0AHost:%20b")
    }

    @Test func `gives the same text for the same seed, and other text for another`() throws {
        let shapes = try shapes("/zoeken?q=$_1$_1$_1")
        var first = Seeded(7)
        var second = Seeded(7)
        var other = Seeded(8)
        let line = shapes.make(&first).line
        #expect(line == shapes.make(&second).line)
        #expect(line != shapes.make(&other).line)
        #expect(line != shapes.make(&first).line)
    }

    @Test func `makes bodies of the length asked for, within its bound`() throws {
        var random = Seeded(1)
        #expect(try shapes("/p", method: "POST", bytes: 220).make(&random).body.count == 220)
        #expect(try shapes("/p", method: "POST", bytes: 1 << 30).make(&random).body.count == Shapes.bodyLimit)
        #expect(try shapes("/p", method: "GET", bytes: 220).make(&random).body.isEmpty)
    }

    @Test func `refuses a file without requests, or with impossible text`() {
        #expect(throws: Shapes.Refusal.empty) { try shapes("/", type: "tcp") }
        #expect(throws: Shapes.Refusal.empty) { try shapes("/", method: "DELETE") }
        #expect(throws: Shapes.Refusal.random(0)) {
            try Shapes(
                json: Array(
                    #"{"randoms":[{"digit":true,"upper":false,"lower":false,"min":1,"max":999}],"requests":[]}"#.utf8))
        }
        #expect(throws: Shapes.Refusal.self) { try Shapes(json: Array("{".utf8)) }
    }

    @Test func `reads the shapes that the demonstration ships`() throws {
        let folder = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        let text = try #require(readFile(folder + "/Demo/shapes.json"))
        let shapes = try Shapes(json: Array(text.utf8))
        #expect((2...3).contains(shapes.count))
        #expect(shapes.skipped == 0)
    }

    static let recorded = readFile("../shared/data/shapes/hacktivist-2024-06.json")

    @Test(.enabled("needs ../shared/data", { recorded != nil }))
    func `reads shapes of a real tool`() throws {
        let shapes = try Shapes(json: Array(try #require(Self.recorded).utf8))
        #expect(shapes.count == 57)
        #expect(shapes.skipped == 98)
        var random = Seeded(3)
        for _ in 0..<1_000 {
            let line = shapes.make(&random).line
            #expect(line.allSatisfy { $0 == 32 || (33...126).contains($0) })
        }
    }
}

@Suite struct PlanTests {
    @Test func `never puts two groups into one network`() {
        var plan = SourcePlan(seed: 5)
        let groups = [plan.deal(500, perNetwork: 5), plan.deal(500, perNetwork: 5), plan.deal(10_000, perNetwork: 5)]
        let networks = groups.map { Set($0.map(\.network)) }
        #expect(networks.map(\.count) == [100, 100, 2_000])
        #expect(
            networks[0].isDisjoint(with: networks[1]) && networks[0].union(networks[1]).isDisjoint(with: networks[2]))
        #expect(Set(groups.joined()).count == 11_000)
        #expect(groups.joined().allSatisfy { $0.isLoopback && $0.network != Address(ipv4: 127 << 24) })
    }

    @Test func `counts failures as the whole wait`() throws {
        var tally = Tally()
        for millisecond in 1...90 {
            tally.succeeded(.known, microseconds: UInt32(millisecond * 1_000), at: UInt64(millisecond))
        }
        for _ in 0..<10 { tally.failed(.unknown, .refused, patience: 10_000_000, at: 100) }
        #expect(tally.success(.known) == 1)
        #expect(tally.success(.unknown) == 0)
        #expect(tally.success == 0.9)
        #expect(tally.percentiles([50, 90, 95]) == [50, 90, 10_000])
        #expect(tally.percentiles([50], since: 100) == [10_000])
        #expect(Tally().percentiles([50]) == nil)
        #expect(Tally().success(.known) == nil)
    }
}
