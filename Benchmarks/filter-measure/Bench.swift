import Addresses
import Filters
import Glibc
import PacketFilter

/// What a packet costs, in nanoseconds of one core: medians of rounds in which all variants take their turn.
struct Bench {
    /// Runs of one variant in one round.
    static let repeats = 1_000_000

    struct Row {
        var name: String
        var ns: Double
        var emptyNs: Double
        var peers: [(name: String, ns: Double)] = []
        /// At most so many times the empty program; at most so many times the first peer.
        var bar: Double?
        var peerBar: Double?
        var note = ""

        var holds: Bool {
            (bar.map { ns <= $0 * emptyNs } ?? true)
                && (peerBar.map { bar in peers.first.map { ns <= bar * $0.ns } ?? false } ?? true)
        }
    }

    /// A program and the frame that it gets.
    private struct Variant {
        var name: String
        var program: KernelProgram
        var frame: [UInt8]
        /// A variant that says something else was not measured, but something else.
        var expected: EBPF.Action
        /// What it needs for as long as it runs.
        var world: World?
    }

    /// Programs with maps of their own.
    final class World {
        let maps: KernelMaps
        let root: KernelProgram
        private var kept: [KernelProgram] = []

        init(_ plan: FilterPlan, rules: [KernelRule] = []) throws {
            maps = try KernelMaps(creating: FilterMaps.all)
            root = try KernelProgram(FilterPrograms.root(plan), name: "root", maps: maps)
            let table = ProgramTable(maps[FilterMaps.slots]!)
            let row = FilterMaps.Slot.rows[0]
            for (place, program) in (FilterPrograms.rules(rules, plan: plan, row: row) ?? []).enumerated() {
                let loaded = try KernelProgram(program, name: "rules", maps: maps)
                let slot = place == 0 ? FilterMaps.Slot.rules : row.lowerBound + Int32(place - 1)
                try table.place(loaded, in: slot)
                kept.append(loaded)
            }
            guard plan.hasCookies else { return }
            let cookies = try KernelProgram(FilterPrograms.cookies(plan), name: "cookies", maps: maps)
            try table.place(cookies, in: FilterMaps.Slot.cookies)
            kept.append(cookies)
        }

        /// Fills a list with so many addresses or networks of 198.18.0.0/15, or addresses of 2001:db8::/64, and sets the
        /// bits of all of them.
        func fill(
            _ list: FilterMaps.Presence, count: Int, plan: FilterPlan, bits: Bool = true, isIPv6: Bool = false
        ) throws {
            var words: [UInt32: UInt64] = [:]
            for index in 0..<count {
                let address =
                    isIPv6
                    ? Address(high: 0x2001_0db8_0000_0000, low: UInt64(index))
                    : Address(ipv4: 0xc612_0000 + UInt32(index) * (list == .blocked ? 1 : 4))
                let entry = FilterMaps.Entry(until: .max)
                let bit: Int
                if list == .blocked {
                    try maps[FilterMaps.blocked]!.set(entry, of: AddressKey(address))
                    bit = FilterMaps.Presence.bit(of: address, key: plan.key)
                } else {
                    let map = list == .networks ? FilterMaps.networks : FilterMaps.allowed
                    try maps[map]!.set(entry, of: NetworkKey(Prefix(address, length: 30)))
                    bit = FilterMaps.Presence.networkBit(of: address)
                }
                let place = list.rawValue * Int32(FilterMaps.Presence.bits) + Int32(bit)
                words[UInt32(place / 64), default: 0] |= 1 << UInt64(place % 64)
            }
            guard bits else { return }
            for (word, value) in words { try maps[FilterMaps.presence]!.set(value, of: word) }
        }
    }

    private var variants: [Variant] = []
    private let rounds: Int

    init(rounds: Int) { self.rounds = rounds }

    /// As a filter runs it that was told nothing.
    static var complete: FilterPlan {
        var plan = FilterPlan()
        plan.clock = try? KernelClock.ticks()
        return plan
    }

    /// Nothing in it but what is named.
    static var bare: FilterPlan {
        var plan = Self.complete
        plan.malformed = .off
        (plan.hasAllowed, plan.hasBlocked, plan.hasNetworks) = (false, false, false)
        (plan.hasRules, plan.hasSketch, plan.sampling) = (false, false, 0)
        return plan
    }

