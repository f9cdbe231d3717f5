internal import Collector
internal import Detection
internal import Flows
internal import Heads
internal import Packets

/// Detection over files: packets and flows to one watch, requests to the other.
struct Dissection: ~Copyable, TrafficTaker {
    static let fileKey: UInt64 = 0x9e6c_63d0_876a_68f1

    private var traffic: TrafficWatch
    private var requests: LogWatch
    private var requestCount: UInt64 = 0

    /// - Parameter key: what the places in tables depend on: nobody who sends may know it. Of files it is the same each time,
    ///   so that the same file gives the same answer.
    init(
        profile: TrafficProfile, requests: RequestBaseline?, options: TrafficWatch.Options,
        key: UInt64 = .random(in: .min ... .max)
    ) {
        traffic = TrafficWatch(profile: profile, key: key, options: options)
        self.requests = LogWatch(baseline: requests)
    }

    mutating func expect(_ packet: borrowing PacketSummary) { traffic.expect(packet) }

    mutating func take(_ packet: borrowing PacketSummary, in frame: RawSpan) { traffic.observe(packet, in: frame) }

    mutating func take(_ flows: Span<FlowRecord>) { traffic.observe(flows) }

    mutating func take(_ request: RequestSummary, _ line: Span<UInt8>) {
        requestCount += 1
        requests.observe(request, line)
    }

    /// What was found in all that was read.
    mutating func report() -> TrafficReport {
        guard requestCount > 0 else { return traffic.finish() }
        var report = requests.finish()
        let packets = traffic.finish()
        report.attacks += packets.attacks
        report.growth += packets.growth
        report.packets += packets.packets
        report.bytes += packets.bytes
        report.from = [report.from, packets.from].compactMap(\.self).min()
        report.until = [report.until, packets.until].compactMap(\.self).max()
        return report
    }

    /// What goes on now; for a stream without an end.
    var attacks: [TrafficAttack] { traffic.attacks() }

    mutating func tick(at time: Int64) { traffic.tick(at: time) }
}

/// What is normal, learnt from files: a profile of packets and flows, and a sample of requests.
struct Baseline: ~Copyable, TrafficTaker {
    private var traffic: TrafficWatch
    private(set) var requests = RequestBaseline()
    private var count: UInt64 = 0

    init() {
        var options = TrafficWatch.Options()
        options.isLearning = true
        traffic = TrafficWatch(profile: .shipped, key: Dissection.fileKey, options: options)
    }

    mutating func take(_ packet: borrowing PacketSummary, in frame: RawSpan) {
        count += 1
        traffic.observe(packet, in: frame)
    }

    mutating func take(_ flows: Span<FlowRecord>) {
        count += UInt64(flows.count)
        traffic.observe(flows)
    }

    mutating func take(_ request: RequestSummary, _ line: Span<UInt8>) { requests.observe(request, line) }

    /// The profile under a name; nil where no packets and flows were read.
    mutating func profile(named name: String) -> TrafficProfile? { count > 0 ? traffic.learnt(as: name) : nil }
}
