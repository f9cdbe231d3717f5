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
    /// Packets and flow records, and requests, that were taken in; requests that were for other hosts.
    private(set) var trafficCount: UInt64 = 0
    private(set) var requestCount: UInt64 = 0
    private(set) var passedOver: UInt64 = 0
    /// The course of all, where somebody asks for it.
    var timeline: TrafficTimeline?
    /// Sites of logs that alone are watched; empty: all.
    var hosts: [HostName] = []

    /// - Parameter key: what the places in tables depend on: nobody who sends may know it. Of files it is the same each time,
    ///   so that the same file gives the same answer.
    init(
        profile: TrafficProfile, requests: RequestBaseline?, options: TrafficWatch.Options,
        key: UInt64 = .random(in: .min ... .max)
    ) {
        traffic = TrafficWatch(profile: profile, key: key, options: options)
        self.requests = LogWatch(baseline: requests)
    }

    mutating func beginFile() { traffic.beginRecording() }

    mutating func take(_ packets: Span<PacketSummary>, from frames: Span<Range<Int>>, in bytes: RawSpan) {
        trafficCount &+= UInt64(packets.count)
        if timeline != nil {
            for index in packets.indices {
                let count = Double(packets[index].weight)
                timeline?.add(count, count * Double(packets[index].length), at: packets[index].time)
            }
        }
        traffic.observe(packets, from: frames, in: bytes)
    }

    mutating func take(_ flows: Span<FlowRecord>) {
        trafficCount &+= UInt64(flows.count)
        if timeline != nil {
            for index in flows.indices {
                let flow = flows[index]
                let scale = Double(flow.samplingRate)
                timeline?.add(
                    Double(flow.packets) * scale, Double(flow.bytes) * scale, from: flow.first, to: flow.last)
            }
        }
        traffic.observe(flows)
    }

    mutating func take(_ request: RequestSummary, _ line: Span<UInt8>) {
        guard hosts.isEmpty || hosts.contains(where: { $0.matches(request.host, of: line) }) else {
            passedOver &+= 1
            return
        }
        requestCount &+= 1
        timeline?.addSecond(1, at: request.time)
        requests.observe(request, line)
    }

    /// What was found in all that was read.
    mutating func report() -> TrafficReport {
        // Of no traffic at all nothing can stand out.
        let packets = trafficCount > 0 ? traffic.finish() : TrafficReport()
        guard requestCount > 0 else { return packets }
        var report = requests.finish()
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

    mutating func beginFile() { traffic.beginRecording() }

    mutating func take(_ packets: Span<PacketSummary>, from frames: Span<Range<Int>>, in bytes: RawSpan) {
        count += UInt64(packets.count)
        traffic.observe(packets, from: frames, in: bytes)
    }

    mutating func take(_ flows: Span<FlowRecord>) {
        count += UInt64(flows.count)
        traffic.observe(flows)
    }

    mutating func take(_ request: RequestSummary, _ line: Span<UInt8>) { requests.observe(request, line) }

    /// The profile under a name; nil where no packets and flows were read.
    mutating func profile(named name: String) -> TrafficProfile? { count > 0 ? traffic.learnt(as: name) : nil }
}

/// A site's name, the same in capitals and small letters (RFC 9110, section 4.2.3).
struct HostName {
    private let bytes: [UInt8]

    /// Nil for what is no name: it has a letter, and of other signs digits, ".", "-", "_" only.
    init?(_ text: String) {
        bytes = text.utf8.map(Self.small)
        let isName = bytes.allSatisfy { Self.isLetter($0) || (48...57).contains($0) || ".-_".utf8.contains($0) }
        guard (1...253).contains(bytes.count), isName, bytes.contains(where: Self.isLetter) else { return nil }
    }

    func matches(_ name: Slice, of line: Span<UInt8>) -> Bool {
        guard name.range.count == bytes.count, name.range.upperBound <= line.count else { return false }
        return bytes.indices.allSatisfy { Self.small(line[name.range.lowerBound + $0]) == bytes[$0] }
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (97...122).contains(byte) }
    private static func small(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte | 32 : byte }
}
