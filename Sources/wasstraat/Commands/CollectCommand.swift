internal import Addresses
internal import ArgumentParser
internal import Collector
internal import Detection
internal import Exchange
internal import Flows
internal import Glibc
internal import Moments

struct CollectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "collect",
        abstract: "Receive flow exports (NetFlow 5 and 9, IPFIX, sFlow 5) and find attacks in them.",
        discussion: """
            Prints a line when an attack begins, changes or ends, and all of it at the end. It does not write to the \
            register yet.
            """)

    @Option(help: "Where exporters send to: ADDRESS:PORT, [ADDRESS]:PORT for IPv6.")
    var listen: String

    @Option(help: "Stop after so many seconds; without: go on until stopped.")
    var seconds: Int?

    @Option(help: "What is normal: a profile.")
    var baseline: String?

    @Option(help: "Watch only this address or block; may be given more than once.")
    var target: [String] = []

    @Option(help: "The socket's receive buffer in bytes; the system may grant less.")
    var buffer = FlowSocket.defaultBuffer

    @Flag(help: "Print JSON at the end.")
    var json = false

    func run() throws {
        guard let endpoint = Endpoint(listen) else { throw ValidationError("'\(listen)' is no ADDRESS:PORT") }
        var options = TrafficWatch.Options()
        options.targets = try prefixes(target)
        try tooling {
            let profile = try baseline.map { try ToolFile.profile($0) } ?? .shipped
            var socket = try FlowSocket(binding: endpoint, buffer: buffer)
            complain("listening on \(socket.endpoint), with a buffer of \(socket.receiveBuffer) bytes")
            // SIGTERM and SIGINT end the reading, not the report.
            StopSignals.stop = socket.stop
            signal(SIGTERM) { _ in StopSignals.stop?.request() }
            signal(SIGINT) { _ in StopSignals.stop?.request() }
            var dissection = Dissection(profile: profile, requests: nil, options: options)
            var source = TrafficSource()
            let end = seconds.map { MonotonicClock.milliseconds + Int64($0) * 1_000 }
            var news = AttackNews()
            receiving: while end.map({ MonotonicClock.milliseconds < $0 }) ?? true {
                switch try socket.receive() {
                case .stopped: break receiving
                case .tick: dissection.tick(at: Moment.now.milliseconds &* 1_000_000)
                case .datagrams(let count):
                    for index in 0..<count {
                        let datagram = socket.datagram(index)
                        source.take(
                            datagram.bytes, from: Exporter(address: datagram.exporter, port: datagram.port),
                            at: socket.time, into: &dissection)
                    }
                }
                news.tell(dissection, at: MonotonicClock.milliseconds)
            }
            socket.countDrops()
            let counters = source.flowCounters
            var faults = source.faults
            if socket.dropped > 0 { faults.append(ReadFault(cause: "dropped by the kernel", count: socket.dropped)) }
            if counters.lost > 0 { faults.append(ReadFault(cause: "missing in sequence", count: counters.lost)) }
            source.finish()
            let report = dissection.report()
            complain(
                "\(socket.received) datagrams, \(counters.records) records, \(counters.samples) samples, "
                    + "\(socket.dropped) dropped")
            print(
                json
                    ? String(decoding: report.json(faults: faults), as: UTF8.self) + "\n"
                    : DissectText.text(report, faults: faults), terminator: "")
        }
    }
}

/// What a signal's handler may reach.
private enum StopSignals {
    // Written once, before the handlers are set, and only read by them.
    nonisolated(unsafe) static var stop: FlowSocket.Stop?
}

/// Says in a line when an attack begins, changes its state, or is over; looks once a second.
private struct AttackNews {
    private var told: [String: TrafficAttack.State] = [:]
    private var looked: Int64 = 0

    mutating func tell(_ dissection: borrowing Dissection, at now: Int64) {
        guard now - looked >= 1_000 else { return }
        looked = now
        let attacks = dissection.attacks
        for attack in attacks where told["\(attack.target)"] != attack.state {
            told["\(attack.target)"] = attack.state
            complain(
                "\(Moment.now.text) \(attack.target) \(attack.state.rawValue): \(attack.vectors.map(\.kind).joined(separator: ", "))"
            )
        }
        let names = Set(attacks.map { "\($0.target)" })
        for gone in told.keys.filter({ !names.contains($0) }) {
            told[gone] = nil
            complain("\(Moment.now.text) \(gone) over")
        }
    }
}
