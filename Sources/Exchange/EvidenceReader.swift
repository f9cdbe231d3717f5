internal import Addresses
internal import Fingerprints
internal import Moments

/// Reads a form's evidence, by the rules of its version.
enum EvidenceReader {
    /// Longest that a fingerprint may live, and an attack may last, in seconds.
    private static let timeLimit = 366.0 * 86_400
    /// Longest name of a baseline in bytes.
    static let nameLimit = 128

    static func read(
        _ value: JSONValue, _ version: FormVersion, isOfPackets: Bool
    ) throws(ExchangeError) -> Fingerprint.Evidence {
        switch version {
        case .one: try first(value)
        case .two: try full(value, isOfPackets: isOfPackets)
        }
    }

    private static func first(_ value: JSONValue) throws(ExchangeError) -> Fingerprint.Evidence {
        let fields = try Fields(
            value, at: "evidence.",
            keys: ["attack_requests", "baseline_requests", "collateral", "coverage", "from", "sources", "until"])
        return Fingerprint.Evidence(
            coverage: try fields.share("coverage"), collateral: try fields.optionalShare("collateral"),
            attackCount: try fields.count("attack_requests"), baselineCount: try fields.count("baseline_requests"),
            sources: try fields.count("sources"), from: try fields.time("from"), until: try fields.time("until"))
    }

    private static func full(_ value: JSONValue, isOfPackets: Bool) throws(ExchangeError) -> Fingerprint.Evidence {
        let fields = try Fields(
            value, at: "evidence.",
            keys: [
                "attack", "baseline", "baseline_name", "bytes", "collateral", "coverage", "from", "networks",
                "peak_rate", "sources", "spoofable", "unit", "until",
            ])
        _ = try fields.text("unit") { $0 == (isOfPackets ? "packets" : "requests") }
        let isSpoofable = try fields.optionalBool("spoofable")
        return Fingerprint.Evidence(
            coverage: try fields.share("coverage"), collateral: try fields.optionalShare("collateral"),
            attackCount: try fields.count("attack"), baselineCount: try fields.count("baseline"),
            sources: try fields.count("sources"), from: try fields.time("from"), until: try fields.time("until"),
            bytes: fields["bytes"] == .null ? nil : try bytes(fields["bytes"]),
            peakRate: fields["peak_rate"] == .null ? nil : Double(try fields.count("peak_rate")),
            isSpoofable: isSpoofable, networks: try networks(fields["networks"], isSpoofable: isSpoofable),
            baseline: try fields.optionalText("baseline_name") { Text.isPlain($0, upTo: nameLimit) })
    }

    private static func bytes(_ value: JSONValue) throws(ExchangeError) -> Fingerprint.Evidence.Bytes {
        let fields = try Fields(
            value, at: "evidence.bytes.", keys: ["attack", "baseline", "collateral", "coverage"])
        return Fingerprint.Evidence.Bytes(
            coverage: try fields.share("coverage"), collateral: try fields.optionalShare("collateral"),
            attackCount: try fields.count("attack"), baselineCount: try fields.count("baseline"))
    }

    /// Networks of sources that are not forged, none smaller than an IPv4 /24 or an IPv6 /48, the heaviest first.
    private static func networks(
        _ value: JSONValue, isSpoofable: Bool?
    ) throws(ExchangeError) -> [Fingerprint.Evidence.Network] {
        let most = isSpoofable == false ? Fingerprint.Evidence.networkLimit : 0
        guard case .array(let values) = value, values.count <= most else {
            throw Fields.wrong("evidence.networks", "at most \(most) expected where spoofable is as it is")
        }
        var networks: [Fingerprint.Evidence.Network] = []
        for value in values {
            let fields = try Fields(value, at: "evidence.networks.", keys: ["prefix", "share"])
            let prefix = try fields.text("prefix") { Prefix($0)?.description == $0 }
            guard let read = Prefix(prefix), read.length <= (read.address.isIPv4 ? 24 : 48) else {
                throw ExchangeError(.holdsAddress, "a network smaller than an IPv4 /24 or an IPv6 /48")
            }
            let share = try fields.share("share")
            guard share <= networks.last?.share ?? 1, !networks.contains(where: { $0.prefix == prefix }) else {
                throw Fields.wrong("evidence.networks", "each once, the heaviest first, expected")
            }
            networks.append(Fingerprint.Evidence.Network(prefix: prefix, share: share))
        }
        return networks
    }

    static func checkTimes(of fingerprint: Fingerprint, _ version: FormVersion) throws(ExchangeError) {
        let evidence = fingerprint.evidence
        // Version 1 is of live traffic, and nobody measured before this system was there; version 2 may be of an old
        // capture.
        guard version == .two || evidence.from >= Moment(seconds: 1_577_836_800) else {
            throw ExchangeError(.wrongTime, "\"evidence.from\" is before 2020")
        }
        guard evidence.from <= evidence.until, evidence.until <= fingerprint.made,
            fingerprint.made < fingerprint.expires
        else { throw ExchangeError(.wrongTime, "from, until, made and expires do not follow each other") }
        guard evidence.until - evidence.from <= timeLimit, fingerprint.expires - fingerprint.made <= timeLimit else {
            throw ExchangeError(.wrongTime, "measured for, or valid for, more than a year")
        }
    }
}
