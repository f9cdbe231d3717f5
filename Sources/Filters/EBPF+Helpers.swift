extension EBPF.Machine {
    /// What the kernel knows of sockets and of cookies: the same of every packet.
    package struct Cookies: Sendable {
        /// Of struct bpf_sock.
        static let stateOffset = 72

        /// Somebody has a socket at every address and port.
        package var listens = false
        /// What its state is: 10 is TCP_LISTEN.
        package var state: UInt32 = 10
        package var cookie: UInt32 = 0
        /// Maximum segment size that goes with a cookie; 0: there is none to be had.
        package var segment: UInt16 = 1_460
        /// Acknowledgements are of a cookie.
        package var accepts = false

        package init() {}
    }

    /// Bytes before a frame that it can grow by: XDP_PACKET_HEADROOM, without the 40 that the kernel keeps there.
    static let headroomLimit = 256 - 40
    /// Bytes up to the frame's end, from its first start: a page without the headroom and what the kernel keeps behind.
    static let tailLimit = 4_096 - 256 - 320
    private static let ethernetSize = 14

    mutating func tailCall(
        _ registers: Registers
    ) throws(EBPF.Fault.Reason) -> (steps: [EBPF.Step]?, slot: UInt32) {
        guard registers[1] == Pointer.of(.context) else { throw .argument(.tailCall, 1) }
        let index = try map(registers[2], .tailCall, at: 2)
        guard contents[index].map.kind == .programs else { throw .argument(.tailCall, 2) }
        guard sockets == 0 else { throw .heldSocket }
        let slot = UInt32(truncatingIfNeeded: registers[3])
        return (slot < contents[index].map.entries ? contents[index].programs[Int(slot)] : nil, slot)
    }

    /// Every helper but the tail call: what r0 holds afterwards.
    mutating func call(
        _ helper: EBPF.Helper, _ registers: Registers
    ) throws(EBPF.Fault.Reason) -> UInt64 {
        switch helper {
        case .mapLookup: return try lookUp(registers)
        case .mapUpdate: return try update(registers)
        case .randomNumber:
            // SplitMix64, of which the upper half.
            random &+= 0x9e37_79b9_7f4a_7c15
            var mixed = random
            mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
            return (mixed ^ mixed >> 31) >> 32
        case .processor: return UInt64(processor)
        // A tick of this machine is a nanosecond.
        case .coarseClock, .ticks: return now
        case .checksumDifference: return try checksumDifference(registers)
        case .adjustHead, .adjustTail: return try adjust(helper, registers)
        case .ringOutput: return try output(registers)
        case .loadBytes: return try loadBytes(registers)
        case .lookupTCP: return try lookUpSocket(registers)
        case .release:
            sockets &= ~(1 << UInt64(try socket(registers[1], .release)))
            return 0
        case .checkSYNCookie, .generateSYNCookie: return try cookie(helper, registers)
        case .tailCall: return Refusal.invalid.result  // Our bug: the run does it itself.
        }
    }

    // ---- Maps.

    private mutating func map(
        _ pointer: UInt64, _ helper: EBPF.Helper, at argument: Int = 1
    ) throws(EBPF.Fault.Reason) -> Int {
        let index = Pointer.slot(pointer)
        guard index < contents.count, pointer == Pointer.of(.map, slot: index) else {
            throw .argument(helper, argument)
        }
        return index
    }

    private mutating func lookUp(_ registers: Registers) throws(EBPF.Fault.Reason) -> UInt64 {
        let index = try map(registers[1], .mapLookup)
        guard contents[index].hasValues else { throw .argument(.mapLookup, 1) }
        let key = try key(registers[2], Int(contents[index].map.keySize))
        guard let slot = contents[index].lookUp(key, processor: processor) else { return 0 }
        return Pointer.of(.values(index), slot: slot)
    }

    private mutating func update(_ registers: Registers) throws(EBPF.Fault.Reason) -> UInt64 {
        let index = try map(registers[1], .mapUpdate)
        guard contents[index].hasValues else { throw .argument(.mapUpdate, 1) }
        let key = try key(registers[2], Int(contents[index].map.keySize))
        let size = contents[index].valueSize
        let from = Pointer.region(registers[3])
        let place = try locateArgument(registers[3], size)
        let slot: Int
        do throws(Refusal) {
            slot = try contents[index].insert(key, processor: processor, flags: registers[4])
        } catch {
            return error.result
        }
        let to = slot * contents[index].stride
        var done = 0
        while done < size {
            let count = size - done >= 8 ? 8 : size - done >= 4 ? 4 : 1
            put(fetch(from, place + done, count), .values(index), to + done, count)
            done += count
        }
        return 0
    }

    private mutating func output(_ registers: Registers) throws(EBPF.Fault.Reason) -> UInt64 {
        let index = try map(registers[1], .ringOutput)
        guard contents[index].map.kind == .ring else { throw .argument(.ringOutput, 1) }
        // Unlike others, this helper is not let into the packet.
        guard Pointer.region(registers[2]) != .packet else { throw .argument(.ringOutput, 2) }
        let size = try size(registers[3], .ringOutput, at: 3)
        let record = try bytes(registers[2], size)
        // Of waking up who reads: not, or in any case.
        guard registers[4] & ~3 == 0 else { return Refusal.invalid.result }
        let room = Contents.room(ofRecord: size)
        guard contents[index].used + room < Int(contents[index].map.entries) else { return Refusal.again.result }
        contents[index].used += room
        contents[index].records.append(record)
        return 0
    }

    // ---- The frame.

    private mutating func adjust(
        _ helper: EBPF.Helper, _ registers: Registers
    ) throws(EBPF.Fault.Reason) -> UInt64 {
        guard registers[1] == Pointer.of(.context) else { throw .argument(helper, 1) }
        // The verifier takes every packet pointer for void, moved or not.
        generation += 1
        let delta = Int(Int32(truncatingIfNeeded: registers[2]))
        let isHead = helper == .adjustHead
        let count = isHead ? frame.count - delta : frame.count + delta
        guard count >= Self.ethernetSize else { return Refusal.invalid.result }
        if isHead {
            guard headroom - delta <= Self.headroomLimit else { return Refusal.invalid.result }
            headroom -= delta
            if delta > 0 {
                frame.removeFirst(delta)
            } else {
                frame.insert(contentsOf: repeatElement(0, count: -delta), at: 0)
            }
        } else if delta > 0 {
            guard count - headroom <= Self.tailLimit else { return Refusal.invalid.result }
            frame.append(contentsOf: repeatElement(0, count: delta))
        } else {
            frame.removeLast(-delta)
        }
        return 0
    }

    /// The sum of all words, those of the first memory inverted. Kernels differ in how far they fold it: to 32 bits, as
    /// here, or to 16; the remainder by 65,535 is the same.
    private mutating func checksumDifference(_ registers: Registers) throws(EBPF.Fault.Reason) -> UInt64 {
        let old = try size(registers[2], .checksumDifference, at: 2)
        let new = try size(registers[4], .checksumDifference, at: 4)
        guard old % 4 == 0, new % 4 == 0, old + new <= 512 else { return Refusal.invalid.result }
        var sum = registers[5] & 0xffff_ffff
        for (pointer, count, mask) in [(registers[1], old, 0xffff_ffff as UInt64), (registers[3], new, 0)] {
            // No pointer is needed to nothing.
            guard count > 0 else { continue }
            let place = try locateArgument(pointer, count)
            for word in 0..<count / 4 { sum += fetch(Pointer.region(pointer), place + 4 * word, 4) ^ mask }
        }
        while sum >> 32 != 0 { sum = sum & 0xffff_ffff + sum >> 32 }
        return sum
    }

    private mutating func loadBytes(_ registers: Registers) throws(EBPF.Fault.Reason) -> UInt64 {
        guard registers[1] == Pointer.of(.context) else { throw .argument(.loadBytes, 1) }
        let offset = UInt64(UInt32(truncatingIfNeeded: registers[2]))
        let count = try size(registers[4], .loadBytes, at: 4)
        let to = Pointer.region(registers[3])
        let place = try locateArgument(registers[3], count)
        guard offset + UInt64(count) <= UInt64(frame.count) else { return Refusal.invalid.result }
        for step in 0..<count { put(UInt64(frame[Int(offset) + step]), to, place + step, 1) }
        return 0
    }

    private mutating func size(
        _ number: UInt64, _ helper: EBPF.Helper, at argument: Int
    ) throws(EBPF.Fault.Reason) -> Int {
        guard number <= UInt64(Self.frameLimit) else { throw .argument(helper, argument) }
        return Int(number)
    }

    // ---- Sockets.

    private mutating func lookUpSocket(_ registers: Registers) throws(EBPF.Fault.Reason) -> UInt64 {
        guard registers[1] == Pointer.of(.context) else { throw .argument(.lookupTCP, 1) }
        let size = try size(registers[3], .lookupTCP, at: 3)
        _ = try locateArgument(registers[2], size)
        let free = (~sockets).trailingZeroBitCount
        // Addresses and ports of IPv4, or of IPv6.
        guard size == 12 || size == 36, registers[5] == 0, cookies.listens, free < 64 else { return 0 }
        sockets |= 1 << UInt64(free)
        return Pointer.of(.socket, slot: free)
    }

    private mutating func socket(_ pointer: UInt64, _ helper: EBPF.Helper) throws(EBPF.Fault.Reason) -> Int {
        let slot = Pointer.slot(pointer)
        guard pointer == Pointer.of(.socket, slot: slot), slot < 64, sockets & 1 << UInt64(slot) != 0 else {
            throw .argument(helper, 1)
        }
        return slot
    }

    private mutating func cookie(
        _ helper: EBPF.Helper, _ registers: Registers
    ) throws(EBPF.Fault.Reason) -> UInt64 {
        _ = try socket(registers[1], helper)
        let network = try size(registers[3], helper, at: 3)
        let transport = try size(registers[5], helper, at: 5)
        _ = try locateArgument(registers[2], network)
        let place = try locateArgument(registers[4], transport)
        guard transport >= 20, network >= 20, cookies.state == 10 else { return Refusal.invalid.result }
        let region = Pointer.region(registers[4])
        // FIN, SYN, RST and ACK.
        let flags = fetch(region, place + 13, 1) & 0x17
        if helper == .checkSYNCookie {
            return flags & 0x16 == 0x10 && cookies.accepts ? 0 : Refusal.notFound.result
        }
        guard flags == 0x02, Int(fetch(region, place + 12, 1) >> 4) * 4 == transport else {
            return Refusal.invalid.result
        }
        guard cookies.segment > 0 else { return Refusal.notFound.result }
        return UInt64(cookies.cookie) | UInt64(cookies.segment) << 32
    }
}

