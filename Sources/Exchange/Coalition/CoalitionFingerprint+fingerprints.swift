package import Fingerprints
package import Moments
internal import Packets

extension CoalitionFingerprint {
    /// A value or a few become a condition where they make up at least this share of a vector's packets.
    package static let conditionShare = 0.95

    /// In which unit `frame_len` is: the format does not say, and its converters differ.
    package enum LengthUnit: Sendable {
        /// tshark: with the 14 bytes of the Ethernet header, padded to 60.
        case frame
        /// pcap-converter: from the IP header on.
        case packet
        /// Both readings are taken.
        case unknown
    }

    /// One fingerprint for each vector of which something can be said, and what is lost on the way. The format has no
    /// normal traffic, so none of them has a collateral: measure it before use.
    /// - Parameters:
    ///   - lifetime: seconds, more than 0.
    ///   - now: when they are made; the attack's end where that is later.
    package func fingerprints(
        lifetime: Double, at now: Moment, lengthUnit: LengthUnit = .unknown
    ) -> (fingerprints: [Fingerprint], losses: [Loss]) {
        var fingerprints: [Fingerprint] = []
        var losses = [Loss(field: "collateral", reason: .assumed), Loss(field: "tags", reason: .noField)]
        if case .list = target { losses.append(Loss(field: "target", reason: .privacy)) }
        for (index, vector) in vectors.enumerated() {
            var reader = VectorReader(vector, number: index, lengthUnit: lengthUnit)
            let conditions = reader.conditions()
            losses += reader.losses
            guard !conditions.isEmpty else {
                losses.append(Loss(vector: index, field: "attack_vectors", reason: .empty))
                continue
            }
            let evidence = evidence(of: vector, share: reader.share)
            let made = max(now, evidence.until)
            fingerprints.append(
                Fingerprint(
                    conditions: conditions, kind: reader.kind, evidence: evidence, made: made, expires: made + lifetime)
            )
        }
        return (fingerprints, losses)
    }

    private func evidence(of vector: Vector, share: Double) -> Fingerprint.Evidence {
        let from = max(Moment(seconds: 0), vector.start.moment)
        // Bounded: a duration of a foreign text may be any.
        let until = from + Double(min(vector.seconds, 366 * 86_400))
        let part = packets > 0 ? min(1, Double(vector.packets) / Double(packets)) : 0
        return Fingerprint.Evidence(
            coverage: part * share, collateral: nil, attackCount: vector.packets, baselineCount: 0,
            sources: UInt64(Set(vector.sources).count), from: from, until: until,
            bytes: .init(
                coverage: (vector.fraction ?? 0) * share, collateral: nil,
                attackCount: vector.megabytes.multipliedReportingOverflow(by: 1_000_000).overflow
                    ? .max : vector.megabytes * 1_000_000,
                baselineCount: 0))
    }
}

/// Makes conditions of what stands out in a vector.
private struct VectorReader {
    let vector: CoalitionFingerprint.Vector
    let number: Int
    let lengthUnit: CoalitionFingerprint.LengthUnit
    private(set) var losses: [Loss] = []
    /// Of the vector's packets, at least, that the conditions hold for; where features depend on each other it may be
    /// more.
    private(set) var share = 1.0

    init(_ vector: CoalitionFingerprint.Vector, number: Int, lengthUnit: CoalitionFingerprint.LengthUnit) {
        self.vector = vector
        self.number = number
        self.lengthUnit = lengthUnit
    }

    private var isFragments: Bool { vector.service == CoalitionFingerprint.Vector.fragments }

    private var isAmplification: Bool {
        vector.protocol.uppercased() == "UDP" && CoalitionTable.services.contains { $0.name == vector.service }
    }

    /// What it is of, as far as the vector says: "dns-reflection", "tcp-syn-flood", "udp-flood".
    var kind: String? {
        let name = vector.protocol.lowercased()
        let kind: String
        if isFragments {
            kind = "fragment-flood"
        } else if isAmplification, let row = CoalitionTable.services.first(where: { $0.name == vector.service }) {
            kind = "\(row.service.name)-reflection"
        } else if hasRequests {
            kind = "http-flood"
        } else if name == "tcp", let flags = standing(.flags)?.compactMap({ CoalitionTable.flags($0) }),
            flags.count == 1
        {
            let names = CoalitionTable.flagNames.filter { flags[0] & $0.flag != 0 }.map { $0.name.lowercased() }
            kind = (["tcp"] + names + ["flood"]).joined(separator: "-")
        } else {
            kind = "\(name)-flood"
        }
        return Text.isKind(kind) ? kind : nil
    }

