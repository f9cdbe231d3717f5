internal import Addresses
internal import Detection
internal import Moments
internal import Settings
internal import Synchronization

/// The hand-over of fingerprints, between the collector's task that finds them and the thread that tells the filter, and of
/// what the filter says of rules. Each holds a lock for a look at a few hundred rules, and for nothing that blocks.
final class FilterRules: Sendable {
    let bell: FilterBell
    private let current: CurrentConfiguration
    private let state = Mutex(RuleHandover())
    private let byHand = Mutex(RulesByHand())

    init(bell: FilterBell, _ current: CurrentConfiguration) {
        self.bell = bell
        self.current = current
    }

    /// What the operator wants done with fingerprints now.
    var conduct: Settings.Filter.Rules { current.now.configuration.filter?.rules ?? .off }

    func observe(_ findings: [TrafficFinding], on networks: ServedNetworks, at now: Moment) {
        guard !findings.isEmpty else { return }
        let conduct = conduct
        state.withLock { handover in
            for finding in findings {
                let attack = finding.event.attack
                let targets = attack.traffic.flatMap { Prefix($0.target) }
                    .map { networks.blocks(of: $0, organisation: finding.organisation) }
                handover.observe(attack, of: finding.organisation, on: targets ?? [], rules: conduct, at: now)
            }
        }
        bell.ring()
    }

    func use<Value: Sendable>(_ body: (inout RuleHandover) -> Value) -> Value {
        state.withLock { body(&$0) }
    }

    func useByHand<Value: Sendable>(_ body: (inout RulesByHand) -> Value) -> Value {
        byHand.withLock { body(&$0) }
    }
}
