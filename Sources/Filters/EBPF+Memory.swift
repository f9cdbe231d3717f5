// Many functions here are mutating that only read: to call others the compiler copies the whole machine, reference by
// reference, which took a third of the time of a run.
extension EBPF.Machine {
    /// What a pointer points into.
    struct Region: Equatable, Sendable, BitwiseCopyable {
        let number: UInt64

        static let context = Region(number: 1)
        static let stack = Region(number: 2)
        static let packet = Region(number: 3)
        /// A map, not what it holds.
        static let map = Region(number: 4)
        static let socket = Region(number: 5)
        /// And above: the values of each map.
        static let firstValues: UInt64 = 16

        static func values(_ index: Int) -> Region { Region(number: firstValues + UInt64(index)) }

        /// Of a map whose values these are.
        @inline(__always)
        var index: Int? { number >= Self.firstValues ? Int(number - Self.firstValues) : nil }
    }

    /// How the machine's pointers are made: the region in the upper 12 bits, which of its things in 28 bits, and a
    /// distance in 24, of which the middle is the first byte, so that a place somewhat before it is known for one.
    enum Pointer {
        static let mapLimit = 1 << 12 - Int(Region.firstValues)
        /// Values of a map, over all processors.
        static let slotLimit = 1 << 28
        /// Bytes of a value.
        static let valueLimit = 1 << 22
        private static let middle: UInt64 = 1 << 23

        @inline(__always)
        static func of(_ region: Region, slot: Int = 0) -> UInt64 {
            region.number << 52 | UInt64(slot) << 24 | middle
        }

        @inline(__always)
        static func region(_ pointer: UInt64) -> Region { Region(number: pointer >> 52) }
        @inline(__always)
        static func slot(_ pointer: UInt64) -> Int { Int(pointer >> 24 & 0xfff_ffff) }
        @inline(__always)
        static func offset(_ pointer: UInt64) -> Int { Int(pointer & 0xff_ffff) - Int(middle) }
    }

    /// Where the frame begins, until its ends move.
    var packetStart: UInt64 { Pointer.of(.packet, slot: Int(generation & 0xfff_ffff)) }
    var packetEnd: UInt64 { packetStart + UInt64(frame.count) }

    // ---- What instructions do.

    @inline(__always)
    mutating func load(_ pointer: UInt64, _ count: Int) throws(EBPF.Fault.Reason) -> UInt64 {
        let region = Pointer.region(pointer)
        if region == .context { return try loadContext(pointer, count) }
        if region == .socket { return try loadSocket(pointer, count) }
        let place = try locate(pointer, count)
        if region == .stack {
            guard place % count == 0 else { throw .misaligned }
            guard isKnown(place, count) else { throw .unsetStack }
        }
        return fetch(region, place, count)
    }

    @inline(__always)
    mutating func store(_ number: UInt64, _ pointer: UInt64, _ count: Int) throws(EBPF.Fault.Reason) {
        let region = Pointer.region(pointer)
        let place = try locate(pointer, count)
        if region == .stack {
            guard place % count == 0 else { throw .misaligned }
            // Aligned, so that all bytes are in one word.
            knownStack[place >> 6] |= (UInt64.max >> UInt64(64 - count)) << UInt64(place & 63)
        }
        put(number, region, place, count)
    }

    mutating func add(_ number: UInt64, _ pointer: UInt64, _ count: Int) throws(EBPF.Fault.Reason) {
        let region = Pointer.region(pointer)
        // The kernel has no atomic writing to packets.
        guard region == .stack || region.index != nil else { throw .notMemory(pointer) }
        guard Pointer.offset(pointer) % count == 0 else { throw .misaligned }
        put(try load(pointer, count) &+ number, region, try locate(pointer, count), count)
    }

    /// struct xdp_md: only whole words of it can be read, and the ends of the packet come as pointers.
    private mutating func loadContext(_ pointer: UInt64, _ count: Int) throws(EBPF.Fault.Reason) -> UInt64 {
        guard count == 4 else { throw .outside(pointer) }
        switch Pointer.offset(pointer) {
        // data and data_meta: we have no metadata, which then begins where the packet does.
        case 0, 8: return packetStart
        case 4: return packetEnd
        case 12: return UInt64(interface)
        case 16: return UInt64(queue)
        default: throw .outside(pointer)
        }
    }

    /// Of struct bpf_sock only the state.
    private mutating func loadSocket(_ pointer: UInt64, _ count: Int) throws(EBPF.Fault.Reason) -> UInt64 {
        guard sockets & 1 << UInt64(Pointer.slot(pointer)) != 0 else { throw .notMemory(pointer) }
        guard Pointer.offset(pointer) == Cookies.stateOffset, count == 4 else { throw .outside(pointer) }
        return UInt64(cookies.state)
    }

    // ---- Places and bytes.

