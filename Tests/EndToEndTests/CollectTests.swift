import Addresses
import Flows
import Glibc
import Moments
import TestKit
import Testing

/// From a router's flow exports over detection to the register, with the real program and a real socket.
@Suite(.serialized) struct CollectTests {
    @Test func `a flood seen in flows is filed while it goes on, outlives a killed collector, and ends`() throws {
        let stage = try FlowStage(1)
        var collector = try stage.collect()
        var shown = ""
        // Ordinary traffic, and bytes that are no flow export.
        try stage.export(seconds: 2) { $0.ordinary() }
        for number in 0..<40 { stage.send([UInt8](repeating: UInt8(number), count: 7 + number * 11)) }
        #expect(try stage.incidents().isEmpty)

        // A reflection on one of the organisation's addresses, and a flood on somebody else's.
        #expect(
            try stage.export(seconds: 20, until: { try stage.attack?.isOver == false }) {
                $0.ordinary() + $0.reflection() + $0.synFlood(on: FlowStage.stranger)
            }, "no attack on record")
        var attack = try #require(try stage.attack)
        #expect(attack.site == FlowStage.target.description)
        #expect(attack.text.contains("\"kind\" : \"dns-reflection\""))
        #expect(
            attack.packets > 0 && !attack.text.contains("\"peakRate\"") && !attack.text.contains("\"requests\""))
        #expect(attack.text.contains("\"outcome\" : \"unknown\""))

        // A second vector joins.
        #expect(
            try stage.export(
                seconds: 20,
                until: { try stage.attack?.text.contains("\"kind\" : \"tcp-syn-flood\"") == true }
            ) {
                $0.ordinary() + $0.reflection() + $0.synFlood(on: FlowStage.target)
            }, "the second vector is not on record")
        // Long enough for the fingerprints to be measured again and to go on file.
        #expect(
            try stage.export(
                seconds: 30, until: { try stage.wasstraat.ask("export").matches(of: /own/).count >= 2 }
            ) {
                $0.ordinary() + $0.reflection() + $0.synFlood(on: FlowStage.target)
            }, "no fingerprints on file")
        attack = try #require(try stage.attack)
        let start = attack.start

        // Killed in the middle: what is on record stays open, and the next collector goes on with it.
        collector.signal(SIGKILL)
        #expect(collector.wait() == -SIGKILL)
        #expect(try stage.attack?.isOver == false)
        let before = try #require(try stage.attack).packets
        collector = try stage.collect()
        #expect(
            try stage.export(seconds: 20, until: { try (stage.attack?.packets ?? 0) > before }) {
                $0.ordinary() + $0.reflection()
            }, "the attack does not go on")
        #expect(try stage.incidents().count == 1 && stage.attack?.start == start && stage.attack?.isOver == false)

        // A second one in the same register is sent away.
        #expect(throws: TestKitError.self) {
            try stage.wasstraat.ask("collect", "--listen", "\(stage.endpoint.address):1", "--seconds", "1")
        }

        // Two minutes of quiet, and no router can say that they went by sooner.
        let quiet = stage.now
        try stage.export(seconds: 2, ahead: 135) { $0.ordinary() }
        #expect(
            try stage.export(seconds: 150, until: { try stage.attack?.isOver == true }) { $0.ordinary() },
            "the attack does not end")
        #expect(stage.now - quiet > 100)
        let ended = try #require(try stage.attack)
        #expect(ended.end >= attack.end && ended.end < stage.now + 5 && ended.start == start)
        try stage.export(seconds: 2) { $0.ordinary() }
        collector.signal(SIGTERM)
        #expect(collector.readOutput().contains("0 attacks filed; 0 on no organisation's network"))
        #expect(collector.wait() == 0)

        // What people are told: packets, watched, no outcome that nobody measured.
        let number = try #require(try stage.incidents().first)
        let questions = try stage.wasstraat.ask("report", "questions", number)
        #expect(questions.contains("packets") && questions.contains("only watched this attack"))
        #expect(!questions.contains("requests") && questions.contains("Unknown"))
        shown += questions
        for words in [
            ["questions", number, "--language", "nl", "--format", "html"], ["statistics"], ["incidents"],
        ] {
            shown += try stage.report(words)
        }
        #expect(shown.contains("networks, only watched") && shown.contains("n = 1: 0 fended off"))
        let listed = try stage.wasstraat.ask("export")
        for line in listed.split(separator: "\n") {
            let name = String(line.split(separator: " ")[0])
            shown += try stage.wasstraat.ask("export", name)
        }
        #expect(shown.contains("dns-reflection") && shown.contains("tcp-syn-flood"))
        // The reflectors' networks are in the sealed part alone; forged senders are nowhere.
        #expect(!shown.contains("203.0.113.") && shown.matches(of: /\b100\.(6[4-9]|7\d|1[01]\d|12[0-7])\./).isEmpty)
        let sealed = try stage.wasstraat.ask(
            "report", "sealed", number, "--reason", "a test of the sealed part", "--by", "tester")
        #expect(sealed.contains("203.0.113.0/24") && !sealed.contains("  100."))
    }

    @Test func `bytes that are no export are counted, ordinary flows file nothing, and strangers are only told`()
        throws
    {
        let stage = try FlowStage(2)
        let collector = try stage.collect("--json")
        for number in 0..<60 {
            stage.send([0, UInt8(number % 12), 0, 1] + [UInt8](repeating: 0xff, count: number))
        }
        try stage.export(seconds: 4) { $0.ordinary() + $0.synFlood(on: FlowStage.stranger) }
        collector.signal(SIGTERM)
        let output = collector.readOutput()
        #expect(collector.wait() == 0)
        #expect(output.contains("is on no organisation's network: not filed"))
        #expect(output.contains("0 attacks filed; 1 on no organisation's network"))
        #expect(output.contains("flow export: "))
        #expect(try stage.wasstraat.ask("report", "incidents").contains("holds no incident"))
    }

    @Test func `the office collects by itself, says so in its figures, and stops in order`() throws {
        let stage = try FlowStage(3, inOffice: true)
        let office = try stage.wasstraat.start()
        let log = { stage.wasstraat.log }
        guard eventually(within: 15_000, { log().contains("receiving flow exports") }) else {
            throw NotReady("no collector:\n\(log())")
        }
        stage.send([1, 2, 3])
        #expect(
            try stage.export(seconds: 20, until: { try stage.attack?.isOver == false }) {
                $0.ordinary() + $0.reflection()
            }, "no attack on record")
        #expect(
            eventually(within: 5_000) {
                (try? stage.wasstraat.figure("wasstraat_collector_attacks_total")) == 1
            })
        for (name, least) in [("up", 1.0), ("records_total", 100), ("datagrams_total", 10), ("faults_total", 1)] {
            #expect(try stage.wasstraat.figure("wasstraat_collector_\(name)") >= least, "\(name)")
        }
        // The public page tells it in packets, and claims nothing.
        let number = try #require(try stage.incidents().first)
        var page = ""
        #expect(
            eventually(within: 15_000) {
                page = (try? stage.page("/en/incident/\(number)")) ?? ""
                return page.contains("packets a second")
            })
        #expect(page.contains("We only watched this") && !page.contains("requests a second"))
        #expect(!page.contains("fended off") && !page.contains(FlowStage.target.description))
        office.signal(SIGTERM)
        #expect(office.wait() == 0)
        #expect(!log().contains("Cancellation") && !log().contains("was not saved"), "\(log())")
        // It went on when the office stopped: it is open on record.
        #expect(try stage.attack?.isOver == false)
    }

    /// The book works without the rights to filter, so this one runs everywhere.
    @Test func `the fingerprint of an attack becomes a rule of the filter, once, until it is switched off`() throws {
        let stage = try FlowStage(5, inOffice: true, filter: "{interface: absent0}")
        let office = try stage.wasstraat.start()
        let log = { stage.wasstraat.log }
        guard eventually(within: 15_000, { log().contains("receiving flow exports") }) else {
            throw NotReady("no collector:\n\(log())")
        }
        let rules = { try stage.wasstraat.figure("wasstraat_filter_rules") }
        #expect(try stage.export(seconds: 20, until: { try rules() >= 1 }) { $0.ordinary() + $0.reflection() })
        #expect(log().contains("attack on \(FlowStage.target) since "))
        #expect(try stage.wasstraat.scrape().contains("wasstraat_filter_rules{conduct=\"live\"} 0"))
        let had = try rules()
        try stage.export(seconds: 4) { $0.ordinary() + $0.reflection() }
        #expect(try rules() <= had + 1)
        // Switched off at a reload, they go.
        let file = stage.wasstraat.folder.path("wasstraat.yaml")
        try Tool.run(["sed", "-i", "s/absent0}/absent0, rules: off}/", file])
        office.signal(SIGHUP)
        #expect(eventually(within: 10_000) { (try? rules()) == 0 })
        #expect(log().contains("a rule was taken away") && !log().contains("the filter refused"))
        office.signal(SIGTERM)
        #expect(office.wait() == 0)
    }

    @Test(.needsBPF, .needsRoot, .needs(tool: "ip")) func `and the kernel counts what it matches`() throws {
        try OwnNamespace.run {
            // A name of its own: pins are in the machine's file system of pins.
            let name = "wso\(getpid())"
            try Tool.run(["ip", "link", "add", name, "type", "veth", "peer", "name", "far"])
            let hardware = "02:00:00:63:00:02"
            try Tool.run(["ip", "link", "set", name, "address", hardware, "up"])
            try Tool.run(["ip", "link", "set", "far", "up"])
            // What is sent to the target leaves by far and comes in at the filter.
            let target = "\(FlowStage.target)"
            try Tool.run(["ip", "address", "add", "203.0.113.1/24", "dev", "far"])
            try Tool.run(["ip", "route", "add", target, "dev", "far"])
            try Tool.run(["ip", "neighbour", "add", target, "lladdr", hardware, "dev", "far"])
            let stage = try FlowStage(6, inOffice: true, filter: "{interface: \(name), rules: live}")
            let office = try stage.wasstraat.start()
            let detach = [
                try Package.program("wasstraat-filter"), "--interface", name, "--state", stage.wasstraat.state,
                "--detach",
            ]
            defer { _ = try? Tool.run(detach) }
            #expect(
                eventually(within: 15_000) {
                    (try? stage.wasstraat.scrape())?.contains("wasstraat_filter_mode{mode=\"none\"} 0") == true
                }, "\(stage.wasstraat.log)")
            #expect(
                try stage.export(
                    seconds: 20, until: { try stage.wasstraat.figure("wasstraat_filter_rules") >= 1 }
                ) { $0.ordinary() + $0.reflection() }, "\(stage.wasstraat.log)")
            // Answers of resolvers are ordinary too: what hits so many of them counts, also under `live`.
            #expect(try stage.wasstraat.scrape().contains("wasstraat_filter_rules{conduct=\"live\"} 0"))
            #expect(try Self.answers(50, bytes: 1_372, to: FlowStage.target) == 50)
            #expect(
                eventually(within: 5_000) {
                    (try? stage.wasstraat.figure("wasstraat_filter_rule_packets_total")) ?? 0 >= 50
                }, "\((try? stage.wasstraat.ask("filter", "list", "rules")) ?? "")")
            #expect(try stage.wasstraat.ask("top", "--once", "--json").contains("\"mode\":\"native\""))
            office.signal(SIGTERM)
            #expect(office.wait() == 0)
            // It is on the attack's record: where, how many, and by which fingerprint.
            let record = try #require(try stage.attack).text
            #expect(record.contains("\"interface\" : \"\(name)\"") && record.contains("source_port=53"))
            let counted = { try Self.counted(#require(try stage.attack).text) }
            let first = try counted()
            #expect(first >= 50, "\(record)")
            #expect(try stage.report(["incidents"]).contains("packet filter at \(name) (wasstraat), dry"))
            // The next office counts on from there.
            let next = try stage.wasstraat.start()
            #expect(eventually(within: 15_000) { stage.wasstraat.log.contains("receiving flow exports") })
            #expect(try Self.answers(50, bytes: 1_372, to: FlowStage.target) == 50)
            #expect(eventually(within: 30_000) { (try? counted()) ?? 0 > first })
            next.signal(SIGTERM)
            #expect(next.wait() == 0)
            #expect(try counted() == 2 * first)
            // It filters on without its process.
            #expect(try Tool.run(["ip", "link", "show", "dev", name]).contains("prog/xdp"))
        }
    }

    /// Packets of all rules that only counted, as the record has them.
    private static func counted(_ text: String) -> Int {
        text.matches(of: /"wouldHaveDroppedPackets" : (\d+)/).reduce(0) { $0 + (Int($1.1) ?? 0) }
    }

    /// Sends datagrams as a resolver answers; how many the system took.
    private static func answers(_ count: Int, bytes: Int, to target: Address) throws -> Int {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard socket >= 0 else { throw TestKitError.system("socket", errno) }
        defer { close(socket) }
        func call(_ address: Address, _ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int) -> Int {
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = port.bigEndian
            name.sin_addr.s_addr = address.ipv4.bigEndian
            return withUnsafePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        guard call(Address(ipv4: 0xcb00_7101), 53, { Int(bind(socket, $0, $1)) }) == 0 else {
            throw TestKitError.system("bind", errno)
        }
        let payload = [UInt8](repeating: 0, count: bytes)
        return (0..<count).count { number in
            call(target, 5_000 + UInt16(number), { sendto(socket, payload, bytes, 0, $0, $1) }) == bytes
        }
    }

    @Test func `a collector that cannot listen does not take the office down`() throws {
        let stage = try FlowStage(4, inOffice: true)
        let other = try stage.collect(config: false)
        try stage.wasstraat.start()
        #expect(
            eventually(within: 15_000) { stage.wasstraat.log.contains("the collector does not run") })
        #expect(try stage.wasstraat.figure("wasstraat_collector_up") == 0)
        #expect(try stage.wasstraat.figure("wasstraat_collector_failures_total") >= 1)
        #expect(try stage.wasstraat.figure("wasstraat_lane_up") == 1)
        other.signal(SIGTERM)
        #expect(
            eventually(within: 20_000) { (try? stage.wasstraat.figure("wasstraat_collector_up")) == 1 })
    }
}

