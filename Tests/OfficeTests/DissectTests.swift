import Detection
import Exchange
import Fingerprints
import Foundation
import Glibc
import Moments
import Testing
import wasstraat

/// What a person gets to see of a report.
@Suite struct DissectTests {
    static let start = Moment(seconds: 1_795_423_408)
    static let hostile = "<script>alert(1)</script>\u{1b}[2J\u{202e}\"'&"

    static func vector(isSpoofable: Bool? = false, agent: String? = nil) -> TrafficVector {
        let conditions: [Fingerprint.Condition] =
            agent.map { [.init(.method, "GET"), .init(.agent, $0)] }
            ?? [.init(.protocol, "udp"), .init(.sourcePort, "53"), .init(.service, "dns response")]
        let fingerprint = Fingerprint(
            conditions: conditions, kind: "dns-reflection",
            evidence: .init(
                coverage: 0.9876, collateral: 0.00001, attackCount: 70_000, baselineCount: 12_345, sources: 3_178,
                from: start, until: start + 30,
                bytes: .init(coverage: 0.5, collateral: nil, attackCount: 91_000_000, baselineCount: 4_000_000),
                peakRate: 71_234, isSpoofable: isSpoofable, networks: [.init(prefix: "192.0.2.0/24", share: 0.25)],
                baseline: "shipped profile"),
            made: start + 30, expires: start + 86_400)
        var vector = TrafficVector(
            kind: "dns-reflection", fingerprint: fingerprint, packets: 70_000, bytes: 91_000_000, start: start,
            end: start + 30)
        var values: [(value: String, share: Double)] = [(value: hostile, share: 0.75)]
        for number in 0..<20 { values.append((value: String(number) + ".example", share: 0.01)) }
        vector.shares = [TrafficVector.Share(feature: Feature.dnsName, values: values)]
        return vector
    }

    static func report(_ vectors: [TrafficVector] = [vector()], points: Int = 30) -> TrafficReport {
        var attack = TrafficAttack(
            target: .host(hostile), state: .ended, start: start, end: start + 29, detected: start + 2, vectors: vectors)
        for second in 0..<points {
            let rate = Double(second) * 100
            let odd: Double = second == 3 ? .nan : .infinity
            attack.points.append(
                TrafficAttack.Point(
                    time: start + Double(second), attackPackets: rate, attackBytes: rate * 1_000,
                    allPackets: rate + 50, allBytes: odd))
        }
        var report = TrafficReport()
        report.attacks = [attack]
        report.packets = 123_456
        report.bytes = 99_000_000
        report.from = start
        report.until = start + 60
        return report
    }

    // MARK: - Text

