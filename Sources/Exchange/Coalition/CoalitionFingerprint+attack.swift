package import Addresses
internal import Crypto
package import Detection
internal import Fingerprints
// MD5 takes [UInt8] only where this is imported; the essentials suffice.
internal import FoundationEssentials
internal import Moments
internal import Packets

extension CoalitionFingerprint {
    /// The coalition's form of an attack, and what is lost on the way.
    /// - Parameters:
    ///   - showsTarget: the target's name; else how many there are, as their program does.
    ///   - sources: of each vector, by its place; taken only of vectors whose sources are known not to be forged.
    package static func made(
        of attack: TrafficAttack, showsTarget: Bool = false, sources: [[Address]] = []
    ) -> (fingerprint: CoalitionFingerprint, losses: [Loss]) {
        var losses: [Loss] = []
        var vectors: [Vector] = []
        var listed: Set<Address> = []
        let bytes = attack.vectors.reduce(UInt64(0)) { $0 &+ ($1.isOfFragments ? 0 : $1.bytes) }
        let packets = attack.vectors.reduce(UInt64(0)) { $0 &+ ($1.isOfFragments ? 0 : $1.packets) }
        for (index, vector) in attack.vectors.enumerated() {
            var writer = VectorWriter(vector, number: index, target: attack.target)
            var written = writer.vector()
            // Logs have no bytes: there the requests are shared out.
            let part =
                bytes > 0 ? Double(vector.bytes) / Double(bytes) : Double(vector.packets) / Double(max(1, packets))
            written.fraction = vector.isOfFragments ? nil : min(1, (part * 1_000).rounded() / 1_000)
            if vector.fingerprint.evidence.isSpoofable == false, sources.indices.contains(index) {
                let addresses = Set(sources[index])
                listed.formUnion(addresses)
                written.sources = addresses.map(\.description).sorted().prefix(addressLimit).map { $0 }
                if addresses.count > addressLimit {
                    losses.append(Loss(vector: index, field: "sources", reason: .noField))
                }
            }
            losses += writer.losses
            vectors.append(written)
        }
        losses += [
            "baseline", "collateral", "coverage", "expires", "made", "networks", "peak_rate", "points", "spoofable",
        ].map { Loss(field: $0, reason: .noField) }
        losses.append(Loss(field: "bytes", reason: .rounded))
        let estimated = attack.vectors.map(\.fingerprint.evidence.sources).max() ?? 0
        let whole = summary(of: attack, vectors, sources: max(UInt64(listed.count), estimated), showsTarget)
        return (whole, losses)
    }

    private static func summary(
        of attack: TrafficAttack, _ vectors: [Vector], sources: UInt64, _ showsTarget: Bool
    ) -> CoalitionFingerprint {
        let packets = attack.vectors.reduce(UInt64(0)) { $0 &+ $1.packets }
        let bytes = attack.vectors.reduce(UInt64(0)) { $0 &+ $1.bytes }
        let seconds = VectorWriter.seconds(from: attack.start, to: attack.end)
        // Theirs are 0 for an attack of less than a second; its rate is not.
        let divisor = max(1, seconds)
        var made = CoalitionFingerprint(
            vectors: vectors, target: .text(showsTarget ? "\(attack.target)" : "Anonymized - 1 target(s)"), tags: [],
            key: "", start: CoalitionTime(attack.start), end: CoalitionTime(attack.end), seconds: seconds,
            packets: packets, megabytes: bytes / 1_000_000, sources: sources,
            bitRate: (bytes.multipliedReportingOverflow(by: 8).overflow ? .max : bytes * 8) / divisor,
            packetRate: packets / divisor, packetSize: bytes / max(1, packets))
        made.tags = made.ownTags
        made.key = made.ownKey
        return made
    }

    /// The tags as the coalition's program gives them, in alphabetical order.
    package var ownTags: [String] {
        var tags: Set<String> = []
        if vectors.count(where: { $0.service != Vector.fragments }) > 1 { tags.insert("Multi-vector attack") }
        if case .list(let list) = target, list.count > 1 { tags.insert("Carpet bombing attack") }
        for vector in vectors {
            tags.insert(vector.protocol)
            if vector.service == nil { tags.insert("\(vector.protocol) flood attack") }
            if vector.protocol == "TCP" {
                tags.insert(Self.flagTag(vector.distributions[.flags] ?? .none))
            } else if vector.service == Vector.fragments {
                tags.insert("Fragmentation attack")
            } else if CoalitionTable.services.contains(where: { $0.name == vector.service }) {
                tags.insert("Amplification attack")
            }
        }
        return tags.sorted()
    }

    private static func flagTag(_ distribution: Distribution) -> String {
        guard case .shares(let shares) = distribution, shares.count == 1,
            let flags = CoalitionTable.flags(shares[0].value)
        else { return "TCP flag attack" }
        let names = CoalitionTable.flagNames.filter { flags & $0.flag != 0 }.map { $0.name + " " }.joined()
        return "TCP \(names)\(names.isEmpty ? "no flag " : "flag ")attack"
    }

