internal import Fingerprints
internal import Packets

/// From a sample of a vector's packets to the few conditions that they have in common and ordinary packets have not.
struct Distillation: Sendable {
    /// Share of the vector's packets that each condition, and all together, must keep.
    static let leastCoverage = 0.995
    /// Values of one feature in a condition.
    private static let valueLimit = 12

    let samples: [PacketSummary]
    let ordinary: [TrafficProfile.WeightedPacket]
    /// Share of the samples that are visitors'.
    let impurity: Double
    let names: [UInt64: String]
    /// Flow records tell of no single packet: lengths are averages, payloads and times to live are not known.
    let isFromFlows: Bool

    struct Result {
        var conditions: [Fingerprint.Condition]
        var tests: [PacketTest]
        var coverage: Double
        var bytesCoverage: Double
        /// Of the ordinary packets given, in packets and in bytes; nil where there were none.
        var collateral: Double?
        var bytesCollateral: Double?
        var ordinaryPackets: Double
        var ordinaryBytes: Double
    }

    /// What surely belongs to the vector comes first (`core`); then, while ordinary packets would be hit, the condition
    /// that spares most of them; then those that cost nothing, for a receiver's visitors may be others.
    func distil(_ core: [Fingerprint.Condition]) -> Result {
        var chosen = core
        var tests = core.compactMap { PacketTest($0) }
        var kept = samples.filter { packet in tests.allSatisfy { $0.holds(for: packet) } }
        var hit = ordinary.filter { item in tests.allSatisfy { $0.holds(for: item.packet) } }
        let needed = Double(samples.count) * (1 - impurity) * Self.leastCoverage
        var candidates = Feature.allCases.filter { feature in
            feature.isOfPacket && !core.contains { $0.feature == feature } && (!isFromFlows || Self.isInFlows(feature))
        }
        // What no filter of a router or kernel can say comes only where all else is not enough.
        var isLast = false
        while !hit.isEmpty {
            var best: (left: Float, condition: Fingerprint.Condition, test: PacketTest)?
            for feature in candidates where Self.isSayable(feature) != isLast && (!isFromFlows || Self.isTold(feature))
            {
                guard let condition = condition(on: feature, of: kept, needed: needed, sparing: hit),
                    let test = PacketTest(condition)
                else { continue }
                let left = hit.reduce(Float(0)) { $0 + (test.holds(for: $1.packet) ? $1.weight : 0) }
                if left < (best?.left ?? .infinity) { best = (left, condition, test) }
            }
            let all = hit.reduce(Float(0)) { $0 + $1.weight }
            guard let best, best.left < all * 0.98 else {
                let share = Double(all) / Double(max(1, ordinary.reduce(Float(0)) { $0 + $1.weight }))
                guard !isLast, share > Contrast.bearable else { break }
                isLast = true
                continue
            }
            chosen.append(best.condition)
            tests.append(best.test)
            candidates.removeAll { $0 == best.condition.feature }
            kept.removeAll { !best.test.holds(for: $0) }
            hit.removeAll { !best.test.holds(for: $0.packet) }
        }
        for feature in candidates where Self.isFree(feature) {
            guard let condition = condition(on: feature, of: kept, needed: Double(kept.count), sparing: []),
                let test = PacketTest(condition)
            else { continue }
            chosen.append(condition)
            tests.append(test)
        }
        return result(chosen, tests, kept, hit)
    }

    private func result(
        _ conditions: [Fingerprint.Condition], _ tests: [PacketTest], _ kept: [PacketSummary],
        _ hit: [TrafficProfile.WeightedPacket]
    ) -> Result {
        let real = Double(samples.count) * (1 - impurity)
        let bytes = samples.reduce(0) { $0 + Double($1.length) } * (1 - impurity)
        let all = ordinary.reduce(0) { $0 + Double($1.weight) }
        let allBytes = ordinary.reduce(0) { $0 + Double($1.weight) * Double($1.packet.length) }
        let order = Feature.allCases
        return Result(
            conditions: conditions.sorted { order.firstIndex(of: $0.feature)! < order.firstIndex(of: $1.feature)! },
            tests: tests, coverage: real > 0 ? min(1, Double(kept.count) / real) : 0,
            bytesCoverage: bytes > 0 ? min(1, kept.reduce(0) { $0 + Double($1.length) } / bytes) : 0,
            collateral: all > 0 ? hit.reduce(0) { $0 + Double($1.weight) } / all : nil,
            bytesCollateral: allBytes > 0
                ? hit.reduce(0) { $0 + Double($1.weight) * Double($1.packet.length) } / allBytes : nil,
            ordinaryPackets: all, ordinaryBytes: allBytes)
    }

