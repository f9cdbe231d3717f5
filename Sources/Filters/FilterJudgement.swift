package import Addresses

/// What became of one packet, and why.
package struct FilterJudgement: Equatable, Sendable {
    /// What the packet ended in.
    package var reason: FilterReason
    /// Of a reason that has one.
    package var cause: Cause?
    /// What would have dropped it, were it not dry; in the order that it was met in. At most one for each list and
    /// budget, and one for each pattern of the dry rules.
    package var dry: [Finding] = []
    /// What was read; nil where it is no IP, or malformed.
    package var facts: FrameFacts?

    /// A judgement of which nothing more is known than is said.
    package init(_ reason: FilterReason, cause: Cause? = nil, dry: [Finding] = [], facts: FrameFacts? = nil) {
        self.reason = reason
        self.cause = cause
        self.dry = dry
        self.facts = facts
    }

    /// What the kernel does with it.
    package var action: EBPF.Action { reason.isDrop ? .drop : .pass }

    /// What exactly was against a packet, or for it.
    package enum Cause: Hashable, Sendable {
        case malformation(Malformation)
        /// The entry of a list: a network, or an address as the network of itself.
        case entry(Prefix)
        /// Whose budget was used up: a source's subscriber, or a destination.
        case budget(Address)
        /// Places: of the rule among the rules, of the pattern among the rule's.
        case rule(Int, pattern: Int)
    }

    /// A reason that did nothing.
    package struct Finding: Hashable, Sendable {
        /// One that is dry.
        package var reason: FilterReason
        /// What exactly would have dropped it.
        package var cause: Cause

        /// - Parameter reason: one that is dry.
        package init(_ reason: FilterReason, _ cause: Cause) {
            self.reason = reason
            self.cause = cause
        }
    }

    /// The fault of a malformed packet, whether it was dropped for it or not.
    package var malformation: Malformation? {
        for case .malformation(let malformation)? in [cause] + dry.map(\.cause) { return malformation }
        return nil
    }

    /// The place of the rule that dropped it.
    package var rule: Int? {
        if case .rule(let place, _)? = cause { place } else { nil }
    }

    /// The entry of the list that dropped it or let it pass.
    package var entry: Prefix? {
        if case .entry(let prefix)? = cause { prefix } else { nil }
    }
}