// ---- What tests and tools see of the maps.

extension EBPF.Machine {
    /// The value of a key; nil: none. Keys are of the map's size, or none is found. Of prefixes it is that of exactly
    /// this prefix, of a perProcessorArray that of ``processor``. Looking here is no use that keeps an entry.
    ///
    /// Set nil to take an entry away (of an array: to make it zero). It traps where the map, key or value cannot be: that
    /// is a bug of who writes it. A full map stays as it is; see ``insert(_:_:in:)``.
    package subscript(map: EBPF.Map, key: [UInt8]) -> [UInt8]? {
        get {
            guard key.count == Int(map.keySize), key.count <= Key.size,
                let contents = indices[map].map({ contents[$0] }) ?? Contents(map)
            else { return nil }
            return contents.findExactly(Key(key), processor: processor).map { contents.value($0) }
        }
        set {
            if let newValue {
                _ = insert(newValue, key, in: map)
            } else if map.kind == .array || map.kind == .perProcessorArray {
                _ = insert(Array(repeating: 0, count: Int(map.valueSize)), key, in: map)
            } else if let index = indices[map], key.count == Int(map.keySize), contents[index].hasValues {
                contents[index].remove(Key(key))
            }
        }
    }

    /// The same by the number of an array's entry.
    package subscript(map: EBPF.Map, index: UInt32) -> [UInt8]? {
        get { self[map, Self.bytes(index)] }
        set { self[map, Self.bytes(index)] = newValue }
    }

