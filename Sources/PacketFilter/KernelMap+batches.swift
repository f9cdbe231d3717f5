internal import CLinux
internal import Filters
internal import Glibc

// Many entries at once: a call for thousands, not one for each.
extension KernelMap {
    /// Entries of one call.
    package static let batchLimit = 4_096
    /// Entries of one call where a bucket of the kernel's table holds more than `batchLimit`: a table that full of
    /// collisions is not ours.
    private static let bucketLimit = 65_536

    /// Writes entries, whether they are there or not; the arrays are of one length. Where it throws, some may be written.
    package func set<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        _ values: [Value], of keys: [Key]
    ) throws(KernelError) {
        checkSizes(MemoryLayout<Key>.size, MemoryLayout<Value>.size)
        checkStrides(Key.self, Value.self)
        precondition(keys.count == values.count, "a value for each key")
        var done = 0
        while done < keys.count {
            var count = UInt32(min(Self.batchLimit, keys.count - done))
            let status = keys[done...].withUnsafeBytes { keys in
                values[done...].withUnsafeBytes { values in
                    linux_map_update_batch(descriptor, keys.baseAddress, values.baseAddress, &count)
                }
            }
            try KernelError.check(status, .writeMap, shape.name)
            done += Int(count)
        }
    }

    /// Takes entries away, whether they are there or not; returns how many were.
    @discardableResult
    package func remove<Key: BitwiseCopyable>(all keys: [Key]) throws(KernelError) -> Int {
        checkSizes(MemoryLayout<Key>.size, nil)
        checkStrides(Key.self, UInt8.self)
        var (done, removed) = (0, 0)
        while done < keys.count {
            var count = UInt32(min(Self.batchLimit, keys.count - done))
            let status = keys[done...].withUnsafeBytes { linux_map_delete_batch(descriptor, $0.baseAddress, &count) }
            done += Int(count)
            removed += Int(count)
            // The kernel stops at a key that is not there: on behind it.
            if status == -ENOENT { done += 1 } else { try KernelError.check(status, .writeMap, shape.name) }
        }
        return removed
    }

    /// Calls the body with each entry until it says false, or there were as many as the map can hold. What is written
    /// meanwhile may be seen or not, and what is taken away may let an entry be seen twice. Returns how many were seen.
    @discardableResult
    package func forEach<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        _ key: Key.Type, _ value: Value.Type, _ body: (Key, Value) -> Bool
    ) throws(KernelError) -> Int {
        checkSizes(MemoryLayout<Key>.size, MemoryLayout<Value>.size)
        checkStrides(key, value)
        var room = min(Self.batchLimit, Int(shape.entries))
        var keys = UnsafeMutableBufferPointer<Key>.allocate(capacity: room)
        var values = UnsafeMutableBufferPointer<Value>.allocate(capacity: room)
        defer {
            keys.deallocate()
            values.deallocate()
        }
        // Where the next call goes on: of a hash table a bucket, of others the last key.
        var place = [UInt8](repeating: 0, count: max(8, Int(shape.keySize)))
        var from = place
        var seen = 0
        while seen < Int(shape.entries) {
            var count = UInt32(room)
            let status =
                seen == 0
                ? linux_map_lookup_batch(descriptor, nil, &place, keys.baseAddress, values.baseAddress, &count)
                : linux_map_lookup_batch(descriptor, &from, &place, keys.baseAddress, values.baseAddress, &count)
            if status == -ENOSPC, room < Self.bucketLimit {
                room *= 2
                keys.deallocate()
                values.deallocate()
                keys = .allocate(capacity: room)
                values = .allocate(capacity: room)
                continue
            }
            if status != -ENOENT { try KernelError.check(status, .readMap, shape.name) }
            for index in 0..<Int(count) {
                seen += 1
                guard body(keys[index], values[index]) else { return seen }
            }
            if status == -ENOENT || count == 0 { break }
            from = place
        }
        return seen
    }

    /// Takes away the entries that the body says yes to; returns how many. Two who write at the same time must not both
    /// do so: an entry that is written again in between goes too.
    @discardableResult
    package func removeAll<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        _ key: Key.Type, _ value: Value.Type, where isOver: (Key, Value) -> Bool
    ) throws(KernelError) -> Int {
        // All are found first: to go on from a key that is gone means to begin again.
        var keys: [Key] = []
        try forEach(key, value) { key, value in
            if isOver(key, value) { keys.append(key) }
            return true
        }
        return try remove(all: keys)
    }

    private func checkStrides<Key, Value>(_ key: Key.Type, _ value: Value.Type) {
        precondition(
            MemoryLayout<Key>.stride == MemoryLayout<Key>.size
                && MemoryLayout<Value>.stride == MemoryLayout<Value>.size,
            "many entries lie without gaps")
    }
}
