package import Fingerprints
internal import Moments

/// A fingerprint as it came: well formed, but nobody vouches for it yet. ``AcceptedFingerprint`` is what may be used.
package struct ReceivedFingerprint: Equatable, Sendable {
    package let fingerprint: Fingerprint
    /// What it says of itself: to be checked.
    package let claimedIdentifier: String
    package let claimedSigner: Signer
    let signature: [UInt8]

    /// Most bytes of one. An exported one has about 800.
    package static let sizeLimit = 65_536
    /// Longest that a fingerprint may live, and an attack may last, in seconds.
    private static let timeLimit = 366.0 * 86_400

    /// Reads one form. Space between values and the order of keys are free, everything else is strict.
    package init(parsing bytes: [UInt8]) throws(ExchangeError) {
        guard bytes.count <= Self.sizeLimit else {
            throw ExchangeError(.tooLong, "\(bytes.count) bytes, at most \(Self.sizeLimit)")
        }
        let form = try JSONReader.read(bytes)
        // The format first: of a later version it says more than a key that is not known here.
        guard case .object(let members) = form else { throw Fields.wrong("the form", "an object expected") }
        if let format = members.first(where: { $0.key == "format" })?.value, format != .string(Fingerprint.format) {
            throw ExchangeError(.unknownFormat, "not \"\(Fingerprint.format)\"")
        }
        let fields = try Fields(
            form, at: "",
            keys: ["conditions", "evidence", "expires", "format", "id", "made", "signature", "signer"])
        fingerprint = Fingerprint(
            conditions: try Self.conditions(fields["conditions"]), evidence: try Self.evidence(fields["evidence"]),
            made: try fields.time("made"), expires: try fields.time("expires"))
        try Self.checkTimes(of: fingerprint)
        claimedIdentifier = try fields.text("id") { Text.isHexadecimal($0, count: 64) }
        let signer = try Fields(fields["signer"], at: "signer.", keys: ["key", "name"])
        claimedSigner = Signer(
            name: try signer.text("name") { (1...Signer.nameLimit).contains($0.utf8.count) && Text.isPlain($0) },
            key: try signer.bytes("key", count: Signer.keySize))
        signature = try fields.bytes("signature", count: Signer.signatureSize)
    }

    private static func conditions(_ value: JSONValue) throws(ExchangeError) -> [Fingerprint.Condition] {
        guard case .array(let values) = value, (1...Feature.allCases.count).contains(values.count) else {
            throw Fields.wrong("conditions", "one to \(Feature.allCases.count) expected")
        }
        var conditions: [Fingerprint.Condition] = []
        var left = Feature.allCases[...]
        for value in values {
            let fields = try Fields(value, at: "conditions.", keys: ["feature", "value"])
            let name = try fields.text("feature") { Feature(rawValue: $0) != nil }
            guard let index = left.firstIndex(where: { $0.rawValue == name }) else {
                throw Fields.wrong("conditions", "each feature at most once, in the order method, route, ja4")
            }
            let feature = left[index]
            left = left[(index + 1)...]
            let text = try fields.text("value") {
                switch feature {
                case .method: Text.isMethod($0)
                case .route: $0.hasPrefix("/") && $0.utf8.count <= RequestShape.routeLimit && Text.isPlain($0)
                case .ja4: Text.isJA4($0)
                }
            }
            guard feature != .route || !Text.holdsAddress(text) else {
                throw ExchangeError(.holdsAddress, "the route holds digits or groups that may be an address")
            }
            conditions.append(Fingerprint.Condition(feature, text))
        }
        return conditions
    }

    private static func evidence(_ value: JSONValue) throws(ExchangeError) -> Fingerprint.Evidence {
        let fields = try Fields(
            value, at: "evidence.",
            keys: ["attack_requests", "baseline_requests", "collateral", "coverage", "from", "sources", "until"])
        return Fingerprint.Evidence(
            coverage: try fields.share("coverage"),
            collateral: fields["collateral"] == .null ? nil : try fields.share("collateral"),
            attackCount: try fields.count("attack_requests"),
            baselineCount: try fields.count("baseline_requests"),
            sources: try fields.count("sources"), from: try fields.time("from"), until: try fields.time("until"))
    }

    private static func checkTimes(of fingerprint: Fingerprint) throws(ExchangeError) {
        let evidence = fingerprint.evidence
        // Nobody measured before this system was there.
        guard evidence.from >= Moment(seconds: 1_577_836_800) else {
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
