import Addresses
import FilterKit
import Filters
import PacketFilter

/// The third one of an oracle: the kernel itself, asked by test runs.
final class KernelSide {
    let maps: KernelMaps
    let root: KernelProgram
    private var chunks: [KernelProgram] = []

    init(_ oracle: Oracle) throws {
        maps = try KernelMaps(creating: FilterMaps.all)
        root = try KernelProgram(oracle.root, name: "root", maps: maps)
        let table = ProgramTable(maps[FilterMaps.slots]!)
        for (place, program) in oracle.chunks.enumerated() {
            let loaded = try KernelProgram(program, name: "rules", maps: maps)
            let slot = place == 0 ? FilterMaps.Slot.rules : Oracle.row.lowerBound + Int32(place - 1)
            try table.place(loaded, in: slot)
            chunks.append(loaded)
        }
        for (address, entry) in oracle.blocked { try maps[FilterMaps.blocked]!.set(entry, of: AddressKey(address)) }
        for (prefix, entry) in oracle.networks { try maps[FilterMaps.networks]!.set(entry, of: NetworkKey(prefix)) }
        for (prefix, entry) in oracle.allowed { try maps[FilterMaps.allowed]!.set(entry, of: NetworkKey(prefix)) }
        for (word, value) in oracle.presence { try maps[FilterMaps.presence]!.set(value, of: word) }
    }

    /// Throws where the kernel counted otherwise than the model.
    func compareCounters(_ oracle: Oracle) throws {
        let counted = try maps[FilterMaps.counters]!.sums(ofFirst: FilterReason.allCases.count)
        guard counted == oracle.counts else {
            throw Oracle.Difference(description: "counters: the kernel has \(counted), the model \(oracle.counts)")
        }
        let hits = try oracle.rules.flatMap { try maps[FilterMaps.ruleHits]!.sums(of: $0.counter) }
        guard hits == oracle.hits else {
            throw Oracle.Difference(description: "hits: the kernel has \(hits), the model \(oracle.hits)")
        }
        let tallied = try Oracle.counters.flatMap { try maps[FilterMaps.tallies]!.sums(of: $0) }
        guard tallied == oracle.tallied else {
            throw Oracle.Difference(description: "tallies: the kernel has \(tallied), the model \(oracle.tallied)")
        }
    }
}
