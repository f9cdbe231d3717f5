import Addresses
import Exchange
import Filters
import Fingerprints
import Foundation
import Messages
import Mitigations
import Moments
import Synchronization
import TestKit
import Testing
import wasstraat

/// `wasstraat filter …` against a filter's process that has the real book and no kernel.
@Suite struct FilterCommandTests {
    let street: ToolStreet

    init() throws { street = try ToolStreet() }

    private func run(_ line: String, before: String = "") throws -> ToolStreet.Outcome {
        try street.run("filter \(line) --state .", before: before)
    }

    // MARK: - Nobody answers, or not as it should

    @Test(arguments: [
        "status", "status --json", "list", "explain 192.0.2.1", "remove 3", "live 3", "dry 3",
        "add block 192.0.2.1 --for 1h --reason x", "add flooded 192.0.2.1 --for 1h", "samples --count 3 --out s",
        "test n.pcap --live",
    ])
    func `where no filter runs the command says what to do`(line: String) throws {
        try street.folder.write(CaptureBuilder.pcap([]), to: "n.pcap")
        let missing = try run(line)
        #expect(missing.status == 1 && missing.output == "", "\(missing)")
        #expect(missing.errors.contains("Start it (systemctl start wasstraat-filter)"), "\(missing)")
        #expect(missing.errors.split(separator: "\n").count == 1)
        let filter = try FakeFilter(in: street.folder)
        filter.stop()
        let dead = try run(line)
        #expect(dead.status == 1 && dead.errors.contains("its process has ended"), "\(dead)")
    }

    @Test func `a filter that goes away or speaks another form is said`() throws {
        let filter = try FakeFilter(in: street.folder)
        defer { filter.stop() }
        filter.nature.withLock { $0.isDying = true }
        let gone = try run("status")
        #expect(gone.status == 1 && gone.errors.contains("has gone away"), "\(gone)")
        filter.nature.withLock { $0 = .init(isBroken: true) }
        let broken = try run("explain 192.0.2.1")
        #expect(broken.status == 1 && broken.errors.contains("of another version"), "\(broken)")
    }

    @Test func `the state folder comes from an option or a configuration, not from both`() throws {
        let both = try street.run("filter status --state . --config w.yaml")
        #expect(both.status == 64 && both.errors.contains("give --state or --config, not both"), "\(both)")
        let faulty = try street.run("filter status --config w.yaml")
        #expect(faulty.status == 1 && faulty.errors.contains("w.yaml:1: "), "\(faulty)")
        let long = try street.run("filter status --state /\(String(repeating: "x", count: 120))")
        #expect(long.status == 1 && long.errors.contains("too long for a socket"), "\(long)")
    }

    // MARK: - What the command line says

