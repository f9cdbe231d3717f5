import Addresses
import Bytes
import CLinux
import Fingerprints
import Glibc
import Messages
import Mitigations
import Moments
import TestKit
import Testing

/// From frames on a wire over the kernel's samples to detection, and back to the kernel: real office, lane and filter at one
/// end, hosts in a network namespace of their own at the other. No router exports anything.
@Suite(.serialized, .needsRoot, .needsBPF, .needs(tool: "ip"), .needs(tool: "curl")) struct SampledTests {
    @Test(.timeLimit(.minutes(5)))
    func `a flood of SYN is found in samples, answered with cookies by itself, and filed`() throws {
        try WireStage.run(sampling: 1_024) { stage in
            #expect(stage.visit() == "200")
            let marks = stage.wasstraat.folder.path("flood")
            let flood = try stage.flood(4_000_000, marks: marks)
            #expect(eventually(within: 20_000) { access(marks + ".begun", F_OK) == 0 })
            let begun = stage.now
            #expect(
                eventually(within: 15_000) { stage.wasstraat.log.contains("they are answered with cookies") },
                "\(stage.wasstraat.log)")
            #expect(stage.now - begun < 6, "found after \(stage.now - begun) s")
            #expect(try stage.wasstraat.ask("filter", "list", "flooded").contains("\(WireStage.near)"))
            #expect(
                eventually(within: 10_000) { (try? stage.figure(reason: "cookie_sent")) ?? 0 > 1_000 })
            var (asked, served) = (0, 0)
            while access(marks + ".over", F_OK) != 0 {
                asked += 1
                served += stage.visit() == "200" ? 1 : 0
            }
            #expect(served == asked && asked > 0, "\(served) of \(asked)")
            var incidents = ""
            #expect(
                eventually(within: 10_000) {
                    incidents = (try? stage.incidents()) ?? ""
                    return incidents.contains("\"kind\" : \"tcp-syn-flood\"")
                }, "\(stage.wasstraat.log)")
            #expect(incidents.contains("\"site\" : \"\(WireStage.near)\""), "\(incidents)")
            #expect(try stage.wasstraat.figure("wasstraat_filter_rules") >= 1)
            // What was done stands on the attack's record.
            #expect(
                eventually(within: 30_000) {
                    (try? stage.incidents().contains("\"kind\" : \"syn-cookies\"")) == true
                }, "\(incidents)")
            _ = flood.wait()
            // Within a minute or so after its end they are no more.
            #expect(
                eventually(within: 90_000) {
                    (try? stage.wasstraat.ask("filter", "list", "flooded").contains("\(WireStage.near)")) == false
                })
            #expect(stage.wasstraat.log.contains("no flood of SYN any more"))
            let sent = try stage.figure(reason: "cookie_sent")
            var answered = 0.0
            #expect(
                eventually(within: 30_000) {
                    let lines = (try? stage.incidents().split(separator: "\n")) ?? []
                    answered = lines.filter { $0.contains("\"answeredPackets\"") }
                        .reduce(0) { $0 + (Double($1.filter(\.isNumber)) ?? 0) }
                    return answered == sent
                }, "\(answered) on record, \(sent) sent")
            #expect(stage.visit() == "200")
        }
    }

    /// From samples to a fingerprint, to a rule in the kernel, to the attack's record: nobody does anything.
    @Test(.needs(tool: "python3"), .timeLimit(.minutes(4)))
    func `a rule that detection made drops the attack by itself, and what it dropped is on record`() throws {
        try WireStage.run(sampling: 16, filter: "rules: live") { stage in
            let sender = try stage.forged(to: 9)
            #expect(
                eventually(within: 60_000) { (try? stage.figure(reason: "rule")) ?? 0 > 10_000 },
                "\(stage.wasstraat.log)")
            #expect(stage.visit() == "200")
            var incidents = ""
            #expect(
                eventually(within: 40_000) {
                    incidents = (try? stage.incidents()) ?? ""
                    return incidents.split(separator: "\n").contains {
                        $0.contains("\"droppedPackets\"") && Int($0.filter(\.isNumber)) ?? 0 > 10_000
                    }
                }, "\(incidents)")
            // It may count only by now: measured anew it drops again when that is shown to be harmless.
            #expect(incidents.contains("\"kind\" : \"rule\""))
            sender.signal(SIGKILL)
            _ = sender.wait()
        }
    }

    /// Samples are taken before the judgement: else whatever a rule drops would look like the attack's end.
    @Test(.needs(tool: "python3"), .timeLimit(.minutes(4)))
    func `an attack goes on on record while a live rule drops all of its packets`() throws {
        try WireStage.run(sampling: 16) { stage in
            let sender = try stage.forged(to: 9)
            var incidents = ""
            func packets() -> Int {
                incidents = (try? stage.incidents()) ?? ""
                let line = incidents.split(separator: "\n").first { $0.contains("\"packets\"") }
                return line.flatMap { Int($0.filter(\.isNumber)) } ?? 0
            }
            #expect(eventually(within: 40_000) { packets() > 0 }, "\(stage.wasstraat.log)")
            #expect(try stage.add(port: 9).count == 1)
            #expect(eventually(within: 20_000) { (try? stage.figure(reason: "rule")) ?? 0 > 1_000 })
            // A lag of what is filed is over by then; from here on none of it passes.
            sleep(8)
            let (before, dropped) = (packets(), try stage.figure(reason: "rule"))
            #expect(
                eventually(within: 30_000) { packets() > before + 20_000 },
                "\(before) packets, \(dropped) dropped: \(incidents)")
            #expect(incidents.contains("\"isOver\" : false") && !incidents.contains("\"isOver\" : true"))
            // The operator said what the rule is against.
            #expect(
                eventually(within: 20_000) {
                    (try? stage.incidents().split(separator: "\n").contains {
                        $0.contains("\"droppedPackets\"") && Int($0.filter(\.isNumber)) ?? 0 > 1_000
                    }) == true
                }, "\((try? stage.incidents()) ?? "")")
            sender.signal(SIGKILL)
            _ = sender.wait()
        }
    }

    @Test(.needs(tool: "python3"), .timeLimit(.minutes(3)))
    func `a live rule that hits ordinary samples stops by itself, though all that it hits is dropped`() throws {
        try WireStage.run(sampling: 1) { stage in
            #expect(try stage.add(port: 9) == [1])
            let sender = try stage.datagrams(6_000, perSecond: 150, to: 9)
            #expect(
                eventually(within: 20_000) { (try? stage.figure(reason: "rule")) ?? 0 > 300 }, "nothing is dropped")
            #expect(!(try stage.wasstraat.ask("filter", "status").contains("SUSPENDED")))
            #expect(
                eventually(within: 40_000) {
                    (try? stage.wasstraat.ask("filter", "status").contains("SUSPENDED: rule 1 hit 100 %")) == true
                }, "\((try? stage.wasstraat.ask("filter", "status")) ?? "")")
            #expect(
                eventually(within: 10_000) {
                    (try? stage.wasstraat.figure("wasstraat_filter_rules{conduct=\"suspended\"}")) == 1
                })
            #expect(stage.wasstraat.log.contains("a rule stopped by itself"))
            let dropped = try stage.figure(reason: "rule")
            #expect(
                eventually(within: 5_000) { (try? stage.figure(reason: "dry_rule")) ?? 0 > 100 }, "it counts on")
            #expect(try stage.figure(reason: "rule") == dropped)
            // So little of one sender is no attack.
            #expect(try !stage.incidents().contains("\"kind\""))
            sender.signal(SIGKILL)
            _ = sender.wait()
        }
    }
}

