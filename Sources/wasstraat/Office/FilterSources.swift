internal import Addresses
internal import Messages
internal import Mitigations
internal import Moments
internal import Settings
internal import Synchronization

/// The hand-over of proven sources, between the office's thread that hears of them and the one that tells the filter.
/// Either holds the lock for a look at a list, and for nothing that blocks.
package final class FilterSources: Sendable {
    let bell: FilterBell
    private let current: CurrentConfiguration
    private let state = Mutex(SourceHandover())
    private let said = Mutex(Tallies())

    /// What the filter said last of what blocks hit.
    struct Tallies: Sendable {
        var tallies: [FilterTally] = []
        /// It has said so since the office's start.
        var isKnown = false
        var interface = ""
    }

    init(bell: FilterBell, _ current: CurrentConfiguration) {
        self.bell = bell
        self.current = current
    }

    /// What the operator wants done with them now, and for how many seconds.
    var conduct: (rules: Settings.Filter.Rules, blockTime: UInt32) {
        current.now.configuration.filter.map { ($0.sources, $0.blockTime) } ?? (.off, 0)
    }

    func take(_ proven: ProvenSources, from lane: String, of sites: [Snapshot.Site]) {
        var organisations: [String: String] = [:]
        if !proven.sources.isEmpty {
            organisations = Dictionary(sites.map { ($0.name, $0.organisation) }, uniquingKeysWith: { one, _ in one })
        }
        let conduct = conduct.rules
        state.withLock {
            $0.take(proven, from: lane, organisations: organisations, conduct: conduct, at: .now)
        }
        if !proven.sources.isEmpty { bell.ring() }
    }

    /// The operator lets sources in.
    func letIn(_ prefix: Prefix) {
        state.withLock { $0.letIn(prefix) }
        bell.ring()
    }

    var tallies: Tallies { said.withLock { $0 } }

    /// Where the filter counts all blocks together there are none: what nobody counted is not on record.
    func saw(_ tallies: FilterTallies, at interface: String) {
        said.withLock {
            $0 = Tallies(tallies: tallies.isCounted ? tallies.tallies : [], isKnown: true, interface: interface)
        }
    }

    func use<Value: Sendable>(_ body: (inout SourceHandover) -> Value) -> Value {
        state.withLock { body(&$0) }
    }
}
