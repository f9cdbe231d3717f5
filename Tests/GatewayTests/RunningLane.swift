import Addresses
import Bytes
import CLinux
import Detection
import Glibc
import Messages
import Synchronization
import TestKit
import Testing

/// A real lane process, with a small office of the test's own that speaks the control protocol with it.
final class RunningLane: Sendable {
    private struct State {
        var control: Int32 = -1
        var hellos: [Hello] = []
        var handedOver: [Int32] = []
        var status: LaneStatus?
        var statuses = 0
        var reports = 0
        var traffic: [String: Traffic] = [:]
        var proven = ProvenSources()
        var learnt: [LearntSite] = []
        var samples: [RequestSamples.Site] = []
        var claims: [BotClaims.Claim] = []
        var inForce: UInt64 = 0
        var lines: [String] = []
        var isStopping = false
        var threads: [TestThread] = []
    }

    /// Where the built programs lie: beside the test's own.
    static let program: String = {
        var path = [UInt8](repeating: 0, count: 4096)
        let count = path.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
        let own = String(decoding: path.prefix(max(0, count)), as: UTF8.self)
        return own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex) + "/wasstraat-gateway"
    }()
    private static let historySize = 12 << 20 | 4096

    let folder: TemporaryFolder
    let child: Child
    /// The listeners' ports, in the snapshot's order.
    let endpoints: [Endpoint]
    let snapshot: Snapshot
    private let sockets: [Int32]
    private let state = Mutex(State())

    var controlPath: String { folder.path("office.sock") }
    var logPath: String { folder.path("access.log") }

    /// Starts a lane and waits until the snapshot is in force.
    ///
    /// - Parameter workers: threads of the lane, each with a socket of its own at every listener.
    init(_ wanted: Snapshot, workers: Int = 1) throws {
        folder = try TemporaryFolder()
        var snapshot = wanted
        var sockets: [Int32] = []
        for index in snapshot.listeners.indices {
            let address = Socket.octets(snapshot.listeners[index].endpoint.address)
            for _ in 0..<workers {
                let socket = linux_listen(address, snapshot.listeners[index].endpoint.port, 1024, 0)
                guard socket >= 0 else { throw TestKitError.system("listen", -socket) }
                sockets.append(socket)
                snapshot.listeners[index].endpoint.port = UInt16(linux_bound_port(socket))
            }
        }
        self.sockets = sockets
        self.snapshot = snapshot
        endpoints = snapshot.listeners.map(\.endpoint)
        let office = linux_unix_listen(folder.path("office.sock"))
        guard office >= 0 else { throw TestKitError.system("listen for lanes", -office) }
        child = try Child([Self.program, "--control", folder.path("office.sock")])
        try openOffice(office)
        guard eventually(within: 60_000, { self.state.withLock { !$0.hellos.isEmpty } }) else {
            throw TestKitError.timedOut("the lane's hello")
        }
        try equip(snapshot)
    }

    deinit {
        closeOffice()
        for socket in sockets { close(socket) }
        for descriptor in state.withLock({ $0.handedOver }) { close(descriptor) }
    }

    /// History, access log and snapshot, as a new lane gets them.
    private func equip(_ snapshot: Snapshot) throws {
        let memory = linux_memory_file("wasstraat-test-history")
        guard memory >= 0, ftruncate(memory, off_t(Self.historySize)) == 0 else {
            throw TestKitError.system("memfd", errno)
        }
        let log = open(logPath, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard log >= 0 else { throw TestKitError.system("open", errno) }
        defer {
            close(memory)
            close(log)
        }
        var size = ByteWriter()
        size.write(UInt64(Self.historySize))
        try send(Frame(.history, body: size.bytes), [memory])
        try send(Frame(.accessLog), [log])
        try send(Frame(.snapshot, body: snapshot.encoded()), sockets)
        guard eventually(within: 60_000, { self.inForce == snapshot.generation }) else {
            throw TestKitError.timedOut("the snapshot; the lane says \(lines)")
        }
    }

    // MARK: - What a test asks and does

    var hellos: [Hello] { state.withLock { $0.hellos } }
    var handedOver: [Int32] { state.withLock { $0.handedOver } }
    var inForce: UInt64 { state.withLock { $0.inForce } }
    var lines: [String] { state.withLock { $0.lines } }

    /// Sends the next configuration and waits until it is in force.
    func reload(_ snapshot: Snapshot) throws {
        try send(Frame(.snapshot, body: snapshot.encoded()))
        let refusals = lines.count
        _ = eventually { self.inForce == snapshot.generation || self.lines.count > refusals }
        guard inForce == snapshot.generation else {
            throw TestKitError.timedOut("generation \(snapshot.generation); the lane says \(lines)")
        }
    }

    /// Sends the public pages; the lane says nothing back.
    func publish(_ pages: Pages) throws { try send(Frame(.pages, body: pages.encoded())) }

    /// Reports of traffic that came, and all of them together by site.
    var reports: Int { state.withLock { $0.reports } }
    var traffic: [String: Traffic] { state.withLock { $0.traffic } }

    /// All sources that were said to be hostile, and the last figures.
    var proven: ProvenSources { state.withLock { $0.proven } }

    /// What the lane said that calm taught it of its sites.
    var learnt: [LearntSite] { state.withLock { $0.learnt } }

    /// Tells the lane what another learnt.
    func teach(_ learnt: LearntSite) throws { try send(Frame(.learnt, body: learnt.encoded())) }
    /// What was said of requests, the last 4,096 words.
    var samples: [RequestSamples.Site] { state.withLock { $0.samples } }

    /// Sends rules on requests; the lane says nothing back.
    func publish(_ rules: RequestRules) throws { try send(Frame(.requestRules, body: rules.encoded())) }
    /// Claims to be a crawler that the lane asked for.
    var claims: [BotClaims.Claim] { state.withLock { $0.claims } }

    /// Says who may come; the lane says nothing back.
    func tell(_ list: AccessList) throws { try send(Frame(.access, body: list.encoded())) }

    func tell(_ verdicts: BotVerdicts) throws { try send(Frame(.botVerdicts, body: verdicts.encoded())) }

    func drain() throws { try send(Frame(.drain)) }

    /// How much the kernel takes at once for each visitor who comes from now on; more is kept in the lane.
    func setSendBuffer(_ bytes: Int32) {
        for socket in sockets {
            var value = bytes
            setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    /// The lane's numbers as soon as they are as wanted; its last ones where that does not happen in time, and zeros
    /// where it said nothing at all, which fails the test and takes no other with it.
    func status(within milliseconds: Int = 4000, when wanted: @escaping (LaneStatus) -> Bool) -> LaneStatus {
        var last = LaneStatus()
        last.sites = snapshot.sites.map { _ in SiteStatus() }
        _ = eventually(within: milliseconds) {
            guard let status = state.withLock({ $0.status }) else { return false }
            last = status
            return wanted(status)
        }
        if state.withLock({ $0.status == nil }) { Issue.record("the lane says nothing of itself: \(lines)") }
        return last
    }

    /// The lines of the access log once there are so many.
    func accessLines(_ count: Int) throws -> [String] {
        var lines: [String] = []
        _ = eventually {
            let text = (try? String(decoding: folder.read("access.log"), as: UTF8.self)) ?? ""
            lines = text.split(separator: "\n").map(String.init)
            return lines.count >= count
        }
        return lines
    }

    /// The port that a descriptor handed over is bound to.
    static func port(of socket: Int32) -> Int32 { linux_bound_port(socket) }

    // MARK: - The office

    /// The office goes away, and its socket with it.
    func closeOffice() {
        let threads = state.withLock { state in
            state.isStopping = true
            if state.control >= 0 { shutdown(state.control, Int32(SHUT_RDWR)) }
            defer { state.threads = [] }
            return state.threads
        }
        for thread in threads { thread.join() }
        unlink(controlPath)
    }

    /// Another office at the same place.
    func reopenOffice() throws {
        let office = linux_unix_listen(controlPath)
        guard office >= 0 else { throw TestKitError.system("listen for lanes", -office) }
        try openOffice(office)
    }

    private func openOffice(_ listener: Int32) throws {
        state.withLock { $0.isStopping = false }
        let thread = try TestThread { [weak self] in
            defer { close(listener) }
            while let self, !self.state.withLock({ $0.isStopping }) {
                var wait = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
                guard poll(&wait, 1, 20) > 0 else { continue }
                var peer = [UInt8](repeating: 0, count: 16)
                var port: UInt16 = 0
                let socket = linux_accept(listener, &peer, &port)
                guard socket >= 0 else { continue }
                self.state.withLock { $0.control = socket }
                self.listen(to: socket)
                self.state.withLock { $0.control = -1 }
                close(socket)
            }
        }
        state.withLock { $0.threads.append(thread) }
    }

    private func listen(to socket: Int32) {
        var frames = FrameAssembler()
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        while !state.withLock({ $0.isStopping }) {
            var wait = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard poll(&wait, 1, 20) > 0 else { continue }
            var descriptors = [Int32](repeating: -1, count: 250)
            var count: Int32 = 250
            let received = linux_receive_descriptors(socket, &bytes, bytes.count, &descriptors, &count)
            if received == -Int(EINTR) || received == -Int(EAGAIN) { continue }
            guard received > 0 else { return }
            state.withLock { $0.handedOver += descriptors[..<Int(count)] }
            frames.append(bytes[..<received])
            do {
                while let frame = try frames.next() { try heard(frame) }
            } catch {
                state.withLock { $0.lines.append("no frame of ours: \(error)") }
                return
            }
        }
    }

    private func heard(_ frame: Frame) throws {
        let body = frame.body
        switch frame.kind {
        case .hello:
            let hello = try Hello(decoding: body.span.bytes)
            state.withLock { $0.hellos.append(hello) }
        case .inForce:
            state.withLock { $0.inForce = body.reduce(0) { $0 << 8 | UInt64($1) } }
        case .status:
            let status = try LaneStatus(decoding: body.span.bytes)
            state.withLock { state in
                state.status = status
                state.statuses += 1
            }
        case .traffic:
            let report = try LaneTraffic(decoding: body.span.bytes)
            state.withLock { state in
                state.reports += 1
                for site in report.sites { state.traffic[site.name, default: Traffic()].merge(site.traffic) }
            }
        case .proven:
            let proven = try ProvenSources(decoding: body.span.bytes)
            state.withLock { state in
                state.proven = ProvenSources(
                    state.proven.sources + proven.sources, omitted: proven.omitted, spared: proven.spared)
            }
        case .learnt:
            let learnt = try LearntSite(decoding: body.span.bytes)
            state.withLock { $0.learnt.append(learnt) }
        case .requestSamples:
            let samples = try RequestSamples(decoding: body.span.bytes)
            state.withLock { state in
                state.samples += samples.sites
                state.samples.removeFirst(max(0, state.samples.count - 4_096))
            }
        case .botClaims:
            let claims = try BotClaims(decoding: body.span.bytes)
            state.withLock { $0.claims += claims.claims }
        case .log:
            state.withLock { $0.lines.append(String(decoding: body.dropFirst(), as: UTF8.self)) }
        default:
            state.withLock { $0.lines.append("unexpected frame \(frame.kind)") }
        }
    }

    private func send(_ frame: Frame, _ descriptors: [Int32] = []) throws {
        let control = state.withLock { $0.control }
        let bytes = frame.encoded()
        var sent = 0
        while sent < bytes.count {
            var wait = pollfd(fd: control, events: Int16(POLLOUT), revents: 0)
            guard poll(&wait, 1, 5000) > 0 else { throw TestKitError.timedOut("sending \(frame.kind)") }
            let count = bytes[sent...].withUnsafeBytes {
                linux_send_descriptors(
                    control, $0.baseAddress, $0.count, descriptors, sent == 0 ? Int32(descriptors.count) : 0)
            }
            if count == -Int(EAGAIN) || count == -Int(EINTR) { continue }
            guard count > 0 else { throw TestKitError.system("send \(frame.kind)", Int32(-count)) }
            sent += count
        }
    }
}