    private static func isSayable(_ feature: Feature) -> Bool {
        switch feature {
        case .service, .dnsName, .dnsType: false
        default: true
        }
    }

    /// A flow record tells it as each of its packets does: its flags are those of all of them together, and not every
    /// exporter tells an ICMP type.
    static func isTold(_ feature: Feature) -> Bool {
        switch feature {
        case .protocol, .sourcePort, .destinationPort: true
        default: false
        }
    }

    private static func isInFlows(_ feature: Feature) -> Bool {
        switch feature {
        case .protocol, .sourcePort, .destinationPort, .flags, .icmpType, .icmpCode: true
        default: false
        }
    }

    /// How the features of the packets are spread: the heaviest values of each, at most six.
    func shares() -> [TrafficVector.Share] {
        var all: [TrafficVector.Share] = []
        for feature in Feature.allCases where feature.isOfPacket && (!isFromFlows || Self.isInFlows(feature)) {
            var counts: [UInt32: Int] = [:]
            for packet in samples {
                guard let value = Self.value(of: feature, in: packet) else { continue }
                counts[value, default: 0] += 1
            }
            guard !counts.isEmpty else { continue }
            let heaviest = counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(6)
            all.append(
                TrafficVector.Share(
                    feature: feature,
                    values: heaviest.map { (Self.text(of: feature, $0.key), Double($0.value) / Double(samples.count)) }
                ))
        }
        return all
    }

    private static func text(of feature: Feature, _ value: UInt32) -> String {
        switch feature {
        case .flags: TCPFlag.letters(UInt8(truncatingIfNeeded: value))
        case .fragment: "\(PacketSummary.Fragment.allCases[min(Int(value), 2)])"
        case .protocol: PacketTest.protocolName(UInt8(truncatingIfNeeded: value))
        default: "\(value)"
        }
    }

    /// Conditions worth having even where nothing here asks for them.
    private static func isFree(_ feature: Feature) -> Bool {
        switch feature {
        case .sourcePort, .destinationPort, .flags, .length, .payload, .icmpType, .icmpCode, .dnsName: true
        default: false
        }
    }

    /// The tightest condition on one feature that keeps at least `needed` of the packets; nil where none says anything.
    /// - Parameter hit: ordinary packets that it should spare: values that they have more than the attack are left out
    ///   where the attack can do without.
    func condition(
        on feature: Feature, of packets: [PacketSummary], needed: Double,
        sparing hit: [TrafficProfile.WeightedPacket]
    ) -> Fingerprint.Condition? {
        guard !packets.isEmpty else { return nil }
        switch feature {
        case .payload: return payload(of: packets, needed: needed)
        case .dnsName: return name(of: packets, needed: needed)
        case .service: return service(of: packets, needed: needed)
        default: break
        }
        guard let domain = Self.domain(of: feature) else { return nil }
        var counts: [UInt32: Int] = [:]
        for packet in packets {
            guard let value = Self.value(of: feature, in: packet) else { return nil }
            counts[value, default: 0] += 1
        }
        var spared: [UInt32: Float] = [:]
        for item in hit {
            guard let value = Self.value(of: feature, in: item.packet) else { continue }
            spared[value, default: 0] += item.weight
        }
        // The values of which the attack has most and the ordinary least, until enough is kept.
        let attackAll = Double(packets.count)
        let ordinaryAll = Double(max(1, hit.reduce(0) { $0 + $1.weight }))
        func lift(_ value: UInt32) -> Double {
            Double(counts[value] ?? 0) / attackAll / (Double(spared[value] ?? 0) / ordinaryAll + 1e-4)
        }
        let ranked = counts.keys.sorted {
            let (one, other) = (lift($0), lift($1))
            return one != other ? one > other : $0 < $1
        }
        var values: [UInt32] = []
        var covered = 0
        for value in ranked {
            if Double(covered) >= needed { break }
            values.append(value)
            covered += counts[value] ?? 0
        }
        guard Double(covered) >= needed else { return nil }
        if values.count <= Self.valueLimit {
            let text =
                switch feature {
                case .flags, .fragment: values.sorted().map { Self.text(of: feature, $0) }.joined(separator: ",")
                case .protocol: values.count == 1 ? Self.text(of: feature, values[0]) : ""
                default: Numbers(values.map { $0...$0 })?.text ?? ""
                }
            guard !text.isEmpty else { return nil }
            return Fingerprint.Condition(feature, text)
        }
        guard Self.hasRanges(feature), let least = counts.keys.min(), let most = counts.keys.max() else { return nil }
        // A range that leaves out little says little.
        guard Double(most - least) <= Double(domain) * 0.6 else { return nil }
        return Fingerprint.Condition(feature, "\(least)-\(most)")
    }