    @Test func `the text says what, when, against whom and on what ground, in 80 columns`() {
        let text = DissectText.text(Self.report(), faults: [ReadFault(cause: "truncated packet", count: 1_234)])
        for part in [
            "attack: DNS reflection", "2026-11-23 08:43:28 to 08:43:57 UTC, 29.0 s (ended)",
            "service = dns response", "70,000 packets, 91.0 MB, at most 71,234/s", "98.8 % of packets, 50.0 % of bytes",
            "< 0.01 % of packets (shipped profile)", "about 3,178; most from 192.0.2.0/24 (25.0 %)",
            "errors: truncated packet (1,234)",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(lines.allSatisfy { $0.count <= 80 } && !text.contains("\u{1b}") && !text.contains("\u{202e}"))
    }

    @Test func `forged sources are not shown, nor those that nobody judged`() {
        let forged = DissectText.text(Self.report([Self.vector(isSpoofable: true)]))
        let unknown = DissectText.text(Self.report([Self.vector(isSpoofable: nil)]))
        #expect(forged.contains("can be forged: not shown") && !forged.contains("192.0.2"))
        #expect(unknown.contains("not known") && !unknown.contains("192.0.2"))
    }

    @Test func `no attack is said, with the reason`() {
        var report = TrafficReport()
        #expect(DissectText.text(report).hasPrefix("no attack: nothing was read"))
        report.packets = 10
        #expect(DissectText.text(report).hasPrefix("no attack: nothing exceeds the baseline\n"))
        report.growth = [
            BenignGrowth(
                target: .host("a"), kind: "backup", start: Self.start, end: Self.start, packets: 1, bytes: 1)
        ]
        #expect(DissectText.text(report).contains("growth, no attack: backup at a"))
        #expect(DissectText.text(report).contains("errors: none"))
    }

    @Test func `a word that fits no line is cut, and nothing is lost`() {
        let agent = String(repeating: "x", count: 300) + " " + String(repeating: "y", count: 100)
        let text = DissectText.text(Self.report([Self.vector(agent: agent)]))
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 80 })
        #expect(text.count { $0 == "x" } == 300 && text.count { $0 == "y" } >= 100)
    }

    // MARK: - Page

    @Test func `the page asks nothing of anybody and holds no script`() {
        let page = DissectPage.page(Self.report(), input: Self.hostile)
        for banned in ["<script", "http://", "https://", "src=", "href=", "url(", "@import", "\u{1b}", "\u{202e}"] {
            #expect(!page.contains(banned), "\(banned)")
        }
        #expect(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"))
        #expect(page.contains("Content-Security-Policy"))
    }

    @Test(arguments: [0, 1, 2, 30, 3_600])
    func `the page is well-formed, whatever there is to draw`(points: Int) throws {
        let page = DissectPage.page(
            Self.report([Self.vector(), Self.vector(isSpoofable: true)], points: points), input: "a.pcap",
            faults: [ReadFault(cause: "x < y", count: 1)])
        var open: [Substring] = []
        for tag in page.matches(of: /<(\/?)([a-zA-Z0-9]+)([^>]*)>/) {
            let name = tag.2
            if ["meta", "path", "rect"].contains(name) || tag.3.hasSuffix("/") { continue }
            if tag.1.isEmpty {
                open.append(name)
            } else {
                #expect(open.popLast() == name, "\(name)")
            }
        }
        #expect(open.isEmpty)
        let names = page.matches(of: /\sid="([^"]*)"/).map { String($0.1) }
        #expect(Set(names).count == names.count)
        for label in page.matches(of: /aria-labelledby="([^"]*)"/) {
            #expect(label.1.split(separator: " ").allSatisfy { names.contains(String($0)) }, "\(label.1)")
        }
        #expect(page.contains("Rate over time") == (points >= 2))
        #expect(!page.contains("nan") && !page.contains("inf\""))
        #expect(page.utf8.count < 100_000)
    }

    @Test func `the plot shows both rates, the span and the shares`() {
        let page = DissectPage.page(Self.report(), input: "a.pcap")
        for part in [
            "Packets a second", "Bytes a second", "class=\"span\"", "brought 2,900 packets", "DNS name", "75.0 %",
            "all others", "192.0.2.0/24", "Covers of the bytes", "98.8 %", "None.",
        ] {
            #expect(page.contains(part), "\(part)")
        }
        let forged = DissectPage.page(Self.report([Self.vector(isSpoofable: true)]), input: "a")
        #expect(forged.contains("Sources can be forged: not shown.") && !forged.contains("192.0.2"))
    }

    /// Relative luminance and contrast by WCAG 2.2.
    @Test func `text and marks have their contrast, in light and in dark`() throws {
        let page = DissectPage.page(Self.report(), input: "a")
        func luminance(_ hex: Substring) throws -> Double {
            let digits = hex.count == 3 ? hex.flatMap { [$0, $0] } : Array(hex)
            let parts = try stride(from: 0, to: 6, by: 2).map { start -> Double in
                let value = Double(try #require(UInt8(String(digits[start..<start + 2]), radix: 16))) / 255
                return value <= 0.04045 ? value / 12.92 : pow((value + 0.055) / 1.055, 2.4)
            }
            return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]
        }
        let themes = page.matches(of: /:root\{([^}]*)\}/).map { String($0.1) }.filter { $0.contains("--page") }
        #expect(themes.count == 2)
        for theme in themes {
            var colours: [Substring: Double] = [:]
            for match in theme.matches(of: /--([a-z]+):#([0-9a-f]{3,6})/) { colours[match.1] = try luminance(match.2) }
            for ground in ["page", "card"] as [Substring] {
                let back = try #require(colours[ground])
                for mark in ["ink", "soft", "attack", "all", "bar", "good"] as [Substring] {
                    let front = try #require(colours[mark])
                    #expect((max(front, back) + 0.05) / (min(front, back) + 0.05) >= 4.5, "\(mark) on \(ground)")
                }
            }
        }
    }

    // MARK: - Progress

    @Test func `the bar fits its line, whatever the figures`() {
        for columns in [0, 1, 10, 40, 80, 200] {
            for (done, total) in [(0, 100), (50, 100), (200, 100), (UInt64.max, UInt64.max), (5, nil), (0, 0)]
                as [(UInt64, UInt64?)]
            {
                let line = ProgressBar.line(done: done, of: total, packets: 12_345, columns: columns)
                #expect(line.count <= max(0, columns - 1), "\(line)")
            }
        }
        let half = ProgressBar.line(done: 500_000, of: 1_000_000, packets: 12_345, columns: 80)
        #expect(half.hasPrefix(" 50 % [") && half.hasSuffix("]  12,345 packets, 500.0 kB"))
        #expect(half.count { $0 == "#" } == half.count { $0 == "." } - 1)
        #expect(ProgressBar.line(done: 2, of: 1, packets: 0, columns: 80).hasPrefix("100 % ["))
    }

    @Test func `nothing is drawn where there is no terminal`() throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { close(ends[0]) }
        var bar = ProgressBar(descriptor: ends[1])
        bar.show(done: 1, of: 2, packets: 3, at: 0)
        bar.finish()
        close(ends[1])
        var byte: UInt8 = 0
        #expect(read(ends[0], &byte, 1) == 0)
    }
}
