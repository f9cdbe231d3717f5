extension EBPF.Machine {
    /// A map's key in four words, as it lies in memory, with zeros behind; of prefixes the length, then the address
    /// without what is beyond the length, in the machine's order.
    struct Key: Hashable, Sendable, BitwiseCopyable {
        static let size = 32

        var first: UInt64 = 0
        var second: UInt64 = 0
        var third: UInt64 = 0
        var fourth: UInt64 = 0

        mutating func setWord(_ index: Int, _ word: UInt64) {
            switch index {
            case 0: first = word
            case 1: second = word
            case 2: third = word
            default: fourth = word
            }
        }

        /// No more than ``size``.
        init(_ bytes: [UInt8] = []) {
            var words = [0, 0, 0, 0] as InlineArray<4, UInt64>
            for (place, byte) in bytes.enumerated() { words[place >> 3] |= UInt64(byte) << UInt64(8 * (place & 7)) }
            (first, second, third, fourth) = (words[0], words[1], words[2], words[3])
        }

        func bytes(_ count: Int) -> [UInt8] {
            let words = [first, second, third, fourth] as InlineArray<4, UInt64>
            return (0..<count).map { UInt8(truncatingIfNeeded: words[$0 >> 3] >> UInt64(8 * ($0 & 7))) }
        }

        // ---- Of prefixes.

        init(length: Int, high: UInt64, low: UInt64) {
            first = UInt64(length)
            second = length >= 64 ? high : high & ~(.max >> UInt64(length))
            third = length <= 64 ? 0 : low & ~(.max >> UInt64(length - 64))
        }

        var length: Int { Int(first & 0xffff_ffff) }
        /// Of a key as it lies in memory: the eight bytes of the address from its fifth byte on, and the next eight.
        var high: UInt64 { (first >> 32 | second << 32).byteSwapped }
        var low: UInt64 { (second >> 32 | third << 32).byteSwapped }
        /// A prefix as it lies in memory.
        var inMemory: Key {
            var key = Key()
            key.first = UInt64(length) | second.byteSwapped << 32
            key.second = second.byteSwapped >> 32 | third.byteSwapped << 32
            key.third = third.byteSwapped >> 32
            return key
        }
    }

    /// What a map holds: its values in one array, each at the place of its slot.
    struct Contents: Sendable {
        /// Bytes of all values, over all processors: what a machine that runs tests has to spare.
        static let memoryLimit = 1 << 30

        let map: EBPF.Map
        let valueSize: Int
        /// Bytes from value to value.
        let stride: Int
        /// Programs and a ring are no places for values.
        let hasValues: Bool
        /// Grows as values are looked up or written; what lies behind is zero.
        var values: [UInt8] = []
        private var slots: [Key: Int32] = [:]
        private var keys: [Key?] = []
        private var free: [Int32] = []
        /// Of a recentHash: neighbours of each slot in the order of their use; -1: none.
        private var newer: [Int32] = []
        private var older: [Int32] = []
        private var newest: Int32 = -1
        private var oldest: Int32 = -1
        /// How many prefixes have each length.
        private var lengths: [UInt32] = []
        var programs: [[EBPF.Step]?] = []
        var records: [[UInt8]] = []
        /// Bytes of the ring that the records take.
        var used = 0

        /// nil where no kernel or not this machine has such a map.
        init?(_ map: EBPF.Map) {
            let isSound: Bool =
                switch map.kind {
                case .hash, .recentHash: 1...UInt32(Key.size) ~= map.keySize
                case .array: map.keySize == 4
                case .perProcessorArray: map.keySize == 4 && map.entries <= UInt32(Pointer.slotLimit >> 8)
                case .programs: map.keySize == 4 && map.valueSize == 4 && map.entries <= 1 << 16
                case .prefixes: 5...20 ~= map.keySize
                case .ring:
                    map.keySize == 0 && map.valueSize == 0 && map.entries >= 4_096
                        && map.entries & (map.entries - 1) == 0
                }
            valueSize = Int(map.valueSize)
            stride = (valueSize + 7) & ~7
            let processors = map.kind == .perProcessorArray ? 1 << 8 : 1
            guard isSound, map.kind == .ring || map.valueSize > 0, valueSize <= Pointer.valueLimit,
                1...UInt32(Pointer.slotLimit) ~= map.entries,
                Int(map.entries) * stride * processors <= Self.memoryLimit
            else { return nil }
            self.map = map
            hasValues = map.kind != .programs && map.kind != .ring
            if map.kind == .prefixes { lengths = Array(repeating: 0, count: Int(map.keySize - 4) * 8 + 1) }
            if map.kind == .programs { programs = Array(repeating: nil, count: Int(map.entries)) }
        }

        /// Bytes that a record takes of a ring: with what stands before it, up to the next eight.
        static func room(ofRecord size: Int) -> Int { (size + 8 + 7) & ~7 }

        // ---- Slots.

        /// The slot of a key's value; of prefixes that of the longest one that holds the key.
        func find(_ key: Key, processor: UInt8) -> Int? {
            switch map.kind {
            case .array, .perProcessorArray: return slot(ofIndex: key, processor)
            case .hash, .recentHash: return slots[key].map { Int($0) }
            case .prefixes:
                guard key.length < lengths.count else { return nil }
                let (high, low) = (key.high, key.low)
                for length in (0...key.length).reversed() where lengths[length] > 0 {
                    if let slot = slots[Key(length: length, high: high, low: low)] { return Int(slot) }
                }
                return nil
            case .programs, .ring: return nil
            }
        }

        private func slot(ofIndex key: Key, _ processor: UInt8) -> Int? {
            guard key.first < map.entries else { return nil }
            return map.kind == .array ? Int(key.first) : Int(processor) * Int(map.entries) + Int(key.first)
        }

        /// The slot that a program's lookup points to. In one mutating step, or the compiler copies all of this to look.
        mutating func lookUp(_ key: Key, processor: UInt8) -> Int? {
            guard let slot = find(key, processor: processor) else { return nil }
            use(slot)
            return slot
        }

        /// The value is there to be pointed to, and is the latest used one.
        mutating func use(_ slot: Int) {
            let end = (slot + 1) * stride
            if values.count < end { values.append(contentsOf: repeatElement(0, count: end - values.count)) }
            guard map.kind == .recentHash, newest != slot else { return }
            unlink(slot)
            link(slot)
        }

        /// A slot for a key, whose value is to be written by the caller.
        mutating func insert(_ key: Key, processor: UInt8, flags: UInt64) throws(Refusal) -> Int {
            // BPF_NOEXIST is 1, BPF_EXIST 2.
            guard flags <= 2 else { throw .invalid }
            let key = try entry(key)
            switch map.kind {
            case .array, .perProcessorArray:
                guard let slot = slot(ofIndex: key, processor) else { throw .tooBig }
                guard flags != 1 else { throw .exists }
                use(slot)
                return slot
            case .hash, .recentHash, .prefixes: break
            case .programs, .ring: throw .invalid
            }
            if let slot = slots[key] {
                guard flags != 1 else { throw .exists }
                use(Int(slot))
                return Int(slot)
            }
            guard flags != 2 else { throw .notFound }
            if slots.count >= map.entries {
                guard map.kind == .recentHash else { throw map.kind == .prefixes ? .noSpace : .tooBig }
                removeSlot(Int(oldest))
            }
            let slot = free.popLast().map { Int($0) } ?? keys.count
            if slot == keys.count {
                keys.append(key)
                if map.kind == .recentHash {
                    newer.append(-1)
                    older.append(-1)
                }
            } else {
                keys[slot] = key
            }
            slots[key] = Int32(slot)
            if map.kind == .prefixes { lengths[key.length] += 1 }
            if map.kind == .recentHash { link(slot) }
            use(slot)
            return slot
        }

        /// The key as it is kept.
        private func entry(_ key: Key) throws(Refusal) -> Key {
            guard map.kind == .prefixes else { return key }
            guard key.length < lengths.count else { throw .invalid }
            return Key(length: key.length, high: key.high, low: key.low)
        }

        /// Of prefixes exactly the one that the key names.
        func findExactly(_ key: Key, processor: UInt8) -> Int? {
            guard map.kind == .prefixes else { return find(key, processor: processor) }
            guard let key = try? entry(key) else { return nil }
            return slots[key].map { Int($0) }
        }

        mutating func remove(_ key: Key) {
            guard let slot = findExactly(key, processor: 0) else { return }
            removeSlot(slot)
        }

        private mutating func removeSlot(_ slot: Int) {
            guard let key = keys[slot] else { return }
            slots[key] = nil
            keys[slot] = nil
            free.append(Int32(slot))
            if map.kind == .prefixes { lengths[key.length] -= 1 }
            if map.kind == .recentHash { unlink(slot) }
        }

        /// Of hashes and prefixes, with their slots, as they lie in memory.
        var entries: [(key: Key, slot: Int)] {
            keys.enumerated().compactMap { slot, key in
                key.map { (map.kind == .prefixes ? $0.inMemory : $0, slot) }
            }
        }

        // ---- The order of use.

        private mutating func link(_ slot: Int) {
            older[slot] = newest
            newer[slot] = -1
            if newest >= 0 { newer[Int(newest)] = Int32(slot) } else { oldest = Int32(slot) }
            newest = Int32(slot)
        }

        private mutating func unlink(_ slot: Int) {
            let (before, behind) = (newer[slot], older[slot])
            if before >= 0 { older[Int(before)] = behind } else { newest = behind }
            if behind >= 0 { newer[Int(behind)] = before } else { oldest = before }
        }

        // ---- Values.

        func value(_ slot: Int) -> [UInt8] {
            let start = slot * stride
            guard start + valueSize <= values.count else { return Array(repeating: 0, count: valueSize) }
            return Array(values[start..<start + valueSize])
        }

        mutating func setValue(_ slot: Int, _ value: [UInt8]) {
            for (place, byte) in value.enumerated() { values[slot * stride + place] = byte }
        }
    }

    /// What a map does not do, by the kernel's numbers.
    enum Refusal: Int64, Error {
        case notFound = -2
        case tooBig = -7
        case again = -11
        case exists = -17
        case invalid = -22
        case noSpace = -28

        var result: UInt64 { UInt64(bitPattern: rawValue) }
    }

    /// The map's place among the contents; nil where no such map can be.
    mutating func index(of map: EBPF.Map) -> Int? {
        if let index = indices[map] { return index }
        guard contents.count < Pointer.mapLimit, let new = Contents(map) else { return nil }
        indices[map] = contents.count
        contents.append(new)
        return contents.count - 1
    }
}
