internal import Addresses
internal import Bytes
internal import CLinux
internal import Glibc
internal import Messages

/// A lane that speaks the control protocol and carries nothing: to each visitor it answers one line, "process generation
/// configuration", so that a test sees who serves. What it was told it notes in the access log.
///
/// The configuration's `instance` tells it to misbehave: "refused" (says so and stays with the former one), "fatal" (dies
/// of it), "deaf" (does not drain), "proves" (says once that 198.51.100.7 is hostile, and something of nobody's site), "learns"
/// (says what it learnt of its first site, and of nobody's), "claims" (asks for the crawler "zoek" at 203.0.113.5 to 203.0.113.8).
@main
struct FakeLane {
    static func main() {
        signal(SIGPIPE, SIG_IGN)
        signal(SIGHUP, SIG_IGN)
        let arguments = CommandLine.arguments
        guard arguments.count == 5, arguments[1] == "--control", arguments[3] == "--name" else { exit(64) }
        var lane = FakeLane(path: arguments[2], name: arguments[4])
        lane.run()
    }

    private let path: String
    private let name: String
    private let started: UInt64
    private var control: Int32 = -1
    private var assembler = FrameAssembler()
    private var descriptors: [Int32] = []
    private var listeners: [Int32] = []
    private var history: Int32 = -1
    private var accessLog: Int32 = -1
    private var snapshot: Snapshot?
    private var served: UInt64 = 0
    private var nextStatus: Int64 = 0

    private init(path: String, name: String) {
        self.path = path
        self.name = name
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        started = UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    private static var now: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }

    private mutating func run() {
        var nextDial: Int64 = 0
        while true {
            if control < 0, Self.now >= nextDial {
                nextDial = Self.now + 250
                dial()
            }
            var watched = [pollfd(fd: control, events: Int16(POLLIN), revents: 0)]
            watched += listeners.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
            poll(&watched, nfds_t(watched.count), 50)
            if watched[0].revents != 0 { hear() }
            for listener in listeners { answer(listener) }
            if control >= 0, snapshot != nil, Self.now >= nextStatus {
                nextStatus = Self.now + 500
                send(Frame(.status, body: status().encoded()))
                send(Frame(.traffic, body: LaneTraffic().encoded()))
            }
        }
    }

    private mutating func dial() {
        control = linux_unix_connect(path)
        guard control >= 0 else { return }
        assembler = FrameAssembler()
        let carried = snapshot == nil ? [] : listeners + [history]
        let hello = Hello(
            name: name, process: UInt32(getpid()), started: started, generation: snapshot?.generation ?? 0,
            descriptors: UInt32(carried.count))
        send(Frame(.hello, body: hello.encoded()), with: carried)
    }

    private func send(_ frame: Frame, with carried: [Int32] = []) {
        let bytes = frame.encoded()
        _ = linux_send_descriptors(control, bytes, bytes.count, carried, Int32(carried.count))
    }

    private mutating func hear() {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        var came = [Int32](repeating: -1, count: 250)
        var count = Int32(came.count)
        let length = linux_receive_descriptors(control, &chunk, chunk.count, &came, &count)
        guard length > 0 else {
            close(control)
            control = -1
            return
        }
        descriptors += came[..<Int(count)]
        assembler.append(chunk[..<length])
        while let frame = try? assembler.next() { obey(frame) }
    }

