internal import Addresses

extension CoalitionFingerprint {
    private static let limits = JSONReader.Limits(depth: 8, members: valueLimit, elements: addressLimit)

    /// Reads one fingerprint, a list of them, or either inside a JSON string, as their clients send it. Strict: a key
    /// that is not known could be a condition that is left out, so it is refused.
    package static func parse(_ bytes: [UInt8]) throws(ExchangeError) -> [CoalitionFingerprint] {
        guard bytes.count <= sizeLimit else {
            throw ExchangeError(.tooLong, "\(bytes.count) bytes, at most \(sizeLimit)")
        }
        var value = try JSONReader.read(bytes, within: limits)
        if case .string(let text) = value { value = try JSONReader.read(Array(text.utf8), within: limits) }
        guard case .array(let values) = value else { return [try CoalitionFingerprint(value)] }
        guard (1...countLimit).contains(values.count) else {
            throw Fields.wrong("the list", "one to \(countLimit) fingerprints expected")
        }
        var list: [CoalitionFingerprint] = []
        for value in values { list.append(try CoalitionFingerprint(value)) }
        return list
    }

    private init(_ value: JSONValue) throws(ExchangeError) {
        let fields = try Fields(
            value, at: "",
            keys: [
                "attack_vectors", "target", "tags", "key", "time_start", "time_end", "duration_seconds",
                "total_packets", "total_megabytes", "total_ips", "avg_bps", "avg_pps", "avg_Bpp",
            ], optional: ["total_flows", "submitter", "submit_timestamp", "shareable", "comment"])
        guard case .array(let values) = fields["attack_vectors"], (1...Self.vectorLimit).contains(values.count) else {
            throw Fields.wrong("attack_vectors", "one to \(Self.vectorLimit) expected")
        }
        vectors = []
        for value in values { vectors.append(try Vector(value)) }
        target = try Self.target(fields["target"])
        tags = try Self.texts(fields["tags"], "tags", limit: Self.valueLimit) { Text.isPlain($0, upTo: 256) }
        key = try fields.text("key") { Text.isHexadecimal($0, count: 32) }
        start = try Self.time(fields, "time_start")
        end = try Self.time(fields, "time_end")
        seconds = try fields.count("duration_seconds")
        packets = try fields.count("total_packets")
        flows = fields.has("total_flows") ? try fields.count("total_flows") : nil
        megabytes = try fields.count("total_megabytes")
        sources = try fields.count("total_ips")
        bitRate = try fields.count("avg_bps")
        packetRate = try fields.count("avg_pps")
        packetSize = try fields.count("avg_Bpp")
        submitter = try fields.optionalText("submitter") { Text.isPlain($0, upTo: 256) }
        submitted = fields.has("submit_timestamp") ? try Self.time(fields, "submit_timestamp") : nil
        isShareable = try fields.optionalBool("shareable")
        // People write comments in several lines.
        comment = try fields.optionalText("comment") { $0.utf8.count <= Self.textLimit }
    }

    private static func target(_ value: JSONValue) throws(ExchangeError) -> Target {
        if case .string(let text) = value {
            guard Text.isPlain(text, upTo: 256) else { throw Fields.wrong("target", "not a text that may stand here") }
            return .text(text)
        }
        return .list(try texts(value, "target", limit: addressLimit) { Text.isPlain($0, upTo: 256) })
    }

    fileprivate static func texts(
        _ value: JSONValue, _ name: String, limit: Int, where isAllowed: (String) -> Bool
    ) throws(ExchangeError) -> [String] {
        guard case .array(let values) = value, values.count <= limit else {
            throw Fields.wrong(name, "a list of at most \(limit) expected")
        }
        var texts: [String] = []
        texts.reserveCapacity(values.count)
        for value in values {
            guard case .string(let text) = value, isAllowed(text) else {
                throw Fields.wrong(name, "not a text that may stand here")
            }
            texts.append(text)
        }
        return texts
    }

    fileprivate static func time(_ fields: Fields, _ key: String) throws(ExchangeError) -> CoalitionTime {
        guard case .string(let text) = fields[key], let time = CoalitionTime(text) else {
            throw Fields.wrong(key, "a time expected, as 2026-11-23T16:43:48+00:00")
        }
        return time
    }

    // MARK: - Writing

    package var json: [UInt8] { value.canonical }