    @Test(arguments: [
        ("add block 192.0.2.1/24 --for 1h --reason x", "'192.0.2.1/24' is no address and no block"),
        ("add block - - --for 1h --reason x", "standard input (-) can be read once"),
        ("add block 192.0.2.1 --for 1 --reason x", "'1' is no time: write 90s, 10m, 1h or 7d"),
        ("add block 192.0.2.1 --for 01h --reason x", "'01h' is no time"),
        ("add block 192.0.2.1 --for 0h --reason x", "'0h' is no time"),
        ("add block 192.0.2.1 --for=-1h --reason x", "'-1h' is no time"),
        ("add block 192.0.2.1 --for 1.5h --reason x", "'1.5h' is no time"),
        ("add block 192.0.2.1 --for 1w --reason x", "'1w' is no time"),
        ("add block 192.0.2.1 --for '1 h' --reason x", "'1 h' is no time"),
        ("add block 192.0.2.1 --for h --reason x", "'h' is no time"),
        ("add block 192.0.2.1 --for 99999999s --reason x", "'99999999s' is no time"),
        ("add block 192.0.2.1 --for 31d --reason x", "'31d' is too long: at most 30d"),
        ("add block 192.0.2.1 --for 1h", "Missing expected argument '--reason"),
        ("add allow 192.0.2.1 --reason x", "Missing expected argument '--for"),
        ("add allow 192.0.2.1 --for 1h --reason x --dry", "Unknown option '--dry'"),
        ("add flooded 192.0.2.0/24 --for 1h", "'192.0.2.0/24' is no address"),
        ("add block 192.0.2.1 --for 1h --reason x --site www.example.nl", "--site needs --tenant"),
        ("add rule f.json --target nowhere", "'nowhere' is no address and no block"),
        ("add rule - -", "standard input (-) can be read once"),
        ("add rule f.json --for 1", "'1' is no time"),
        ("remove nothing", "'nothing' is no number of an entry, no address and no block"),
        ("remove 192.0.2.1 --list rules", "there is no list 'rules' of addresses"),
        ("remove 192.0.2.1 --list x", "there is no list 'x' of addresses: blocked, allowed or flooded"),
        ("live rule", "'rule' is no rule's number"),
        ("dry -- -1", "'-1' is no rule's number"),
        ("list rule", "there is no list 'rule': blocked, allowed, rules or flooded"),
        ("explain 192.0.2.0/24", "'192.0.2.0/24' is no address and no number of an entry"),
        ("test n.pcap --block 192.0.2.1/8", "'192.0.2.1/8' is no address and no block"),
        ("test n.pcap --target 192.0.2.1", "--target is for rules: give --rule"),
        ("test n.pcap --each --most 0", "--most takes 1 to 100000000"),
        ("test - --rule -", "standard input (-) can be read once"),
        ("test n.pcap --state .", "give --live"),
        ("samples --count 0 --out s", "--count takes 1 to 1000000"),
        ("samples --count 1 --out s --seconds 0", "--seconds takes 1 to 3600"),
        ("samples --count 1", "Missing expected argument '--out"),
    ])
    func `what cannot be meant is refused before anything is asked`(line: String, error: String) throws {
        let outcome = try street.run("filter \(line)")
        #expect(outcome.status == 64 && outcome.errors.contains(error), "\(outcome)")
    }

    // MARK: - Adding, listing, explaining, undoing

    @Test func `addresses are blocked for a while, listed, explained and let go again`() throws {
        let filter = try FakeFilter(in: street.folder)
        defer { filter.stop() }
        let added = try run(
            "add block 198.51.100.7 203.0.113.0/24 2001:db8::1 --for 1h --reason 'open resolvers' --tenant waterdam")
        #expect(added.status == 0 && added.errors == "", "\(added)")
        let lines = added.output.split(separator: "\n")
        #expect(lines.count == 4 && lines[0] == "blocked: 198.51.100.7 (entry 1)", "\(added)")
        #expect(lines[1] == "blocked: 203.0.113.0/24 (entry 2)" && lines[3].hasPrefix("until 2"), "\(added)")
        let allowed = try run("add allow 192.0.2.53 --for 7d --reason resolver")
        #expect(allowed.output.hasPrefix("allowed: 192.0.2.53 (entry 4)"), "\(allowed)")
        let dry = try run("add block 192.0.2.99 --for 90s --reason look --dry")
        #expect(dry.output.hasPrefix("counted: 192.0.2.99 (entry 5)"), "\(dry)")
        let flooded = try run("add flooded 192.0.2.80 --for 10m")
        #expect(flooded.output.hasPrefix("answered with cookies: 192.0.2.80 (entry 6)"), "\(flooded)")

        let list = try run("list")
        #expect(list.status == 0, "\(list)")
        for part in [
            "blocked\n1 198.51.100.7 live ", "2 203.0.113.0/24 live ", "5 192.0.2.99 dry ", " min", " left ",
            "operator for waterdam open resolvers", "\n\nallowed\n4 192.0.2.53 live ", "\n\nrules: none\n",
            "\n\nflooded\n6 192.0.2.80 live ", "flood of SYN",
        ] { #expect(list.squeezed.contains(part), "\(part): \(list.output)") }
        let json = try run("list blocked --json").output.split(separator: "\n")
        #expect(json.count == 4)
        let first = try #require(
            try JSONSerialization.jsonObject(with: Data((json.first ?? "").utf8)) as? [String: Any])
        #expect(first["prefix"] as? String == "198.51.100.7/32" && first["tenant"] as? String == "waterdam")
        #expect(first["status"] as? String == "live" && first["author"] as? String == "operator")

        let why = try run("explain 203.0.113.9")
        #expect(why.output.contains("203.0.113.0/24 blocked, from 2"), "\(why)")
        #expect(why.output.contains("open resolvers (entry 2)"), "\(why)")
        #expect(try run("explain 4").output.contains("192.0.2.53 allowed"))
        #expect(try run("explain 192.0.2.1").output == "Nothing is said of 192.0.2.1.\n")
        let none = try run("explain 99")
        #expect(none.status == 1 && none.errors == "refused: there is no entry 99\n", "\(none)")

        let undone = try run("remove 1 203.0.113.0/24 198.51.100.7")
        #expect(undone.status == 1 && undone.output == "undone: entry 1\nundone: blocked 203.0.113.0/24\n", "\(undone)")
        #expect(undone.errors.contains("blocked 198.51.100.7: refused: 198.51.100.7/32 is not blocked"), "\(undone)")
        #expect(try run("remove 192.0.2.80 --list flooded").status == 0)
        #expect(try run("remove 192.0.2.53 --list allowed").output == "undone: allowed 192.0.2.53\n")
        #expect(try run("list flooded").output == "flooded: none\n")
        filter.nature.withLock { $0.trouble = "in the book, not in the kernel yet: no memory" }
        let late = try run("remove 192.0.2.99")
        #expect(late.status == 1 && late.output == "undone: blocked 192.0.2.99\n", "\(late)")
        #expect(late.errors == "blocked 192.0.2.99: in the book, not in the kernel yet: no memory\n", "\(late)")
    }