    static var configured: FilterPlan {
        var plan = Self.complete
        plan.readsTunnels = true
        plan.sourceBudget = FilterPlan.Budget(packets: 1_000_000_000, bytes: 1_000_000_000_000)
        plan.destinationBudget = FilterPlan.Budget(packets: 1_000_000_000, bytes: 1_000_000_000_000)
        plan.hasCookies = true
        return plan
    }

    /// What passes all: of a network whose bits are set in no list.
    private static let ordinary = Frames.tcp(source: 0x0a63_0101)

    private mutating func add(
        _ name: String, _ plan: FilterPlan, rules: [KernelRule] = [], frame: [UInt8] = ordinary,
        expected: EBPF.Action = .pass, prepare: (World) throws -> Void = { _ in }
    ) throws {
        let world = try World(plan, rules: rules)
        try prepare(world)
        variants.append(Variant(name: name, program: world.root, frame: frame, expected: expected, world: world))
    }

    /// The same of a source in no network that a list has.
    private static let ordinary6 = Frames.tcp6(source: 0xffff_0000_0001)

    /// Compiled rules by themselves, beside the table that is walked: on a datagram that meets none of them.
    private mutating func addRules(_ count: Int) throws {
        let measured = try MeasuredRules(count)
        let frame = Frames.udp(source: 0x0a63_0101)
        let world = try World(Self.bare)
        let compiled = FilterPrograms.rules(measured.rules, plan: Self.bare, row: FilterMaps.Slot.rows[0]) ?? []
        let rules = try KernelProgram(compiled[0], name: "rules", maps: world.maps)
        for (name, frame) in [
            ("\(count) rules", frame), ("\(count) rules, IPv6", Frames.udp6(source: 0xffff_0000_0001)),
        ] {
            variants.append(Variant(name: name, program: rules, frame: frame, expected: .pass, world: world))
        }
        let map = try KernelMap(creating: InterpretedTable.map(count))
        // One value holds all rows, so it is written as bytes through a map of one entry.
        var key: UInt32 = 0
        _ = try measured.rows.withUnsafeBytes { try map.write(&key, $0.baseAddress!, .any) }
        let table = try KernelProgram(
            InterpretedTable.program(rules: count), name: "table", maps: KernelMaps([map]))
        variants.append(
            Variant(name: "\(count) rules interpreted", program: table, frame: frame, expected: .pass))
    }

    /// All rows; those whose peer is not there say so in their note.
    mutating func run() throws -> [Row] {
        let empty = try KernelProgram(FilterPrograms.empty, name: "empty", maps: KernelMaps())
        variants.append(Variant(name: "empty", program: empty, frame: Self.ordinary, expected: .pass))
        for count in [32, 256] { try addRules(count) }
        let rules = try MeasuredRules(32).rules
        let blocked = Frames.tcp(source: 0xc612_0007)
        var plan = Self.bare
        plan.hasBlocked = true
        try add("blocked source", plan, frame: blocked, expected: .drop) {
            try $0.fill(.blocked, count: 10_000, plan: plan)
        }
        try add("blocked source, IPv6", plan, frame: Frames.tcp6(source: 7), expected: .drop) {
            try $0.fill(.blocked, count: 10_000, plan: plan, isIPv6: true)
        }
        try add("complete, empty lists", Self.complete, rules: rules)
        try add("complete, empty lists, IPv6", Self.complete, rules: rules, frame: Self.ordinary6)
        let configured = Self.configured
        for (name, frame) in [
            ("complete, configured", Self.ordinary), ("complete, all bits set", Self.inBits),
            ("complete, configured, IPv6", Self.ordinary6),
        ] {
            try add(name, configured, rules: rules, frame: frame) {
                try $0.fill(.blocked, count: 10_000, plan: configured)
                for list in [FilterMaps.Presence.networks, .allowed] {
                    try $0.fill(list, count: 10_000, plan: configured)
                }
            }
        }
        try addFeatures()
        let filter = PeerFilter.make()
        var figures: [String: [Double]] = [:]
        for round in 0..<rounds {
            for index in variants.indices {
                let variant = variants[(index + round * 3) % variants.count]
                let outcome = try variant.program.run(variant.frame, repeats: Self.repeats)
                guard outcome.action == variant.expected else {
                    throw MeasureError(
                        "\(variant.name) said \(String(describing: outcome.action)): not what is measured")
                }
                figures[variant.name, default: []].append(Double(outcome.nanoseconds))
            }
            if let filter { figures["xdp-filter", default: []].append(try filter.run(repeats: Self.repeats)) }
        }
        return rows(figures.mapValues { $0.sorted()[$0.count / 2] }) + (try liveRows())
    }

