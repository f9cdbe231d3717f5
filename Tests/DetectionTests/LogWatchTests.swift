import Detection
import Fingerprints
import Heads
import Moments
import TestKit
import Testing

private let realLog = "data/weblogs/elastic-apache-first5000.log"
private let realShapes = "data/shapes/hacktivist-2024-06.json"
/// Requests of the flood to one of the rest; a build without optimisation would take minutes over the greater ones.
#if DEBUG
    private let ratios = [1, 5]
#else
    private let ratios = [1, 2, 5, 10, 50]
#endif

@Suite struct LogWatchTests {
    // MARK: Logs and shapes, the makers' and made-up ones.

    private func realLines() throws -> [String] {
        let path = try #require(SharedData.path(realLog))
        let bytes = try #require(contents(of: path))
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    private func readShapes() throws -> [FloodShape] {
        let path = try #require(SharedData.path(realShapes))
        let bytes = try #require(contents(of: path))
        return try FloodShape.read(bytes)
    }

    private func madeLines(_ count: Int = 5_000, seed: UInt64 = 11) -> [String] {
        var street = LogStreet()
        street.random = Seeded(seed)
        return street.usual(count).map(\.text)
    }

    private static let madeShapes: [FloodShape] = {
        let fillings: [FloodShape.Filling] = [
            .init(digit: true, upper: true, lower: true, lengths: 6...12), .init(digit: true, lengths: 1...1),
            .init(digit: true, lengths: 1...3), .init(lower: true, lengths: 5...12),
            .init(upper: true, lower: true, lengths: 2...9),
            .init(digit: true, upper: true, lengths: 8...8), .init(digit: true, lower: true, lengths: 16...26),
        ]
        return [
            ("GET", "/zoeken?q=$_0"), ("GET", "/zoeken?trefwoord=$_3&p=$_2"),
            ("GET", "/agenda?dag=1$_1-06-2024&soort=a+b"),
            ("GET", "/producten/$_0/"), ("GET", "/$_0/"), ("GET", "/lijst/96024$_1"), ("POST", "/login"),
            ("GET", "/api/v1/lijst/alles/heel/diep?filter[a]=$_4&b=$_5"), ("GET", "/nieuwsbrief?mail=$_6%40example.nl"),
            ("GET", "/?s=$_0"), ("GET", "/?$_0"), ("POST", "/contact/formulier"), ("GET", "/zaak$_2.php"),
            ("GET", "/zoeken#k=$_0"),
        ].map { FloodShape(method: $0.0, path: $0.1, fillings: fillings) }
    }()

    // MARK: Running.

    private struct Parsed {
        var lines = LogLines()
        mutating func each(_ texts: [String], _ body: (RequestSummary, borrowing [UInt8]) -> Void) {
            for text in texts {
                lines.append(Array((text + "\n").utf8).span.bytes)
                while lines.next() { body(lines.summary, lines.text) }
            }
        }
    }

    private func watch(_ texts: [String], baseline: [String]? = nil) -> TrafficReport {
        var usual: RequestBaseline?
        if let baseline {
            usual = RequestBaseline()
            var parsed = Parsed()
            parsed.each(baseline) { usual!.observe($0, $1.span) }
        }
        var watch = LogWatch(baseline: usual)
        var parsed = Parsed()
        parsed.each(texts) { watch.observe($0, $1.span) }
        #expect(parsed.lines.badLines == 0, "\(parsed.lines.faults)")
        return watch.finish()
    }

    private func share(of texts: [String], hitBy report: TrafficReport, onlyBearable: Bool = false) throws -> Double {
        let vectors = report.attacks.flatMap(\.vectors).filter {
            !onlyBearable || ($0.fingerprint.evidence.collateral ?? 1) <= Contrast.bearable
        }
        let matchers = try vectors.map { vector in
            try #require(RequestMatcher(vector.fingerprint), "\(vector.fingerprint.conditions)")
        }
        var hits = 0
        var parsed = Parsed()
        parsed.each(texts) { request, line in
            if matchers.contains(where: { $0.matches(request, line.span) }) { hits += 1 }
        }
        return Double(hits) / Double(max(1, texts.count))
    }

    private struct Flood {
        var texts: [String] = []
        /// By shape: lines, and the shortest and longest filling of each place.
        var byShape: [[String]]
        var seen: [[ClosedRange<Int>]]
    }

    /// Requests after shapes, at the times of the lines they come between.
    private func flood(_ shapes: [FloodShape], _ count: Int, over times: [Int64], seed: UInt64) -> Flood {
        var random = Seeded(seed)
        let street = LogStreet()
        var flood = Flood(
            byShape: Array(repeating: [], count: shapes.count), seen: Array(repeating: [], count: shapes.count))
        for _ in 0..<count {
            let number = random.below(shapes.count)
            let (target, values) = shapes[number].fill(&random)
            let text = LogStreet.Line(
                second: times[random.below(times.count)], source: street.address(100_000 + random.below(949)),
                method: shapes[number].method, target: target, status: 200,
                agent: LogStreet.agents[random.below(LogStreet.agents.count)]
            ).text
            flood.texts.append(text)
            flood.byShape[number].append(text)
            for (place, value) in values.enumerated() {
                let length = value.value.utf8.count
                if place < flood.seen[number].count {
                    let range = flood.seen[number][place]
                    flood.seen[number][place] = min(range.lowerBound, length)...max(range.upperBound, length)
                } else {
                    flood.seen[number].append(length...length)
                }
            }
        }
        return flood
    }

    private func times(_ texts: [String]) -> [Int64] {
        var times: [Int64] = []
        var parsed = Parsed()
        parsed.each(texts) { request, _ in times.append(request.time / 1_000_000_000) }
        return times
    }

    /// Lines in the order of their times, as a server would have written them.
    private func merged(_ one: [String], _ other: [String]) -> [String] {
        let all = one + other
        let times = times(all)
        return all.indices.sorted { (times[$0], $0) < (times[$1], $1) }.map { all[$0] }
    }

    private func check(_ usual: [String], _ shapes: [FloodShape], ratio: Int, hasBaseline: Bool) throws {
        let flood = flood(shapes, usual.count * ratio, over: times(usual), seed: UInt64(ratio))
        let report = watch(merged(usual, flood.texts), baseline: hasBaseline ? usual : nil)
        let vectors = report.attacks.flatMap(\.vectors)
        let hit = try share(of: flood.texts, hitBy: report)
        // Rules that say of themselves that they would hit too many are not for use: some shapes hold pages too.
        let collateral = try share(of: usual, hitBy: report, onlyBearable: true)
        print(
            "\(ratio):1, baseline \(hasBaseline): \(vectors.count) rules hold \(hit) of the flood, \(collateral) beside"
        )
        #expect(hit >= 0.99)
        #expect(collateral <= 0.001)
        for (number, shape) in shapes.enumerated() where flood.byShape[number].count >= 200 {
            #expect(recovered(shape, vectors, flood.seen[number]), "\(shape.method) \(shape.path)")
        }
        // What is said of the rules is what they do.
        let unbearable = vectors.filter { ($0.fingerprint.evidence.collateral ?? 1) > Contrast.bearable }
        #expect(unbearable.count <= 1, "\(unbearable.map(\.fingerprint.conditions))")
        for vector in vectors {
            let evidence = vector.fingerprint.evidence
            if hasBaseline {
                var alone = report
                alone.attacks[0].vectors = [vector]
                let hit = try share(of: usual, hitBy: alone)
                #expect(abs((evidence.collateral ?? 1) - hit) < 0.0005, "\(vector.fingerprint.conditions)")
            }
            #expect(evidence.collateral != nil && evidence.baselineCount > 0)
            #expect(vector.kind == "http-flood" && vector.fingerprint.kind == "http-flood")
        }
        #expect(abs(vectors.reduce(0) { $0 + $1.fingerprint.evidence.coverage } - 1) < 0.1)
    }

    /// Whether a rule has the shape's method, texts, alphabets, and lengths that were seen and could be.
    private func recovered(_ shape: FloodShape, _ vectors: [TrafficVector], _ seen: [ClosedRange<Int>]) -> Bool {
        let fillings = shape.parts.compactMap { $0.filling.map { shape.fillings[$0] } }
        return vectors.contains { vector in
            let values = Dictionary(
                uniqueKeysWithValues: vector.fingerprint.conditions.map { ($0.feature, $0.value) })
            guard values[.method] == shape.method else { return false }
            var runs: [(text: String, lengths: ClosedRange<Int>)] = []
            if let text = values[.parameters] {
                guard let template = RequestTemplate(text) else { return false }
                for case .run(let alphabet, let lengths) in template.parts
                where !(lengths.count == 1 && lengths.lowerBound > 64) { runs.append((alphabet.text, lengths)) }
            }
            guard runs.count == fillings.count else { return false }
            for (place, run) in runs.enumerated() {
                guard run.text == fillings[place].text, run.lengths == seen[place],
                    fillings[place].lengths.contains(run.lengths.lowerBound)
                else { return false }
            }
            var random = Seeded(3)
            var parsed = Parsed()
            var isHeld = true
            let texts = (0..<50).map { _ in
                LogStreet.Line(
                    second: 0, source: "192.0.2.1", method: shape.method, target: shape.fill(&random).target, agent: "x"
                ).text
            }
            let bare = Fingerprint(
                conditions: vector.fingerprint.conditions.filter { $0.feature != .agent },
                evidence: vector.fingerprint.evidence, made: vector.fingerprint.made,
                expires: vector.fingerprint.expires)
            guard let matcher = RequestMatcher(bare) else { return false }
            parsed.each(texts) { isHeld = isHeld && matcher.matches($0, $1.span) }
            return isHeld
        }
    }

    // MARK: The bar.

    @Test(.needsShared(realLog), .needsShared(realShapes), arguments: ratios, [true, false])
    func `a flood after real shapes in a real log is found to its templates`(ratio: Int, hasBaseline: Bool) throws {
        try check(realLines(), readShapes(), ratio: ratio, hasBaseline: hasBaseline)
    }

    @Test(arguments: ratios, [true, false])
    func `a flood after made-up shapes in a made-up log is found to its templates`(ratio: Int, hasBaseline: Bool) throws
    {
        try check(madeLines(), Self.madeShapes, ratio: ratio, hasBaseline: hasBaseline)
    }

    @Test(.needsShared(realLog)) func `a real log alone holds no attack`() throws {
        let lines = try realLines()
        #expect(watch(lines).attacks.isEmpty)
        #expect(watch(lines, baseline: lines).attacks.isEmpty)
        #expect(watch(Array(lines[2_500...]), baseline: Array(lines[..<2_500])).attacks.isEmpty)
        #expect(watch(lines, baseline: lines).growth.isEmpty)
    }

    @Test(arguments: UInt64(1)...5) func `a made-up log alone holds no attack`(seed: UInt64) {
        let lines = madeLines(5_000, seed: seed)
        #expect(watch(lines).attacks.isEmpty)
        #expect(watch(lines, baseline: lines).attacks.isEmpty)
        let other = watch(lines, baseline: madeLines(5_000, seed: seed + 100))
        #expect(other.attacks.isEmpty && other.growth.isEmpty, "\(other.attacks)")
    }

    /// Many who come to one article, from where visitors come, and take what belongs to it.
    private func crowd(_ page: String, assets: [String], count: Int, over times: [Int64]) -> [String] {
        var random = Seeded(5)
        let street = LogStreet()
        var lines: [String] = []
        let first = times.count / 2
        for number in 0..<count {
            let second = times[first + random.below(times.count / 20)]
            let source = street.address(300_000 + number)
            let agent = LogStreet.agents[random.below(LogStreet.agents.count)]
            let referer = random.below(10) < 6 ? "https://news.example/" : "-"
            lines.append(
                LogStreet.Line(second: second, source: source, target: page, referer: referer, agent: agent).text)
            for asset in assets {
                lines.append(
                    LogStreet.Line(second: second, source: source, target: asset, referer: page, agent: agent).text)
            }
        }
        return lines
    }

    private func checkCrowd(_ usual: [String], _ page: String, _ assets: [String]) {
        let all = merged(usual, crowd(page, assets: assets, count: 5_000, over: times(usual)))
        let known = watch(all, baseline: usual)
        #expect(known.attacks.isEmpty, "\(known.attacks.flatMap(\.vectors).map(\.fingerprint.conditions))")
        #expect(known.growth.map(\.kind) == ["flash-crowd"])
        let unknown = watch(all)
        #expect(unknown.attacks.isEmpty, "\(unknown.attacks.flatMap(\.vectors).map(\.fingerprint.conditions))")
    }

    @Test(.needsShared(realLog)) func `a crowd on a real article is no attack`() throws {
        checkCrowd(
            try realLines(), "/blog/geekery/ssl-latency.html", ["/style2.css", "/reset.css", "/images/jordan-80.png"])
    }

    @Test func `a crowd on an article is no attack`() {
        checkCrowd(madeLines(), "/nieuws/2024/17", ["/stijl.css", "/app.js"])
    }

    // MARK: Floods without anything that varies.

    private func staticFlood(_ target: String, agent: String?, _ count: Int, over times: [Int64]) -> [String] {
        var random = Seeded(9)
        let street = LogStreet()
        return (0..<count).map { _ in
            LogStreet.Line(
                second: times[random.below(times.count)], source: street.address(400_000 + random.below(900)),
                target: target,
                agent: agent ?? LogStreet.agents[random.below(LogStreet.agents.count)]
            ).text
        }
    }

    private func checkHome(_ usual: [String]) throws {
        for hasBaseline in [true, false] {
            let baseline = hasBaseline ? usual : nil
            // One agent that no visitor has: a rule that hits nobody.
            let foreign = staticFlood("/", agent: "Go-http-client/1.1", 20_000, over: times(usual))
            let named = watch(merged(usual, foreign), baseline: baseline)
            #expect(try share(of: foreign, hitBy: named) >= 0.99)
            #expect(try share(of: usual, hitBy: named) <= 0.001)
            // Visitors' agents: there is a flood, and no rule that spares the home page's visitors; it says so.
            let alike = staticFlood("/", agent: nil, 20_000, over: times(usual))
            let honest = watch(merged(usual, alike), baseline: baseline)
            #expect(try share(of: alike, hitBy: honest) >= 0.99)
            let vectors = honest.attacks.flatMap(\.vectors)
            let said = vectors.reduce(0) { $0 + ($1.fingerprint.evidence.collateral ?? 0) }
            #expect(said > 0.001, "\(said)")
            if hasBaseline {
                let hit = try share(of: usual, hitBy: honest)
                #expect(abs(said - hit) < 0.002, "\(said) \(hit)")
            }
        }
    }

    @Test(.needsShared(realLog)) func `a flood on a real home page is found, and what its rule would cost is said`()
        throws
    {
        try checkHome(try realLines())
    }

    @Test func `a flood on a home page is found, and what its rule would cost is said`() throws {
        try checkHome(madeLines())
    }

    @Test func `a quiet log that surges is its own baseline`() throws {
        var street = LogStreet()
        let quiet = street.usual(6_000, seconds: 7_200)
        let shape = Self.madeShapes[0]
        var random = Seeded(21)
        let attack = (0..<6_000).map { _ in
            // Sources of visitors, with a referer: only that it was never there before tells it.
            LogStreet.Line(
                second: 1_700_005_000 + Int64(random.below(600)), source: street.address(random.below(1_500)),
                target: shape.fill(&random).target, referer: "https://www.example.nl/", agent: LogStreet.agents[3]
            ).text
        }
        let report = watch(merged(quiet.map(\.text), attack))
        #expect(try share(of: attack, hitBy: report) >= 0.99)
        #expect(try share(of: quiet.map(\.text), hitBy: report) <= 0.001)
        let found = try #require(report.attacks.first)
        #expect(found.target == .host("") && found.state == .ended)
        #expect(
            abs(found.start - Moment(seconds: 1_700_005_000)) < 5 && abs(found.end - Moment(seconds: 1_700_005_599)) < 5
        )
        let points = found.points.reduce(0) { $0 + $1.attackPackets }
        #expect(abs(points - 6_000) < 300, "\(points)")
    }