    @Test func `a long list comes from standard input, in batches, and what is refused is said`() throws {
        let filter = try FakeFilter(in: street.folder)
        defer { filter.stop() }
        var text = "# a botnet\r\n\n"
        for number in 0..<5_000 { text += "198.51.\(number / 250).\(1 + number % 250)\r\n" }
        try street.folder.write(text, to: "bots")
        let added = try run("add block - 10.0.0.0/7 --for 1h --reason bots", before: "cat bots |")
        #expect(added.status == 1 && added.output.contains("… and 4,980 more\nuntil "), "\(added)")
        #expect(added.errors == "refused: 1 of 905: 10.0.0.0/7 is too wide: at least /8\n", "\(added)")
        #expect(filter.orderCount == 2)
        let list = try run("list blocked --json")
        #expect(list.output.split(separator: "\n").count == 5_000)
        #expect(Set(list.output.split(separator: "\n")).count == 5_000)

        let wide = try run("add block 0.0.0.0/0 ::/0 --for 1h --reason x")
        #expect(
            wide.status == 1 && wide.output == "" && wide.errors.hasPrefix("refused: 0.0.0.0/0 is too wide"), "\(wide)")
        let reason = try run("add block 192.0.2.1 --for 1h --reason ''")
        #expect(reason.status == 1 && reason.errors.contains("a reason is needed"), "\(reason)")
        try street.folder.write("192.0.2.1\n\u{1b}[2J\n", to: "bad")
        let bad = try run("add block - --for 1h --reason x <bad")
        #expect(bad.status == 1 && bad.errors.contains("line 2: '?[2J' is no address and no block"), "\(bad)")
        let empty = try run("add block - --for 1h --reason x </dev/null")
        #expect(empty.status == 1 && empty.errors.contains("there is no address in it"), "\(empty)")
    }

    @Test func `a filter without rights takes an order, and whoever gave it is told that nothing is filtered`() throws {
        let filter = try FakeFilter(in: street.folder)
        defer { filter.stop() }
        filter.nature.withLock { $0 = .init(mode: .none, missing: ["CAP_BPF is missing."]) }
        let added = try run("add block 192.0.2.1 --for 1h --reason x")
        #expect(added.status == 0, "\(added)")
        #expect(added.errors == "NOTHING IS FILTERED: it is in the book only. CAP_BPF is missing.\n", "\(added)")
        let status = try run("status")
        #expect(status.status == 0, "\(status)")
        #expect(status.output.hasPrefix("filter on eth0, NOTHING IS FILTERED\n"), "\(status)")
        #expect(status.output.contains("\nMISSING: CAP_BPF is missing.\n"), "\(status)")
    }

    // MARK: - Rules

    @Test func `a rule counts first, and drops when it may`() throws {
        let filter = try FakeFilter(in: street.folder)
        defer { filter.stop() }
        try FilterTestFiles.write(street, "good.json", [("protocol", "udp"), ("source_port", "53")])
        try FilterTestFiles.write(
            street, "harm.json", [("protocol", "tcp"), ("destination_port", "443")], collateral: 0.2)
        try FilterTestFiles.write(
            street, "unknown.json", [("protocol", "udp"), ("source_port", "123")], collateral: nil)
        let added = try run("add rule good.json --target 203.0.113.0/24")
        #expect(added.status == 0 && added.output == "rule 1 counts only: dns-reflection\n", "\(added)")
        let list = try run("list rules")
        #expect(list.squeezed.contains("protocol udp, source_port 53 to 203.0.113.0/24 dry "), "\(list)")
        #expect(list.squeezed.contains("operator fingerprint dns-reflection"), "\(list)")
        #expect(try run("live 1").output == "rule 1 drops\n")
        #expect(try run("dry 1").output == "rule 1 counts only\n")
        let refused = try run("add rule harm.json unknown.json --live --reason now")
        #expect(refused.status == 1 && refused.output == "", "\(refused)")
        #expect(refused.errors.contains("dns-reflection: refused: it hits 20 % of ordinary traffic"), "\(refused)")
        #expect(refused.errors.contains("refused: nobody measured what ordinary traffic it hits"), "\(refused)")
        #expect(try run("add rule harm.json").output == "rule 2 counts only: dns-reflection\n")
        let late = try run("live 2")
        #expect(late.status == 1 && late.errors.contains("it hits 20 %"), "\(late)")
        let gone = try run("live 77")
        #expect(gone.status == 1 && gone.errors == "refused: there is no rule 77\n", "\(gone)")
        let why = try run("explain 1")
        #expect(why.output.contains("Condition: source_port 53") && why.output.contains("Only to 203.0.113.0/24."))
        try FilterTestFiles.write(street, "web.json", [("method", "GET"), ("path", "/zoeken")])
        let request = try run("add rule web.json")
        #expect(request.status == 1 && request.errors.contains("the filter cannot say it: "), "\(request)")
        try street.folder.write("{}", to: "no.json")
        let unread = try run("add rule no.json")
        #expect(unread.status == 1 && unread.errors.contains("no fingerprint that can be read"), "\(unread)")
        let missing = try run("add rule nowhere.json")
        #expect(missing.status == 1 && missing.errors.contains("nowhere.json"), "\(missing)")
    }

    // MARK: - Status

    @Test func `the status says what is dropped, how fast, and how full the lists are`() throws {
        let filter = try FakeFilter(in: street.folder)
        defer { filter.stop() }
        try FilterTestFiles.write(street, "good.json", [("protocol", "udp"), ("source_port", "53")])
        _ = try run("add rule good.json")
        _ = try run("add block 192.0.2.1 192.0.2.2 --for 1h --reason x --tenant a --site www.example.nl")
        _ = try run("add flooded 198.51.100.7 --for 1h --reason x --tenant a --site 198.51.100.0/24")
        let status = try run("status")
        #expect(status.status == 0 && status.errors == "", "\(status)")
        for part in [
            "filter on eth0, native: in the driver\nrunning for 2 h 00 min, since 2", "\npass nothing against it 1,0",
            "\ndrop blocked address 250,000 25.0 MB 19", "blocked addresses 2 of 1,048,576", "rules 1 of 1,000",
            "\nwww.example.nl by hand 2 2 3\n", "\n198.51.100.0/24 1 4 5\n",
            "\n1 dry dns-reflection 40 4.0 kB 0 none seen", "samples: 12 taken, 0 lost for want of room",
        ] { #expect(status.squeezed.contains(part), "\(part): \(status.output)") }
        #expect(status.output.split(separator: "\n").allSatisfy { $0.count <= 80 })
        // 5,000 more in the second between the two looks, which is never exact.
        let passed = try #require(status.output.split(separator: "\n").first { $0.contains("nothing against it") })
        let rate = passed.split(separator: " ").last.flatMap { Int($0.replacing(",", with: "")) } ?? 0
        #expect((1_000...5_100).contains(rate), "\(passed)")

        let json = try run("status --json")
        let form = try #require(
            try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any], "\(json)")
        #expect(form["mode"] as? String == "native" && form["interface"] as? String == "eth0")
        let reasons = try #require(form["reasons"] as? [String: [String: Any]])
        #expect(Set(reasons.keys).count == FilterReason.allCases.count)
        #expect(reasons["blocked_source"]?["packets"] as? Int == 250_000)
        #expect(reasons["blocked_source"]?["packets_per_s"] as? Double == 0)
        #expect((form["sizes"] as? [String: Int])?["blocked"] == 2)
        let rule = try #require((form["rules"] as? [[String: Any]])?.first)
        #expect(rule["kind"] as? String == "dns-reflection" && rule["live"] as? Bool == false)
    }

    @Test func `a suspended rule stands out, and of many rules the busiest are shown`() {
        var status = FilterStatus(since: Moment(seconds: 1_795_435_200))
        status.rules = (1...30).map {
            .init(id: $0, conduct: .live, hits: FilterCount(packets: $0), observed: .init(hits: 5, samples: 1_000))
        }
        let fingerprint = FilterTestFiles.fingerprint([("protocol", "udp")], at: 1_795_435_200)
        var rule = FilterRule(
            id: 7, note: FilterNote(tenant: "", reason: "x", author: .detection), since: status.since,
            until: status.since + 60, fingerprint: fingerprint, targets: [], counter: 0, isDry: false)
        rule.suspension = "hit 3 % of 2000 ordinary samples\u{1b}"
        let lines = FilterStatusText(status, rules: [FilterEntry(rule)]).lines(at: status.since + 10)
        #expect(lines[0] == "filter on no interface, NOTHING IS FILTERED")
        #expect(lines.contains("it does not count packets"))
        #expect(lines.contains("SUSPENDED: rule 7 hit 3 % of 2000 ordinary samples?"))
        #expect(lines.contains("and 10 more: wasstraat filter list rules"))
        #expect(lines.contains { $0.hasPrefix("  30  live") && $0.hasSuffix("0.50 % of 1000") }, "\(lines)")
        #expect(!lines.contains { $0.hasPrefix("  10  ") })
    }

    // MARK: - Samples

    @Test func `samples become a capture that others read, for its owner's eyes`() throws {
        let filter = try FakeFilter(in: street.folder)
        defer { filter.stop() }
        let frame = PacketBuilder.udpFrame(from: "198.51.100.7", 53, to: ToolStreet.victim, 9, [UInt8](1...200))
        let clock = FakeFilter.now.clock
        filter.nature.withLock {
            $0.samples = [
                FilterSample(clock: clock, length: UInt32(frame.count), bytes: Array(frame.prefix(128))),
                FilterSample(clock: clock + 1_000_000, length: 60, bytes: Array(frame.prefix(61))),
            ]
        }
        let outcome = try run("samples --count 2 --out s.pcapng")
        #expect(outcome.status == 0 && outcome.output == "2 samples in s.pcapng\n", "\(outcome)")
        #expect(outcome.errors.contains("HOLDS SOURCE ADDRESSES"), "\(outcome)")
        let mode = try FileManager.default.attributesOfItem(atPath: street.folder.path("s.pcapng"))[.posixPermissions]
        #expect(mode as? Int == 0o600)
        let read = try street.run("filter test s.pcapng --each")
        #expect(read.output.contains("198.51.100.7:53 > 203.0.113.9:9 UDP, 242 B"), "\(read)")
        #expect(read.output.contains("cut off by the capture: 1 frames"), "\(read)")
        let again = try run("samples --count 1 --out s.pcapng")
        #expect(again.status == 1 && again.errors.contains("s.pcapng: cannot write: File exists"), "\(again)")
        let fewer = try run("samples --count 3 --seconds 1 --out few.pcapng")
        #expect(fewer.status == 0 && fewer.errors.contains("2 of 3 came in 1 s"), "\(fewer)")
        filter.nature.withLock { $0.samples = [] }
        let none = try run("samples --count 3 --seconds 1 --out none.pcapng")
        #expect(none.status == 1 && none.errors.contains("no sample came in 1 s"), "\(none)")
        #expect(!FileManager.default.fileExists(atPath: street.folder.path("none.pcapng")))
        if Tool.path(of: "capinfos") != nil {
            let info = try Tool.run(["capinfos", street.folder.path("s.pcapng")])
            #expect(info.contains("nanoseconds (9)") && info.contains("Number of packets:   2"), "\(info)")
        }
    }
}