/// An installation with a network of its own, and a router that tells of it.
final class FlowStage {
    /// On the organisation's network, and beside it on nobody's.
    static let target = Address(ipv4: 0xc633_6407)
    static let stranger = Address(ipv4: 0xc633_6509)

    let wasstraat: RunningWasstraat
    let endpoint: Endpoint
    private let origin: MunicipalOrigin
    private let socket: Int32
    private var builder: FlowBuilder
    private var traffic = MadeFlows()

    init(_ number: UInt32, inOffice: Bool = false, filter: String? = nil) throws {
        let address = Address(ipv4: 127 << 24 | 79 << 8 | number)
        origin = try MunicipalOrigin()
        wasstraat = try RunningWasstraat(at: address)
        endpoint = Endpoint(address, port: 2_055)
        var record = ["console: {listen: off}", "prober: {enabled: false}", "pages: {host: status.example.nl}"]
        if inOffice { record.append("collector: {listen: \"\(endpoint)\"}") }
        if let filter { record.append("filter: \(filter)") }
        try wasstraat.configure(
            [RunningWasstraat.Site(host: "www.example.nl", origin: origin.endpoint)],
            extra: "    networks: [198.51.100.0/24, \"2001:db8::/32\"]", record: record)
        socket = Glibc.socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard socket >= 0 else { throw TestKitError.system("socket", errno) }
        builder = FlowBuilder(.ipfix, boot: Self.nanoseconds - 3_600_000_000_000)
    }

