package import Detection
package import Exchange
internal import Fingerprints
internal import Moments

/// A report as one HTML page, to be read, printed and sent: no script, nothing from outside.
package enum DissectPage {
    /// Values of one feature shown; the rest is one line.
    static let shareLimit = 8
    /// Networks of sources shown.
    static let networkLimit = 10

    /// - Parameters:
    ///   - requests: how many of the report's packets were requests.
    ///   - timeline: the course of all that was read; drawn with the attacks marked.
    package static func page(
        _ report: TrafficReport, input: String, faults: [ReadFault] = [], requests: UInt64 = 0,
        timeline: TrafficTimeline? = nil
    ) -> String {
        let title = "What is in \(input)"
        let body: [DissectMarkup] = report.attacks.enumerated().map {
            attack($1, number: $0 + 1, of: report.attacks.count)
        }
        let page: DissectMarkup = """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; \
            base-uri 'none'; form-action 'none'">
            <title>\(title)</title>
            <style>
            \(DissectMarkup(text: DissectStyle.sheet))
            </style>
            </head>
            <body>
            <main>
            <h1>\(title)</h1>
            \(lead(report, requests))
            \(timeline.flatMap { DissectPlot(of: $0, report, requests: requests)?.markup } ?? .nothing)\
            \(body)\(growth(report.growth))\(errors(faults))</main>
            </body>
            </html>

            """
        return page.text
    }

    private static func lead(_ report: TrafficReport, _ requests: UInt64) -> DissectMarkup {
        let verdict: DissectMarkup
        switch report.attacks.count {
        case 0 where report.packets == 0: verdict = "<p class=\"none\">Nothing was read.</p>"
        case 0: verdict = "<p class=\"none\">No attack: nothing exceeds the baseline but what is of its own kind.</p>"
        case 1: verdict = "<p>One attack was found.</p>"
        case let count: verdict = "<p>\(count) attacks were found.</p>"
        }
        var read = "Read: \(DissectFigure.volume(report, requests: requests))"
        if let from = report.from, let until = report.until {
            read += ", from \(DissectFigure.time(from)) to \(DissectFigure.time(until))"
        }
        return "\(verdict)\n<p class=\"quiet\">\(read).</p>"
    }

    // MARK: - An attack

    private static func attack(_ attack: TrafficAttack, number: Int, of count: Int) -> DissectMarkup {
        let target = DissectFigure.target(attack.target)
        let title = count == 1 ? "The attack on \(target)" : "Attack \(number), on \(target)"
        let isExact = DissectFigure.isExact([attack.start, attack.end])
        let length = DissectFigure.duration(attack.end - attack.start)
        let kinds = attack.vectors.map { DissectFigure.kind($0.kind) }.joined(separator: ", ")
        return """
            <section aria-labelledby="attack\(number)">
            <h2 id="attack\(number)">\(title)</h2>
            <dl class="card">
            <dt>Target</dt><dd>\(target)</dd>
            <dt>Begin</dt><dd>\(DissectFigure.time(attack.start, toMilliseconds: isExact))</dd>
            <dt>End</dt><dd>\(DissectFigure.time(attack.end, toMilliseconds: isExact)), after \(length)</dd>
            <dt>State</dt><dd>\(DissectFigure.state(attack.state))</dd>
            <dt>Found</dt><dd>\(DissectFigure.time(attack.detected))</dd>
            <dt>Ways</dt><dd>\(kinds)</dd>
            </dl>
            \(DissectPlot(attack, number: number)?.markup ?? .nothing)\(table(attack))\
            \(attack.vectors.map { vector($0) })</section>

            """
    }

    private static func peak(_ rate: Double?) -> String {
        guard let rate, rate >= 0.5 else { return "not measured" }
        return DissectFigure.count(DissectFigure.whole(rate))
    }

    /// Coverage and collateral of every vector, in both units.
    private static func table(_ attack: TrafficAttack) -> DissectMarkup {
        let heads = [
            "Vector", "Volume", "Most in a second", "Covers of the packets", "Covers of the bytes",
            "Hits of normal packets", "Hits of normal bytes", "Sources",
        ]
        let rows = attack.vectors.map { vector -> DissectMarkup in
            let evidence = vector.fingerprint.evidence
            let isOfPackets = vector.fingerprint.isOfPackets
            let volume =
                "\(DissectFigure.count(vector.packets)) \(isOfPackets ? "packets" : "requests")"
                + (vector.bytes > 0 ? ", \(DissectFigure.bytes(vector.bytes))" : "")
            let cells = [
                volume, peak(evidence.peakRate),
                DissectFigure.percent(evidence.coverage),
                isOfPackets ? DissectFigure.percent(evidence.bytes?.coverage) : "not counted",
                DissectFigure.percent(evidence.collateral),
                isOfPackets ? DissectFigure.percent(evidence.bytes?.collateral) : "not counted",
                "about \(DissectFigure.count(evidence.sources))",
            ].map { "<td>\($0)</td>" as DissectMarkup }
            return "<tr><th scope=\"row\">\(DissectFigure.kind(vector.kind))</th>\(cells)</tr>\n"
        }
        let baselines = Set(attack.vectors.compactMap(\.fingerprint.evidence.baseline)).sorted()
        let baseline = baselines.isEmpty ? "not named" : baselines.joined(separator: ", ")
        return """
            <h3>Vectors and evidence</h3>
            <p>How much of the attack each fingerprint covers, and how much normal traffic it would have hit. Normal \
            traffic: \(baseline). In logs, requests stand for packets.</p>
            <div class="card scroll" role="group" tabindex="0" aria-label="Vectors and evidence"><table class="wide">
            <thead><tr>\(heads.map { "<th scope=\"col\">\($0)</th>" as DissectMarkup })</tr></thead>
            <tbody>
            \(rows)</tbody></table></div>

            """
    }

    // MARK: - A vector

    private static func vector(_ vector: TrafficVector) -> DissectMarkup {
        let conditions = vector.fingerprint.conditions.map {
            "<dt><code>\($0.feature.rawValue)</code></dt><dd><code>\($0.value)</code></dd>\n" as DissectMarkup
        }
        let spread = vector.shares.filter { single($0) == nil }.map { shares($0) }
        let drawn: DissectMarkup = "<div class=\"spread\">\n\(spread)</div>\n"
        return """
            <h3>\(DissectFigure.kind(vector.kind))</h3>
            <div class="card">
            <h4>Fingerprint: all of this holds</h4>
            <dl>
            \(conditions)</dl>
            <h4>How it is spread</h4>
            \(alike(vector.shares))\(spread.isEmpty ? .nothing : drawn)\(networks(vector.fingerprint.evidence))</div>

            """
    }

    /// The one value that a feature has in all of the attack; nil where it has more.
    private static func single(_ share: TrafficVector.Share) -> String? {
        guard let first = share.values.first, first.share >= 0.9995 else { return nil }
        return first.value
    }

    /// Features that do not differ need no drawing.
    private static func alike(_ shares: [TrafficVector.Share]) -> DissectMarkup {
        let texts = shares.compactMap { share in single(share).map { "\(name(share.feature)) \($0)" } }
        return texts.isEmpty ? .nothing : "<p>All of it: \(texts.joined(separator: "; ")).</p>\n"
    }

    private static func shares(_ share: TrafficVector.Share) -> DissectMarkup {
        let shown = share.values.prefix(shareLimit)
        let rest = 1 - shown.reduce(0) { $0 + $1.share }
        let more: [(String, Double)] = rest > 0.0005 ? [("all others", rest)] : []
        return bars(name(share.feature), shown.map { ($0.value, $0.share) } + more)
    }

    private static func name(_ feature: Feature) -> String {
        feature.rawValue.split(separator: "_").map { DissectFigure.kind(String($0)) }.joined(separator: " ")
    }

    private static func networks(_ evidence: Fingerprint.Evidence) -> DissectMarkup {
        let count = DissectFigure.count(evidence.sources)
        switch evidence.isSpoofable {
        case true?:
            return "<h4>Sources</h4>\n<p>About \(count). Sources can be forged: not shown.</p>\n"
        case nil:
            return "<h4>Sources</h4>\n<p>About \(count). Whether they are forged is not known: not shown.</p>\n"
        case false?:
            let list = evidence.networks.prefix(networkLimit).map { ($0.prefix, $0.share) }
            let rest = 1 - list.reduce(0) { $0 + $1.1 }
            let none: DissectMarkup = "<p>No network stands out.</p>\n"
            let more = rest > 0.0005 ? [("all others", rest)] : []
            let drawn: DissectMarkup = "<div class=\"spread\">\n\(bars("networks", list + more))</div>\n"
            return """
                <h4>Sources</h4>
                <p>About \(count). No single address is shown.</p>
                \(list.isEmpty ? none : drawn)
                """
        }
    }

    /// Values with their shares of the attack, the heaviest first, as a table with a bar in each row.
    private static func bars(_ name: String, _ values: [(String, Double)]) -> DissectMarkup {
        let rows = values.map { value, share -> DissectMarkup in
            let units = share > 0 ? Int((min(1, share) * 1_000).rounded()) : 0
            return """
                <tr><th scope="row">\(value)</th><td><svg viewBox="0 0 1000 16" preserveAspectRatio="none" \
                aria-hidden="true"><rect width="\(units)" height="16"/></svg></td><td>\(DissectFigure.percent(share))</td></tr>

                """
        }
        return """
            <table class="shares"><caption>\(name)</caption>
            <thead><tr><th scope="col">Value</th><th scope="col">Drawn</th><th scope="col">Share</th></tr></thead>
            <tbody>
            \(rows)</tbody></table>

            """
    }

    // MARK: - The rest

    private static func growth(_ list: [BenignGrowth]) -> DissectMarkup {
        guard !list.isEmpty else { return .nothing }
        let rows = list.map { growth -> DissectMarkup in
            """
            <tr><th scope="row">\(growth.kind)</th><td>\(DissectFigure.target(growth.target))</td><td>\(DissectFigure.time(growth.start))</td>\
            <td>\(DissectFigure.count(growth.packets)) packets, \(DissectFigure.bytes(growth.bytes))</td></tr>

            """
        }
        return """
            <h2>Growth that is no attack</h2>
            <p>More than usual, but of the usual kind.</p>
            <div class="card scroll" role="group" tabindex="0" aria-label="Growth that is no attack"><table class="wide">
            <thead><tr><th scope="col">Kind</th><th scope="col">Target</th><th scope="col">Begin</th>\
            <th scope="col">Volume</th></tr></thead>
            <tbody>
            \(rows)</tbody></table></div>

            """
    }

    private static func errors(_ faults: [ReadFault]) -> DissectMarkup {
        let counted = faults.filter { $0.count > 0 }
        let rows = counted.map {
            "<dt>\($0.cause)</dt><dd>\(DissectFigure.count($0.count))</dd>\n" as DissectMarkup
        }
        let list: DissectMarkup = "<dl class=\"card\">\n\(rows)</dl>"
        return """
            <h2>Errors in what was read</h2>
            \(counted.isEmpty ? "<p>None.</p>" : list)

            """
    }
}
