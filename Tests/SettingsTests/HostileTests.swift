import Foundation
import Settings
import Testing

/// What must not happen whatever the file holds: a trap, an endless run, an answer without a reason.
struct HostileTests {
    /// WASSTRAAT_INPUTS sets another number of inputs than 6,000.
    @Test func `ends on thousands of damaged configurations`() throws {
        let example = Array(try Data(contentsOf: ExampleTests.example))
        let seeds = try GoldenTests.names.map { Array(try GoldenTests.halves($0).input.utf8) } + [example]
        let good = seeds.filter { (try? Self.parse($0)) != nil }
        var random = SplitMix(state: 0x5eed)
        var (accepted, understood) = (0, 0)
        let inputs = ProcessInfo.processInfo.environment["WASSTRAAT_INPUTS"].flatMap { Int($0) } ?? 6000
        for _ in 0..<inputs {
            let pool = random.below(4) == 0 ? seeds : good
            let bytes = Self.mutated(pool[random.below(pool.count)], from: seeds, &random)
            do throws(Complaints) {
                _ = try Self.parse(bytes)
                accepted += 1
            } catch {
                #expect(error.hasErrors && !error.list.isEmpty)
                #expect(error.list.allSatisfy { !$0.reason.isEmpty && !$0.reason.contains { $0.isNewline } })
                if error.list.contains(where: { !$0.place.path.isEmpty }) { understood += 1 }
            }
        }
        // Mutations that never hit, or only ever break the YAML, would test nothing.
        #expect((inputs / 50..<inputs / 2).contains(accepted))
        #expect(understood > inputs / 10)
    }

    private static func parse(_ bytes: [UInt8]) throws(Complaints) -> Settings {
        try Settings.parse(bytes, folder: "/etc/wasstraat", files: files)
    }

    private static let files: MemoryFiles = {
        var files = MemoryFiles.golden
        files.others = ExampleTests.files.others
        return files
    }()

    @Test func `ends on every cut of the example`() throws {
        let bytes = Array(try Data(contentsOf: ExampleTests.example))
        for length in stride(from: 0, to: bytes.count, by: 7) {
            _ = try? Settings.parse(Array(bytes[..<length]), files: MemoryFiles.golden)
        }
    }

    /// Looked up by name, so that a failure prints the name rather than the text.
    private static let boundless = [
        "a chain of aliases under a key": chain(20_000),
        "many levels of brackets": String(repeating: "[", count: 500_000),
        "many levels of keys": String(repeating: "? ", count: 300_000),
        "many levels by indentation": stairs(300),
        "many values": String(repeating: "-\n", count: 400_000),
        "one long text": "state: " + String(repeating: "a", count: 900_000),
        "many unknown keys": (0..<50_000).map { "k\($0): 1\n" }.joined(),
        "many anchors": (0..<40_000).map { "- &a\($0) x\n" }.joined(),
        "too long": String(repeating: "#", count: (1 << 20) + 1),
    ]

    @Test(arguments: boundless.keys.sorted()) func `refuses what has no bound`(what: String) throws {
        let text = try #require(Self.boundless[what])
        #expect(throws: Complaints.self) { try Settings.parse(text: text) }
    }

    @Test func `keeps a bounded number of complaints and says how many more there are`() {
        let text = (0..<1000).map { "k\($0): 1\n" }.joined()
        let complaints = #expect(throws: Complaints.self) { try Settings.parse(text: text) }
        #expect(complaints?.list.count == Complaints.limit)
        #expect(complaints?.description.contains("and 801 more") == true)
    }

    @Test(arguments: [
        ([UInt8](repeating: 0, count: 4), 1, 1), (Array("a: b\nc: \u{e9}".utf8) + [0xff], 2, 5),
        (Array("a: \u{7}".utf8), 1, 4), ([0xEF, 0xBB, 0xBF, 0x09], 1, 1), ([0xC3], 1, 1),
    ])
    func `says where a file stops being text`(bytes: [UInt8], line: Int, column: Int) {
        let complaints = #expect(throws: Complaints.self) { try Settings.parse(bytes, files: MemoryFiles()) }
        #expect(complaints?.list.first?.place.mark == Mark(line: line, column: column))
    }

    @Test func `takes a byte order mark and carriage returns`() throws {
        let text = "\u{FEFF}organisations: [{name: a, sites: [{host: a.example, origin: http://192.0.2.1}]}]\r\n"
        #expect(try Settings.parse(text: text).organisations.count == 1)
    }

    @Test func `shows nothing of the file that could play with a terminal`() {
        let text = "\"\\e[2Jboo\\u202e\\u2028\": 1\nstate: \"a\\nb\\x07\"\norganisations: \"\\e]0;x\\a\"\n"
        let complaints = #expect(throws: Complaints.self) { try Settings.parse(text: text) }
        for complaint in complaints?.list ?? [] {
            #expect(
                complaint.description.unicodeScalars.allSatisfy {
                    $0.value >= 32 && ![0x202e, 0x2028].contains($0.value)
                })
        }
        #expect(complaints?.list.count == 3)
    }

    private static func chain(_ length: Int) -> String {
        "- &a0 [x]\n" + (1..<length).map { "- &a\($0) [*a\($0 - 1)]\n" }.joined() + "- ? *a\(length - 1)\n  : 1\n"
    }

    private static func stairs(_ count: Int) -> String {
        (0..<count).map { String(repeating: " ", count: $0) + "k:\n" }.joined()
    }

    /// A copy with one to four changes: bytes replaced, cut out, repeated, or taken from another file.
    private static func mutated(_ seed: [UInt8], from seeds: [[UInt8]], _ random: inout SplitMix) -> [UInt8] {
        // Characters that mean something in YAML come first: blind bytes mostly end as one syntax error.
        let telling = Array("-:[]{}\"'*&!|>%@#,? \n\t~=<0123456789.x/".utf8)
        var bytes = seed
        for _ in 0...random.below(4) {
            let at = random.below(bytes.count + 1)
            let end = min(bytes.count, at + random.below(12))
            switch random.below(6) {
            case 0: bytes.replaceSubrange(at..<end, with: [])
            case 1: bytes.insert(telling[random.below(telling.count)], at: at)
            case 2 where at < bytes.count: bytes[at] = UInt8(random.below(256))
            case 3 where at < bytes.count: bytes[at] = telling[random.below(telling.count)]
            case 4: bytes.insert(contentsOf: bytes[at..<end], at: random.below(bytes.count + 1))
            default:
                let other = seeds[random.below(seeds.count)]
                let from = random.below(other.count + 1)
                bytes.insert(contentsOf: other[from..<min(other.count, from + random.below(80))], at: at)
            }
        }
        return bytes
    }
}

/// A small generator with a fixed seed, so that a failure comes back (Steele, Lea and Flood, 2014).
struct SplitMix {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
        return Int((mixed ^ mixed >> 31) % UInt64(max(1, bound)))
    }
}
