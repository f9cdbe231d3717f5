internal import Addresses
internal import Filters
internal import Mitigations

// Entries: what becomes of a batch of changes, in transactions of bounded size.
extension NFTEnforcer {
    /// What an entry shall be in the end.
    struct Change: Equatable {
        let list: FilterList
        let prefix: Prefix
        /// nil: gone.
        var set: NFTSet?
        /// nil: gone.
        var timeout: String?
    }

    private struct Place: Hashable {
        let list: FilterList
        let prefix: Prefix
    }

    /// What actions make of each entry: of several for the same the last one counts. Lists that are not carried out here
    /// are left out.
    static func changes(_ actions: [FilterAction], at now: FilterTime) -> [Change] {
        var changes: [Change] = []
        var places: [Place: Int] = [:]
        for action in actions {
            let change: Change
            switch action {
            case .insert(let list, let prefix, let until, let isDry, _):
                guard let set = NFTSet(list, prefix, isDry: isDry) else { continue }
                let timeout = timeout(until: until, at: now)
                change = Change(list: list, prefix: prefix, set: timeout == nil ? nil : set, timeout: timeout)
            case .remove(let list, let prefix):
                guard list != .flooded else { continue }
                change = Change(list: list, prefix: prefix, set: nil, timeout: nil)
            case .clearHits, .clearTally, .compileRules: continue
            }
            let place = Place(list: change.list, prefix: change.prefix)
            if let index = places[place] {
                changes[index] = change
            } else {
                places[place] = changes.count
                changes.append(change)
            }
        }
        return changes
    }

    /// What is left, in nft's words, never less than it is; nil: nothing is.
    private static func timeout(until: UInt64, at now: FilterTime) -> String? {
        guard until > now.clock else { return nil }
        let longest = UInt64(FilterBook.longestLife + 1) * 1_000
        let left = min((until - now.clock - 1) / 1_000_000 + 1, longest)
        return "\(left / 1_000)s\(left % 1_000)ms"
    }

    /// Writes changes into sets that are declared.
    ///
    /// What is there is taken out first: the kernel keeps the end of an element that is added once more. And what is not
    /// there cannot be taken out, so that it is put in before; all in one transaction, of which packets see the end alone.
    /// - Parameter fresh: sets that are empty, so that nothing need be taken out of them.
    static func tell(
        _ changes: ArraySlice<Change>, sets: Set<NFTSet>, fresh: Set<NFTSet> = [], generation: UInt64,
        to script: inout NFTScript
    ) {
        var old: [NFTSet: [String]] = [:]
        var new: [NFTSet: [String]] = [:]
        for change in changes {
            let address = change.prefix.address.description
            for isDry in [false, true] {
                guard let set = NFTSet(change.list, change.prefix, isDry: isDry), set.isDry == isDry,
                    sets.contains(set), !fresh.contains(set)
                else { continue }
                old[set, default: []].append(address)
            }
            if let set = change.set, let timeout = change.timeout {
                new[set, default: []].append("\(address) timeout \(timeout)")
            }
        }
        for (set, addresses) in old {
            let name = set.name(generation)
            script.elements("add", name, addresses)
            script.elements("delete", name, addresses)
        }
        for (set, elements) in new { script.elements("add", set.name(generation), elements) }
    }
}
