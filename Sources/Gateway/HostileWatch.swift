internal import Addresses
internal import Admission
internal import CLinux
internal import Glibc
internal import Messages
internal import Sketches
internal import Synchronization

/// The lane's one table of sources that may be hostile: all workers tell it what they saw of sites under pressure, and the
/// control thread takes what is proven. The lock is held for one look at the table, and only under pressure.
final class HostileWatch: Sendable {
    /// An eventfd, readable while something may be taken.
    let wake = linux_event()

    private struct State {
        var machine: HostileSources
        var found: [ProvenSources.Source] = []
        /// Proven, and not taken in time.
        var missed: UInt64 = 0
    }

    private let state: Mutex<State>

    init() {
        state = Mutex(State(machine: HostileSources(at: Instant(nanoseconds: Clock.monotonic()))))
    }

    /// - Parameter subscriber: the connection's own peer, an IPv4 address or an IPv6 /64.
    func saw(_ sight: HostileSources.Sight, of subscriber: Address, at site: Site, now: Instant) {
        let isNew = state.withLock { state in
            guard let proof = state.machine.saw(sight, at: now) else { return false }
            guard state.found.count < ProvenSources.limit else {
                state.missed += 1
                return false
            }
            state.found.append(
                ProvenSources.Source(
                    Prefix(subscriber, length: subscriber.isIPv4 ? 32 : 64), site: site.settings.name,
                    refusals: proof.refusals, milliseconds: proof.milliseconds))
            return true
        }
        guard isNew else { return }
        var one: UInt64 = 1
        write(wake, &one, 8)
    }

    /// What was proven since the last time, and the figures since the start.
    func take() -> ProvenSources {
        var count: UInt64 = 0
        read(wake, &count, 8)
        return state.withLock { state in
            defer { state.found = [] }
            let counts = state.machine.counts
            return ProvenSources(state.found, omitted: counts.omitted + state.missed, spared: counts.spared)
        }
    }
}