    var value: JSONValue {
        var members: [JSONValue.Member] = [
            .init("attack_vectors", .array(vectors.map(\.value))), .init("tags", .array(tags.map { .string($0) })),
            .init("key", .string(key)), .init("time_start", .string(start.text)), .init("time_end", .string(end.text)),
            .init("duration_seconds", .count(seconds)), .init("total_packets", .count(packets)),
            .init("total_megabytes", .count(megabytes)), .init("total_ips", .count(sources)),
            .init("avg_bps", .count(bitRate)), .init("avg_pps", .count(packetRate)),
            .init("avg_Bpp", .count(packetSize)),
        ]
        switch target {
        case .text(let text): members.append(.init("target", .string(text)))
        case .list(let list): members.append(.init("target", .array(list.map { .string($0) })))
        }
        if let flows { members.append(.init("total_flows", .count(flows))) }
        if let submitter { members.append(.init("submitter", .string(submitter))) }
        if let submitted { members.append(.init("submit_timestamp", .string(submitted.text))) }
        if let isShareable { members.append(.init("shareable", .bool(isShareable))) }
        if let comment { members.append(.init("comment", .string(comment))) }
        return .object(members)
    }
}

extension CoalitionFingerprint.Vector {
    fileprivate init(_ value: JSONValue) throws(ExchangeError) {
        typealias Name = CoalitionFingerprint.DistributionName
        let fields = try Fields(
            value, at: "attack_vectors.",
            keys: [
                "service", "protocol", "fraction_of_attack", "source_port", "nr_packets", "nr_megabytes", "time_start",
                "duration_seconds", "source_ips",
            ], optional: ["nr_flows"] + Name.allCases.map(\.rawValue))
        service = try fields.optionalText("service") { Text.isPlain($0, upTo: 128) }
        `protocol` = try fields.text("protocol") { Text.isPlain($0, upTo: 64) }
        fraction = fields["fraction_of_attack"] == .null ? nil : try Self.share(fields["fraction_of_attack"])
        sourcePort = try Self.distribution(fields["source_port"], "source_port")
        packets = try fields.count("nr_packets")
        flows = fields.has("nr_flows") ? try fields.count("nr_flows") : nil
        megabytes = try fields.count("nr_megabytes")
        start = try CoalitionFingerprint.time(fields, "time_start")
        seconds = try fields.count("duration_seconds")
        sources = try CoalitionFingerprint.texts(
            fields["source_ips"], "source_ips", limit: CoalitionFingerprint.addressLimit
        ) { $0.isEmpty || $0.utf8.count <= Address.textLimit && Address($0) != nil }
        distributions = [:]
        for name in Name.allCases where fields.has(name.rawValue) {
            distributions[name] = try Self.distribution(fields[name.rawValue], name.rawValue)
        }
    }

    private static func distribution(
        _ value: JSONValue, _ name: String
    ) throws(ExchangeError) -> CoalitionFingerprint.Distribution {
        switch value {
        case .null: return .none
        case .string("random"): return .random
        case .number(let text):
            guard name == "source_port", let port = CoalitionTable.number(text), port <= 65_535 else { break }
            return .single(UInt64(port))
        case .object(let members):
            var shares: [CoalitionFingerprint.Distribution.Share] = []
            for member in members {
                guard member.key.utf8.count <= CoalitionFingerprint.textLimit else { break }
                shares.append(.init(member.key, try share(member.value)))
            }
            guard shares.count == members.count else { break }
            return .ordered(shares)
        default: break
        }
        throw Fields.wrong("attack_vectors.\(name)", "shares of values, or \"random\", expected")
    }

    private static func share(_ value: JSONValue) throws(ExchangeError) -> Double {
        guard case .number(let text) = value, text.utf8.count <= 32, let share = Double(text), share >= 0, share <= 1
        else { throw Fields.wrong("attack_vectors", "shares are numbers from 0 to 1") }
        return share
    }

    /// As Python writes floats: the shortest digits that mean the same, with ".0" where they are whole.
    private static func number(_ share: Double) -> JSONValue { .number("\(share == 0 ? 0.0 : share)") }

    private static func value(_ distribution: CoalitionFingerprint.Distribution) -> JSONValue {
        switch distribution {
        case .none: .null
        case .random: .string("random")
        case .single(let value): .count(value)
        case .shares(let shares): .object(shares.map { .init($0.value, number($0.share)) })
        }
    }

    fileprivate var value: JSONValue {
        var members: [JSONValue.Member] = [
            .init("service", .text(service)), .init("protocol", .string(`protocol`)),
            .init("fraction_of_attack", fraction.map { Self.number($0) } ?? .null),
            .init("source_port", Self.value(sourcePort)), .init("nr_packets", .count(packets)),
            .init("nr_megabytes", .count(megabytes)), .init("time_start", .string(start.text)),
            .init("duration_seconds", .count(seconds)), .init("source_ips", .array(sources.map { .string($0) })),
        ]
        if let flows { members.append(.init("nr_flows", .count(flows))) }
        for (name, distribution) in distributions { members.append(.init(name.rawValue, Self.value(distribution))) }
        return .object(members)
    }
}
