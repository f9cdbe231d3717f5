internal import Addresses
package import Fingerprints
internal import Moments
internal import Packets

/// From fingerprints to rules.
package enum Rules {
    /// The smallest set of rules that the fingerprints and the bound allow: the ones that cover most first, none that
    /// another one makes needless, none that would take the set above the bound. Everything left out is said, with its
    /// reason; a fingerprint that the language cannot say is refused, never widened unasked.
    package static func compile(
        _ fingerprints: [Fingerprint], as language: RuleLanguage, options: RuleOptions = RuleOptions()
    ) -> CompiledRules {
        var result = CompiledRules(language: language, text: "")
        var writer = RuleWriter(language: language, options: options)
        var kept: [RuleDraft] = []
        var collateral = 0.0
        let ordered = fingerprints.enumerated().sorted {
            let (left, right) = (share($0.element.evidence.coverage) ?? 0, share($1.element.evidence.coverage) ?? 0)
            return left == right ? $0.offset < $1.offset : left > right
        }
        for (place, (_, fingerprint)) in ordered.enumerated() {
            func refuse(_ reason: String) {
                result.refused.append(CompiledRules.Refusal(fingerprint: fingerprint, reason: reason))
            }
            guard place < RuleOptions.fingerprintLimit else {
                refuse("more than \(RuleOptions.fingerprintLimit) fingerprints")
                continue
            }
            if let reason = misuse(options) {
                refuse(reason)
                continue
            }
            var draft: RuleDraft
            switch RuleDraft.make(fingerprint, language: language, options: options) {
            case .failure(let refusal):
                refuse(refusal.reason)
                continue
            case .success(let made): draft = made
            }
            if let other = kept.first(where: { $0.covers(draft) }) {
                result.implied.append(CompiledRules.Implied(id: draft.id, by: other.id))
                continue
            }
            if let hit = draft.collateral {
                guard collateral + hit <= options.collateralBound else {
                    let before = collateral > 0 ? ", and the rules before it \(RuleText.percent(collateral))" : ""
                    refuse(
                        "hits \(RuleText.percent(hit)) of normal traffic\(before): above the bound of "
                            + RuleText.percent(options.collateralBound))
                    continue
                }
            }
            switch writer.write(draft) {
            case .failure(let refusal): refuse(refusal.reason)
            case .success(let written):
                collateral += draft.collateral ?? 0
                draft.unsaid += written.unsaid
                kept.append(draft)
                result.unsaid += draft.unsaid
                result.rules.append(
                    CompiledRule(
                        id: draft.id, fingerprint: fingerprint, lines: written.lines,
                        coverage: share(fingerprint.evidence.coverage) ?? 0, collateral: draft.collateral,
                        expires: draft.expires, dropped: draft.dropped, routes: written.routes))
            }
        }
        result.text = writer.finish(result.rules)
        return result
    }

    /// A number for a fingerprint's conditions, 16 hexadecimal digits: FNV-1a over features and values. It names a rule in
    /// counters and comments; it is no proof of content.
    package static func id(_ fingerprint: Fingerprint) -> String {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for condition in fingerprint.conditions {
            for byte in condition.feature.rawValue.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            hash = (hash ^ 0xff) &* 0x100_0000_01b3
            for byte in condition.value.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            hash = (hash ^ 0xfe) &* 0x100_0000_01b3
        }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// A share of evidence; nil for what is none.
    static func share(_ value: Double) -> Double? { value >= 0 && value <= 1 ? value : nil }

    /// What is wrong with the options themselves.
    static func misuse(_ options: RuleOptions) -> String? {
        guard options.targets.count <= RuleOptions.targetLimit else {
            return "more than \(RuleOptions.targetLimit) targets"
        }
        if options.targets.contains(where: { $0.length == 0 }) { return "a target is everything there is" }
        if let interface = options.interface, !RuleText.isInterface(interface) {
            return "the interface's name is none that Linux gives"
        }
        if let host = options.host, !RuleText.isHost(host) { return "the host is no host name" }
        return nil
    }
}

/// Why there is no rule.
package struct RuleRefusal: Error, Equatable {
    /// In English, without a full stop.
    package var reason: String

    init(_ reason: String) { self.reason = reason }
}

/// A fingerprint on its way to a rule: read, bounded, and said in what the language has.
struct RuleDraft {
    var id: String
    var fingerprint: Fingerprint
    /// What the rule says.
    var conditions: [Fingerprint.Condition]
    var dropped: [Fingerprint.Condition] = []
    var unsaid: [CompiledRules.Unsaid] = []
    var collateral: Double?
    var expires: Moment
    /// Networks that sources must be of; empty: any.
    var sources: [Prefix] = []
    var tests: [PacketTest] = []

    static func make(
        _ fingerprint: Fingerprint, language: RuleLanguage, options: RuleOptions
    ) -> Result<RuleDraft, RuleRefusal> {
        let conditions = fingerprint.conditions
        guard !conditions.isEmpty, Set(conditions.map(\.feature)).count == conditions.count else {
            return .failure(RuleRefusal("no conditions, or two of one feature"))
        }
        let isOfPackets = fingerprint.isOfPackets
        guard conditions.allSatisfy({ $0.feature.isOfPacket == isOfPackets }) else {
            return .failure(RuleRefusal("conditions on packets and on requests together"))
        }
        guard isOfPackets ? language.saysPackets : language.saysRequests else {
            return .failure(RuleRefusal("\(language.rawValue) does not see \(isOfPackets ? "packets" : "requests")"))
        }
        if isOfPackets, fingerprint.packetTests == nil {
            return .failure(RuleRefusal("a condition that is not of its feature's grammar"))
        }
        guard Rules.share(fingerprint.evidence.coverage) != nil else {
            return .failure(RuleRefusal("its coverage is no share"))
        }
        let expires = min(fingerprint.expires, options.expires ?? fingerprint.expires)
        if let now = options.now, expires <= now {
            return .failure(RuleRefusal("expired at \(expires.text)"))
        }
        var draft = RuleDraft(
            id: Rules.id(fingerprint), fingerprint: fingerprint, conditions: conditions, expires: expires)
        if let collateral = fingerprint.evidence.collateral {
            guard let share = Rules.share(collateral) else {
                return .failure(RuleRefusal("its collateral is no share"))
            }
            draft.collateral = share
        } else if !options.acceptsUnmeasured {
            return .failure(RuleRefusal("its collateral was not measured"))
        }
        if let refusal = draft.say(in: language, options) { return .failure(refusal) }
        if options.limitsToNetworks { draft.limitToNetworks() }
        return .success(draft)
    }

    /// Leaves out what the language cannot say, where that was asked for and stays within the bound.
    private mutating func say(in language: RuleLanguage, _ options: RuleOptions) -> RuleRefusal? {
        let all = conditions.compactMap { PacketTest($0) }
        var reasons: [(Fingerprint.Condition, String)] = []
        for condition in conditions {
            let reason =
                condition.feature.isOfPacket
                ? PacketTest(condition).flatMap { Sayable.reason(against: $0, beside: all, in: language) }
                : Sayable.reason(against: condition, beside: conditions, in: language)
            if let reason { reasons.append((condition, reason)) }
        }
        if let (first, reason) = reasons.first {
            guard case .measured(let measure) = options.widening else {
                return RuleRefusal("\(language.rawValue) cannot say \(first.feature.rawValue): \(reason)")
            }
            dropped = reasons.map(\.0)
            conditions.removeAll { dropped.contains($0) }
            guard !conditions.isEmpty else {
                return RuleRefusal("\(language.rawValue) can say none of its conditions: \(reason)")
            }
            guard let measured = measure(conditions), let share = Rules.share(measured) else {
                return RuleRefusal(
                    "without \(first.feature.rawValue), which \(language.rawValue) cannot say, its collateral is not known"
                )
            }
            collateral = max(share, collateral ?? 0)
            for (condition, reason) in reasons {
                unsaid.append(
                    CompiledRules.Unsaid(
                        id: id, condition: condition, reason: reason,
                        consequence: "left out: the rule hits more than the fingerprint, "
                            + "\(RuleText.percent(share)) of normal traffic"))
            }
        }
        tests = conditions.compactMap { PacketTest($0) }
        for (condition, test) in zip(conditions, tests) {
            if let consequence = Sayable.difference(test) {
                unsaid.append(
                    CompiledRules.Unsaid(
                        id: id, condition: condition, reason: "a rule sees one packet, not its meaning",
                        consequence: consequence))
            }
        }
        return nil
    }

    /// Sources that may be forged are never named: a rule by forged source hits whoever the forger chose.
    private mutating func limitToNetworks() {
        guard fingerprint.evidence.isSpoofable == false else { return }
        sources = fingerprint.evidence.networks.prefix(Fingerprint.Evidence.networkLimit).compactMap {
            guard let prefix = Prefix($0.prefix), prefix.length >= 8 else { return nil }
            return prefix
        }
    }

    /// Whether this rule hits everything that the other would.
    func covers(_ other: RuleDraft) -> Bool {
        guard sources.isEmpty || sources == other.sources else { return false }
        return conditions.allSatisfy { condition in
            other.conditions.contains { $0 == condition || Sayable.implies($0, condition) }
        }
    }
}
