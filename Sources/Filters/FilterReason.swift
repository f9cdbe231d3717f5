/// What became of a packet, and why; each packet ends in one of these. The numbers are places in the kernel's counters.
package enum FilterReason: UInt32, CaseIterable, Sendable {
    /// Not IP: none of ours.
    case other = 0
    /// Nothing was against it.
    case passed
    /// Its source is on the list of those that always pass.
    case allowed
    /// Its headers contradict each other, end too early, or name a source that cannot be.
    case malformed
    case blockedSource
    case blockedNetwork
    /// Its source sends more than one source may.
    case sourceBudget
    /// Its destination gets more than it may.
    case destinationBudget
    /// A compiled fingerprint.
    case rule
    /// A SYN that was answered in its place, with a cookie.
    case cookieSent
    /// An acknowledgement of no cookie of ours, while its destination is under a flood of SYN.
    case cookieRefused
    /// Would have been dropped, and was not: these are counted beside the reason that a packet ends in.
    case dryMalformed
    case dryBlockedSource
    case dryBlockedNetwork
    case drySourceBudget
    case dryDestinationBudget
    case dryRule

    /// Whether the packet goes no further.
    package var isDrop: Bool {
        switch self {
        case .malformed, .blockedSource, .blockedNetwork, .sourceBudget, .destinationBudget, .rule, .cookieRefused: true
        default: false
        }
    }

    package var isDry: Bool { rawValue >= Self.dryMalformed.rawValue }

    /// What is counted in its place where nothing is done; nil where there is no such thing.
    package var dry: FilterReason? {
        switch self {
        case .malformed: .dryMalformed
        case .blockedSource: .dryBlockedSource
        case .blockedNetwork: .dryBlockedNetwork
        case .sourceBudget: .drySourceBudget
        case .destinationBudget: .dryDestinationBudget
        case .rule: .dryRule
        default: nil
        }
    }
}
