internal import Addresses
internal import Detection
internal import Exchange
internal import Filters
internal import Fingerprints
internal import Flows
internal import Heads
internal import Packets

/// Counts what fingerprints match in packets, flow records and requests. Of a sample each counts as many as it stands
/// for, so sums are no whole numbers.
struct MatchCount: TrafficTaker {
    struct Sum {
        var count = 0.0
        var bytes = 0.0

        mutating func add(_ count: Double, _ bytes: Double) {
            self.count += count
            self.bytes += bytes
        }
    }

    let fingerprints: [Fingerprint]
    /// What is counted at all; empty, or nil: all.
    private let targets: [Prefix]
    private let host: HostName?
    private var matchers: [PacketMatcher] = []
    private let tests: [[PacketTest]?]
    private let requestMatchers: [RequestMatcher?]
    /// All that was looked at, of packets (also those of flows) and of requests.
    private(set) var packets = Sum()
    private(set) var requests = Sum()
    /// By fingerprint.
    private(set) var matched: [Sum]
    /// What any of them matches, counted once.
    private(set) var anyPackets = Sum()
    private(set) var anyRequests = Sum()
    /// Packets of flow records of which a fingerprint asks what no flow record tells, by fingerprint.
    private(set) var untold: [Double]

    init(_ fingerprints: [Fingerprint], targets: [Prefix] = [], host: HostName? = nil) {
        self.fingerprints = fingerprints
        self.targets = targets
        self.host = host
        let limit = PacketMatcher.fingerprintLimit
        for start in stride(from: 0, to: fingerprints.count, by: limit) {
            let part = fingerprints[start..<min(fingerprints.count, start + limit)]
            if let matcher = PacketMatcher(Array(part)) { matchers.append(matcher) }
        }
        tests = fingerprints.map { $0.isOfPackets ? $0.packetTests : nil }
        requestMatchers = fingerprints.map { $0.isOfPackets ? nil : RequestMatcher($0) }
        matched = Array(repeating: Sum(), count: fingerprints.count)
        untold = Array(repeating: 0, count: fingerprints.count)
    }

    private func isWatched(_ destination: Address) -> Bool {
        targets.isEmpty || targets.contains { $0.contains(destination) }
    }

    mutating func beginFile() {}

    mutating func take(_ packets: Span<PacketSummary>, from frames: Span<Range<Int>>, in bytes: RawSpan) {
        for index in packets.indices where isWatched(packets[index].destination) {
            count(packets[index], weight: Double(packets[index].weight))
        }
    }

    /// The packets of a profile's sample, which has no addresses.
    mutating func take(_ profile: TrafficProfile) {
        for sample in profile.samples.isEmpty ? OrdinaryTraffic.samples : profile.samples {
            count(sample.packet, weight: Double(sample.weight))
        }
    }

    private mutating func count(_ packet: PacketSummary, weight: Double) {
        let bytes = weight * Double(packet.length)
        packets.add(weight, bytes)
        var isHit = false
        for (part, matcher) in matchers.enumerated() {
            var found = matcher.matches(packet)
            isHit = isHit || found != 0
            while found != 0 {
                matched[part * PacketMatcher.fingerprintLimit + found.trailingZeroBitCount].add(weight, bytes)
                found &= found &- 1
            }
        }
        if isHit { anyPackets.add(weight, bytes) }
    }

    mutating func take(_ flows: Span<FlowRecord>) {
        for index in flows.indices { count(flows[index]) }
    }

    private mutating func count(_ flow: FlowRecord) {
        guard isWatched(flow.destination) else { return }
        let weight = Double(flow.packets) * Double(flow.samplingRate)
        let bytes = Double(flow.bytes) * Double(flow.samplingRate)
        packets.add(weight, bytes)
        var isHit = false
        for (index, tests) in tests.enumerated() {
            guard let tests, !tests.isEmpty else { continue }
            switch Self.told(flow, tests) {
            case true?:
                matched[index].add(weight, bytes)
                isHit = true
            case nil: untold[index] += weight
            case false?: break
            }
        }
        if isHit { anyPackets.add(weight, bytes) }
    }

