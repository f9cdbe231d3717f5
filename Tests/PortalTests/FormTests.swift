internal import Incidents
internal import Portal
internal import Testing

/// What comes in wrong: 10,000 forms at random, then the ways one by one.
@Suite struct FormTests {
    /// SplitMix64: the same forms each time.
    struct Random: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var mixed = state
            mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
            mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
            return mixed ^ (mixed >> 31)
        }
    }

    static let oddities = [
        "", " ", "\0", "<script>alert(1)</script>", "' OR 1=1 --", "{{body}}", "{{{form-key}}}", "%", "%%%", "é", "👩‍👩‍👧‍👦",
        "\u{202E}", "\r\nSet-Cookie: a=b", "../../etc/passwd", "-1", "1e400", "NaN", "9223372036854775808", "A", "7",
        "900",
        "operator", "claim-after", "2026-1", String(repeating: "x", count: 5_000),
        String(repeating: "\u{301}", count: 2_000),
    ]

    static func value(_ field: Field, _ random: inout Random) -> [UInt8] {
        switch UInt64.random(in: 0..<10, using: &random) {
        case 0..<3: Array(Browser.encoded(field.choices.randomElement(using: &random) ?? "gewone woorden").utf8)
        case 3..<7: Array(Browser.encoded(oddities.randomElement(using: &random) ?? "").utf8)
        case 7: Array((oddities.randomElement(using: &random) ?? "").utf8)
        default:
            (0..<Int.random(in: 0..<200, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
        }
    }

    static func body(_ route: Route, _ key: String?, _ random: inout Random) -> [UInt8] {
        var pairs: [[UInt8]] = []
        for field in route.fields where Int.random(in: 0..<12, using: &random) > 0 {
            pairs.append(Array("\(field.name)=".utf8) + value(field, &random))
        }
        switch Int.random(in: 0..<10, using: &random) {
        case 0: pairs.append(Array("form-key=wrong".utf8))
        case 1: break
        default: pairs.append(Array("form-key=\(key ?? "")".utf8))
        }
        if Int.random(in: 0..<8, using: &random) == 0 { pairs.append(Array("extra=1".utf8)) }
        if Int.random(in: 0..<8, using: &random) == 0, let twice = pairs.randomElement(using: &random) {
            pairs.append(twice)
        }
        if Int.random(in: 0..<20, using: &random) == 0 { pairs += Array(repeating: Array("a".utf8), count: 1_000) }
        if Int.random(in: 0..<200, using: &random) == 0 { pairs.append([UInt8](repeating: 65, count: 70_000)) }
        return Array(pairs.shuffled(using: &random).joined(separator: [UInt8(ascii: "&")]))
    }

    @Test func `10,000 forms at random bring no server error`() async throws {
        let world = try await World()
        let routes = Route.all.filter(\.isPost)
        let statuses = try await world.serve { start in
            try await withThrowingTaskGroup(of: [Int: Int].self) { group in
                for worker in 0..<8 {
                    group.addTask {
                        var random = Random(state: UInt64(worker))
                        var browser = start
                        var key = try await browser.signIn("operator-street").key
                        var counts: [Int: Int] = [:]
                        for _ in 0..<1_250 {
                            let route = routes.randomElement(using: &random) ?? routes[0]
                            let member = [World.alpha, World.beta, nil].randomElement(using: &random) ?? nil
                            let types = [
                                "text/plain", "application/x-www-form-urlencoded; charset=utf-8", "", "a/b;c=\"d",
                            ]
                            let isPlain = Int.random(in: 0..<10, using: &random) > 0
                            let answer = try await browser.post(
                                AccessTests.path(route, member), raw: Self.body(route, key, &random),
                                headers: isPlain ? [] : [("Content-Type", types.randomElement(using: &random) ?? "")])
                            counts[answer.status, default: 0] += 1
                            // Some forms sign out, or are sent away because they did.
                            if browser.cookies["wasstraat"] == nil || answer.header("Location") == "/login" {
                                key = nil
                            }
                            // Others guessed wrong at this account meanwhile.
                            for _ in 0..<20 where key == nil {
                                world.clock.pass(61)
                                key = try await browser.signIn("operator-street").key
                            }
                        }
                        return counts
                    }
                }
                return try await group.reduce(into: [Int: Int]()) { $0.merge($1, uniquingKeysWith: +) }
            }
        }
        print("forms by status: \(statuses.sorted { $0.key < $1.key })")
        #expect(statuses.values.reduce(0, +) == 10_000)
        #expect(statuses.keys.allSatisfy { $0 < 500 })
        #expect(statuses[303, default: 0] > 100, "some were right")
        #expect(statuses[400, default: 0] > 1_000)
    }

    @Test func `every wrong form gets a page that says what is wrong`() async throws {
        try await World().serve { start in
            var browser = start
            let key = try await browser.signIn("operator-street").key
            let path = "/incidents/2026-1/evidence"
            let right = [("kind", "tool"), ("source", "B"), ("credibility", "2"), ("text", "x")]
            func post(_ fields: [(String, String)]) async throws -> (Int, String) {
                let answer = try await browser.post(path, fields, key: key)
                return (answer.status, answer.text)
            }
            #expect(try await post(right).0 == 303)
            let wrong: [([(String, String)], String)] = [
                (Array(right.dropLast()), "has not been filled in"), (right + [("x", "y")], "unknown field"),
                (right + [("kind", "tool")], "unknown field"),
                ([("kind", "hunch")] + right.dropFirst(), "does not exist"),
                ([("source", "G"), ("kind", "tool"), ("credibility", "2"), ("text", "x")], "does not exist"),
                (right.dropLast() + [("text", String(repeating: "x", count: 4_001))], "too long"),
                (right.dropLast() + [("text", "a\u{7}b")], "not allowed"),
            ]
            for (fields, message) in wrong {
                let (status, text) = try await post(fields)
                #expect(status == 400 && text.contains(message) && text.contains("role=\"alert\""), "\(message)")
            }
            for raw in ["text=%", "text=%zz", "text=%ff", "=", "text", "&&", "a=b=c"] {
                #expect(try await browser.post(path, raw: Array(raw.utf8)).status == 400, "\(raw)")
            }
            #expect(try await browser.post(path, raw: [UInt8](repeating: 65, count: (64 << 10) + 1)).status == 413)
            #expect(
                try await browser.post(path, raw: Array("a=b".utf8), headers: [("Content-Type", "a/b")]).status == 415)
        }
    }

    @Test func `hostile texts are shown as texts`() async throws {
        let hostile = "\"'><script>alert(1)</script>{{formKey}}&amp;"
        let world = try await World(hostile: hostile)
        try await world.serve { start in
            var browser = start
            let key = try await browser.signIn("operator-street").key
            _ = try await browser.post("/incidents/2026-1/posts", [("nl", hostile), ("en", hostile)], key: key)
            _ = try await browser.post(
                "/sites/markalpha-www/observe", [("time", "900"), ("reason", hostile)], key: key)
            for path in [
                "/", "/sites/markalpha-www", "/incidents", "/incidents/2026-1?text=over", "/fingerprints", "/notes",
                "/accounts", "/orders", "/sites/markalpha-www/rules/00000000000000a1", "/orders?before=<script>",
                "/?done=<script>alert(1)</script>", "/?\"><script>alert(1)</script>",
                "/incidents/2026-1?text=<script>", "/<script>alert(1)</script>",
            ] {
                let answer = try await browser.get(
                    path.replacing("<", with: "%3C").replacing(">", with: "%3E").replacing("\"", with: "%22"))
                #expect(!answer.text.contains("<script>"), "\(path)")
                #expect(!answer.text.contains("\"'>"), "\(path)")
            }
            for (path, fields) in [
                ("/orders", [("kind", "deny"), ("source", hostile), ("site", hostile), ("time", "900")]),
                ("/orders/mode", [("mode", "observe"), ("site", hostile), ("time", "900")]),
                ("/sites/markalpha-www/rules/00000000000000a1", [("word", "undo"), ("where", "site")]),
            ] {
                let reason = [("reason", String(repeating: hostile, count: 10))]
                let answer = try await browser.post(path, fields + reason, key: key)
                #expect(answer.status == 400 && answer.text.contains("&lt;script&gt;"), "\(path)")
                #expect(!answer.text.contains("<script>") && !answer.text.contains("\"'>"), "\(path)")
            }
            let notes = try await browser.get("/notes").text
            #expect(notes.contains("&quot;&#39;&gt;&lt;script&gt;alert(1)&lt;/script&gt;{{formKey}}&amp;amp;"))
        }
    }

    @Test func `every answer has the headers, and only our host is answered`() async throws {
        let world = try await World()
        try await world.serve { start in
            var browser = start
            try await browser.signIn("operator-street")
            for path in ["/", "/login", "/assets/console.css", "/assets/live.js", "/nowhere", "/incidents/2026-1"] {
                let answer = try await browser.get(path)
                let policy = answer.header("Content-Security-Policy") ?? ""
                #expect(policy.hasPrefix("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "\(path)")
                #expect(!policy.contains("unsafe"))
                #expect(answer.header("Cache-Control") == "no-store")
                #expect(answer.header("X-Content-Type-Options") == "nosniff")
                // What browsers need to name the origin of a form; without, they say "null", which is refused.
                #expect(answer.header("Referrer-Policy") == "same-origin")
                #expect(!answer.text.contains(" style=") && !answer.text.contains(" onclick="), "\(path)")
            }
            #expect(try await browser.get("/", headers: [("Host", "evil.example")]).status == 421)
            #expect(try await browser.get("/", headers: [("Host", "console.example.evil.example")]).status == 421)
            #expect(try await browser.get("/", headers: [("Host", "console.example:8443")]).status == 200)
            for to in ["//evil.example", "/\\evil.example", "https://evil.example", "/a%0d%0ab: c"] {
                let answer = try await browser.get("/language/en?to=\(Browser.encoded(to))")
                let place = answer.header("Location")
                #expect(place == "/" || place == "/a%0d%0ab:", "\(to) leads to \(place ?? "")")
            }
            await world.records.breakDown()
            let broken = try await browser.get("/incidents")
            #expect(broken.status == 503 && broken.text.contains("register cannot be reached"))
        }
    }
}