    /// The key as the coalition's program makes it: the MD5 of how Python prints vectors and summary. A name, no proof.
    package var ownKey: String {
        let printed = vectors.map { vector in
            let percent = ((vector.fraction ?? 0) * 1_000).rounded() / 10
            return "[AttackVector (\(percent)% of traffic) \(vector.protocol), service: \(vector.service ?? "None")]"
        }
        var counts: [(String, UInt64)] = [("duration_seconds", seconds)]
        counts.append(flows.map { ("total_flows", $0) } ?? ("total_packets", packets))
        counts.append(("total_megabytes", megabytes))
        if flows != nil { counts.append(("total_packets", packets)) }
        counts += [("total_ips", sources), ("avg_bps", bitRate), ("avg_pps", packetRate), ("avg_Bpp", packetSize)]
        let members =
            ["'time_start': '\(start.text)'", "'time_end': '\(end.text)'"] + counts.map { "'\($0.0)': \($0.1)" }
        let text = "[\(printed.joined(separator: ", "))]{\(members.joined(separator: ", "))}"
        return Text.hexadecimal(Insecure.MD5.hash(data: Array(text.utf8)))
    }
}

extension TrafficVector {
    fileprivate var isOfFragments: Bool {
        fingerprint.conditions.contains {
            $0.feature == .fragment && $0.value.contains("later") && !$0.value.contains("whole")
        }
    }
}

/// Writes a vector's conditions, and how its other features are spread, as distributions.
private struct VectorWriter {
    let source: TrafficVector
    let number: Int
    let target: TrafficTarget
    private(set) var losses: [Loss] = []

    init(_ source: TrafficVector, number: Int, target: TrafficTarget) {
        self.source = source
        self.number = number
        self.target = target
    }

    static func seconds(from start: Moment, to end: Moment) -> UInt64 { UInt64(max(0, min(1e9, end - start))) }

    private mutating func lose(_ field: String, _ reason: Loss.Reason) {
        losses.append(Loss(vector: number, field: field, reason: reason))
    }

    private func condition(_ feature: Feature) -> String? {
        source.fingerprint.conditions.first { $0.feature == feature }?.value
    }

    mutating func vector() -> CoalitionFingerprint.Vector {
        let name = protocolName()
        var vector = CoalitionFingerprint.Vector(
            service: nil, protocol: name, sourcePort: .random, packets: source.packets,
            megabytes: source.bytes / 1_000_000, start: CoalitionTime(source.start),
            seconds: Self.seconds(from: source.start, to: source.end), sources: [], distributions: [:])
        vector.sourcePort = sourcePort()
        vector.service = service(name, vector.sourcePort)
        vector.distributions[.destinationPorts] = distribution(.destinationPort, over: 0.1) ?? .random
        vector.distributions[.flags] = name == "TCP" ? distribution(.flags, over: 0.1) ?? .some(.none) : .some(.none)
        if source.fingerprint.isOfPackets {
            addPacketFields(to: &vector)
        } else {
            vector.distributions[.method] = distribution(.method, over: 0.1) ?? .some(.none)
            vector.distributions[.uri] = distribution(.route, over: 0.05) ?? .some(.none)
            vector.distributions[.agent] = distribution(.agent, over: 0.05) ?? .some(.none)
            if condition(.route) != nil { lose("route", .assumed) }
        }
        // What theirs has no place for; the service only by its port.
        let without: [Feature] = [.ja4, .parameters, .headers, .http2, .assets, .icmpCode, .service, .payload]
        for feature in without where condition(feature) != nil { lose(feature.rawValue, .noField) }
        return vector
    }

    private mutating func addPacketFields(to vector: inout CoalitionFingerprint.Vector) {
        if case .prefix(let prefix) = target {
            vector.distributions[.etherType] = .shares([.init(prefix.address.isIPv4 ? "IPv4" : "IPv6", 1)])
        }
        vector.distributions[.length] = distribution(.length, over: 0.05) ?? .random
        vector.distributions[.ttl] = distribution(.ttl, over: 0.1) ?? .random
        vector.distributions[.fragmentOffset] = fragmentOffset()
        if vector.service == "DNS" || condition(.dnsName) != nil || condition(.dnsType) != nil {
            vector.distributions[.dnsName] = distribution(.dnsName, over: 0.1) ?? .random
            vector.distributions[.dnsType] = distribution(.dnsType, over: 0.1) ?? .random
        }
        if vector.protocol == "ICMP" || vector.protocol == "ICMPV6" {
            vector.distributions[.icmpType] = distribution(.icmpType, over: 0.1) ?? .random
        }
    }