    /// Whether all packets of a flow meet the tests; nil where the record does not tell.
    private static func told(_ flow: FlowRecord, _ tests: [PacketTest]) -> Bool? {
        var packet = PacketSummary()
        packet.sourcePort = flow.sourcePort
        packet.destinationPort = flow.destinationPort
        packet.protocolNumber = flow.protocolNumber
        packet.flags = flow.flags
        packet.icmpType = flow.icmpType
        packet.icmpCode = flow.icmpCode
        packet.length = UInt32(clamping: flow.bytes / max(1, flow.packets))
        var isTold = true
        for test in tests {
            switch test {
            case .protocolNumber, .sourcePort, .destinationPort, .icmpType, .icmpCode:
                if !test.holds(for: packet) { return false }
            case .flags(let sets):
                // A record has the flags of all its packets together.
                if !sets.contains(where: { $0 & ~flow.flags == 0 }) { return false }
                if flow.packets != 1, flow.flags.nonzeroBitCount > 1 { isTold = false }
                if flow.packets == 1, !test.holds(for: packet) { return false }
            case .length:
                if flow.packets == 1, !test.holds(for: packet) { return false }
                if flow.packets != 1 { isTold = false }
            default: isTold = false
            }
        }
        return isTold ? true : nil
    }

    mutating func take(_ request: RequestSummary, _ line: Span<UInt8>) {
        if let host, request.host.count > 0, !host.matches(request.host, of: line) { return }
        requests.count += 1
        var isHit = false
        for (index, matcher) in requestMatchers.enumerated() where matcher?.matches(request, line) == true {
            matched[index].count += 1
            isHit = true
        }
        if isHit { anyRequests.count += 1 }
    }

    /// Share of what could be hit that the fingerprint hits, 0...1; nil where there was nothing, or where it asks what
    /// none of it shows.
    func share(of index: Int) -> Double? {
        let fingerprint = fingerprints[index]
        guard fingerprint.isOfPackets ? tests[index] != nil : requestMatchers[index] != nil else { return nil }
        let all = fingerprint.isOfPackets ? packets.count : requests.count
        // What is not told may be hit.
        return all > 0 ? min(1, (matched[index].count + untold[index]) / all) : nil
    }
}

extension MatchCount {
    /// Lines for people: what each matches, and all together.
    /// - Parameter verb: "matches", "would have dropped".
    func lines(_ verb: String) -> [String] {
        var lines: [String] = []
        for (index, fingerprint) in fingerprints.enumerated() {
            let name = fingerprint.kind ?? Rules.id(fingerprint)
            let all = fingerprint.isOfPackets ? packets : requests
            let unit = fingerprint.isOfPackets ? "packets" : "requests"
            if !fingerprint.isOfPackets, requestMatchers[index] == nil {
                lines.append("\(name): not compared: it asks for what no log shows")
                continue
            }
            guard all.count > 0 else {
                lines.append("\(name): not compared: there are no \(unit) in it")
                continue
            }
            lines.append("\(name) \(verb) \(Self.text(matched[index], of: all, unit))")
            if untold[index] > 0 {
                let count = DissectFigure.count(DissectFigure.whole(untold[index]))
                lines.append("\(name): of \(count) more packets the flow records do not tell")
            }
        }
        if fingerprints.count(where: \.isOfPackets) > 1, packets.count > 0 {
            lines.append("together: \(Self.text(anyPackets, of: packets, "packets"))")
        }
        if fingerprints.count(where: { !$0.isOfPackets }) > 1, requests.count > 0 {
            lines.append("together: \(Self.text(anyRequests, of: requests, "requests"))")
        }
        return lines
    }

    private static func text(_ sum: Sum, of all: Sum, _ unit: String) -> String {
        let counts = [sum.count, all.count].map { DissectFigure.count(DissectFigure.whole($0)) }
        let bytes = sum.bytes > 0 ? ", \(DissectFigure.bytes(DissectFigure.whole(sum.bytes)))" : ""
        return "\(counts[0]) of \(counts[1]) \(unit) (\(DissectFigure.percent(sum.count / all.count)))\(bytes)"
    }

    /// Reads a profile, capture, flow file or log into the count; says on standard error what could not be read.
    mutating func read(_ paths: [String]) throws {
        var source = TrafficSource()
        for path in paths {
            guard let profile = try source.read(path, into: &self, allowsProfile: true) else { continue }
            if !targets.isEmpty { complain("\(path): a profile names no addresses, so all of it is counted") }
            take(profile)
        }
        source.finish(complainingOf: paths.joined(separator: ", "))
    }
}