    /// Puts a value in, whatever was there; false: the map is full, or has no such index.
    package mutating func insert(_ value: [UInt8], _ key: [UInt8], in map: EBPF.Map) -> Bool {
        guard let index = index(of: map), contents[index].hasValues else {
            preconditionFailure("\(map.name) cannot hold values")
        }
        precondition(
            key.count == Int(map.keySize) && value.count == Int(map.valueSize), "sizes of \(map.name) are others")
        do throws(Refusal) {
            let slot = try contents[index].insert(Key(key), processor: processor, flags: 0)
            contents[index].setValue(slot, value)
            return true
        } catch {
            return false
        }
    }

    /// All entries of a hash or of prefixes; without order.
    package func entries(of map: EBPF.Map) -> [(key: [UInt8], value: [UInt8])] {
        guard let contents = indices[map].map({ contents[$0] }) else { return [] }
        return contents.entries.map { ($0.key.bytes(Int(map.keySize)), contents.value($0.slot)) }
    }

    /// The numbers of 64 bits in a value, added up over all processors; empty where there is no such entry.
    package func sums(_ map: EBPF.Map, _ index: UInt32) -> [UInt64] {
        guard index < map.entries, map.kind == .perProcessorArray || map.kind == .array else { return [] }
        var sums = [UInt64](repeating: 0, count: Int(map.valueSize) / 8)
        guard let contents = indices[map].map({ contents[$0] }) else { return sums }
        for slot in stride(from: Int(index), to: contents.values.count / contents.stride, by: Int(map.entries)) {
            for word in sums.indices {
                sums[word] &+= Self.read(contents.values, slot * contents.stride + 8 * word, 8)
            }
        }
        return sums
    }

    /// Puts a program where tail calls find it, or takes it away; throws where the program is wrong.
    package mutating func set(_ program: EBPF.Program?, at slot: UInt32, of map: EBPF.Map) throws(EBPF.Fault) {
        guard let index = index(of: map), map.kind == .programs, slot < map.entries else {
            preconditionFailure("\(map.name) has no place \(slot) for a program")
        }
        var steps: [EBPF.Step]?
        if let program { steps = try check(program) }
        contents[index].programs[Int(slot)] = steps
    }

    /// What was put out to a ring since the last time, in order; the ring is empty afterwards.
    package mutating func takeRecords(of map: EBPF.Map) -> [[UInt8]] {
        guard let index = indices[map] else { return [] }
        let records = contents[index].records
        contents[index].records = []
        contents[index].used = 0
        return records
    }

    private static func bytes(_ index: UInt32) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: index >> (8 * $0)) }
    }
}
