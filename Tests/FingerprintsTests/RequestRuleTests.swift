import Fingerprints
import Heads
import Packets
import Testing

/// A request as text, and what a reader of the grammar says of it: the measure for what lanes and office compare.
private struct Asked {
    static let ja4s = ["", "t13d1516h2_8daaf6152771_e5627efa2ab1", "t13d1517h2_8daaf6152771_e5627efa2ab1"]
    static let orders = [
        ["Host", "User-Agent", "Accept"], ["Host", "Accept", "User-Agent"], ["host", "user-agent", "accept"],
        ["Host", "User-Agent", "Accept", "X-Own"],
    ]
    static let agents = ["tool/1.0", "Mozilla/5.0 (X11)", ""]

    var method: String
    var target: String
    var names: [String]
    /// Fields that tell nothing of the program, at their places.
    var visit: [String]
    var agent: String
    var ja4: String
    var http2: UInt64

    static func random(_ random: inout Seeded) -> Asked {
        func word(_ letters: String) -> String {
            String((0..<random.below(9)).map { _ in Array(letters)[random.below(letters.count)] })
        }
        let path = ["/", "/zoeken", "/nieuws/\(random.below(300))/x", "/" + word("abcxyz019"), "/a/b/c/d/e"]
        let queries = [
            "", "?q=" + word("abcxyz"), "?q=" + word("aZ09%-."), "?zoek=" + word("fg09") + "&p=\(random.below(40))",
            "?" + word("ab09"), "?q=" + word("abcdef0123456789"),
        ]
        return Asked(
            method: ["GET", "GET", "POST", "BREW"][random.below(4)],
            target: path[random.below(path.count)] + queries[random.below(queries.count)],
            names: orders[random.below(orders.count)],
            visit: random.below(2) == 0
                ? [] : ["Cookie: a=b", "Referer: http://a.example/", "Cache-Control: no-cache"],
            agent: agents[random.below(agents.count)], ja4: ja4s[random.below(ja4s.count)],
            http2: [0, 0xff00_ff00_0000_0001, 7][random.below(3)])
    }

    var bytes: [UInt8] {
        var lines = ["\(method) \(target) HTTP/1.1"]
        for (place, name) in names.enumerated() {
            if place == 1 { lines += visit }
            switch name.lowercased() {
            case "host": lines.append("\(name): www.example.nl")
            case "user-agent": lines.append("\(name): \(agent)")
            default: lines.append("\(name): */*")
            }
        }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
    }

    func meets(_ condition: Fingerprint.Condition) -> Bool {
        switch condition.feature {
        case .method: method == condition.value
        case .route: RequestShape.route(of: Array(target.utf8)) == condition.value
        case .agent: agent == condition.value
        case .ja4: ja4 == condition.value
        case .headers: names.joined(separator: ",") == condition.value
        case .http2: RequestRule.digits(of: http2) == condition.value
        case .parameters:
            RequestTemplate(condition.value).map { template in
                let text = Array(target.utf8)
                let query = text.firstIndex(of: UInt8(ascii: "?")).map { $0 + 1 } ?? text.count
                return template.matches(text.span, template.scope == .target ? 0 : query, text.count)
            } ?? false
        default: false
        }
    }

    /// Some conditions that hold for it.
    func conditions(_ random: inout Seeded) -> [Fingerprint.Condition] {
        var all: [Fingerprint.Condition] = [.init(.method, method)]
        all.append(.init(.route, RequestShape.route(of: Array(target.utf8))))
        if !ja4.isEmpty { all.append(.init(.ja4, ja4)) }
        let templates = [
            "q=[a-z]{1,9}", "q=[a-f0-9]{0,9}", "q=[a-zA-Z0-9-%.]{0,9}", "zoek=[a-z0-9]{0,9}&p=[0-9]{1,2}",
            "/[a-z0-9]{1,8}", "/zoeken?q=[a-z]{2,4}", "q=ab[a-z]{0,7}",
        ]
        all.append(.init(.parameters, templates[random.below(templates.count)]))
        all.append(.init(.headers, names.joined(separator: ",")))
        if http2 != 0 { all.append(.init(.http2, RequestRule.digits(of: http2))) }
        all.append(.init(.agent, agent))
        let chosen = all.filter { _ in random.below(3) == 0 }
        return chosen.isEmpty ? [all[0]] : chosen
    }
}

@Suite struct RequestRuleTests {
    private func read(_ bytes: [UInt8]) throws -> RequestHead {
        var head = RequestHead()
        let refusal = head.read(bytes.span, from: 0, limits: HeadLimits())
        try #require(refusal == nil)
        return head
    }