    /// The values that stand out, where they make up nearly all.
    private func standing(_ name: CoalitionFingerprint.DistributionName) -> [String]? {
        standing(vector.distributions[name] ?? .none)?.map(\.value)
    }

    private func standing(
        _ distribution: CoalitionFingerprint.Distribution
    ) -> [CoalitionFingerprint.Distribution.Share]? {
        let named = distribution.named
        let sum = named.reduce(0) { $0 + $1.share }
        return !named.isEmpty && sum >= CoalitionFingerprint.conditionShare ? named : nil
    }

    private var hasRequests: Bool {
        [.uri, .method, .agent].contains { (name: CoalitionFingerprint.DistributionName) in
            guard let values = standing(name) else { return false }
            return values.count == 1
        }
    }

    mutating func conditions() -> [Fingerprint.Condition] {
        let made = hasRequests ? requestConditions() : packetConditions()
        for field in [CoalitionFingerprint.DistributionName.etherType, .ntpCode]
        where vector.distributions[field] != nil {
            lose(field.rawValue, .noField)
        }
        if !vector.sources.isEmpty { lose("source_ips", .privacy) }
        lose("nr_megabytes", .rounded)
        // Each value as strict as those that others send.
        var conditions: [Fingerprint.Condition] = []
        for condition in made {
            if ConditionsReader.isAllowed(condition.value, for: condition.feature),
                condition.feature != .route || !Text.holdsAddress(condition.value)
            {
                conditions.append(condition)
            } else {
                lose(condition.feature.rawValue, .unknownValue)
            }
        }
        let order = Feature.allCases
        return conditions.sorted { order.firstIndex(of: $0.feature)! < order.firstIndex(of: $1.feature)! }
    }

    private mutating func lose(_ field: String, _ reason: Loss.Reason) {
        losses.append(Loss(vector: number, field: field, reason: reason))
    }

    // MARK: - Of requests

    private mutating func requestConditions() -> [Fingerprint.Condition] {
        var conditions: [Fingerprint.Condition] = []
        let fields: [(CoalitionFingerprint.DistributionName, Feature)] = [
            (.method, .method), (.uri, .route), (.agent, .agent),
        ]
        for (name, feature) in fields {
            guard let value = taken(name)?.first else { continue }
            conditions.append(.init(feature, feature == .route ? Self.route(of: value) : value))
        }
        for field in ["protocol", "source_port", "destination_ports"] { lose(field, .onePlane) }
        for name in [CoalitionFingerprint.DistributionName.flags, .length, .ttl, .fragmentOffset]
        where vector.distributions[name] != nil {
            lose(name.rawValue, .onePlane)
        }
        return conditions
    }

    /// The path without values, as in `RequestShape.route`: runs of digits as "0", at most four segments, then the
    /// names of the query's parameters.
    static func route(of uri: String) -> String {
        let parts = uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let segments = parts[0].split(separator: "/", omittingEmptySubsequences: true).prefix(4)
        var route = "/" + segments.joined(separator: "/")
        if parts.count == 2 {
            let names = parts[1].split(separator: "&").map { $0.prefix { $0 != "=" } }
            if !names.isEmpty { route += "?" + names.joined(separator: "&") }
        }
        var masked = ""
        var isInDigits = false
        for scalar in route.unicodeScalars {
            let isDigit = ("0"..."9").contains(scalar)
            if !isDigit { masked.unicodeScalars.append(scalar) } else if !isInDigits { masked += "0" }
            isInDigits = isDigit
        }
        while masked.utf8.count > RequestShape.routeLimit { masked.unicodeScalars.removeLast() }
        return masked
    }

    // MARK: - Of packets

    private mutating func packetConditions() -> [Fingerprint.Condition] {
        var conditions: [Fingerprint.Condition] = []
        if let number = CoalitionTable.protocolNumber(vector.protocol) {
            conditions.append(.init(.protocol, PacketTest.protocolName(number)))
        } else {
            lose("protocol", .unknownValue)
        }
        if isFragments {
            // Their ports are written as 0, which is what a later fragment has none of.
            conditions.append(.init(.fragment, hasFirstFragment ? "first,later" : "later"))
        } else {
            add(.sourcePort, "source_port", vector.sourcePort, to: &conditions) { CoalitionTable.number($0) }
            add(.destinationPort, .destinationPorts, to: &conditions) { CoalitionTable.number($0) }
            addFragments(to: &conditions)
        }
        addFlags(to: &conditions)
        addLength(to: &conditions)
        let before = conditions.count
        add(.ttl, .ttl, to: &conditions) { CoalitionTable.number($0) }
        if conditions.count > before { lose("ttl", .ofNetwork) }
        add(.icmpType, .icmpType, to: &conditions) { CoalitionTable.icmpType($0) }
        if vector.distributions[.icmpType] == nil {
            add(.icmpType, .icmpTypeOfDocument, to: &conditions) { CoalitionTable.icmpType($0) }
        }
        add(.dnsType, .dnsType, to: &conditions) { CoalitionTable.dnsType($0) }
        addName(to: &conditions)
        for name in [CoalitionFingerprint.DistributionName.uri, .method, .agent] {
            if let distribution = vector.distributions[name], distribution != .none { lose(name.rawValue, .spread) }
        }
        return conditions
    }