    private mutating func protocolName() -> String {
        if let text = condition(.protocol), let number = PacketTest.protocolNumber(text) {
            return CoalitionTable.protocolName(number)
        }
        lose("protocol", .assumed)
        let heaviest = source.shares.first { $0.feature == .protocol }?.values.first
        if let heaviest, heaviest.share > 0.5, let number = PacketTest.protocolNumber(heaviest.value) {
            return CoalitionTable.protocolName(number)
        }
        if !source.fingerprint.isOfPackets || condition(.flags) != nil { return "TCP" }
        if condition(.icmpType) != nil { return "ICMP" }
        return condition(.service) != nil ? "UDP" : "IP"
    }

    private mutating func sourcePort() -> CoalitionFingerprint.Distribution {
        if source.isOfFragments { return .single(0) }
        guard let distribution = distribution(.sourcePort, over: 0.1) else { return .random }
        guard case .shares(let shares) = distribution, shares.count == 1, shares[0].share == 1,
            let port = CoalitionTable.number(shares[0].value)
        else { return distribution }
        return .single(UInt64(port))
    }

    private mutating func service(_ name: String, _ port: CoalitionFingerprint.Distribution) -> String? {
        if source.isOfFragments { return CoalitionFingerprint.Vector.fragments }
        if !source.fingerprint.isOfPackets { return "HTTP" }
        guard name == "UDP" else { return nil }
        if case .single(let port) = port { return CoalitionTable.services.first { $0.port == port }?.name }
        // A request flood is no amplification, so only answers have the service's name.
        guard let service = condition(.service), service.hasSuffix(" response") else { return nil }
        return CoalitionTable.services.first { "\($0.service.name) response" == service }?.name
    }

    private mutating func fragmentOffset() -> CoalitionFingerprint.Distribution {
        guard let value = condition(.fragment) else { return .random }
        switch value.split(separator: ",").sorted() {
        case ["first", "whole"]: return .shares([.init("0", 1)])
        case ["first"], ["whole"]:
            lose("fragment", .noField)
            return .shares([.init("0", 1)])
        case ["first", "later"]:
            // Which share is first is not known; that there are some is.
            lose("fragment", .assumed)
            return .shares([.init("0", 0.5), .init(CoalitionFingerprint.Distribution.others, 0.5)])
        default: return .random
        }
    }

    /// Of a condition: its values, made up to all of the vector, for it holds for all of what it covers. Of another
    /// feature: what was measured and stands out. Nil where nothing does.
    private mutating func distribution(
        _ feature: Feature, over threshold: Double
    ) -> CoalitionFingerprint.Distribution? {
        let measured = source.shares.first { $0.feature == feature }?.values ?? []
        if let text = condition(feature) {
            guard let values = Self.values(text, feature) else {
                lose(feature.rawValue, .spread)
                return nil
            }
            let known = values.map { value in measured.first { $0.value == value }?.share ?? 0 }
            let sum = known.reduce(0, +)
            if sum <= 0, values.count > 1 { lose("\(feature.rawValue) shares", .assumed) }
            let shares = zip(values, known).map { value, share in
                // A value that was not among the heaviest still belongs to the condition.
                let part = sum > 0 ? max(0.001, share / sum) : 1 / Double(values.count)
                return CoalitionFingerprint.Distribution.Share(Self.name(value, feature), Self.rounded(part))
            }
            return .ordered(shares)
        }
        var named: [CoalitionFingerprint.Distribution.Share] = []
        for (value, share) in measured where share > threshold && share <= 1 {
            guard let values = Self.values(value, feature), values.count == 1 else { return nil }
            named.append(.init(Self.name(values[0], feature), Self.rounded(share)))
        }
        let sum = named.reduce(0) { $0 + $1.share }
        guard !named.isEmpty else { return nil }
        if sum < 0.99 { named.append(.init(CoalitionFingerprint.Distribution.others, Self.rounded(1 - sum))) }
        return .ordered(named)
    }

    private static func rounded(_ share: Double) -> Double { (max(0, min(1, share)) * 1_000).rounded() / 1_000 }

    /// The single values of a condition; nil where they are more than the format can hold.
    private static func values(_ text: String, _ feature: Feature) -> [String]? {
        switch feature {
        case .sourcePort, .destinationPort, .length, .ttl, .icmpType, .dnsType:
            guard let ranges = Numbers(text)?.ranges,
                ranges.reduce(0, { $0 + $1.count }) <= CoalitionFingerprint.valueLimit / 4
            else { return nil }
            return ranges.flatMap { $0.map { "\($0)" } }
        case .flags: return text.split(separator: ",").map(String.init)
        default: return [text]
        }
    }

    /// A value as theirs has it.
    private static func name(_ value: String, _ feature: Feature) -> String {
        switch feature {
        case .flags: FlagText.flags(value).map { CoalitionTable.flagText($0) } ?? value
        case .dnsType: UInt32(value).map { CoalitionTable.dnsTypeName($0) } ?? value
        case .icmpType: UInt32(value).map { CoalitionTable.icmpTypeName($0) } ?? value
        default: value
        }
    }
}