    private func client(_ asked: Asked, _ head: RequestHead, _ bytes: [UInt8]) -> RequestRule.Client {
        RequestRule.Client(
            program: head.traits(bytes.span, route: 0).fields, ja4: asked.ja4.isEmpty ? nil : JA4(asked.ja4),
            http2: asked.http2)
    }

    private func features(_ asked: Asked, _ client: RequestRule.Client) -> RequestFeatures {
        let agent = Array(asked.agent.utf8)
        return RequestFeatures(
            method: asked.method, target: Array(asked.target.utf8), program: client.program,
            ja4: client.ja4?.mixed ?? 0, http2: client.http2,
            agent: agent.isEmpty ? 0 : RequestSummary.hash(agent.span, Slice(0, agent.count)))
    }

    @Test(arguments: 0..<8) func `lane and office come to what the grammar says`(seed: UInt64) throws {
        var random = Seeded(seed)
        var matched = 0
        for _ in 0..<2_500 {
            let asked = Asked.random(&random)
            // Conditions of this request, or of another one.
            let other = random.below(2) == 0 ? asked : Asked.random(&random)
            let conditions = other.conditions(&random)
            let rule = try #require(RequestRule(conditions))
            let expected = conditions.allSatisfy(asked.meets)
            let bytes = asked.bytes
            let head = try read(bytes)
            let client = client(asked, head, bytes)
            #expect(rule.matches(head, bytes.span, client) == expected, "\(asked) \(conditions)")
            let kept = features(asked, client)
            #expect(rule.matches(kept) == expected, "\(asked) \(conditions)")
            let key = RequestRule.Key(rule)
            let mayMatch = key.mayMatch(
                program: client.program, ja4: client.ja4?.mixed ?? 0, http2: client.http2)
            if expected {
                matched += 1
                #expect(mayMatch)
                // What a profile keeps never says no where the request itself would say yes.
                #expect(rule.matches(kept.masked), "\(asked) \(conditions)")
            }
        }
        #expect(matched > 100)
    }

    @Test func `a profile keeps no word of a value`() {
        let request = RequestFeatures(method: "GET", target: Array("/zoek?naam=Jansen&bsn=123456782&los".utf8))
        #expect(String(decoding: request.masked.target, as: UTF8.self) == "/zoek?naam=Gaggag&bsn=000000000&ggg")
        #expect(request.masked.masked == request.masked)
    }

    @Test func `masked values tell words from numbers and hexadecimal digits`() throws {
        func holds(_ template: String, _ target: String) throws -> Bool {
            let rule = try #require(RequestRule([.init(.parameters, template)]))
            return rule.matches(RequestFeatures(method: "GET", target: Array(target.utf8)).masked)
        }
        #expect(try holds("q=[a-z]{5,12}", "/zoek?q=paspoort"))
        #expect(try !holds("q=[a-z]{5,12}", "/zoek?q=pas"))
        #expect(try !holds("q=[a-f0-9]{8}", "/zoek?q=paspoort"))
        #expect(try !holds("q=[0-9]{1,9}", "/zoek?q=paspoort"))
        #expect(try !holds("w=[a-z]{5,12}", "/zoek?q=paspoort"))
    }

    @Test(arguments: [
        [Fingerprint.Condition(.sourcePort, "53")], [.init(.assets, "none")], [.init(.ja4, "t13d")],
        [.init(.http2, "1:65536;2:0")], [.init(.http2, "FF00FF0000000001")], [.init(.parameters, "q=[")], [],
    ])
    func `what a lane cannot compare is no rule`(conditions: [Fingerprint.Condition]) {
        #expect(RequestRule(conditions) == nil)
    }

    @Test func `JA4 is read as it is written`() throws {
        for text in Asked.ja4s where !text.isEmpty { #expect(try #require(JA4(text)).description == text) }
        for text in ["", "t13d1516h2_8daaf6152771_e5627efa2abx", "t13d1516h2-8daaf6152771_e5627efa2ab1"] {
            #expect(JA4(text) == nil)
        }
    }

    @Test func `a hostile target cannot hold up the masked comparison`() throws {
        let rule = try #require(RequestRule([.init(.parameters, String(repeating: "[a-z]{0,99}a", count: 30))]))
        let target = Array(("/?" + String(repeating: "a", count: 200) + "!").utf8)
        // It gives up, and says that it may.
        #expect(rule.matches(RequestFeatures(method: "GET", target: target).masked))
    }
}
