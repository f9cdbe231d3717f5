package import Addresses
package import Detection
package import Fingerprints
package import Mitigations
package import Moments
package import Settings

/// Fingerprints of attacks on the organisations' networks on their way to the filter: what it is to be told, once, and
/// what has to go when an attack is over. It tells nobody itself, and reads no clock.
///
/// *Our bug* (ignored, because a later answer mends it): an answer to what was not asked. *Their fault*: a refusal is
/// kept with its reason; what may pass is tried again. *Ignored, because it is fine*: a rule that somebody undid by hand
/// is not said again while the attack lasts.
package struct RuleHandover: Sendable {
    /// Rules at a time. An attack has a few vectors; the filter itself takes a thousand, for all who ask.
    package static let limit = 256
    /// Seconds that a rule lasts where nobody ends it: the office may be gone by then.
    package static let lifetime: UInt32 = 86_400
    /// Seconds after which a rule whose attack goes on is said again.
    package static let renewal = 43_200.0
    /// Seconds from an attack's end to its rules': many come back at once.
    package static let aftermath = 300.0
    /// Seconds for an attack to be seen again whose rule an earlier office left.
    package static let adoption = 900.0
    /// Seconds until what was refused for a while is tried again.
    package static let retry = 60.0
    /// Packets between two looks, a second apart, without which detection says nothing of a target either.
    package static let leastDropped: UInt64 = 20
    /// Seconds without so many after which a rule holds nothing back any more.
    package static let lull = 30.0
    /// How the reason of each of its rules begins; by it an office knows those of an earlier one.
    static let mark = "attack on "

    /// What makes two rules the same, for the filter too.
    package struct Key: Hashable, Sendable {
        package var conditions: [Fingerprint.Condition]
        /// In the order of their texts.
        package var targets: [Prefix]

        package init(_ fingerprint: Fingerprint, _ targets: [Prefix]) {
            conditions = fingerprint.conditions
            self.targets = targets.sorted { $0.description < $1.description }
        }
    }

    package struct Rule: Equatable, Sendable {
        package var key: Key
        package var fingerprint: Fingerprint
        package var note: FilterNote
        package var isDry: Bool
        /// The attack that it is against: where and since when; nil: an earlier office's, not seen again.
        package var attack: Attack?
        /// As the filter calls it; nil: it has not got it.
        package var id: UInt64?
        /// When the filter took it, and whether as a dry one.
        package var takenAt: Moment?
        package var isTakenDry = true
        /// The operator made it dry: it stays so until they make it live.
        package var isHeld = false
        /// Why it was refused, and when it is tried again; nil: never.
        package var refusal: String?
        var retryAt: Moment?
        /// When it has to go; nil: its attack goes on.
        package var overAt: Moment?
        /// Somebody took it away.
        package var isUndone = false
        /// As the filter last counted.
        package var hits = FilterCount()
        package var isLive = false
        /// The filter has counted it, as the one that it is called now.
        package var isCounted = false
        /// When it was last seen to drop as much as detection would call an attack.
        var droppedAt: Moment?
        /// When the filter said that it ends; nil: as it was told.
        var endsAt: Moment?

        /// When the filter ends it by itself, unless it is told again.
        package var until: Moment {
            endsAt ?? min((takenAt ?? fingerprint.made) + Double(RuleHandover.lifetime), fingerprint.expires)
        }
    }

    package struct Attack: Hashable, Sendable {
        package var organisation: String
        package var site: String
        package var start: Moment

        package init(_ attack: DetectedAttack, of organisation: String) {
            self.init(organisation: organisation, site: attack.site, start: attack.start)
        }

        package init(organisation: String, site: String, start: Moment) {
            self.organisation = organisation
            self.site = site
            self.start = start
        }
    }

    package enum Action: Equatable, Sendable {
        case add(FilterOrder)
        /// Of a rule that is still what it was.
        case remove(UInt64)
        case conduct(UInt64, isDry: Bool)
    }

    package private(set) var rules: [Rule] = []
    /// Rules that there was no room for, since the start.
    package private(set) var omitted: UInt64 = 0
    /// Where the filter is, as it last said.
    package private(set) var interface = ""
    /// The filter has said which rules it has.
    package private(set) var isKnown = false
    /// Rules that are gone and were not asked after.
    private var gone: [Rule] = []

    package init() {}

    /// Takes in what is new of an attack.
    /// - Parameter targets: the organisation's own networks that are attacked.
    package mutating func observe(
        _ attack: DetectedAttack, of organisation: String, on targets: [Prefix], rules conduct: Settings.Filter.Rules,
        at now: Moment
    ) {
        guard conduct != .off, let traffic = attack.traffic else { return }
        let name = Attack(attack, of: organisation)
        var wanted: Set<Key> = []
        if !attack.isOver, !targets.isEmpty {
            for vector in traffic.vectors where vector.fingerprint.isOfPackets {
                let key = Key(vector.fingerprint, Array(targets.prefix(FilterOrder.targetLimit)))
                guard wanted.insert(key).inserted else { continue }
                want(key, vector, name, isDry: conduct != .live || !vector.fingerprint.isHarmless, at: now)
            }
        }
        // What was measured anew has other conditions: its former rule goes as that of an attack that is over.
        for place in rules.indices where rules[place].attack == name && !wanted.contains(rules[place].key) {
            rules[place].overAt = rules[place].overAt ?? now + Self.aftermath
        }
    }

    private mutating func want(
        _ key: Key, _ vector: DetectedTraffic.Vector, _ attack: Attack, isDry: Bool, at now: Moment
    ) {
        if let place = rules.firstIndex(where: { $0.key == key }) {
            rules[place].attack = attack
            rules[place].fingerprint = vector.fingerprint
            rules[place].isDry = isDry
            rules[place].overAt = nil
            return
        }
        guard rules.count < Self.limit else {
            omitted += 1
            return
        }
        let reason = Self.mark + "\(attack.site) since \(Moment(seconds: attack.start.seconds).text): \(vector.kind)"
        rules.append(
            Rule(
                key: key, fingerprint: vector.fingerprint,
                note: FilterNote(
                    tenant: attack.organisation, reason: String(reason.prefix(FilterNote.reasonLimit)),
                    author: .detection), isDry: isDry, attack: attack))
    }

    /// The operator wants no rules of detection: all go at once.
    package mutating func withdraw(at now: Moment) {
        for place in rules.indices { rules[place].overAt = min(rules[place].overAt ?? now, now) }
    }

    /// What is due, the oldest first; nil: nothing now. Each is to be followed by its answer before the next is asked for.
    package mutating func next(at now: Moment) -> (key: Key, action: Action)? {
        for rule in rules {
            guard let overAt = rule.overAt, overAt <= now, rule.id == nil || rule.isUndone else { continue }
            remove(rule.key)
        }
        for rule in rules {
            if let overAt = rule.overAt {
                if overAt <= now, let id = rule.id { return (rule.key, .remove(id)) }
                continue
            }
            if rule.isUndone { continue }
            guard let id = rule.id else {
                if rule.refusal == nil || rule.retryAt.map({ $0 <= now }) == true {
                    return (rule.key, .add(rule.order(isDry: rule.isDry)))
                }
                continue
            }
            if rule.isDry != rule.isTakenDry, rule.isDry || !rule.isHeld {
                guard rule.retryAt.map({ $0 <= now }) ?? true else { continue }
                return (rule.key, rule.isDry ? .conduct(id, isDry: true) : .add(rule.order(isDry: false)))
            }
            // A dry order makes no rule dry that drops: it only lengthens it, however the operator set it meanwhile.
            if let takenAt = rule.takenAt, now - takenAt >= Self.renewal {
                return (rule.key, .add(rule.order(isDry: true)))
            }
        }
        return nil
    }

    /// The filter did what it was asked.
    /// - Parameter id: as it calls the rule.
    package mutating func done(_ key: Key, _ action: Action, id: UInt64, at now: Moment) {
        guard let place = rules.firstIndex(where: { $0.key == key }) else { return }
        rules[place].refusal = nil
        rules[place].retryAt = nil
        switch action {
        case .add:
            rules[place].id = id
            rules[place].takenAt = now
            rules[place].isTakenDry = rules[place].isDry
        case .conduct(_, let isDry): rules[place].isTakenDry = isDry
        case .remove: remove(key)
        }
    }

    /// What is left of it is its count.
    private mutating func remove(_ key: Key) {
        guard let place = rules.firstIndex(where: { $0.key == key }) else { return }
        let rule = rules.remove(at: place)
        guard rule.isCounted else { return }
        gone.append(rule)
        if gone.count > Self.limit { gone.removeFirst(gone.count - Self.limit) }
    }

    /// Rules that went since the last time, as they were last counted.
    package mutating func takeGone() -> [Rule] {
        defer { gone = [] }
        return gone
    }

    /// The filter refused.
    /// - Returns: whether that is news, for the log.
    @discardableResult package mutating func refused(
        _ key: Key, _ action: Action, code: String, reason: String, at now: Moment
    ) -> Bool {
        guard let place = rules.firstIndex(where: { $0.key == key }) else { return false }
        if case .remove = action {
            // It is gone already, or none of ours.
            remove(key)
            return false
        }
        let isNews = rules[place].refusal != reason
        rules[place].refusal = reason
        switch FilterRefusal.Code(rawValue: code) {
        case .collateral where !rules[place].isDry:
            // It may not drop: then it counts. Measured anew it may drop again.
            rules[place].isDry = true
            rules[place].retryAt = rules[place].id == nil ? now : now + Self.retry
        // What the rule says itself does not get better with time.
        case .fingerprint, .tooWide, .text, .author, .empty: rules[place].retryAt = nil
        default: rules[place].retryAt = now + Self.retry
        }
        return isNews
    }

    /// What the filter counts now: a rule that is gone from it was undone, or has ended.
    /// - Returns: those that went since the last time.
    package mutating func saw(
        _ counts: [(id: UInt64, isLive: Bool, hits: FilterCount)], at interface: String = "", now: Moment? = nil
    ) -> [Rule] {
        self.interface = interface
        let known = Dictionary(counts.map { ($0.id, $0) }, uniquingKeysWith: { one, _ in one })
        var gone: [Rule] = []
        for place in rules.indices {
            guard let id = rules[place].id, !rules[place].isUndone else { continue }
            guard let count = known[id] else {
                rules[place].isUndone = true
                gone.append(rules[place])
                continue
            }
            let isDropping = rules[place].isCounted && rules[place].isLive && count.isLive
            if isDropping, count.hits.since(rules[place].hits).packets >= Self.leastDropped {
                rules[place].droppedAt = now
            }
            rules[place].hits = count.hits
            rules[place].isLive = count.isLive
            if count.isLive { rules[place].isHeld = false }
            rules[place].isCounted = true
        }
        return gone
    }

    /// Attacks of which rules drop packets, that may be all of them: whoever looks behind the filter sees no attack.
    package func dropping(at now: Moment) -> Set<Attack> {
        Set(
            rules.compactMap { rule in
                rule.droppedAt.map { now - $0 <= Self.lull } ?? false ? rule.attack : nil
            })
    }

    /// The rules that a filter has which has just been connected to; it may be another one, with another book.
    package mutating func found(_ entries: [FilterEntry], at now: Moment) {
        isKnown = true
        for place in rules.indices where !rules[place].isUndone { rules[place].id = nil }
        for entry in entries {
            guard let held = entry.rule, entry.note.author == .detection, entry.note.reason.hasPrefix(Self.mark) else {
                continue
            }
            let key = Key(held.fingerprint, held.targets)
            if let place = rules.firstIndex(where: { $0.key == key }) {
                if rules[place].isUndone { continue }
                if rules[place].takenAt == nil { rules[place].isTakenDry = held.isDry }
                rules[place].id = entry.id
                rules[place].isHeld = held.isHeld
                rules[place].takenAt = rules[place].takenAt ?? held.since
            } else if rules.count < Self.limit {
                rules.append(
                    Rule(
                        key: key, fingerprint: held.fingerprint, note: entry.note, isDry: held.isDry, id: entry.id,
                        takenAt: held.since, isTakenDry: held.isDry, isHeld: held.isHeld, overAt: now + Self.adoption))
            }
        }
    }

    /// Whether an entry is the rule of that key, and a machine's: the operator's are not ours to remove.
    package static func isOurs(_ entry: FilterEntry, _ key: Key) -> Bool {
        guard let rule = entry.rule, entry.note.author == .detection else { return false }
        return Key(rule.fingerprint, rule.targets) == key
    }
}

extension RuleHandover.Rule {
    func order(isDry: Bool) -> FilterOrder {
        FilterOrder(
            .rule(fingerprint, targets: key.targets), note: note, seconds: RuleHandover.lifetime, isDry: isDry)
    }
}

extension Fingerprint {
    /// It is measured that it hits so little ordinary traffic that it may drop, in packets and in bytes.
    fileprivate var isHarmless: Bool {
        guard let collateral = evidence.collateral else { return false }
        let both = [collateral, evidence.bytes?.collateral ?? 0]
        return both.allSatisfy { (0...FilterBook.collateralBound).contains($0) }
    }
}
