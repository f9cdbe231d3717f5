package import Addresses
internal import Filters
package import Mitigations

// Lists. An entry stands before its bit is set, and goes before its bit is cleared: a bit says "maybe", so that nothing is
// missed in between.
extension Filter {
    func insert(
        _ prefix: Prefix, into list: FilterList, until: UInt64, isDry: Bool, tally: UInt32
    ) throws(KernelError) {
        let isNew: Bool
        switch list {
        case .flooded:
            // The kernel's list knows no dry run of them: a cookie is sent or not.
            guard !isDry else { return try remove(prefix, from: list) }
            try map(FilterMaps.flooded).set(
                FilterMaps.Flood(until: until, tally: tally), of: AddressKey(prefix.address))
            return
        case .blocked, .networks, .allowed: isNew = try put(prefix, in: list, until, isDry, tally)
        }
        if isNew, let which = list.presence { set(bits.add(prefix, to: which), of: which, to: true) }
    }

    /// - Returns: whether there was none.
    private func put(
        _ prefix: Prefix, in list: FilterList, _ until: UInt64, _ isDry: Bool, _ tally: UInt32
    ) throws(KernelError) -> Bool {
        let old = try entry(of: prefix, in: list)
        // What comes between the two calls is counted by its tally alone.
        let new = FilterMaps.Entry(
            until: until, packets: old?.packets ?? 0, bytes: old?.bytes ?? 0, isDry: isDry, tally: tally)
        guard old?.until != new.until || old?.counter != new.counter else { return false }
        switch list {
        case .blocked: try map(FilterMaps.blocked).set(new, of: AddressKey(prefix.address))
        case .networks: try map(FilterMaps.networks).set(new, of: NetworkKey(prefix))
        case .allowed: try map(FilterMaps.allowed).set(new, of: NetworkKey(prefix))
        case .flooded: return false
        }
        return old == nil
    }

    /// What the kernel has of exactly this prefix.
    private func entry(of prefix: Prefix, in list: FilterList) throws(KernelError) -> FilterMaps.Entry? {
        switch list {
        case .blocked: try map(FilterMaps.blocked).value(of: AddressKey(prefix.address))
        case .networks: try map(FilterMaps.networks).value(of: NetworkKey(prefix))
        case .allowed: try map(FilterMaps.allowed).value(of: NetworkKey(prefix))
        case .flooded: nil
        }
    }

    package func hits(of prefix: Prefix, in list: FilterList) -> FilterCount? {
        // The list of those who pass counts nothing.
        guard list != .allowed, let entry = (try? entry(of: prefix, in: list)) ?? nil else { return nil }
        return FilterCount(packets: entry.packets, bytes: entry.bytes)
    }

    func remove(_ prefix: Prefix, from list: FilterList) throws(KernelError) {
        let wasThere =
            switch list {
            case .flooded: try map(FilterMaps.flooded).remove(AddressKey(prefix.address))
            case .blocked: try map(FilterMaps.blocked).remove(AddressKey(prefix.address))
            case .networks: try map(FilterMaps.networks).remove(NetworkKey(prefix))
            case .allowed: try map(FilterMaps.allowed).remove(NetworkKey(prefix))
            }
        if wasThere, let which = list.presence { set(bits.remove(prefix, from: which), of: which, to: false) }
    }

    private func set(_ change: PresenceCounts.Change, of list: FilterMaps.Presence, to isSet: Bool) {
        let base = Int(list.rawValue) * FilterMaps.Presence.bits / 64
        switch change {
        case .all:
            for place in 0..<FilterMaps.Presence.bits / 64 { presence[base + place] = bits.word(place, of: list) }
        case .bits(let changed):
            for bit in changed {
                // A bit that all share is not cleared by one.
                presence[base + bit / 64] =
                    isSet ? presence[base + bit / 64] | 1 << UInt64(bit & 63) : bits.word(bit / 64, of: list)
            }
        }
    }

    /// Makes the kernel's lists say what the book says, whatever they said, and counts the bits anew. Bits are only added:
    /// the program that stands may have others than the one that comes.
    func alignLists(with book: FilterBook, at now: FilterTime) throws(KernelError) {
        bits = PresenceCounts(key: plan.key)
        for list in FilterList.allCases {
            for action in book.everything(list, at: now) {
                guard case .insert(_, let prefix, let until, let isDry, let tally) = action else { continue }
                switch list {
                case .flooded: try insert(prefix, into: list, until: until, isDry: isDry, tally: tally)
                case .blocked, .networks, .allowed: _ = try put(prefix, in: list, until, isDry, tally)
                }
                if let which = list.presence { _ = bits.add(prefix, to: which) }
            }
        }
        writePresence(keeping: true)
        try map(FilterMaps.flooded).removeAll(AddressKey.self, FilterMaps.Flood.self) { key, _ in
            !book.holds(Prefix(key.address, length: 128), in: .flooded)
        }
        try map(FilterMaps.blocked).removeAll(AddressKey.self, FilterMaps.Entry.self) { key, _ in
            !book.holds(Prefix(key.address, length: 128), in: .blocked)
        }
        for list in [FilterList.networks, .allowed] {
            let kernel = try map(list == .networks ? FilterMaps.networks : FilterMaps.allowed)
            try kernel.removeAll(NetworkKey.self, FilterMaps.Entry.self) { key, _ in
                !book.holds(key.prefix, in: list)
            }
        }
    }

    /// Writes all bits as they are counted.
    /// - Parameter keeping: bits that are set stay.
    func writePresence(keeping: Bool) {
        let words = FilterMaps.Presence.bits / 64
        for list in FilterMaps.Presence.allCases {
            for place in 0..<words {
                let index = Int(list.rawValue) * words + place
                presence[index] = bits.word(place, of: list) | (keeping ? presence[index] : 0)
            }
        }
    }
}

extension FilterList {
    /// Its bits; nil: the kernel asks it without.
    var presence: FilterMaps.Presence? {
        switch self {
        case .blocked: .blocked
        case .networks: .networks
        case .allowed: .allowed
        case .flooded: nil
        }
    }
}
