package import Detection
package import Languages
package import Mitigations
package import Moments

/// An attack on record.
package struct AttackRecord: Equatable, Sendable {
    package var id: Int64
    package var incident: Int64
    package var organisation: String
    package var service: ServiceKind
    package var attack: DetectedAttack
    package var judgement: Judgement

    package init(
        id: Int64, incident: Int64, organisation: String, service: ServiceKind, attack: DetectedAttack,
        judgement: Judgement
    ) {
        self.id = id
        self.incident = incident
        self.organisation = organisation
        self.service = service
        self.attack = attack
        self.judgement = judgement
    }
}

/// Told apart from day one: what citizens use, and what the organisation's own staff use.
package enum ServiceKind: String, CaseIterable, Sendable, Codable {
    case publicService = "public"
    case backOffice = "back-office"
}

/// What an organisation had to deal with, as one story: attacks that overlap or follow each other within an hour.
package struct Incident: Equatable, Sendable {
    package var id: Int64
    /// "2026-7": the year and a running number.
    package var number: String
    package var organisation: String
    package var opened: Moment
    /// Oldest first; at least one.
    package var attacks: [AttackRecord]
    /// Oldest first.
    package var posts: [Post]
    package var evidence: [Evidence]
    package var claims: [Claim]
    package var mitigations: [Mitigation]
    package var sharings: [Sharing]

    package init(
        id: Int64, number: String, organisation: String, opened: Moment, attacks: [AttackRecord], posts: [Post] = [],
        evidence: [Evidence] = [], claims: [Claim] = [], mitigations: [Mitigation] = [], sharings: [Sharing] = []
    ) {
        self.id = id
        self.number = number
        self.organisation = organisation
        self.opened = opened
        self.attacks = attacks
        self.posts = posts
        self.evidence = evidence
        self.claims = claims
        self.mitigations = mitigations
        self.sharings = sharings
    }
}

/// A public message on the course of an incident.
package struct Post: Equatable, Sendable, Codable {
    package var at: Moment
    /// The account that posted it; "wasstraat" for what the system says by itself.
    package var author: String
    package var text: Words

    package init(at: Moment, author: String, text: Words) {
        self.at = at
        self.author = author
        self.text = text
    }
}

/// Something said by someone about who did it. Never a fact, never counted as an attack.
package struct Claim: Equatable, Sendable, Codable {
    package var at: Moment
    /// Who says that they did it. In the register always, in public never.
    package var claimant: String
    /// Where it was said, such as a channel or an address.
    package var place: String
    package var text: String
    /// The account that filed it.
    package var author: String

    package init(at: Moment, claimant: String, place: String, text: String, author: String) {
        self.at = at
        self.claimant = claimant
        self.place = place
        self.text = text
        self.author = author
    }
}

/// An item of evidence on who did it, graded after the Admiralty scale.
package struct Evidence: Equatable, Sendable, Codable {
    package var at: Moment
    package var kind: Kind
    /// Reliability of the source, A-F.
    package var source: String
    /// Credibility of the information, 1-6.
    package var credibility: Int
    package var text: String
    package var author: String

    package init(at: Moment, kind: Kind, source: String, credibility: Int, text: String, author: String) {
        self.at = at
        self.kind = kind
        self.source = source
        self.credibility = credibility
        self.text = text
        self.author = author
    }

    package enum Kind: String, CaseIterable, Sendable, Codable {
        /// E1: their own claim after the fact.
        case claimAfter = "claim-after"
        /// E2: a claim before the attack, or a published target list with matching path and time.
        case claimBefore = "claim-before"
        /// E3: the traffic matches a known tool's fingerprint, which is easily copied.
        case tool
        /// E4: infrastructure seized, or the botnet's controller seen.
        case infrastructure
        /// E5: a statement by CSIRT, police, service or court; the only one that may be published as fact.
        case statement
    }
}

/// A fingerprint given to someone, or got from someone.
package struct Sharing: Equatable, Sendable, Codable {
    package var at: Moment
    /// The fingerprint's identifier.
    package var fingerprint: String
    package var with: String
    package var wasReceived: Bool

    package init(at: Moment, fingerprint: String, with: String, wasReceived: Bool) {
        self.at = at
        self.fingerprint = fingerprint
        self.with = with
        self.wasReceived = wasReceived
    }
}