    private mutating func obey(_ frame: Frame) {
        switch frame.kind {
        case .history: history = descriptors.removeFirst()
        case .accessLog:
            close(accessLog)
            accessLog = descriptors.removeFirst()
        case .snapshot:
            guard let fresh = try? Snapshot(decoding: frame.body.span.bytes) else { exit(65) }
            if !descriptors.isEmpty {
                listeners = descriptors
                descriptors = []
            }
            take(fresh)
        case .pages:
            guard let pages = try? Pages(decoding: frame.body.span.bytes) else { exit(65) }
            note("\(name) pages \(pages.made) \(pages.files.map(\.path))\n")
        case .learnt:
            guard let learnt = try? LearntSite(decoding: frame.body.span.bytes) else { exit(65) }
            note("\(name) recalls \(learnt.site) \(learnt.profile)\n")
        case .access:
            guard let list = try? AccessList(decoding: frame.body.span.bytes) else { exit(65) }
            note("\(name) access \(list.entries.map { "\($0.kind) \($0.prefix) \($0.site)" })\n")
        case .requestRules:
            guard let rules = try? RequestRules(decoding: frame.body.span.bytes) else { exit(65) }
            note("\(name) rules \(rules.sites.map { "\($0.name) \($0.rules.count)" })\n")
        case .botVerdicts:
            guard let verdicts = try? BotVerdicts(decoding: frame.body.span.bytes) else { exit(65) }
            note("\(name) bots \(verdicts.verdicts.map { "\($0.claim.address) \($0.claim.bot) \($0.isTrue)" })\n")
        case .drain: if snapshot?.instance != "deaf" { exit(0) }
        default: exit(65)
        }
    }

    private mutating func take(_ fresh: Snapshot) {
        if fresh.instance == "fatal" { exit(66) }
        if fresh.instance == "refused" {
            return send(Frame(.log, body: [3] + Array("the certificate of site \"x\" is broken".utf8)))
        }
        snapshot = fresh
        note("\(name) takes \(fresh.sites.map { "\($0.name) \($0.mode)" })\n")
        pwrite(history, "seen", 4, 0)
        var generation = ByteWriter()
        generation.write(fresh.generation)
        send(Frame(.inForce, body: generation.bytes))
        if fresh.instance == "proves" { prove() }
        if fresh.instance == "learns" {
            for site in [fresh.sites.first?.name ?? "", "nobody"] {
                let learnt = LearntSite(site: site, at: started / 1_000_000_000, profile: [1, 2, 3])
                send(Frame(.learnt, body: learnt.encoded()))
            }
        }
        if fresh.instance == "claims" {
            let claims = (5...8).map { BotClaims.Claim(Address(ipv4: 0xcb00_7100 + $0), bot: "zoek") }
            send(Frame(.botClaims, body: BotClaims(claims).encoded()))
        }
    }

    private func prove() {
        let sources = [(0xc633_6407, snapshot?.sites.first?.name ?? ""), (0xc633_6408, "nobody")].map {
            ProvenSources.Source(
                Prefix(Address(ipv4: $0), length: 32), site: $1, refusals: 41, milliseconds: 4_200)
        }
        send(Frame(.proven, body: ProvenSources(sources, omitted: 3, spared: 5).encoded()))
    }

    /// Says something that a test can read, in the access log.
    private func note(_ text: String) {
        let bytes = Array(text.utf8)
        write(accessLog, bytes, bytes.count)
    }

    private mutating func answer(_ listener: Int32) {
        var peer = [UInt8](repeating: 0, count: 16)
        var port: UInt16 = 0
        while true {
            let visitor = linux_accept(listener, &peer, &port)
            guard visitor >= 0 else { return }
            served += 1
            let text = Array("\(getpid()) \(snapshot?.generation ?? 0) \(snapshot?.instance ?? "-")\n".utf8)
            write(visitor, text, text.count)
            write(accessLog, text, text.count)
            // Take what the visitor sent, or closing would reset the connection.
            var bytes = [UInt8](repeating: 0, count: 256)
            read(visitor, &bytes, bytes.count)
            close(visitor)
        }
    }

    private func status() -> LaneStatus {
        var status = LaneStatus()
        status.started = started
        status.generation = snapshot?.generation ?? 0
        status.connections.accepted = served
        status.sites = (snapshot?.sites ?? []).map { site in
            var own = SiteStatus()
            own.name = site.name
            own.organisation = site.organisation
            own.limit = 4_200
            own.origins = UInt64(site.origins.count)
            own.healthyOrigins = own.origins
            own.classes[0].requests = served
            own.classes[0].admitted = served
            own.firstByte[3] = served
            return own
        }
        return status
    }
}
