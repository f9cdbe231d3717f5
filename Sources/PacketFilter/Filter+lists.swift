internal import Addresses
internal import Filters
internal import Mitigations

// Lists. An entry stands before its bit is set, and goes before its bit is cleared: a bit says "maybe", so that nothing is
// missed in between.
extension Filter {
    func insert(_ prefix: Prefix, into list: FilterList, until: UInt64, isDry: Bool) throws(KernelError) {
        let isNew: Bool
        switch list {
        case .flooded:
            // The kernel's list knows no dry run of them: a cookie is sent or not.
            guard !isDry else { return try remove(prefix, from: list) }
            try map(FilterMaps.flooded).set(until, of: AddressKey(prefix.address))
            return
        case .blocked: isNew = try put(until, isDry, AddressKey(prefix.address), map(FilterMaps.blocked))
        case .networks: isNew = try put(until, isDry, NetworkKey(prefix), map(FilterMaps.networks))
        case .allowed: isNew = try put(until, isDry, NetworkKey(prefix), map(FilterMaps.allowed))
        }
        if isNew, let which = list.presence { set(bits.add(prefix, to: which), of: which, to: true) }
    }

    /// - Returns: whether there was none.
    private func put<Key: BitwiseCopyable>(
        _ until: UInt64, _ isDry: Bool, _ key: Key, _ map: KernelMap
    ) throws(KernelError) -> Bool {
        let old: FilterMaps.Entry? = try map.value(of: key)
        // Packets that come between the two calls are not counted.
        let new = FilterMaps.Entry(until: until, packets: old?.packets ?? 0, isDry: isDry)
        guard old?.until != new.until || old?.isDry != new.isDry else { return false }
        try map.set(new, of: key)
        return old == nil
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
                guard case .insert(_, let prefix, let until, let isDry) = action else { continue }
                switch list {
                case .flooded: try insert(prefix, into: list, until: until, isDry: isDry)
                case .blocked: _ = try put(until, isDry, AddressKey(prefix.address), map(FilterMaps.blocked))
                case .networks: _ = try put(until, isDry, NetworkKey(prefix), map(FilterMaps.networks))
                case .allowed: _ = try put(until, isDry, NetworkKey(prefix), map(FilterMaps.allowed))
                }
                if let which = list.presence { _ = bits.add(prefix, to: which) }
            }
        }
        writePresence(keeping: true)
        try map(FilterMaps.flooded).removeAll(AddressKey.self, UInt64.self) { key, _ in
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
