package import Fingerprints
package import Moments

/// A fingerprint of requests at one site, as it stands: in the lanes, where it marks what it matches, or counts it.
package struct LiveRule: Equatable, Sendable {
    package enum Conduct: UInt8, CaseIterable, Sendable {
        /// Counts what it would mark.
        case dry = 0
        case live = 1
    }

    /// What the operator says of one.
    package enum Order: String, CaseIterable, Codable, Sendable {
        /// It only counts, until `protect`.
        case observe
        /// It marks again, where it may.
        case protect
        /// It goes, and does not come back while it would be there.
        case undo
    }

    /// A rule of which the operator said something, for the office that comes after this one.
    package struct Word: Equatable, Codable, Sendable {
        package var fingerprint: Fingerprint
        package var isFromElsewhere: Bool
        package var order: Order
        /// When the rule was last needed; it is forgotten when it would end.
        package var needed: Moment

        package func isOver(at now: Moment) -> Bool { LiveRule(self, at: now) == nil }
    }

    /// Where it was found.
    package enum Origin: Equatable, Sendable {
        case here
        /// At another site; what is of that site's pages was left out.
        case elsewhere
    }

    /// A number for the conditions: the same ones have the same number at every site and in every office.
    package let id: UInt64
    package var fingerprint: Fingerprint
    package var origin: Origin
    /// What of it other sites get; nil: nothing.
    package var program: [Fingerprint.Condition]?
    package var conduct = Conduct.dry
    /// Somebody took it away; it does not come back while it would be there.
    package var isUndone = false
    /// The operator has it count only.
    package var isHeld = false
    /// It marked known visitors: it counts from here on.
    package var isSuspended = false
    /// When it was last needed.
    package var needed: Moment
    /// Requests that it matched, and those of known visitors among them, which it never marks.
    package var hits: UInt64 = 0
    package var knownHits: UInt64 = 0
    /// Those that it marked.
    package var marked: UInt64 = 0
    /// Requests of known visitors since it is there.
    var known: UInt64 = 0
    var measured: Moment
    let rule: RequestRule

    package static func == (one: LiveRule, other: LiveRule) -> Bool {
        one.id == other.id && one.fingerprint == other.fingerprint && one.origin == other.origin
            && one.conduct == other.conduct && one.isUndone == other.isUndone && one.isHeld == other.isHeld
            && one.isSuspended == other.isSuspended
            && one.needed == other.needed && one.hits == other.hits && one.knownHits == other.knownHits
            && one.marked == other.marked
    }

    /// Nil where the conditions are none that a lane can compare.
    init?(_ fingerprint: Fingerprint, origin: Origin, program: [Fingerprint.Condition]?, at now: Moment) {
        guard let rule = RequestRule(fingerprint.conditions) else { return nil }
        self.rule = rule
        id = Self.number(of: fingerprint.conditions)
        self.fingerprint = fingerprint
        self.origin = origin
        self.program = program
        needed = now
        measured = now
    }

    /// FNV-1a over the conditions' texts.
    package static func number(of conditions: [Fingerprint.Condition]) -> UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for condition in conditions {
            for byte in "\(condition.feature.rawValue)=\(condition.value)\n".utf8 {
                hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
            }
        }
        return hash
    }

    /// Seconds from the last need of a rule to its end.
    package static let lifetime = 1_800.0

    package var until: Moment { min(needed + Self.lifetime, fingerprint.expires) }

    var word: Word? {
        guard isUndone || isHeld else { return nil }
        return Word(
            fingerprint: fingerprint, isFromElsewhere: origin == .elsewhere, order: isUndone ? .undo : .observe,
            needed: needed)
    }

    /// A rule of an earlier office, as it was left; nil where its time is over. Other sites do not hear of it.
    init?(_ word: Word, at now: Moment) {
        self.init(word.fingerprint, origin: word.isFromElsewhere ? .elsewhere : .here, program: nil, at: now)
        needed = min(now, word.needed)
        follow(word.order)
        if until <= now { return nil }
    }

    mutating func follow(_ order: Order) {
        switch order {
        case .observe: isHeld = true
        case .protect: isHeld = false
        case .undo: isUndone = true
        }
    }
}