    /// Against nftables: with the injection, and without it.
    private func liveRows() throws -> [Row] {
        guard let live = try Injection.measure(rounds: rounds) else { return [] }
        return [
            Row(
                name: "blocked source, live", ns: live.blocked, emptyNs: live.empty,
                peers: [("nftables set", live.set)], peerBar: 0.40),
            Row(
                name: "blocked source, live, net", ns: live.blocked - live.empty, emptyNs: 0,
                peers: [("nftables set", live.set - live.empty)], peerBar: 0.15),
        ]
    }

    /// In the same /16 as the lists' networks, and in none of them.
    private static let inBits = Frames.tcp(source: 0xc612_fff0)

    /// The program with one thing more than headers and counters each.
    private mutating func addFeatures() throws {
        try add("feature: headers and counters", Self.bare)
        let changes: [(String, (inout FilterPlan) -> Void)] = [
            ("malformed", { $0.malformed = .live }), ("tunnels", { $0.readsTunnels = true }),
            ("sketch", { $0.hasSketch = true }), ("samples", { $0.sampling = 1_024 }),
            ("allowed, empty", { $0.hasAllowed = true }), ("blocked, empty", { $0.hasBlocked = true }),
            ("networks, empty", { $0.hasNetworks = true }), ("rules, empty", { $0.hasRules = true }),
            ("source budget", { $0.sourceBudget = Self.configured.sourceBudget }),
            ("destination budget", { $0.destinationBudget = Self.configured.destinationBudget }),
            ("cookies, no flood", { $0.hasCookies = true }),
        ]
        for (name, change) in changes {
            var plan = Self.bare
            change(&plan)
            try add("feature: \(name)", plan)
        }
        for list in FilterMaps.Presence.allCases {
            var plan = Self.bare
            plan.hasBlocked = list == .blocked
            plan.hasNetworks = list == .networks
            plan.hasAllowed = list == .allowed
            let frame = list == .blocked ? Frames.tcp(source: 0xc612_0007) : Self.inBits
            let isHit = list == .blocked
            try add("feature: \(list), asked", plan, frame: frame, expected: isHit ? .drop : .pass) {
                try $0.fill(list, count: 10_000, plan: plan)
            }
        }
    }

    private func rows(_ medians: [String: Double]) -> [Row] {
        let empty = medians["empty"]!
        func row(_ name: String, bar: Double? = nil, peer: (String, String)? = nil, peerBar: Double? = nil) -> Row {
            var row = Row(name: name, ns: medians[name]!, emptyNs: empty, bar: bar, peerBar: peerBar)
            if let peer {
                if let ns = medians[peer.1] { row.peers = [(peer.0, ns)] } else { row.note = "\(peer.0) is not here" }
            }
            return row
        }
        var rows = [
            row("32 rules", bar: 2, peer: ("interpreted table", "32 rules interpreted"), peerBar: 0.7),
            row("256 rules", bar: 3, peer: ("interpreted table", "256 rules interpreted")),
            row("blocked source", peer: ("xdp-filter", "xdp-filter"), peerBar: 0.75),
            row("complete, empty lists", bar: 4), row("complete, configured", bar: 8),
            row("complete, all bits set"), row("32 rules, IPv6", bar: 2), row("256 rules, IPv6", bar: 3),
            row("blocked source, IPv6"), row("complete, empty lists, IPv6", bar: 4),
            row("complete, configured, IPv6", bar: 8),
        ]
        rows += variants.filter { $0.name.hasPrefix("feature: ") }.map { row($0.name) }
        return rows
    }
}

struct MeasureError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