/// An installation at one end of a wire, and a host at the other that may send anything: neither has a way out.
final class WireStage {
    static let near = Address(ipv4: 0x0a63_0701)
    private static let far = "10.99.7.2"
    private static let port: UInt16 = 8_080

    let wasstraat: RunningWasstraat
    private let origin: MunicipalOrigin
    /// A name of its own: pins are in the machine's file system of pins.
    private let interface = "wsw\(getpid())"
    private let peer = "wsw-peer-\(getpid())"

    static func run(sampling: Int, filter: String = "rules: dry", _ body: (WireStage) throws -> Void) throws {
        try OwnNamespace.run {
            let stage = try WireStage()
            defer { stage.end() }
            try stage.build()
            try stage.start(sampling: sampling, filter)
            try body(stage)
        }
    }

    private init() throws {
        origin = try MunicipalOrigin()
        wasstraat = try RunningWasstraat(at: Self.near, port: Self.port)
    }

    private func build() throws {
        for line in [
            "netns add \(peer)", "link add \(interface) type veth peer name wst-out netns \(peer)",
            "address add \(Self.near)/24 dev \(interface)", "link set \(interface) up",
            "-n \(peer) address add \(Self.far)/24 dev wst-out", "-n \(peer) link set lo up",
            "-n \(peer) link set wst-out up", "route add 198.18.0.0/15 via \(Self.far) dev \(interface)",
        ] { try Self.ip(line) }
        try Tool.run(["sysctl", "-qw", "net.ipv4.tcp_syncookies=2"])
    }

    private func start(sampling: Int, _ filter: String) throws {
        try wasstraat.configure(
            [RunningWasstraat.Site(host: "www.example.nl", origin: origin.endpoint)],
            extra: "    networks: [10.99.7.0/24]",
            record: [
                "console: {listen: off}", "prober: {enabled: false}",
                "filter: {interface: \(interface), sampling: \(sampling), \(filter)}",
            ])
        try wasstraat.start()
        guard
            eventually(
                within: 20_000,
                {
                    guard let text = try? wasstraat.scrape() else { return false }
                    return text.contains("wasstraat_filter_mode{mode=\"native\"} 1")
                        && text.contains("wasstraat_wire_up 1")
                })
        else { throw NotReady("no samples:\n\(wasstraat.log)") }
    }