    @Test func `sites of one log are judged apart`() throws {
        let usual = madeLines(4_000)
        let flood = flood(Array(Self.madeShapes[..<2]), 8_000, over: times(usual), seed: 2)
        let all = usual.map { "rustig.nl \($0)" } + usual.map { "druk.nl \($0)" } + flood.texts.map { "druk.nl \($0)" }
        let report = watch(all)
        #expect(report.attacks.map(\.target) == [.host("druk.nl")])
        #expect(report.packets == UInt64(all.count))
    }

    @Test func `baselines put together are one that saw both`() {
        let lines = madeLines(6_000)
        var one = RequestBaseline()
        var other = RequestBaseline()
        var parsed = Parsed()
        parsed.each(Array(lines[..<3_000])) { one.observe($0, $1.span) }
        parsed.each(Array(lines[3_000...])) { other.observe($0, $1.span) }
        one.merge(other)
        #expect(one.requests == 6_000)
        var watch = LogWatch(baseline: one)
        parsed.each(lines) { watch.observe($0, $1.span) }
        let report = watch.finish()
        #expect(report.attacks.isEmpty && report.growth.isEmpty)
    }

    @Test func `endless new targets cost no more memory, and nothing at once`() {
        var random = Seeded(4)
        var watch = LogWatch()
        var lines = LogLines()
        var count = 0
        for _ in 0..<200 {
            var text = ""
            for _ in 0..<500 {
                let path = (0..<1 + random.below(6)).map { _ in String(random.next(), radix: 36) }.joined(
                    separator: "/")
                text +=
                    "192.0.2.1 - - [17/May/2015:10:05:03 +0000] \"GET /\(path)?\(random.next())=1 HTTP/1.1\" 200 1\n"
            }
            lines.append(Array(text.utf8).span.bytes)
            while lines.next() {
                watch.observe(lines.summary, lines.text.span)
                count += 1
            }
        }
        _ = watch.finish()
        #expect(count == 100_000)
    }

    @Test func `a watch of nothing says nothing`() {
        var watch = LogWatch(baseline: RequestBaseline())
        let report = watch.finish()
        #expect(report == TrafficReport())
    }
}
