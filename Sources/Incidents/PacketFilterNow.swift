package import Mitigations

/// The filter of packets as it runs now, for those who run the street: no organisation's people need it.
package enum PacketFilterNow: Equatable, Sendable {
    /// The configuration has none.
    case notConfigured
    /// It does not answer, and why: one sentence, in English. What the kernel was told before may still be done.
    case unreachable(String)
    case answering(Answer)

    /// What it said last.
    package struct Answer: Equatable, Sendable {
        package var mode: EnforcerConduct.Mode
        /// "eth0".
        package var interface: String
        package var rules: Int
        /// Those of `rules` that count only.
        package var dryRules: Int
        /// Those that stopped by themselves, for they hit too much ordinary traffic.
        package var suspendedRules: Int
        /// What it cannot do and why, in English sentences.
        package var missing: [String]

        package init(
            mode: EnforcerConduct.Mode, interface: String, rules: Int, dryRules: Int, suspendedRules: Int,
            missing: [String]
        ) {
            self.mode = mode
            self.interface = interface
            self.rules = rules
            self.dryRules = dryRules
            self.suspendedRules = suspendedRules
            self.missing = missing
        }
    }
}
