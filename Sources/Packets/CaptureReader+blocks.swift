internal import Bytes

/// An interface of a pcapng section: what its frames begin with, and how its times are written.
struct CaptureInterface: Sendable, BitwiseCopyable {
    var link = LinkType.ethernet
    /// Most bytes kept of a frame; 0: no limit.
    var snapLength = 0
    /// if_tsresol as it came: a negative power of ten, or of two with the highest bit set.
    var resolution: UInt8 = 6
    /// if_tsoffset: seconds to add.
    var offset: Int64 = 0
    /// Its description was wrong: its frames are refused, for their link and times are not known.
    var isRefused = false

    /// Nanoseconds since 1970, cut off to the range of the type.
    @inline(__always)
    func time(high: UInt32, low: UInt32) -> Int64 {
        let units = UInt64(high) << 32 | UInt64(low)
        if resolution == 6, offset == 0, units <= 9_223_372_036_854_775 { return Int64(units) &* 1000 }
        return slowTime(units)
    }

    @inline(never)
    private func slowTime(_ units: UInt64) -> Int64 {
        let exponent = Int(resolution & 0x7f)
        var nanoseconds: UInt64
        if resolution & 0x80 != 0 {
            let product = units.multipliedFullWidth(by: 1_000_000_000)
            switch exponent {
            case 0: nanoseconds = product.high == 0 ? product.low : .max
            case 1...63:
                let overflow = product.high >> UInt64(exponent)
                nanoseconds =
                    overflow == 0 ? product.high << UInt64(64 - exponent) | product.low >> UInt64(exponent) : .max
            default: nanoseconds = exponent == 64 ? product.high : product.high >> UInt64(exponent - 64)
            }
        } else {
            nanoseconds = units
            for _ in 0..<max(0, 9 - exponent) {
                let product = nanoseconds.multipliedReportingOverflow(by: 10)
                nanoseconds = product.overflow ? .max : product.partialValue
            }
            for _ in 0..<max(0, exponent - 9) { nanoseconds /= 10 }
        }
        let shift = offset.multipliedReportingOverflow(by: 1_000_000_000)
        let base = shift.overflow ? (offset < 0 ? Int64.min : .max) : shift.partialValue
        let sum = Int64(clamping: nanoseconds).addingReportingOverflow(base)
        return sum.overflow ? (base < 0 ? Int64.min : .max) : sum.partialValue
    }
}

// pcapng: a stream of blocks, each with its length before and after it.
extension CaptureReader {
    private enum Block {
        static var interface: UInt32 { 1 }
        /// Obsolete, but written by old programs.
        static var packet: UInt32 { 2 }
        static var simplePacket: UInt32 { 3 }
        static var enhancedPacket: UInt32 { 6 }
    }

    /// Reads blocks until one holds a frame.
    mutating func nextBlock(_ bytes: RawSpan, _ offset: inout Int) throws(Malformed) -> Step {
        while true {
            guard bytes.holds(12, at: offset) else { return .more(needed: 12) }
            let start = offset
            var type = bytes.four(start)
            if type == Magic.section {
                switch bytes.four(start + 8) {
                case Magic.order: isBigEndian = true
                case Magic.order.byteSwapped: isBigEndian = false
                default: throw lost(.invalid, at: start + 8)
                }
            } else {
                guard format == .pcapng else { throw lost(.invalid, at: start) }
                type = integer(bytes, start)
            }
            let length = Int(integer(bytes, start + 4))
            guard length >= 12, length % 4 == 0 else { throw lost(.invalid, at: start + 4) }
            let isFrame = type == Block.enhancedPacket || type == Block.simplePacket || type == Block.packet
            guard isFrame || type == Block.interface || type == Magic.section else {
                // Of no interest, however long: its bytes need not come together.
                let passed = min(length, bytes.byteCount - start)
                offset = start + passed
                pending = length - passed
                guard pending == 0 else { return .more(needed: 1) }
                continue
            }
            guard length <= Self.recordLimit else {
                if type == Magic.section { throw lost(.overBudget, at: start + 4) }
                // Its number is taken all the same.
                if type == Block.interface { interfaceCount += 1 }
                let passed = min(length, bytes.byteCount - start)
                offset = start + passed
                pending = length - passed
                throw Malformed(.overBudget, at: start + 4)
            }
            guard bytes.byteCount - start >= length else { return .more(needed: length) }
            offset = start + length
            guard Int(integer(bytes, offset - 4)) == length else { throw Malformed(.contradictory, at: offset - 4) }
            switch type {
            case Magic.section: try readSection(bytes, start, length)
            case Block.interface: try readInterface(bytes, start, length)
            default: return .frame(try readFrame(bytes, start, length, type))
            }
        }
    }