    deinit { close(socket) }

    private static var nanoseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    var now: Moment { Moment(milliseconds: Self.nanoseconds / 1_000_000) }

    /// Starts a collector and waits until it listens.
    func collect(_ words: String..., config: Bool = true) throws -> Child {
        let file = config ? ["--config", wasstraat.folder.path("wasstraat.yaml")] : []
        let child = try Child(
            [try Package.program("wasstraat"), "collect", "--listen", "\(endpoint)"] + file + words)
        guard child.waitForLine(holding: "listening on") != nil else {
            throw NotReady("the collector does not listen: \(child.lastLine)")
        }
        return child
    }

    func send(_ bytes: [UInt8]) {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = endpoint.port.bigEndian
        address.sin_addr.s_addr = endpoint.address.ipv4.bigEndian
        _ = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(socket, bytes, bytes.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    /// Tells every 100 ms of flows, until something holds or the time is up; says whether it held.
    @discardableResult
    func export(
        seconds: Int, ahead: Int64 = 0, until holds: () throws -> Bool = { false },
        _ make: (inout MadeFlows) -> [FlowRecord]
    ) throws -> Bool {
        let end = Self.nanoseconds + Int64(seconds) * 1_000_000_000
        var next = Self.nanoseconds + 1_000_000_000
        while case let now = Self.nanoseconds, now < end {
            var flows = make(&traffic)
            for index in flows.indices {
                flows[index].last = now + ahead * 1_000_000_000
                flows[index].first = flows[index].last - 50_000_000
            }
            for datagram in builder.datagrams(of: flows, at: now) { send(datagram) }
            if now >= next {
                if try holds() { return true }
                next = Self.nanoseconds + 1_000_000_000
            }
            pauseThread(100)
        }
        return try holds()
    }

    /// The numbers of the incidents on record.
    func incidents() throws -> [String] {
        try report(["incidents"]).split(separator: "\n").filter { $0.first?.isNumber == true }.compactMap {
            $0.split(separator: " ").first.map(String.init)
        }
    }

    func report(_ words: [String]) throws -> String {
        try Tool.run(
            [try Package.program("wasstraat"), "report"] + words + [
                "--config", wasstraat.folder.path("wasstraat.yaml"),
            ])
    }

    struct Attack {
        var text: String
        var site: String
        var start: Moment
        var end: Moment
        var isOver: Bool
        var packets: Int
    }

    /// The one attack on record; nil where there is none.
    var attack: Attack? {
        get throws {
            let text = try report(["incidents", "--format", "json"])
            func value(_ key: String) -> String? {
                guard let found = text.firstRange(of: "\"\(key)\" : ") else { return nil }
                return String(text[found.upperBound...].prefix { $0 != "," && $0 != "\n" }.filter { $0 != "\"" })
            }
            // The attack's own keys come before those of its vectors, whose end and start are the last.
            guard let site = value("site"), let over = value("isOver"),
                let first = value("start").flatMap({ Moment($0) }),
                let last = value("end").flatMap({ Moment($0) }), let packets = value("packets").flatMap({ Int($0) })
            else { return nil }
            #expect(text.matches(of: /"isOver"/).count == 1)
            return Attack(
                text: text, site: site, start: first, end: last, isOver: over == "true", packets: packets)
        }
    }

    func page(_ path: String) throws -> String {
        var client = try RawClient(to: wasstraat.clear)
        return try client.get(path, host: "status.example.nl", fields: ["Connection: close"]).bodyText
    }
}

/// Flows as a router sees them; times are for others to fill in.
struct MadeFlows {
    private var number: UInt32 = 0

    private mutating func flow(_ source: UInt32, _ sourcePort: UInt16, _ destination: Address, _ port: UInt16)
        -> FlowRecord
    {
        number &+= 1
        var flow = FlowRecord()
        flow.source = Address(ipv4: source)
        flow.destination = destination
        flow.sourcePort = sourcePort
        flow.destinationPort = port
        flow.protocolNumber = 17
        return flow
    }

    /// A few visitors of the site, in both directions.
    mutating func ordinary() -> [FlowRecord] {
        (0..<4).flatMap { index -> [FlowRecord] in
            let visitor = 0xc612_0000 | number &* 7 & 0xffff
            var there = flow(visitor, 40_000 + UInt16(index), FlowStage.target, 443)
            there.protocolNumber = 6
            there.flags = 0x1b
            there.packets = 12
            there.bytes = 1_400
            var back = there
            (back.source, back.destination) = (there.destination, there.source)
            (back.sourcePort, back.destinationPort) = (there.destinationPort, there.sourcePort)
            back.packets = 20
            back.bytes = 24_000
            return [there, back]
        }
    }

    /// Answers of 200 resolvers, about 11,000 packets a second, to ports from everywhere: no range of them spares the others.
    mutating func reflection() -> [FlowRecord] {
        (0..<56).map { _ in
            var answer = flow(
                0xcb00_7100 | number % 200 + 1, 53, FlowStage.target, UInt16(truncatingIfNeeded: number &* 40_503))
            answer.packets = 20
            answer.bytes = 20 * 1_400
            return answer
        }
    }

    /// From forged senders, about 5,600 packets a second.
    mutating func synFlood(on target: Address) -> [FlowRecord] {
        (0..<56).map { _ in
            var flood = flow(
                0x6440_0000 | number &* 2_654_435_761 >> 10, UInt16(truncatingIfNeeded: number &* 7) | 1_024, target,
                443)
            flood.protocolNumber = 6
            flood.flags = 2
            flood.packets = 10
            flood.bytes = 400
            return flood
        }
    }
}
