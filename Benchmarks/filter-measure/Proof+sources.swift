import Addresses
import Filters
import Glibc
import PacketFilter

/// Point 4: sources that the lane proves hostile are in the kernel at once, and cost the lane nothing from then on; visitors
/// and shared addresses go on. With the real office, lane and filter.
extension Proof {
    /// Sources of the flood, and of addresses that many share.
    private static let flooders = 20
    private static let sharers = 4

    func provenSources() throws -> [Row] {
        let hosts = try TwoHosts()
        let site = try HostileSite(hosts)
        let visitors = try site.load("visitor 198.18.1.1 40 0.5 240")
        try site.learn()
        // Offers the origin more than it can take, but nobody in it asks much.
        let crowd = try site.load("crowd 198.19.30.1 160 2 120")
        sleep(6)
        var rows = [try site.handOver()]
        let flood = try site.load("flood 198.19.200.1 \(Self.flooders) 20 40")
        let shared = try site.load("shared 198.19.240.1 \(Self.sharers) 20 40")
        let blocked = try site.wait(for: Self.flooders, from: 0xc613_c801, seconds: 38)
        for load in [crowd, flood, shared, visitors] { try load.stop() }
        let sparedHeld = try site.held(Self.sharers, from: 0xc613_f001)
        let served = try visitors.requests()
        let refused = try shared.requests().count { $0.status >= 400 }
        let good = served.count { $0.status == 200 }
        rows.append(
            Row(
                "proven sources: visitors served", good == served.count && good > 400,
                "\(good) of \(served.count) requests"))
        rows.append(
            Row(
                "proven sources: shared addresses spared", sparedHeld == 0 && refused > 100 && blocked == Self.flooders,
                "\(sparedHeld) of \(Self.sharers) blocked, \(refused) of their requests refused; of the flood's "
                    + "\(blocked) of \(Self.flooders) are blocked"))
        rows.append(try site.costOfBlocked(Self.flooders))
        rows.append(site.record())
        return rows
    }
}

/// An office with lane and filter at this end of the wire, and an origin that can be filled.
private final class HostileSite {
    private let hosts: TwoHosts
    private var map: KernelMap?
    private let processes: [pid_t]
    private var loads = 0

    /// One that runs at the other end.
    final class Load {
        private let text: Worker
        private let box: Box
        private let mark: String
        private final class Box { var text = "" }

        fileprivate init(mark: String, _ body: @escaping () -> String) throws {
            let box = Box()
            self.box = box
            self.mark = mark
            text = try Worker { box.text = body() }
        }

        private var isJoined = false
        var isOver: Bool { text.isOver }

        /// Ends it, where it is not over, and waits.
        func stop() throws {
            try File.write("", to: mark)
            _ = try requests()
        }

        /// Waits for its end.
        func requests() throws -> [HostileLoad.Request] {
            if !isJoined { try text.join() }
            isJoined = true
            return HostileLoad.requests(in: box.text)
        }
    }

    init(_ hosts: TwoHosts) throws {
        self.hosts = hosts
        guard hosts.output(there: "ip route add local 198.18.0.0/15 dev lo && echo made").contains("made") else {
            throw MeasureError("the other end gets no sources")
        }
        try File.write(HostileLoad.origin, to: hosts.state + "/origin.py")
        try File.write(HostileLoad.sources, to: hosts.state + "/sources.py")
        try File.write(
            """
            state: \(hosts.state)/office
            listeners: [{listen: "10.99.7.1:8080", tls: false}]
            metrics: {listen: 127.0.0.1:9464}
            console: {listen: off}
            prober: {enabled: false}
            limits: {queue_length: 32}
            filter: {interface: wst-in, sampling: 0, sources: live, block_time: 5 min}
            organisations:
              - name: proof
                sites: [{host: site.example, origin: "http://127.0.0.1:8081"}]

            """, to: hosts.state + "/wasstraat.yaml")
        processes = [
            Command.start("python3 '\(hosts.state)/origin.py'"),
            Command.start(
                "'\(hosts.folder)/wasstraat' run --config '\(hosts.state)/wasstraat.yaml' --log-level warning"),
        ]
        let pin = PinFolder(interface: "wst-in").path(FilterMaps.blocked.name)
        for _ in 0..<300 where access(pin, F_OK) != 0 || Self.figure("wasstraat_filter_up") != 1 { usleep(50_000) }
        map = try KernelMap(opening: pin, as: FilterMaps.blocked)
    }

