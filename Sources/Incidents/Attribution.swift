package import Languages
package import Moments

/// Who did it: how much may be said. A claim is not a fact, and sources' addresses or countries say nothing.
package enum Attribution: Int, Comparable, Sendable, CaseIterable {
    case none = 0
    case claimed = 1
    /// More than one type of evidence, or a type worth `moderate`.
    case indicated = 2
    /// A statement by CSIRT, police, service or court: the only level that may be published as fact.
    case stated = 3

    package static func < (left: Attribution, right: Attribution) -> Bool { left.rawValue < right.rawValue }

    /// After this many seconds without new evidence, what rests on indications counts as claimed only.
    package static let fading = 90 * 86_400.0

    package init(claims: [Claim], evidence: [Evidence], now: Moment) {
        let sound = evidence.filter { ("A"..."C").contains($0.source) && (1...3).contains($0.credibility) }
        let fresh = sound.filter { now - $0.at < Self.fading }
        if sound.contains(where: { $0.kind == .statement }) {
            self = .stated
        } else if Set(fresh.map(\.kind)).subtracting([.claimAfter]).count >= 2
            || fresh.contains(where: { $0.kind == .infrastructure })
        {
            self = .indicated
        } else {
            self = claims.isEmpty && evidence.isEmpty ? .none : .claimed
        }
    }

    /// The fixed wording for the public: it names nobody.
    package var text: Words {
        switch self {
        case .none:
            Words(nl: "We weten niet wie dit deed.", en: "We do not know who did this.")
        case .claimed, .indicated:
            Words(
                nl: "Een groep zegt dat zij dit deed. Wij kunnen dat niet bevestigen.",
                en: "A group says that it did this. We cannot confirm that.")
        case .stated:
            Words(
                nl: "Een bevoegde instantie heeft gezegd wie dit deed.",
                en: "A competent authority has said who did this.")
        }
    }
}
