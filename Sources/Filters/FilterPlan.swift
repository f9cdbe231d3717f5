/// What the filter's program is made of; what is not wanted is not in the program.
package struct FilterPlan: Hashable, Sendable {
    package enum Conduct: String, Hashable, Sendable, CaseIterable {
        case off
        /// Counted, not dropped.
        case dry
        case live
    }

    /// How much may come in a second, and what may come at once (generic cell rate algorithm).
    package struct Budget: Hashable, Sendable {
        /// 1 to 1,000,000,000.
        package var packets: UInt64
        /// 1,000 to 1,000,000,000,000.
        package var bytes: UInt64
        /// Milliseconds' worth that may come at once: 100 to 10,000. The kernel's clock goes in steps of up to 10.
        package var burst: UInt64
        package var isDry: Bool

        package init(packets: UInt64, bytes: UInt64, burst: UInt64 = 1_000, isDry: Bool = false) {
            self.packets = min(max(packets, 1), 1_000_000_000)
            self.bytes = min(max(bytes, 1_000), 1_000_000_000_000)
            self.burst = min(max(burst, 100), 10_000)
            self.isDry = isDry
        }

        /// Nanoseconds that a packet takes of the budget.
        package var packetCost: UInt64 { 1_000_000_000 / packets }
        /// The same of a byte, times 2^16.
        package var byteCost: UInt64 { (1_000_000_000 << 16) / bytes }
        package var burstCost: UInt64 { burst * 1_000_000 }
    }

    /// How the kernel's timer ticks are turned into the monotonic clock: nanoseconds of a tick, and what is added.
    package struct Clock: Hashable, Sendable {
        package var tick: UInt64
        /// Modulo 2^64.
        package var offset: UInt64

        package init(tick: UInt64, offset: UInt64) {
            self.tick = tick
            self.offset = offset
        }
    }

    /// nil: the kernel's own coarse clock, which is right everywhere, and costs 20 ns each time that it is read.
    package var clock: Clock?
    /// Packets inside of tunnels (IP in IP, GRE, VXLAN) are judged, not the tunnel.
    package var readsTunnels = false
    package var malformed = Conduct.live
    /// Lists are looked up; while one is empty that costs a few nanoseconds.
    package var hasAllowed = true
    package var hasBlocked = true
    package var hasNetworks = true
    /// Of each source: an IPv4 address, an IPv6 /64.
    package var sourceBudget: Budget?
    package var destinationBudget: Budget?
    /// Compiled fingerprints are asked.
    package var hasRules = true
    /// Destinations under a flood of SYN are looked for.
    package var hasCookies = false
    /// Each destination and source network is counted in a sketch.
    package var hasSketch = true
    /// One packet of so many has its first bytes copied out; 0: none.
    package var sampling: UInt32 = 1_024
    /// Of the hashes: nobody can make up addresses that meet in one place without it.
    package var key: UInt64 = 0x9e37_79b9_7f4a_7c15

    package init() {}

    /// The options of wasstraat-filter that say what somebody can choose of it; what is usual is left out.
    package var options: [String] {
        var words = ["--sampling", "\(sampling)"]
        if !hasSketch { words.append("--no-sketch") }
        if readsTunnels { words.append("--tunnels") }
        if malformed != .live { words += ["--malformed", malformed.rawValue] }
        for (option, budget) in [("--source-budget", sourceBudget), ("--destination-budget", destinationBudget)] {
            guard let budget else { continue }
            words += [option, "\(budget.packets):\(budget.bytes)\(budget.isDry ? ":dry" : "")"]
        }
        return words
    }

    /// The maps that its programs need, and who feeds and reads them.
    package var maps: [EBPF.Map] {
        let unused: [(EBPF.Map, Bool)] = [
            (FilterMaps.sourceBudgets, sourceBudget == nil), (FilterMaps.destinationBudgets, destinationBudget == nil),
            (FilterMaps.sketch, !hasSketch), (FilterMaps.samples, sampling == 0), (FilterMaps.countdown, sampling == 0),
        ]
        return FilterMaps.all.filter { map in !unused.contains { $0.0 == map && $0.1 } }
    }
}
