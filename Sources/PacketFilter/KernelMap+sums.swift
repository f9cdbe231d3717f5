internal import CLinux
internal import Filters
internal import Glibc

// Counters that each processor keeps for itself: nobody waits for another, and whoever reads adds them up.
extension KernelMap {
    /// Entries read with one call.
    private static let sumBatch = 256

    /// The numbers of 64 bits in one entry, each added up over the processors; they may wrap around.
    package func sums(of index: UInt32) throws(KernelError) -> [UInt64] {
        checkCounters()
        var values = [UInt64](repeating: 0, count: copies * words)
        var index = index
        try KernelError.check(linux_map_lookup(descriptor, &index, &values), .readMap, shape.name)
        var sums = [UInt64](repeating: 0, count: words)
        add(values[...], to: &sums, at: 0)
        return sums
    }

    /// The same of the first entries, one after another.
    package func sums(ofFirst count: Int) throws(KernelError) -> [UInt64] {
        checkCounters()
        let count = min(max(0, count), Int(shape.entries))
        var sums = [UInt64](repeating: 0, count: count * words)
        let batch = min(count, Self.sumBatch)
        var keys = [UInt32](repeating: 0, count: batch)
        var values = [UInt64](repeating: 0, count: batch * copies * words)
        var next: UInt32 = 0
        var done = 0
        while done < count {
            var number = UInt32(min(batch, count - done))
            var from = next
            let status =
                done == 0
                ? linux_map_lookup_batch(descriptor, nil, &next, &keys, &values, &number)
                : linux_map_lookup_batch(descriptor, &from, &next, &keys, &values, &number)
            if status != -ENOENT { try KernelError.check(status, .readMap, shape.name) }
            guard number > 0 else { break }
            for entry in 0..<Int(number) {
                let start = entry * copies * words
                add(values[start..<(start + copies * words)], to: &sums, at: Int(keys[entry]) * words)
            }
            done += Int(number)
        }
        return sums
    }

    /// Sets one entry to zero for every processor; what is counted meanwhile may be lost.
    package func clear(_ index: UInt32) throws(KernelError) {
        checkCounters()
        let zeros = [UInt64](repeating: 0, count: copies * words)
        var index = index
        try KernelError.check(linux_map_update(descriptor, &index, zeros, 0), .writeMap, shape.name)
    }

    private var words: Int { valueStride / 8 }

    private func checkCounters() {
        precondition(shape.kind == .perProcessorArray && shape.valueSize % 8 == 0, "no counters of 64 bits")
    }

    private func add(_ values: ArraySlice<UInt64>, to sums: inout [UInt64], at place: Int) {
        var word = 0
        for value in values {
            sums[place + word] &+= value
            word = word + 1 == words ? 0 : word + 1
        }
    }
}