    /// Where in its region so many bytes lie, all of which are there.
    @inline(__always)
    mutating func locate(_ pointer: UInt64, _ count: Int) throws(EBPF.Fault.Reason) -> Int {
        let region = Pointer.region(pointer)
        let offset = Pointer.offset(pointer)
        if region == .packet {
            guard UInt64(Pointer.slot(pointer)) == generation & 0xfff_ffff else { throw .stalePacket }
            guard offset >= 0, count <= frame.count - offset else { throw .outside(pointer) }
            return offset
        }
        if region == .stack {
            guard Pointer.slot(pointer) == 0, offset >= 0, count <= Self.stackSize - offset else {
                throw .outside(pointer)
            }
            return offset
        }
        guard let index = region.index, index < contents.count else { throw .notMemory(pointer) }
        guard offset >= 0, count <= contents[index].valueSize - offset else { throw .outside(pointer) }
        let place = Pointer.slot(pointer) * contents[index].stride + offset
        guard count <= contents[index].values.count - place else { throw .outside(pointer) }
        return place
    }

    /// Whether bytes of the stack, which lie in it, were written.
    @inline(__always)
    mutating func isKnown(_ place: Int, _ count: Int) -> Bool {
        let word = place >> 6
        if place & 63 + count <= 64, count > 0 {
            let bits = (UInt64.max >> UInt64(64 - count)) << UInt64(place & 63)
            return knownStack[word] & bits == bits
        }
        return (place..<place + count).allSatisfy { knownStack[$0 >> 6] & 1 << UInt64($0 & 63) != 0 }
    }

    /// 1, 2, 4 or 8 bytes from a place that ``locate(_:_:)`` found.
    @inline(__always)
    mutating func fetch(_ region: Region, _ place: Int, _ count: Int) -> UInt64 {
        if region == .packet { return Self.read(frame, place, count) }
        if let index = region.index { return Self.read(contents[index].values, place, count) }
        return Self.read(stack, place, count)
    }

    /// The low 1, 2, 4 or 8 bytes to a place that ``locate(_:_:)`` found.
    @inline(__always)
    mutating func put(_ number: UInt64, _ region: Region, _ place: Int, _ count: Int) {
        if region == .packet {
            Self.write(number, to: &frame, place, count)
        } else if let index = region.index {
            Self.write(number, to: &contents[index].values, place, count)
        } else {
            Self.write(number, to: &stack, place, count)
        }
    }

    /// Bounds are checked; "unsafe" is that bytes are taken for a number, which any bytes are.
    @inline(__always)
    static func read(_ array: [UInt8], _ place: Int, _ count: Int) -> UInt64 {
        let bytes = array.span.bytes
        return switch count {
        case 1: UInt64(bytes.unsafeLoad(fromByteOffset: place, as: UInt8.self))
        case 2: UInt64(UInt16(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: place, as: UInt16.self)))
        case 4: UInt64(UInt32(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: place, as: UInt32.self)))
        default: UInt64(littleEndian: bytes.unsafeLoadUnaligned(fromByteOffset: place, as: UInt64.self))
        }
    }

    @inline(__always)
    static func write(_ number: UInt64, to array: inout [UInt8], _ place: Int, _ count: Int) {
        var span = array.mutableSpan
        var bytes = span.mutableBytes
        switch count {
        case 1: bytes.storeBytes(of: UInt8(truncatingIfNeeded: number), toByteOffset: place, as: UInt8.self)
        case 2:
            let half = UInt16(truncatingIfNeeded: number).littleEndian
            bytes.storeBytes(of: half, toByteOffset: place, as: UInt16.self)
        case 4:
            let word = UInt32(truncatingIfNeeded: number).littleEndian
            bytes.storeBytes(of: word, toByteOffset: place, as: UInt32.self)
        default: bytes.storeBytes(of: number.littleEndian, toByteOffset: place, as: UInt64.self)
        }
    }

    // ---- What helpers read.

    /// Where bytes lie that a helper reads: of the stack only such as were written, at any place.
    mutating func locateArgument(_ pointer: UInt64, _ count: Int) throws(EBPF.Fault.Reason) -> Int {
        let place = try locate(pointer, count)
        if Pointer.region(pointer) == .stack, !isKnown(place, count) { throw .unsetStack }
        return place
    }

    /// Any number of bytes up to 8, the first lowest.
    mutating func fetchSome(_ region: Region, _ place: Int, _ count: Int) -> UInt64 {
        if count >= 8 { return fetch(region, place, 8) }
        if count == 4 { return fetch(region, place, 4) }
        var number: UInt64 = 0
        for step in (0..<count).reversed() { number = number << 8 | fetch(region, place + step, 1) }
        return number
    }

    mutating func key(_ pointer: UInt64, _ count: Int) throws(EBPF.Fault.Reason) -> Key {
        let region = Pointer.region(pointer)
        let place = try locateArgument(pointer, count)
        var key = Key()
        for word in 0..<(count + 7) / 8 {
            key.setWord(word, fetchSome(region, place + 8 * word, count - 8 * word))
        }
        return key
    }

    mutating func bytes(_ pointer: UInt64, _ count: Int) throws(EBPF.Fault.Reason) -> [UInt8] {
        let region = Pointer.region(pointer)
        let place = try locateArgument(pointer, count)
        return (place..<place + count).map { UInt8(truncatingIfNeeded: fetch(region, $0, 1)) }
    }
}
