import Foundation
import TestKit
import Testing
import wasstraat

/// `wasstraat dissect` and `profile` as their user meets them: the built program, files, pipes and exit codes.
@Suite struct DissectCommandTests {
    /// A report without what is estimated.
    private func exact(_ report: [String: Any]) throws -> NSDictionary {
        var report = report
        report["attacks"] = try #require(report["attacks"] as? [[String: Any]]).map { attack -> [String: Any] in
            var attack = attack
            attack["vectors"] = (attack["vectors"] as? [[String: Any]] ?? []).map { vector -> [String: Any] in
                vector.filter { !["sources", "networks", "fingerprint"].contains($0.key) }
            }
            return attack
        }
        return report as NSDictionary
    }

    @Test func `a capture with an attack gives JSON of the schema, one without gives an empty list`() throws {
        let street = try ToolStreet()
        try street.writeAll()
        let schema = try JSONSchema("dissect")
        for (file, kind) in [("mixed.pcapng", "dns-reflection"), ("flood.log", "http-flood")] {
            let report = try street.json(file)
            #expect(schema.faults(of: report) == [], "\(file)")
            let vectors = try street.vectors(report)
            #expect(vectors.map { $0["kind"] as? String } == [kind])
            let vector = try #require(vectors.first)
            #expect((vector["coverage"] as? Double ?? 0) >= 0.99 && (vector["collateral"] as? Double ?? 1) <= 0.001)
            #expect(vector["packets"] as? Int == 4_000)
        }
        for file in ["normal.pcap", "normal.log"] {
            let report = try street.json(file)
            #expect(schema.faults(of: report) == [] && (report["attacks"] as? [Any])?.isEmpty == true, "\(file)")
        }
        // The check itself sees faults.
        var broken = try street.json("mixed.pcapng")
        broken["packets"] = -1
        broken["until"] = "today"
        broken["more"] = true
        broken["bytes"] = nil
        #expect(schema.faults(of: broken).count == 4, "\(schema.faults(of: broken))")
    }

    @Test(.needs(tool: "gzip"), .needs(tool: "zstd"))
    func `a file, a pipe, packed ones and parts give the same`() throws {
        let street = try ToolStreet()
        try street.writeAll()
        let records = (street.reflection() + street.visits()).sorted { $0.time < $1.time }
        try street.folder.write(CaptureBuilder.pcap(Array(records[..<2_500])), to: "part1")
        try street.folder.write(CaptureBuilder.section([.init()], Array(records[2_500...])), to: "part2")
        let whole = try exact(street.json("mixed.pcapng"))
        for (line, before) in [
            ("- <mixed.pcapng", ""), ("-", "cat mixed.pcapng |"), ("-", "gzip -c mixed.pcapng |"),
            ("a", "zstd -q mixed.pcapng -o a &&"), ("part1 part2", ""),
            ("b part2", "gzip -c part1 >b &&"),
        ] {
            #expect(try exact(street.json(line, before: before)) == whole, "\(before) \(line)")
        }
        let log = try exact(street.json("flood.log"))
        #expect(try exact(street.json("-", before: "gzip -c flood.log |")) == log)
    }

    @Test(.needs(tool: "nfpcapd"), .needs(tool: "nfdump"))
    func `a file of nfcapd is taken as standard input, and refused from a pipe`() throws {
        let street = try ToolStreet()
        try street.writeAll()
        let write = "mkdir flows && nfpcapd -t 86400 -r flood.pcap -w flows >said 2>&1 && mv flows/nfcapd.2* one &&"
        let whole = try exact(street.json("one", before: write))
        #expect(whole["packets"] as? Int == 4_000)
        #expect(try exact(street.json("- <one")) == whole)
        let piped = try street.run("dissect -", before: "cat one |")
        #expect(piped.status == 1 && piped.errors.contains("nfdump"), "\(piped)")
    }

    @Test func `targets, baselines and what does not fit them`() throws {
        let street = try ToolStreet()
        try street.writeAll()
        #expect(try street.vectors(street.json("--target 203.0.113.0/24 mixed.pcapng")).count == 1)
        #expect(try street.vectors(street.json("--target 192.0.2.1 mixed.pcapng")).isEmpty)
        let named = try street.run("dissect --target www.example.nl flood.log")
        #expect(named.errors.contains("5,200 requests were not for the target") && named.status == 0)
        let learnt = try street.run("profile learn --output p --target 203.0.113.9 normal.pcap")
        #expect(learnt.status == 0 && learnt.output.hasPrefix("p: learnt from 20."), "\(learnt)")
        for baseline in ["p", "normal.pcap", "- <p"] {
            let vectors = try street.vectors(street.json("--baseline \(baseline) mixed.pcapng"))
            #expect(vectors.count == 1 && vectors.first?["collateral"] as? Double == 0, "\(baseline)")
        }
        let log = try street.vectors(street.json("--baseline normal.log flood.log"))
        #expect(log.count == 1 && log.first?["collateral"] as? Double == 0)
        let crossed = try street.run("dissect --baseline normal.log mixed.pcapng")
        #expect(crossed.errors.contains("the baseline holds no packets") && crossed.status == 0)
    }

    @Test func `profiles are learnt, merged and shown`() throws {
        let street = try ToolStreet()
        try street.writeAll()
        _ = try street.run("profile learn --output a normal.pcap")
        _ = try street.run("profile learn --output b --name busy mixed.pcapng")
        #expect(try street.run("profile merge a b --output c").status == 0)
        #expect(try street.run("profile show - <c").output.hasPrefix("c: learnt from "))
        #expect(try street.run("profile show b").output.contains("tcp-to-server"))
        #expect(try street.run("profile show").output.hasPrefix("shipped profile: made by a generator"))
        for (line, complaint) in [
            ("learn --output d normal.log", "give the log itself as --baseline"),
            ("show normal.pcap", "it is no profile"), ("merge a nosuch --output e", "nosuch: No such file"),
            ("learn --output nosuch/d normal.pcap", "cannot write: No such file"),
        ] {
            let outcome = try street.run("profile " + line)
            #expect(outcome.status == 1 && outcome.errors.contains(complaint), "\(line): \(outcome.errors)")
            #expect(!outcome.errors.contains("Usage"))
        }
    }

    @Test(.needs(tool: "gzip"))
    func `what is broken is named with its place, and what came before it stands`() throws {
        let street = try ToolStreet()
        try street.writeAll()
        let capture = CaptureBuilder.pcap(street.reflection())
        try street.folder.write(Array(capture[..<(24 + 3_000 * (16 + 14 + 28 + 29 + 1_000))]) + [1, 2, 3], to: "cut")
        try street.folder.write(Array(capture[..<24]), to: "head")
        try street.folder.write(Array(capture[..<24]) + [UInt8](repeating: 0xee, count: 999), to: "garbage")
        for (before, file, complaint) in [
            ("", "cut", "cut off, at byte"),
            (
                "gzip -c flood.pcap | head -c 20000 >g &&", "g",
                "the gzip content ends before it is complete, at byte 20000"
            ),
            (
                "gzip -c flood.log | head -c 20000 >l &&", "l",
                "the gzip content ends before it is complete, at byte 20000"
            ),
            ("", "head", "errors: none"), ("", "--attack head", "errors: none"),
            ("", "--attack flood.log", "HTTP flood"),
            ("", "garbage", "capture: longer or more than anything real, at byte 32"),
            (#"(cat flood.log; head -c 300000 /dev/zero | tr '\0' a; echo) >h &&"#, "h", "too long"),
        ] {
            let outcome = try street.run("dissect \(file)", before: before)
            #expect(
                outcome.status == 0 && outcome.output.replacing(/\n\s*/, with: " ").contains(complaint), "\(outcome)")
            let isHeadOnly = file.hasSuffix("head") || file == "garbage"
            #expect(
                isHeadOnly || outcome.output.contains("reflection") || outcome.output.contains("HTTP flood"), "\(file)")
        }
    }

    @Test func `what cannot be read at all ends with 1 and one line, wrong use with 64`() throws {
        let street = try ToolStreet()
        try street.writeAll()
        _ = try street.run("profile learn --output p normal.pcap")
        for (before, line, complaint) in [
            (": >e;", "dissect e", "e: nothing that can be read: it is empty"),
            ("printf x >o;", "dissect o", "o: nothing"),
            ("mkdir -p d;", "dissect d", "d: Is a directory"), ("", "dissect nosuch", "nosuch: No such file"),
            ("", "dissect mixed.pcapng nosuch", "nosuch: No such file"), ("", "dissect p", "p: it is a profile"),
            ("echo '{}' >j;", "dissect j", "j: it is a JSON document"), ("", "dissect --baseline e normal.pcap", "e: "),
            ("", "rules j --as bpf", "j: no fingerprint that can be read"),
            ("", "match e normal.pcap", "e: no fingerprint"),
            ("", "dissect --html d/no/x normal.pcap", "cannot write: No such file"),
            ("", "dissect --save j/x normal.pcap", "cannot make the folder: Not a directory"),
        ] {
            let outcome = try street.run(line, before: before)
            #expect(outcome.status == 1 && outcome.errors.contains(complaint), "\(line): \(outcome)")
            #expect(outcome.errors.split(separator: "\n").count == 1, "\(outcome.errors)")
        }
        for line in [
            "dissect", "dissect --target 999 x", "dissect --target 192.0.2.1/33 x", "dissect - --baseline -",
            "dissect --no x",
            "rules x", "rules x --as klingon", "rules x --as nginx --bound 2", "rules x --as bpf --renew 0",
            "rules x --check y --widen", "profile merge --output x", "match x",
        ] {
            let outcome = try street.run(line)
            #expect(outcome.status == 64 && outcome.output.isEmpty, "\(line): \(outcome)")
        }
        // What was found is told although the report cannot be written.
        #expect(try street.run("dissect --html /nosuch/x mixed.pcapng").output.contains("DNS reflection"))
    }

    @Test(.needs(tool: "strace"))
    func `nothing is written to disk but what was asked for`() throws {
        let street = try ToolStreet()
        try street.writeAll()
        let program = ToolStreet.program
        let trace = street.folder.path("trace")
        try Tool.run([
            "strace", "-f", "-e", "trace=openat,open,creat,memfd_create", "-o", trace, program, "dissect", "--json",
            street.folder.path("mixed.pcapng"), "--html", street.folder.path("page.html"),
        ])
        let lines = String(decoding: try street.folder.read("trace"), as: UTF8.self).split(separator: "\n")
        let made = lines.filter { $0.contains("O_CREAT") || $0.contains("creat(") || $0.contains("O_TMPFILE") }
        #expect(made.count == 1 && made.first?.contains("page.html") == true, "\(made)")
        #expect(lines.contains { $0.contains("mixed.pcapng") })
    }

    @Test(.needs(tool: "script"))
    func `a terminal shows a bar, and nothing of it stays`() throws {
        let street = try ToolStreet()
        try street.writeAll()
        let program = ToolStreet.program
        let output = try Tool.run([
            "script", "-qec", "\(program) dissect \(street.folder.path("mixed.pcapng"))", "/dev/null",
        ])
        let end = try #require(output.range(of: "\r\u{1b}[K", options: .backwards))
        #expect(
            output[..<end.lowerBound].contains("% [") && output[end.upperBound...].hasPrefix("attack: DNS reflection"))
    }

    @Test(
        .enabled("needs chromium, java and the Python packages of scripts/web-check") { WebCheck.isReady },
        .timeLimit(.minutes(10))
    ) func `no accessibility rule and no validator complains of any page`() throws {
        let street = try ToolStreet()
        try street.writeAll()
        let pages = street.folder.path("pages")
        try FileManager.default.createDirectory(atPath: pages, withIntermediateDirectories: true)
        for (name, files) in [
            ("attack", "mixed.pcapng"), ("none", "normal.pcap"), ("log", "flood.log"),
            ("both", "flood.log mixed.pcapng"),
            ("empty", "head"),
        ] {
            try street.folder.write(Array(CaptureBuilder.pcap([])), to: "head")
            let outcome = try street.run("dissect \(files) --html pages/\(name).html")
            #expect(outcome.status == 0, "\(outcome.errors)")
        }
        var arguments = [WebCheck.script, pages, "--no-links", "--limit", "100000"]
        // For whoever wants to look at the pages.
        if let pictures = ProcessInfo.processInfo.environment["WASSTRAAT_SCREENSHOTS"] {
            arguments += ["--screenshots", pictures]
        }
        #expect(try Tool.run(arguments).contains("5 pages, 0 complaints"))
        let page = String(decoding: try street.folder.read("pages/attack.html"), as: UTF8.self)
        #expect(page.contains("All that was read") && page.contains("an attack, from begin to end"))
    }
}