    /// The values of a field that make up nearly all; counts them into the share.
    private mutating func taken(_ name: CoalitionFingerprint.DistributionName) -> [String]? {
        guard let distribution = vector.distributions[name] else { return nil }
        return taken(distribution, name.rawValue)
    }

    private mutating func taken(_ distribution: CoalitionFingerprint.Distribution, _ field: String) -> [String]? {
        guard let named = standing(distribution) else {
            if distribution != .none, distribution != .random { lose(field, .spread) }
            return nil
        }
        share *= min(1, named.reduce(0) { $0 + $1.share })
        return named.map(\.value)
    }

    private mutating func add(
        _ feature: Feature, _ name: CoalitionFingerprint.DistributionName, to conditions: inout [Fingerprint.Condition],
        reading read: (String) -> UInt32?
    ) {
        add(feature, name.rawValue, vector.distributions[name] ?? .none, to: &conditions, reading: read)
    }

    private mutating func add(
        _ feature: Feature, _ field: String, _ distribution: CoalitionFingerprint.Distribution,
        to conditions: inout [Fingerprint.Condition], reading read: (String) -> UInt32?
    ) {
        guard let values = taken(distribution, field) else { return }
        let numbers = values.compactMap(read)
        guard numbers.count == values.count, let text = Numbers(numbers.map { $0...$0 })?.text else {
            return lose(field, .unknownValue)
        }
        conditions.append(.init(feature, text))
    }

    private var hasFirstFragment: Bool {
        vector.distributions[.fragmentOffset]?.named.contains { $0.value == "0" } ?? false
    }

    private mutating func addFragments(to conditions: inout [Fingerprint.Condition]) {
        guard let values = taken(.fragmentOffset) else { return }
        let offsets = values.compactMap { CoalitionTable.number($0) }
        guard offsets.count == values.count else { return lose("fragmentation_offset", .unknownValue) }
        // Offset 0 is a whole packet or a first fragment; both together with later ones say nothing.
        if offsets.allSatisfy({ $0 == 0 }) {
            conditions.append(.init(.fragment, "whole,first"))
        } else if offsets.allSatisfy({ $0 > 0 }) {
            conditions.append(.init(.fragment, "later"))
        } else {
            lose("fragmentation_offset", .spread)
        }
    }

    private mutating func addFlags(to conditions: inout [Fingerprint.Condition]) {
        guard let values = taken(.flags) else { return }
        let flags = values.compactMap { CoalitionTable.flags($0) }
        guard flags.count == values.count else { return lose("tcp_flags", .unknownValue) }
        conditions.append(.init(.flags, FlagText.text(flags)))
    }

    private mutating func addLength(to conditions: inout [Fingerprint.Condition]) {
        guard let values = taken(.length) else { return }
        let lengths = values.compactMap { CoalitionTable.number($0) }.filter { $0 <= 1 << 20 }
        guard lengths.count == values.count else { return lose("frame_len", .unknownValue) }
        var ranges: [ClosedRange<UInt32>] = []
        for length in lengths {
            if lengthUnit != .frame { ranges.append(length...length) }
            // Frames shorter than 60 bytes are padded to it, and say only that the packet was no longer.
            if lengthUnit != .packet, length >= 34 { ranges.append((length <= 60 ? 20 : length - 14)...(length - 14)) }
        }
        guard let numbers = Numbers(ranges) else { return lose("frame_len", .unknownValue) }
        if lengthUnit == .unknown { lose("frame_len", .ambiguousUnit) }
        conditions.append(.init(.length, numbers.text))
    }

    private mutating func addName(to conditions: inout [Fingerprint.Condition]) {
        guard let values = taken(.dnsName) else { return }
        guard values.count == 1 else { return lose("dns_query_name", .spread) }
        var name = values[0].lowercased()
        if name == "<root>" || name.isEmpty { name = "." }
        if name.count > 1, name.hasSuffix(".") { name.removeLast() }
        conditions.append(.init(.dnsName, name))
    }
}
