extension TopKeys {
    /// Takes in what another table counted; what the type promises holds for both streams together. False, and nothing is
    /// changed, where the sizes or hash keys differ.
    ///
    /// Set by set: a key that only one table lists may have had as much as the other's floor there. Of up to sixteen keys
    /// the eight heaviest stay, and the heaviest of the others is the new floor. Written as counters above a floor this is
    /// the merge of Misra-Gries summaries, which keeps floor ≤ packets of the set / 8.
    package mutating func merge(_ other: TopKeys) -> Bool {
        guard setMask == other.setMask, hash == other.hash else { return false }
        for set in tags.indices { merge(set, of: other) }
        return true
    }

    fileprivate struct Listed {
        var packets: UInt64
        var entry: Entry
    }

    private func listed(_ set: Int) -> [Listed] {
        (0..<Self.ways).compactMap { way in
            guard isTaken(set, way) else { return nil }
            let place = set * Self.ways + way
            return Listed(packets: packets[place], entry: entries[place])
        }
    }

    private mutating func merge(_ set: Int, of other: TopKeys) {
        var both: [Listed] = []
        var others = other.listed(set)
        for var mine in listed(set) {
            let twin = others.firstIndex { $0.entry.low == mine.entry.low && $0.entry.high == mine.entry.high }
            if let twin {
                let theirs = others.remove(at: twin)
                mine.add(theirs.packets, theirs.entry.packetError, theirs.entry.bytes, theirs.entry.byteError)
            } else {
                mine.add(other.floors[set])
            }
            both.append(mine)
        }
        for var theirs in others {
            theirs.add(floors[set])
            both.append(theirs)
        }
        // Equal weights are put in the order of their keys, so that a merge has one result.
        both.sort { ($1.packets, $0.entry.high, $0.entry.low) < ($0.packets, $1.entry.high, $1.entry.low) }
        floors[set].packets = saturatingSum(floors[set].packets, other.floors[set].packets)
        floors[set].bytes = saturatingSum(floors[set].bytes, other.floors[set].bytes)
        for dropped in both.dropFirst(Self.ways) {
            floors[set].packets = max(floors[set].packets, dropped.packets)
            floors[set].bytes = max(floors[set].bytes, dropped.entry.bytes)
        }
        tags[set] = 0
        for way in 0..<Self.ways {
            let place = set * Self.ways + way
            if way < both.count { setTag(Self.tag(hash(both[way].entry.high, both[way].entry.low)), set, way) }
            packets[place] = way < both.count ? both[way].packets : 0
            entries[place] = way < both.count ? both[way].entry : Entry()
        }
    }
}

extension TopKeys.Listed {
    fileprivate mutating func add(
        _ packets: UInt64, _ packetError: UInt64, _ bytes: UInt64, _ byteError: UInt64
    ) {
        self.packets = saturatingSum(self.packets, packets)
        entry.packetError = saturatingSum(entry.packetError, packetError)
        entry.bytes = saturatingSum(entry.bytes, bytes)
        entry.byteError = saturatingSum(entry.byteError, byteError)
    }

    /// The other table does not list the key: all that it may have had there is an error.
    fileprivate mutating func add(_ floor: TopKeys.Floor) {
        add(floor.packets, floor.packets, floor.bytes, floor.bytes)
    }
}