@Suite struct TrafficTimelineTests {
    @Test func `nothing is lost, in whatever order it comes and however long it lasts`() {
        var numbers = ToolStreet.Numbers(state: 9)
        var timeline = TrafficTimeline()
        var sum = 0.0
        for number in 0..<20_000 {
            let spread: UInt64 = number < 10_000 ? 5_000_000_000 : 4_000_000_000_000
            let time = 1_700_000_000_000_000_000 - Int64(numbers.below(1 << 31)) * Int64(spread / 1_000_000_000)
            if number % 7 == 0 {
                timeline.add(3, 30, from: time - Int64(numbers.below(1 << 31)) * 100, to: time)
                sum += 3
            } else if number % 11 == 0 {
                timeline.addSecond(1, at: time)
                sum += 1
            } else {
                timeline.add(2, 20, at: time)
                sum += 2
            }
        }
        #expect(abs(timeline.total - sum) < 1e-6 * sum)
        #expect(timeline.binCount <= TrafficTimeline.binLimit)
        timeline.add(1, 1, at: .min)
        timeline.add(1, 1, from: .min, to: .max)
        timeline.add(1, 1, at: .max)
        #expect(timeline.binCount <= TrafficTimeline.binLimit && abs(timeline.total - sum - 3) < 1e-6 * sum)
    }
}
