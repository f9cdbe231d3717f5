package import Addresses
package import Fingerprints
package import Moments

/// A language that rules are written in.
package enum RuleLanguage: String, CaseIterable, Sendable {
    /// A file for `nft -f`: packets, dropped.
    case nftables
    /// Classic BPF in decimal, as `tcpdump -ddd` prints it: packets, told apart.
    case bpf
    /// BGP FlowSpec (RFC 8955, RFC 8956): packets, discarded by routers.
    case flowspec
    /// A rules file of Suricata: packets, and requests in clear.
    case suricata
    /// A frontend's lines of HAProxy: requests.
    case haproxy
    /// Lines of nginx for its http and server blocks: requests.
    case nginx

    package var saysPackets: Bool { self != .haproxy && self != .nginx }
    package var saysRequests: Bool { self == .haproxy || self == .nginx || self == .suricata }
}

/// How rules are made.
package struct RuleOptions: Sendable {
    /// The most of normal traffic that the rules may hit together, 0...1: the sum of what each was measured to hit, so
    /// never less than what they hit in truth.
    package var collateralBound = 0.001
    /// Fingerprints without a measured collateral are refused, unless this says otherwise.
    package var acceptsUnmeasured = false
    /// What is protected; empty: everything that passes. FlowSpec needs at least one.
    package var targets: [Prefix] = []
    /// The host that requests are for; nil: every host.
    package var host: String?
    /// nftables: the interface that packets come in by; nil: all of them.
    package var interface: String?
    /// The end of all rules, where it is before that of their fingerprint.
    package var expires: Moment?
    /// Fingerprints that have expired by now are refused; nil: nobody looked.
    package var now: Moment?
    /// Adds the networks of sources to the conditions, where the evidence says that sources cannot be forged. It narrows
    /// rules; it never makes one of sources alone.
    package var limitsToNetworks = false
    /// What is done with conditions that the language cannot say.
    package var widening = Widening.never
    package var link = ClassicBPF.Link.ethernet
    package var announcer = FlowSpec.Announcer.gobgp
    package var requestAction = RequestAction.tooMany
    /// Comment lines where the language has them; nftables keeps the comment of each rule.
    package var isCommented = true
    /// Suricata: the number of the first rule; numbers from 9,000,000 on are nobody's.
    package var firstSignature: UInt32 = 9_400_000

    package init() {}

    package enum Widening: Sendable {
        /// The fingerprint is refused.
        case never
        /// The condition is left out, if the share of normal traffic that the remaining conditions hit could be measured
        /// (nil: it could not) and stays within the bound.
        case measured(@Sendable ([Fingerprint.Condition]) -> Double?)
    }

    package enum RequestAction: String, CaseIterable, Sendable {
        /// Status 429.
        case tooMany
        /// The connection is closed without an answer.
        case silence
    }

    /// More of these cannot be said in one rule of every language.
    package static let targetLimit = 64
    package static let fingerprintLimit = 256
}

/// Rules, and what became of each fingerprint.
package struct CompiledRules: Sendable {
    package var language: RuleLanguage
    /// The complete file.
    package var text: String
    package var rules: [CompiledRule] = []
    package var refused: [Refusal] = []
    package var unsaid: [Unsaid] = []
    /// Fingerprints that need no rule: another rule hits all that they match.
    package var implied: [Implied] = []

    package struct Refusal: Sendable {
        package var fingerprint: Fingerprint
        package var reason: String
    }

    /// A condition that a rule says otherwise than the fingerprint, or not at all.
    package struct Unsaid: Sendable {
        /// The fingerprint's.
        package var id: String
        package var condition: Fingerprint.Condition
        package var reason: String
        package var consequence: String
    }

    package struct Implied: Sendable {
        package var id: String
        package var by: String
    }
}

/// What one fingerprint became.
package struct CompiledRule: Sendable {
    /// Of the conditions alone (``Rules/id(_:)``); the same in every process.
    package var id: String
    package var fingerprint: Fingerprint
    /// Its lines in the file; instructions, for classic BPF.
    package var lines: [String]
    package var coverage: Double
    /// Measured: the fingerprint's, or, of a widened rule, the wider rule's.
    package var collateral: Double?
    package var expires: Moment
    /// Conditions left out.
    package var dropped: [Fingerprint.Condition] = []
    /// FlowSpec: what goes into an announcement.
    package var routes: [FlowSpec.Route] = []
}
