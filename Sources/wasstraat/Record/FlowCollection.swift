internal import Addresses
internal import Collector
internal import Detection
internal import Exchange
internal import Flows
internal import Moments
internal import Synchronization

/// What a collector received and could not use, since it was started.
struct CollectorFigures: Equatable, Sendable {
    var flows = FlowCounters()
    /// Datagrams that the kernel dropped because nobody took them in time, and those that were cut off.
    var dropped: UInt64 = 0
    var truncated: UInt64 = 0
    /// Datagrams, sets and sampled packets that were refused, by all causes.
    var faults: UInt64 = 0
}

/// A second of a collector.
struct CollectorSecond: Sendable {
    /// It is heard where flows or samples came in it.
    var traffic: TrafficSecond
    var figures: CollectorFigures
}

/// What ends a collector, from any thread, also one that has not opened its socket yet.
final class CollectorStop: Sendable {
    private let state = Mutex<(socket: FlowSocket.Stop?, body: (@Sendable () -> Void)?, isRequested: Bool)>(
        (nil, nil, false))

    var isRequested: Bool { state.withLock { $0.isRequested } }

    func request() {
        let body = state.withLock {
            $0.isRequested = true
            $0.socket?.request()
            return $0.body
        }
        body?()
    }

    /// Does this too when it is requested; at once where it was.
    func also(_ body: @escaping @Sendable () -> Void) {
        let isRequested = state.withLock {
            $0.body = body
            return $0.isRequested
        }
        if isRequested { body() }
    }

    fileprivate func set(_ socket: FlowSocket.Stop) {
        state.withLock {
            $0.socket = socket
            if $0.isRequested { socket.request() }
        }
    }
}

/// Flow exports from a socket through detection. It belongs to one thread.
struct FlowCollection: ~Copyable {
    private var socket: FlowSocket
    private var dissection: Dissection
    private var source = TrafficSource()

    init(
        at endpoint: Endpoint, buffer: Int = FlowSocket.defaultBuffer, profile: TrafficProfile, targets: [Prefix],
        stop: CollectorStop
    ) throws(InputError) {
        var options = TrafficWatch.Options()
        options.targets = targets
        options.isLive = true
        socket = try FlowSocket(binding: endpoint, buffer: buffer)
        dissection = Dissection(profile: profile, requests: nil, options: options)
        stop.set(socket.stop)
    }

    var endpoint: Endpoint { socket.endpoint }
    var receiveBuffer: Int { socket.receiveBuffer }
    /// Asked for from a signal's handler, which may take no lock.
    var socketStop: FlowSocket.Stop { socket.stop }

    /// Receives until it is stopped, or so many seconds long; tells once a second how it stands.
    mutating func run(seconds limit: Int?, each tell: (CollectorSecond) -> Void) throws(InputError) {
        let end = limit.map { MonotonicClock.milliseconds + Int64($0) * 1_000 }
        var told = MonotonicClock.milliseconds
        var heard: UInt64 = 0
        var latest = Int64.min
        while end.map({ MonotonicClock.milliseconds < $0 }) ?? true {
            switch try socket.receive() {
            case .stopped: return
            case .tick: dissection.tick(at: Moment.now.milliseconds &* 1_000_000)
            case .datagrams(let count):
                Self.take(count, of: socket, &source, &dissection)
            }
            let now = MonotonicClock.milliseconds
            guard now - told >= 1_000 else { continue }
            told = now
            let flows = source.flowCounters
            let isHeard = flows.records &+ flows.samples != heard
            heard = flows.records &+ flows.samples
            // Datagrams that hold nothing must not stop the clock, nor flows one that was put back.
            let present = Moment.now.milliseconds
            if !isHeard || present < latest { dissection.tick(at: present &* 1_000_000) }
            latest = present
            let second = TrafficSecond(now: .now, attacks: dissection.attacks, isHeard: isHeard)
            tell(CollectorSecond(traffic: second, figures: figures))
        }
    }

    /// Takes in a batch. Apart from `run`, because a datagram borrows its socket.
    private static func take(
        _ count: Int, of socket: borrowing FlowSocket, _ source: inout TrafficSource, _ dissection: inout Dissection
    ) {
        let bytes = socket.bytes
        for index in 0..<count {
            let datagram = socket.datagram(index)
            source.gather(
                datagram.range, of: bytes, from: Exporter(address: datagram.exporter, port: datagram.port),
                at: socket.time, into: &dissection)
        }
        source.passAll(bytes, to: &dissection)
    }

    var figures: CollectorFigures {
        CollectorFigures(
            flows: source.flowCounters, dropped: socket.dropped, truncated: socket.truncated,
            faults: source.faults.reduce(0) { $0 &+ $1.count })
    }

    /// How it stands at the end, and all that was found.
    consuming func finish() -> CollectorOutcome {
        socket.countDrops()
        let traffic = TrafficSecond(now: .now, attacks: dissection.attacks, isHeard: false)
        let last = CollectorSecond(traffic: traffic, figures: figures)
        var faults = source.faults
        if socket.dropped > 0 { faults.append(ReadFault(cause: "dropped by the kernel", count: socket.dropped)) }
        let lost = source.flowCounters.lost
        if lost > 0 { faults.append(ReadFault(cause: "missing in sequence", count: lost)) }
        source.finish()
        return CollectorOutcome(
            last: last, report: dissection.report(), faults: faults, datagrams: socket.received)
    }
}

struct CollectorOutcome: Sendable {
    var last: CollectorSecond
    var report: TrafficReport
    var faults: [ReadFault]
    var datagrams: UInt64
}
