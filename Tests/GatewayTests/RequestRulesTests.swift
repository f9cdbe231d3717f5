import Addresses
import Detection
import Fingerprints
import Messages
import TestKit
import Testing

/// Rules on requests in a real lane, and the samples that it sends.
@Suite struct `A rule on requests` {
    private static let tool = ["User-Agent: flood/1.0", "Accept: */*"]
    private static let browser = ["User-Agent: Mozilla/5.0 (X11)", "Accept: text/html", "Accept-Language: nl"]
    private static let id: UInt64 = 0x0123_4567_89ab_cdef

    private static func rules(_ conduct: LiveRule.Conduct, seconds: UInt32 = 600) -> RequestRules {
        var rules = RequestRules()
        rules.sites = [
            .init(
                name: "www",
                rules: [
                    .init(
                        id: id, conditions: [.init(.headers, "Host,User-Agent,Accept")], conduct: conduct,
                        seconds: seconds)
                ])
        ]
        return rules
    }

    /// Each from a source of its own, so that nobody becomes known.
    private func ask(_ street: Street, _ number: Int, _ fields: [String] = tool) throws -> Int {
        let source = Address(ipv4: 127 << 24 | 44 << 16 | UInt32(number))
        return try street.get("/nieuws", fields: fields, from: source).status
    }

    private func count(_ street: Street) -> (hits: UInt64, marked: UInt64) {
        street.lane.samples.flatMap(\.counts).filter { $0.rule == Self.id }.reduce((0, 0)) {
            ($0.0 + $1.hits, $0.1 + $1.marked)
        }
    }

    /// Asks until the rule is at work.
    private func settle(_ street: Street) throws {
        var number = 40_000
        guard
            eventually(
                within: 20_000,
                {
                    number += 1
                    _ = try? ask(street, number)
                    return count(street).hits > 0
                })
        else { throw TestKitError.timedOut("the rule; the lane says \(street.lane.lines)") }
    }

    @Test func `marks in calm, and all are served`() throws {
        let street = try Street()
        try street.lane.publish(Self.rules(.live))
        try settle(street)
        for number in 1...20 { #expect(try ask(street, number) == 200) }
        for number in 21...40 { #expect(try ask(street, number, Self.browser) == 200) }
        #expect(eventually { count(street).marked >= 20 })
        // The rule's number stands in the access log where it marked, and nowhere else. How many lines there are
        // before them is not known: the rule was asked for until it was at work.
        var lines: [String] = []
        #expect(
            eventually {
                lines = (try? street.lane.accessLines(41)) ?? []
                return lines.filter { $0.contains("\"rule\":\"0123456789abcdef\"") }.count >= 20
                    && lines.filter { !$0.contains("\"rule\":") }.count >= 20
            })
        #expect(lines.filter { $0.contains("\"rule\":") }.allSatisfy { $0.contains("\"class\":\"suspect\"") })
    }

    @Test func `puts what it matches behind the others where not all fit`() throws {
        let street = try Street {
            $0.limits.queueLength = 200
            $0.limits.queueTime = 30_000
        }
        try street.lane.publish(Self.rules(.live))
        try settle(street)
        var flood: [RawClient] = []
        for number in 1...150 {
            let client = try street.visitor(from: Address(ipv4: 127 << 24 | 45 << 16 | UInt32(number)))
            try client.send(
                (["GET /slow/300 HTTP/1.1", "Host: \(Street.host)"] + Self.tool + ["", ""]).joined(separator: "\r\n"))
            flood.append(client)
        }
        // Somebody new comes after them all, and is served before them.
        var visitor = try street.visitor(from: Address(ipv4: 127 << 24 | 46 << 16 | 1), timeout: 20_000)
        let answer = try visitor.get("/fixed/3", host: Street.host, fields: Self.browser)
        #expect(answer.status == 200)
        let suspect = street.lane.status { $0.sites[0].classes[2].requests >= 150 }.sites[0]
        #expect(suspect.classes[2].requests >= 150)
        #expect(suspect.waiting > 0)
    }

    @Test func `counts where it is dry, ends by the lane's own clock, and goes with the next list`() throws {
        let street = try Street()
        try street.lane.publish(Self.rules(.dry))
        try settle(street)
        #expect(count(street).marked == 0)
        try street.lane.publish(Self.rules(.live, seconds: 1))
        pauseThread(2_500)
        let before = count(street)
        for number in 1...10 { _ = try ask(street, number) }
        pauseThread(1_000)
        #expect(count(street).hits == before.hits)
        try street.lane.publish(Self.rules(.live))
        var number = 1_000
        #expect(
            eventually(within: 20_000) {
                number += 1
                _ = try? ask(street, number)
                return count(street).marked > before.marked
            })
        try street.lane.publish(RequestRules())
        pauseThread(1_000)
        let last = count(street)
        for number in 11...20 { _ = try ask(street, number) }
        pauseThread(1_000)
        #expect(count(street).hits == last.hits)
    }

    @Test func `is made of samples that hold what was asked, and nobody's address`() throws {
        let street = try Street()
        for number in 0..<40 {
            _ = try street.get("/nieuws/\(number)?q=woord", fields: Self.browser + ["Cookie: geheim=1"])
        }
        #expect(eventually { street.lane.samples.reduce(0) { $0 + $1.batch.seen } >= 40 })
        let samples = street.lane.samples
        #expect(samples.allSatisfy { $0.name == "www" })
        let requests = samples.flatMap(\.batch.requests)
        #expect(!requests.isEmpty)
        #expect(requests.allSatisfy { $0.names == "Host,User-Agent,Accept,Accept-Language" && $0.ja4.isEmpty })
        #expect(requests.allSatisfy { $0.features.program == RequestRule.program($0.names) })
        #expect(
            requests.allSatisfy { String(decoding: $0.features.target, as: UTF8.self).hasPrefix("/nieuws/") })
        let weights = requests.reduce(0) { $0 + $1.weight }
        #expect(abs(weights - 40) < 1)
    }
}