    private static func hasRanges(_ feature: Feature) -> Bool {
        switch feature {
        case .sourcePort, .destinationPort, .length, .ttl: true
        default: false
        }
    }

    /// How far apart the values of a feature can be; nil where it has no numbers.
    private static func domain(of feature: Feature) -> UInt32? {
        switch feature {
        case .protocol, .flags, .ttl, .icmpType, .icmpCode, .fragment: 255
        case .sourcePort, .destinationPort, .dnsType: 65_535
        case .length: 1_500
        default: nil
        }
    }

    private static func value(of feature: Feature, in packet: PacketSummary) -> UInt32? {
        switch feature {
        case .protocol: UInt32(packet.protocolNumber)
        case .flags: packet.protocolNumber == PacketSummary.tcp ? UInt32(packet.flags) : nil
        case .sourcePort: isPorted(packet) ? UInt32(packet.sourcePort) : nil
        case .destinationPort: isPorted(packet) ? UInt32(packet.destinationPort) : nil
        case .length: packet.length
        case .ttl: UInt32(packet.ttl)
        case .fragment: UInt32(packet.fragment.rawValue)
        case .icmpType: isICMP(packet) ? UInt32(packet.icmpType) : nil
        case .icmpCode: isICMP(packet) ? UInt32(packet.icmpCode) : nil
        case .dnsType: packet.service == .dns ? UInt32(packet.dnsType) : nil
        default: nil
        }
    }

    private static func isPorted(_ packet: PacketSummary) -> Bool {
        packet.protocolNumber == PacketSummary.tcp || packet.protocolNumber == PacketSummary.udp
    }

    private static func isICMP(_ packet: PacketSummary) -> Bool {
        packet.protocolNumber == PacketSummary.icmp || packet.protocolNumber == PacketSummary.icmpv6
    }

    /// The longest beginning of the payload, at most eight bytes, that enough of the packets share.
    private func payload(of packets: [PacketSummary], needed: Double) -> Fingerprint.Condition? {
        for length in (2...8).reversed() {
            let shift = UInt64(64 - 8 * length)
            var counts: [UInt64: Int] = [:]
            for packet in packets where Int(packet.payloadLength) >= length {
                counts[packet.payloadPrefix >> shift, default: 0] += 1
            }
            guard let best = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) }),
                Double(best.value) >= needed, best.value > 0
            else { continue }
            let digits = String(best.key, radix: 16)
            return Fingerprint.Condition(
                .payload, String(repeating: "0", count: max(0, 2 * length - digits.count)) + digits)
        }
        return nil
    }

    private func name(of packets: [PacketSummary], needed: Double) -> Fingerprint.Condition? {
        guard let hash = packets.first(where: { $0.dnsNameHash != 0 })?.dnsNameHash, let name = names[hash],
            Double(packets.reduce(0) { $0 + ($1.dnsNameHash == hash ? 1 : 0) }) >= needed
        else { return nil }
        return Fingerprint.Condition(.dnsName, name)
    }

    private func service(of packets: [PacketSummary], needed: Double) -> Fingerprint.Condition? {
        guard let first = packets.first(where: { $0.service != .none && $0.isPayloadSeen }) else { return nil }
        let same = packets.reduce(0) { $0 + ($1.service == first.service && $1.role == first.role ? 1 : 0) }
        guard Double(same) >= needed else { return nil }
        let role = first.role == .unknown ? "" : " \(first.role)"
        return Fingerprint.Condition(.service, first.service.name + role)
    }
}
