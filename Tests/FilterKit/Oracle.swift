package import Addresses
package import Filters

/// One plan with its rules and lists, put to work twice: as the model, and as the programs run by the machine. Whoever
/// has a kernel puts it to work a third time, from what stands here. All must say the same of each frame, and count the
/// same in the end.
package struct Oracle {
    package let plan: FilterPlan
    package let rules: [KernelRule]
    package let root: EBPF.Program
    /// The first for its slot, the others for the row.
    package let chunks: [EBPF.Program]
    package var model: FilterModel
    package var machine: EBPF.Machine
    /// Lists as they were filled.
    package private(set) var blocked: [(Address, FilterMaps.Entry)] = []
    package private(set) var networks: [(Prefix, FilterMaps.Entry)] = []
    package private(set) var allowed: [(Prefix, FilterMaps.Entry)] = []
    /// Words of presence by their place.
    package private(set) var presence: [UInt32: UInt64] = [:]

    package static let row = FilterMaps.Slot.rows[1]
    /// Whose entries are; the last has no place.
    private static let tallies: [UInt32] = [0, 1, 2, FilterMaps.tallyLimit - 1, FilterMaps.tallyLimit]
    /// Places that are compared.
    package static let counters = tallies.flatMap { [2 * $0, 2 * $0 + 1] }.filter { $0 < FilterMaps.tallies.entries }

    /// - Parameter now: on the clock of the machine and the model.
    package init(plan: FilterPlan, rules: [KernelRule], lists: Int, at now: UInt64, _ random: inout Seeded) throws {
        var plan = plan
        // The machine's ticks; for ends at 0 and at the end of all time any kernel's clock is as good.
        if Bool.random(using: &random) { plan.clock = FilterPlan.Clock(tick: 1, offset: 0) }
        self.plan = plan
        self.rules = rules
        root = FilterPrograms.root(plan)
        chunks = FilterPrograms.rules(rules, plan: plan, row: Self.row) ?? []
        model = FilterModel(plan: plan, rules: rules)
        machine = EBPF.Machine(seed: random.next())
        machine.now = now
        for (place, program) in chunks.enumerated() {
            let slot = place == 0 ? FilterMaps.Slot.rules : Self.row.lowerBound + Int32(place - 1)
            try machine.set(program, at: UInt32(slot), of: FilterMaps.slots)
        }
        for _ in 0..<lists { fill(&random) }
        for (word, value) in presence { machine[FilterMaps.presence, Self.bytes(word)] = Self.bytes(value) }
    }

    // MARK: Lists

    private mutating func fill(_ random: inout Seeded) {
        let entry = FilterMaps.Entry(
            until: [0, .max, .max].randomElement(using: &random)!, isDry: Int.random(in: 0..<3, using: &random) == 0,
            tally: Self.tallies.randomElement(using: &random)!)
        let all = HostileFrames.sources4 + HostileFrames.sources6
        let address = all.randomElement(using: &random)!
        switch Int.random(in: 0..<3, using: &random) {
        case 0:
            guard model.blocked[address] == nil else { return }
            blocked.append((address, entry))
            model.blocked[address] = entry
            _ = machine.insert(Self.bytes(entry), Self.bytes(address), in: FilterMaps.blocked)
            set(.blocked, [FilterMaps.Presence.bit(of: address, key: plan.key)])
        case 1:
            let prefix = Self.prefix(address, &random)
            guard PrefixList.canHold(prefix), model.networks[prefix] == nil else { return }
            networks.append((prefix, entry))
            model.networks[prefix] = entry
            _ = machine.insert(Self.bytes(entry), Self.bytes(prefix), in: FilterMaps.networks)
            set(.networks, FilterMaps.Presence.bits(of: prefix))
        default:
            let prefix = Self.prefix(address, &random)
            guard PrefixList.canHold(prefix), model.allowed[prefix] == nil else { return }
            allowed.append((prefix, entry))
            model.allowed[prefix] = entry
            _ = machine.insert(Self.bytes(entry), Self.bytes(prefix), in: FilterMaps.allowed)
            set(.allowed, FilterMaps.Presence.bits(of: prefix))
        }
    }

    private static func prefix(_ address: Address, _ random: inout Seeded) -> Prefix {
        let lengths = address.isIPv4 ? [8, 12, 16, 17, 23, 24, 31, 32] : [16, 24, 32, 33, 48, 64, 65, 127, 128]
        return Prefix(address, length: lengths.randomElement(using: &random)!)
    }

    private mutating func set(_ list: FilterMaps.Presence, _ bits: [Int]?) {
        for bit in bits ?? Array(0..<FilterMaps.Presence.bits) {
            let place = Int(list.rawValue) * FilterMaps.Presence.bits + bit
            presence[UInt32(place / 64), default: 0] |= 1 << UInt64(place % 64)
        }
    }

    // MARK: Bytes as maps have them

    package static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
        (0..<value.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }

    private static func bytes(_ entry: FilterMaps.Entry) -> [UInt8] {
        bytes(entry.until) + bytes(entry.packets) + bytes(entry.bytes) + bytes(entry.isDry) + bytes(entry.counter)
    }

    private static func bytes(_ address: Address) -> [UInt8] {
        bytes(address.high.byteSwapped) + bytes(address.low.byteSwapped)
    }

    private static func bytes(_ prefix: Prefix) -> [UInt8] {
        bytes(UInt32(prefix.address.isIPv4 ? prefix.length + 96 : prefix.length)) + bytes(prefix.address)
    }

    // MARK: Questions

    /// A difference between two of them, in words.
    package struct Difference: Error, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    /// What both say of a frame.
    package mutating func judge(_ frame: [UInt8]) throws -> EBPF.Action {
        let judgement = model.judge(frame.span.bytes, at: machine.now)
        var copy = frame
        let said = try machine.run(root, on: &copy)
        guard said == judgement.action.rawValue else {
            throw Difference(
                description: "the machine says \(said), the model \(judgement.action) (\(judgement.reason), "
                    + "\(String(describing: judgement.cause))) of \(Self.hex(frame))")
        }
        return judgement.action
    }

    package static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// Counters of the model by reason, packets and bytes; hits of rules likewise.
    package var counts: [UInt64] {
        FilterReason.allCases.flatMap { [model.count($0).packets, model.count($0).bytes] }
    }

    package var hits: [UInt64] {
        rules.indices.flatMap { place in
            let count = model.ruleHits[rules[place].counter]
            return [count?.packets ?? 0, count?.bytes ?? 0]
        }
    }

    /// What entries hit, by whose they are.
    package var tallied: [UInt64] {
        Self.counters.flatMap { [model.tallies[$0]?.packets ?? 0, model.tallies[$0]?.bytes ?? 0] }
    }

    /// Throws where the machine counted otherwise.
    package func compareCounters() throws {
        let counted = FilterReason.allCases.flatMap { machine.sums(FilterMaps.counters, $0.rawValue) }
        guard counted == counts else {
            throw Difference(description: "counters: the machine has \(counted), the model \(counts)")
        }
        let hit = rules.flatMap { machine.sums(FilterMaps.ruleHits, $0.counter) }
        guard hit == hits else { throw Difference(description: "hits: the machine has \(hit), the model \(hits)") }
        let sums = Self.counters.flatMap { machine.sums(FilterMaps.tallies, $0) }
        guard sums == tallied else {
            throw Difference(description: "tallies: the machine has \(sums), the model \(tallied)")
        }
    }
}