    deinit {
        // The office ends its lane and the filter's process; it is given the time.
        for process in processes.reversed() where process > 0 {
            kill(process, SIGTERM)
            waitpid(process, nil, 0)
        }
    }

    func load(_ words: String) throws -> Load {
        loads += 1
        let (hosts, script, mark) = (hosts, hosts.state + "/sources.py", hosts.state + "/over-\(loads)")
        return try Load(mark: mark) { hosts.output(there: "python3 '\(script)' '\(mark)' \(words)") }
    }

    /// Until there were enough requests to know what is usual, and twice five seconds for the visitors to be known.
    func learn() throws {
        sleep(15)
        let end = Clock.nanoseconds + 90_000_000_000
        while Self.figure("wasstraat_requests_total", sum: "outcome=\"received\"") < 400 {
            guard Clock.nanoseconds < end else { throw MeasureError("the visitors do not come through") }
            sleep(1)
        }
    }

    private func holds(_ address: UInt32) throws -> Bool {
        try map?.value(of: AddressKey(Address(ipv4: address)), as: FilterMaps.Entry.self).map { $0.isDry == 0 } ?? false
    }

    /// How many of so many sources, each in a /24 of its own, are blocked.
    func held(_ count: Int, from first: UInt32) throws -> Int {
        try (0..<UInt32(count)).count { try holds(first + $0 << 8) }
    }

    func wait(for count: Int, from first: UInt32, seconds: Int) throws -> Int {
        let end = Clock.nanoseconds + UInt64(seconds) * 1_000_000_000
        while try held(count, from: first) < count, Clock.nanoseconds < end { usleep(20_000) }
        return try held(count, from: first)
    }

    /// One source that asks seven times a second, one request at a time: each is answered before the next. So the last one
    /// that was answered is the deciding one, where since the first refusal of a suspect (429) no more were refused than a
    /// proof takes. Before that it is one of the crowd.
    func handOver() throws -> Proof.Row {
        let probe = try load("probe 198.19.0.1 1 7 60")
        var found: UInt64 = 0
        while found == 0, !probe.isOver {
            if try holds(0xc613_0001) { found = Clock.nanoseconds } else { usleep(200) }
        }
        try probe.stop()
        let requests = try probe.requests()
        let answered = requests.filter { $0.status != 0 && $0.sent < found }
        // Whoever is refused for what the request looks like is told 503.
        let refused = answered.drop { $0.status < 400 }.filter { $0.status >= 400 }
        guard found > 0, let last = refused.last else {
            let (busy, others) = (requests.count { $0.status == 429 }, requests.count { $0.status >= 500 })
            return Proof.Row(
                "proven source in the kernel", false,
                "never: \(requests.count) requests, \(busy) answered with 429, \(others) with 5xx")
        }
        let took = Double(found - last.sent) / 1_000_000
        // Those that decide, and those before it was judged a suspect.
        let needed = 80
        return Proof.Row(
            "proven source in the kernel", took <= 100 && refused.count <= needed,
            "\(Text.of(took)) ms after the deciding request was sent (bar 100), \(refused.count) refused")
    }