    private mutating func readSection(_ bytes: RawSpan, _ start: Int, _ length: Int) throws(Malformed) {
        guard length >= 28 else { throw lost(.truncated, at: start + 4) }
        guard short(bytes, start + 12) == 1 else { throw lost(.unsupported, at: start + 12) }
        format = .pcapng
        interfaces.removeAll(keepingCapacity: true)
        interfaceCount = 0
    }

    private mutating func readInterface(_ bytes: RawSpan, _ start: Int, _ length: Int) throws(Malformed) {
        interfaceCount += 1
        guard interfaceCount <= Self.interfaceLimit else { return }
        var interface = CaptureInterface()
        // Numbers go by order: one that is refused takes its number all the same.
        interface.isRefused = true
        defer { interfaces.append(interface) }
        guard length >= 20 else { throw Malformed(.truncated, at: start + 4) }
        interface.link = LinkType(rawValue: short(bytes, start + 8))
        interface.snapLength = Int(integer(bytes, start + 12))
        var place = start + 16
        let end = start + length - 4
        while end - place >= 4 {
            let code = short(bytes, place)
            let size = Int(short(bytes, place + 2))
            guard code != 0 else { break }
            guard end - place - 4 >= size else { throw Malformed(.contradictory, at: place + 2) }
            switch code {
            case 9 where size == 1: interface.resolution = bytes.byte(place + 4)
            case 14 where size == 8:
                let value = bytes.eight(place + 4)
                interface.offset = Int64(bitPattern: isBigEndian ? value : value.byteSwapped)
            case 9, 14: throw Malformed(.invalid, at: place + 2)
            default: break
            }
            place += 4 + (size + 3) & ~3
        }
        interface.isRefused = false
    }

    @inline(__always)
    private mutating func readFrame(
        _ bytes: RawSpan, _ start: Int, _ length: Int, _ type: UInt32
    ) throws(Malformed) -> CaptureFrame {
        let headerSize = type == Block.simplePacket ? 12 : 28
        guard length >= headerSize + 4 else { throw Malformed(.truncated, at: start + 4) }
        var number = 0
        if type == Block.enhancedPacket { number = Int(integer(bytes, start + 8)) }
        if type == Block.packet { number = Int(short(bytes, start + 8)) }
        guard number < interfaces.count else {
            throw Malformed(number < interfaceCount ? .overBudget : .invalid, at: start + 8)
        }
        let interface = interfaces[number]
        guard !interface.isRefused else { throw Malformed(.invalid, at: start + 8) }
        let room = length - headerSize - 4
        var kept: Int
        let original: Int
        if type == Block.simplePacket {
            original = Int(integer(bytes, start + 8))
            kept = min(room, original)
            if interface.snapLength > 0 { kept = min(kept, interface.snapLength) }
        } else {
            kept = Int(integer(bytes, start + 20))
            original = Int(integer(bytes, start + 24))
            guard kept <= room else { throw Malformed(.contradictory, at: start + 20) }
            lastTime = interface.time(high: integer(bytes, start + 12), low: integer(bytes, start + 16))
        }
        return CaptureFrame(
            start: start + headerSize, length: kept, time: lastTime, link: interface.link, originalLength: original)
    }
}
