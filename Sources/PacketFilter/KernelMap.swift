internal import CLinux
package import Filters
internal import Glibc

/// A map in the kernel, with the shape that our programs know it by. It lives as long as anything holds it: this object, a
/// loaded program, a pin. Any thread may use it; the kernel keeps single entries whole.
///
/// Keys and values are plain memory; one of another size than the map's is our bug, and traps.
package final class KernelMap: Sendable {
    package let shape: EBPF.Map
    /// Values per entry: one for each processor, or one.
    let copies: Int
    private let owned: Descriptor

    package var descriptor: Int32 { owned.number }

    package init(creating shape: EBPF.Map) throws(KernelError) {
        copies = try Self.copies(shape)
        let result = linux_map_create(
            shape.kind.rawValue, shape.keySize, shape.valueSize, shape.entries, Self.flags(of: shape), shape.name)
        owned = Descriptor(owning: try KernelError.check(result, .createMap, shape.name))
        self.shape = shape
    }

    /// Opens a pinned map; throws where another thing is pinned there than a map of this shape.
    package init(opening path: String, as shape: EBPF.Map) throws(KernelError) {
        copies = try Self.copies(shape)
        owned = Descriptor(owning: try KernelError.check(linux_open_pinned(path), .openPin, path))
        self.shape = shape
        guard Kind(of: owned.number) == .map else {
            throw KernelError(EINVAL, .openPin, path, reason: "what is pinned there is no map")
        }
        var facts = linux_map_facts()
        try KernelError.check(linux_map_describe(owned.number, &facts), .describeMap, path)
        guard facts.kind == shape.kind.rawValue, facts.key_size == shape.keySize, facts.value_size == shape.valueSize,
            facts.entries == shape.entries
        else { throw KernelError(EINVAL, .openPin, path, reason: "the map that is pinned there has another shape") }
    }

    package func pin(at path: String) throws(KernelError) {
        try KernelError.check(linux_pin(descriptor, path), .pin, path)
    }

    /// The number that the kernel knows it by.
    package var id: UInt32 {
        get throws(KernelError) {
            var facts = linux_map_facts()
            try KernelError.check(linux_map_describe(descriptor, &facts), .describeMap, shape.name)
            return facts.id
        }
    }

    /// Bytes of a value as bpf(2) reads and writes it.
    var valueStride: Int { copies == 1 ? Int(shape.valueSize) : Int(shape.valueSize + 7) & ~7 }

    private static func copies(_ shape: EBPF.Map) throws(KernelError) -> Int {
        guard shape.kind == .perProcessorArray else { return 1 }
        guard let count = Processors.possible else {
            throw KernelError(
                ENOENT, .createMap, shape.name, reason: "the system does not say how many processors it can have")
        }
        return count
    }

    private static func flags(of shape: EBPF.Map) -> UInt32 {
        switch shape.kind {
        // The kernel has no others of these.
        case .prefixes: linux_map_lazy
        case .hash: shape.isLazy ? linux_map_lazy : 0
        // So that it can be read in place (``MappedArray``); programs look it up as quickly as without.
        case .array: linux_map_mappable
        default: 0
        }
    }
}

// ---- Entries.

extension KernelMap {
    /// nil where there is none.
    @inlinable
    package func value<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        of key: Key, as type: Value.Type = Value.self
    ) throws(KernelError) -> Value? {
        checkSizes(MemoryLayout<Key>.size, MemoryLayout<Value>.size)
        var found = false
        let value = try withUnsafeTemporaryAllocation(of: Value.self, capacity: 1) { (room) throws(KernelError) in
            try withUnsafeBytes(of: key) { (key) throws(KernelError) in
                found = try read(key.baseAddress!, into: room.baseAddress!)
            }
            return found ? room[0] : nil
        }
        return value
    }

    @inlinable
    package func set<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        _ value: Value, of key: Key
    ) throws(KernelError) {
        _ = try write(value, of: key, .any)
    }

    /// False where there was one already, which stays.
    @inlinable
    package func insert<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        _ value: Value, of key: Key
    ) throws(KernelError) -> Bool {
        try write(value, of: key, .new)
    }

    /// False where there is none.
    @inlinable @discardableResult
    package func remove<Key: BitwiseCopyable>(_ key: Key) throws(KernelError) -> Bool {
        checkSizes(MemoryLayout<Key>.size, nil)
        return try withUnsafeBytes(of: key) { (key) throws(KernelError) in try remove(key.baseAddress!) }
    }

    @usableFromInline
    package enum Which: UInt64 {
        case any = 0
        /// Only where there is none.
        case new = 1
    }

    @inlinable
    package func write<Key: BitwiseCopyable, Value: BitwiseCopyable>(
        _ value: Value, of key: Key, _ which: Which
    ) throws(KernelError) -> Bool {
        checkSizes(MemoryLayout<Key>.size, MemoryLayout<Value>.size)
        return try withUnsafeBytes(of: key) { (key) throws(KernelError) in
            try withUnsafeBytes(of: value) { (value) throws(KernelError) in
                try write(key.baseAddress!, value.baseAddress!, which)
            }
        }
    }

    /// Traps where a key or a value is not of the map's size.
    @usableFromInline
    package func checkSizes(_ key: Int, _ value: Int?) {
        precondition(key == Int(shape.keySize), "a key of the wrong size")
        guard let value else { return }
        precondition(copies == 1 && shape.kind != .perProcessorArray, "values per processor are read by their sums")
        precondition(value == Int(shape.valueSize), "a value of the wrong size")
    }

    @usableFromInline
    package func read(_ key: UnsafeRawPointer, into value: UnsafeMutableRawPointer) throws(KernelError) -> Bool {
        let status = linux_map_lookup(descriptor, key, value)
        if status == -ENOENT { return false }
        try KernelError.check(status, .readMap, shape.name)
        return true
    }

    @usableFromInline
    package func write(
        _ key: UnsafeRawPointer, _ value: UnsafeRawPointer, _ which: Which
    ) throws(KernelError) -> Bool {
        let status = linux_map_update(descriptor, key, value, which.rawValue)
        if status == -EEXIST { return false }
        try KernelError.check(status, .writeMap, shape.name)
        return true
    }

    @usableFromInline
    package func remove(_ key: UnsafeRawPointer) throws(KernelError) -> Bool {
        let status = linux_map_delete(descriptor, key)
        if status == -ENOENT { return false }
        try KernelError.check(status, .writeMap, shape.name)
        return true
    }
}

/// What a descriptor stands for: bpf(2) opens whatever is pinned.
enum Kind {
    case map, program, link

    init?(of descriptor: Int32) {
        var name = [UInt8](repeating: 0, count: 64)
        let count = name.withUnsafeMutableBytes {
            readlink("/proc/self/fd/\(descriptor)", $0.baseAddress!, $0.count)
        }
        guard count > 0 else { return nil }
        switch String(decoding: name[..<count], as: UTF8.self) {
        case "anon_inode:bpf-map": self = .map
        case "anon_inode:bpf-prog": self = .program
        case "anon_inode:bpf_link", "anon_inode:bpf-link": self = .link
        default: return nil
        }
    }
}