    /// What blocked sources that go on cost the lane, beside one that nobody asks anything.
    func costOfBlocked(_ count: Int) throws -> Proof.Row {
        sleep(2)
        let quiet = try cost { sleep(4) }
        let dropped = Self.figure("wasstraat_filter_packets_total{reason=\"blocked_source\"")
        let busy = try cost { _ = try self.load("flood 198.19.200.1 \(count) 50 4").requests() }
        sleep(2)
        let more = Self.figure("wasstraat_filter_packets_total{reason=\"blocked_source\"") - dropped
        // Its ticks go on; a machine that is busy with other things makes them dearer.
        let isQuiet = busy.milliseconds / busy.seconds <= 2 * quiet.milliseconds / quiet.seconds + 1
        return Proof.Row(
            "proven sources: blocked ones cost the lane nothing", busy.accepted == 0 && more > 0 && isQuiet,
            "\(Int(busy.accepted)) connections accepted, \(Text.of(busy.milliseconds)) ms of CPU in \(Text.of(busy.seconds))"
                + " s (unasked \(Text.of(quiet.milliseconds)) ms in \(Text.of(quiet.seconds)) s), \(Int(more)) packets dropped"
        )
    }

    /// What the attack's record says of them, within the time in which it is filed; no address is in it.
    func record() -> Proof.Row {
        let dropped = Self.figure("wasstraat_filter_packets_total{reason=\"blocked_source\"")
        let name = "proven sources: on the attack's record"
        var text = ""
        for _ in 0..<20 {
            text = Command.output(
                "'\(hosts.folder)/wasstraat' report incidents --format json --config '\(hosts.state)/wasstraat.yaml'")
            let counted = Self.sum(of: "droppedPackets", in: text)
            if text.firstPlace(of: "\"kind\" : \"blocked-sources\"") != nil, counted == dropped, counted > 0 {
                return Proof.Row(
                    name, text.firstPlace(of: "198.19.") == nil,
                    "\(Int(counted)) of \(Int(dropped)) packets dropped, at most "
                        + "\(Int(Self.sum(of: "sources", in: text))) sources at a time")
            }
            sleep(1)
        }
        return Proof.Row(
            name, false, "\(Int(Self.sum(of: "droppedPackets", in: text))) of \(Int(dropped)) packets dropped")
    }

    /// The sum of a field's numbers, wherever it stands in the measures of the packet filter.
    private static func sum(of field: String, in text: String) -> Double {
        var sum = 0.0
        for part in text.split(separator: "}") {
            let measure = part.split(separator: "{").last ?? ""
            guard measure.firstPlace(of: "wouldHaveDroppedPackets") != nil else { continue }
            for line in measure.split(separator: "\n") where line.firstPlace(of: "\"\(field)\"") != nil {
                sum += Double(line.filter(\.isNumber)) ?? 0
            }
        }
        return sum
    }

    private func cost(
        _ body: () throws -> Void
    ) throws -> (accepted: Double, milliseconds: Double, seconds: Double) {
        let (accepted, time, began) = (accepted, laneTime, Clock.nanoseconds)
        try body()
        let seconds = Double(Clock.nanoseconds - began) / 1e9
        let after = laneTime
        // The lane says it twice a second.
        sleep(1)
        return (self.accepted - accepted, Double(after - time) / 1e6, seconds)
    }

    private var accepted: Double { Self.figure("wasstraat_connections_total{lane=\"lane\",outcome=\"accepted\"") }

    /// Nanoseconds that the lane's threads have run.
    private var laneTime: UInt64 {
        let text = Command.output("cat /proc/$(tr -dc 0-9 <'\(hosts.state)/office/lane.lock')/task/*/schedstat")
        return text.split(separator: "\n").reduce(0) { $0 + (UInt64($1.split(separator: " ").first ?? "") ?? 0) }
    }

    /// The sum of the lines that begin so, and hold the label.
    private static func figure(_ name: String, sum label: String = "") -> Double {
        var sum = 0.0
        for line in Command.output("curl -s -m 2 127.0.0.1:9464/metrics").split(separator: "\n")
        where line.hasPrefix(name) && (label.isEmpty || line.firstPlace(of: label) != nil) {
            sum += Double(line.split(separator: " ").last ?? "") ?? 0
        }
        return sum
    }
}