    private func end() {
        if let office = pid_t(wasstraat.text("state/office.lock").filter(\.isNumber)), office > 1 {
            kill(office, SIGTERM)
        }
        _ = eventually(within: 10_000) { access(wasstraat.state + "/filter.sock", F_OK) != 0 }
        if let program = try? Package.program("wasstraat-filter") {
            _ = try? Tool.run([program, "--interface", interface, "--state", wasstraat.state, "--detach"])
        }
        _ = try? Tool.run(["ip", "netns", "del", peer])
    }

    private static func ip(_ words: String) throws {
        try Tool.run(["ip"] + words.split(separator: " ").map(String.init))
    }

    var now: Moment {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Moment(milliseconds: Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000)
    }

    /// The status that a visitor at the other end gets.
    func visit() -> String {
        let words = [
            "ip", "netns", "exec", peer, "curl", "-s", "-o", "/dev/null", "-m", "10", "-w", "%{http_code}", "-H",
            "Host: www.example.nl", "http://\(Self.near):\(Self.port)/",
        ]
        return (try? Tool.run(words)) ?? "none"
    }

    /// SYN from forged sources, as fast as the machine makes them.
    func flood(_ count: Int, marks: String) throws -> Child {
        let facts = try Tool.run(["ip", "-o", "link", "show", interface]).split(separator: " ")
        guard let place = facts.firstIndex(of: "link/ether") else { throw NotReady("no hardware address") }
        let hardware = facts[place + 1].split(separator: ":").compactMap { UInt8($0, radix: 16) }
        return try Child([
            "ip", "netns", "exec", peer, try Package.program("filter-measure"), "syn-flood", "--count", "\(count)",
            "--to", hardware.map { "\($0)" }.joined(separator: ","), "--marks", marks,
        ])
    }

    func datagrams(_ count: Int, perSecond: Int, to port: Int) throws -> Child {
        let program = """
            import socket, time
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            for n in range(\(count)):
                s.sendto(b'x' * 18, ('\(Self.near)', \(port)))
                time.sleep(1 / \(perSecond))
            """
        return try Child(["ip", "netns", "exec", peer, "python3", "-c", program])
    }

    /// Datagrams from a hundred thousand sources that are none, until it is ended: nobody answers them.
    func forged(to port: Int) throws -> Child {
        let program = """
            import random, socket, struct, time
            s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            to = socket.inet_aton('\(Self.near)')
            end = time.monotonic() + 150
            while time.monotonic() < end:
                for n in range(200):
                    source = struct.pack('!I', 0xc6120000 | random.getrandbits(17))
                    s.sendto(struct.pack('!BBHHHBBH4s4s', 0x45, 0, 0, 0, 0, 64, 17, 0, source, to)
                        + struct.pack('!HHHH', random.randint(1024, 65535), \(port), 408, 0) + b'x' * 400,
                        ('\(Self.near)', 0))
                time.sleep(0.01)
            """
        return try Child(["ip", "netns", "exec", peer, "python3", "-c", program])
    }

    /// A live rule against datagrams to a port, with evidence that says that it hits nobody.
    func add(port: Int) throws -> [UInt64] {
        let fingerprint = Fingerprint(
            conditions: [.init(.protocol, "udp"), .init(.destinationPort, "\(port)")], kind: "udp-flood",
            evidence: .init(
                coverage: 1, collateral: 0, attackCount: 1_000, baselineCount: 1_000, sources: 100, from: now + -60,
                until: now), made: now, expires: now + 86_400)
        let order = FilterOrder(
            .rule(fingerprint, targets: [Prefix(Self.near, length: 128)]),
            note: FilterNote(
                tenant: "voorbeeld", reason: "test", author: .operator, site: "\(Self.near)"), seconds: 3_600)
        let socket = Socket(owning: linux_unix_connect(wasstraat.state + "/filter.sock"))
        try socket.send(Frame(.filterRequest, body: FilterRequest.add(order).encoded()).encoded())
        var assembler = FrameAssembler()
        while true {
            if let frame = try assembler.next() {
                guard case .done(let ids, _, _) = try FilterReply(decoding: frame.body.span.bytes) else { return [] }
                return ids
            }
            let bytes = try socket.receive(within: 10_000)
            guard !bytes.isEmpty else { throw NotReady("the filter does not answer") }
            assembler.append(bytes)
        }
    }

    /// Packets that ended in a reason, or met a dry one.
    func figure(reason: String) throws -> Double {
        for line in try wasstraat.scrape().split(separator: "\n")
        where line.hasPrefix("wasstraat_filter_packets_total{reason=\"\(reason)\"") {
            return Double(line.split(separator: " ").last ?? "") ?? 0
        }
        return 0
    }

    func incidents() throws -> String { try wasstraat.ask("report", "incidents", "--format", "json") }
}
