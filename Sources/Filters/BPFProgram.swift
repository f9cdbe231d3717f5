internal import Addresses
internal import Fingerprints
internal import Packets

/// Writes the program: first what reads the headers into memory words, then a block per pattern that returns where all
/// its tests hold. What a block reads it first knows to be there, for a load beyond the packet would end the program for
/// the blocks after it too.
struct BPFProgram {
    private(set) var instructions: [ClassicBPF.Instruction] = []
    private var base: UInt32 = 0
    /// Jumps of the present block that go to its end.
    private var failures: [Int] = []

    private typealias Code = ClassicBPF.Code

    /// Memory words.
    private enum Word {
        /// Where the transport header begins; `nowhere` in a later fragment.
        static let transport: UInt32 = 0
        /// Where the payload begins; `nowhere` where there is none.
        static let payload: UInt32 = 1
        static let protocolNumber: UInt32 = 2
        /// 0 whole, 1 first, 2 later.
        static let fragment: UInt32 = 3
        /// Of the IP packet.
        static let length: UInt32 = 4
        static let ttl: UInt32 = 5
        /// 4 or 6.
        static let version: UInt32 = 6
        /// The first byte after the IP packet, or after what there is of it.
        static let end: UInt32 = 7
    }

    /// A place beyond every packet, to which small numbers can be added.
    private static let nowhere: UInt32 = 1 << 24
    /// IPv6 extension headers that are walked.
    private static let extensionLimit = 6
    /// Labels of a name that are walked to its end.
    private static let labelLimit = 16

    // ---- Parts.

    private mutating func emit(_ code: UInt16, _ constant: UInt32 = 0, ifTrue: UInt8 = 0, ifFalse: UInt8 = 0) {
        instructions.append(ClassicBPF.Instruction(code, constant, ifTrue: ifTrue, ifFalse: ifFalse))
    }

    private mutating func emitJump() -> Int {
        emit(Code.jump)
        return instructions.count - 1
    }

    /// Lets earlier jumps end here.
    private mutating func land(_ jumps: [Int]) {
        for jump in jumps { instructions[jump].constant = UInt32(instructions.count - jump - 1) }
    }

    /// Goes on where the comparison holds, to the block's end where it does not.
    private mutating func require(_ code: UInt16, _ constant: UInt32) {
        emit(code, constant, ifTrue: 1, ifFalse: 0)
        failures.append(emitJump())
    }

    private mutating func requireNot(_ code: UInt16, _ constant: UInt32) {
        emit(code, constant, ifTrue: 0, ifFalse: 1)
        failures.append(emitJump())
    }

    /// The accumulator is one of these numbers, which ascend.
    private mutating func require(_ numbers: Numbers) {
        var fits: [Int] = []
        for (place, range) in numbers.ranges.enumerated() {
            if range.lowerBound > 0 { require(Code.jumpAtLeast, range.lowerBound) }
            if place == numbers.ranges.count - 1 {
                requireNot(Code.jumpGreater, range.upperBound)
            } else {
                emit(Code.jumpGreater, range.upperBound, ifTrue: 1, ifFalse: 0)
                fits.append(emitJump())
            }
        }
        land(fits)
    }

    private mutating func requireWord(_ word: UInt32, _ numbers: Numbers) {
        emit(Code.loadMemory, word)
        require(numbers)
    }

    /// The packet has `count` bytes from the place in a memory word on; that place is then in X.
    private mutating func requireBytes(_ count: UInt32, from word: UInt32) {
        emit(Code.loadMemory, word)
        emit(Code.add, count)
        emit(Code.toX)
        emit(Code.loadMemory, Word.end)
        emit(Code.jumpAtLeastX, ifTrue: 1, ifFalse: 0)
        failures.append(emitJump())
        emit(Code.loadXMemory, word)
    }

    // ---- The headers.

    mutating func begin(_ link: ClassicBPF.Link) {
        base = link == .ethernet ? 14 : 0
        failures = []
        var toIPv6: [Int] = []
        if link == .ethernet {
            emit(Code.loadHalf, 12)
            emit(Code.jumpEqual, 0x86dd, ifTrue: 0, ifFalse: 1)
            toIPv6.append(emitJump())
            emit(Code.jumpEqual, 0x0800, ifTrue: 1, ifFalse: 0)
            emit(Code.returnConstant, 0)
        }
        emit(Code.loadByte, base)
        emit(Code.shiftRight, 4)
        if link == .raw {
            emit(Code.jumpEqual, 6, ifTrue: 0, ifFalse: 1)
            toIPv6.append(emitJump())
        }
        emit(Code.jumpEqual, 4, ifTrue: 1, ifFalse: 0)
        emit(Code.returnConstant, 0)
        readIPv4()
        let toEnd = emitJump()
        land(toIPv6)
        readIPv6()
        land([toEnd])
        readEnd()
        readPayloadPlace()
    }

    private mutating func readIPv4() {
        emit(Code.store, Word.version)
        emit(Code.loadHalf, base + 2)
        emit(Code.store, Word.length)
        emit(Code.loadByte, base + 8)
        emit(Code.store, Word.ttl)
        emit(Code.loadByte, base + 9)
        emit(Code.store, Word.protocolNumber)
        emit(Code.loadByte, base)
        emit(Code.and, 15)
        emit(Code.shiftLeft, 2)
        emit(Code.jumpAtLeast, 20, ifTrue: 1, ifFalse: 0)
        emit(Code.returnConstant, 0)
        emit(Code.toX)
        emit(Code.loadMemory, Word.length)
        emit(Code.jumpAtLeastX, ifTrue: 1, ifFalse: 0)
        emit(Code.returnConstant, 0)
        emit(Code.toA)
        emit(Code.add, base)
        emit(Code.store, Word.transport)
        emit(Code.loadHalf, base + 6)
        storeFragment(offset: 0x1fff, more: 0x2000)
    }

    /// Of the accumulator's two fields.
    private mutating func storeFragment(offset: UInt32, more: UInt32) {
        emit(Code.jumpSet, offset, ifTrue: 0, ifFalse: 2)
        emit(Code.load, 2)
        emit(Code.jump, 4)
        emit(Code.jumpSet, more, ifTrue: 0, ifFalse: 2)
        emit(Code.load, 1)
        emit(Code.jump, 1)
        emit(Code.load, 0)
        emit(Code.store, Word.fragment)
    }

    private mutating func readIPv6() {
        emit(Code.loadByte, base)
        emit(Code.shiftRight, 4)
        emit(Code.jumpEqual, 6, ifTrue: 1, ifFalse: 0)
        emit(Code.returnConstant, 0)
        emit(Code.store, Word.version)
        emit(Code.loadHalf, base + 4)
        emit(Code.add, 40)
        emit(Code.store, Word.length)
        emit(Code.loadByte, base + 7)
        emit(Code.store, Word.ttl)
        emit(Code.loadByte, base + 6)
        emit(Code.store, Word.protocolNumber)
        emit(Code.load, 0)
        emit(Code.store, Word.fragment)
        emit(Code.load, base + 40)
        emit(Code.store, Word.transport)
        var toEnd: [Int] = []
        for _ in 0..<Self.extensionLimit { readExtension(&toEnd) }
        land(toEnd)
    }

    /// One extension header (RFC 8200, section 4): hop-by-hop 0, routing 43, fragment 44, authentication 51, destination
    /// 60, mobility 135, HIP 139, Shim6 140.
    private mutating func readExtension(_ toEnd: inout [Int]) {
        emit(Code.loadXMemory, Word.transport)
        emit(Code.loadMemory, Word.protocolNumber)
        var toGeneric: [Int] = []
        for number: UInt32 in [0, 43, 60, 135, 139, 140] {
            emit(Code.jumpEqual, number, ifTrue: 0, ifFalse: 1)
            toGeneric.append(emitJump())
        }
        emit(Code.jumpEqual, 44, ifTrue: 0, ifFalse: 1)
        let toFragment = emitJump()
        emit(Code.jumpEqual, 51, ifTrue: 1, ifFalse: 0)
        toEnd.append(emitJump())
        // Authentication: in words, less two.
        emit(Code.loadByteAtX, 0)
        emit(Code.store, Word.protocolNumber)
        emit(Code.loadByteAtX, 1)
        emit(Code.add, 2)
        emit(Code.shiftLeft, 2)
        let toNext = emitJump()
        land(toGeneric)
        emit(Code.loadByteAtX, 0)
        emit(Code.store, Word.protocolNumber)
        emit(Code.loadByteAtX, 1)
        emit(Code.add, 1)
        emit(Code.shiftLeft, 3)
        let alsoToNext = emitJump()
        land([toFragment])
        emit(Code.loadHalfAtX, 2)
        storeFragment(offset: 0xfff8, more: 1)
        emit(Code.loadByteAtX, 0)
        emit(Code.store, Word.protocolNumber)
        emit(Code.loadMemory, Word.fragment)
        emit(Code.jumpEqual, 2, ifTrue: 0, ifFalse: 1)
        toEnd.append(emitJump())
        emit(Code.load, 8)
        land([toNext, alsoToNext])
        emit(Code.addX)
        emit(Code.store, Word.transport)
    }

    /// Where the packet ends: as its header says, or where the frame ends before that.
    private mutating func readEnd() {
        emit(Code.loadMemory, Word.length)
        emit(Code.add, base)
        emit(Code.toX)
        emit(Code.loadLength)
        emit(Code.jumpGreaterX, ifTrue: 0, ifFalse: 1)
        emit(Code.toA)
        emit(Code.store, Word.end)
        // A later fragment has neither header nor payload of its own.
        emit(Code.load, Self.nowhere)
        emit(Code.store, Word.payload)
        emit(Code.loadMemory, Word.fragment)
        emit(Code.jumpEqual, 2, ifTrue: 0, ifFalse: 2)
        emit(Code.load, Self.nowhere)
        emit(Code.store, Word.transport)
    }

    private mutating func readPayloadPlace() {
        var done: [Int] = []
        emit(Code.loadMemory, Word.protocolNumber)
        emit(Code.jumpEqual, UInt32(PacketSummary.tcp), ifTrue: 0, ifFalse: 1)
        let toTCP = emitJump()
        for number in [PacketSummary.udp, PacketSummary.icmp, PacketSummary.icmpv6] {
            emit(Code.jumpEqual, UInt32(number), ifTrue: number == PacketSummary.udp ? 3 : number == 1 ? 2 : 1)
        }
        done.append(emitJump())
        emit(Code.loadMemory, Word.transport)
        emit(Code.add, 8)
        emit(Code.store, Word.payload)
        done.append(emitJump())
        land([toTCP])
        failures = []
        requireBytes(20, from: Word.transport)
        emit(Code.loadByteAtX, 12)
        emit(Code.shiftRight, 4)
        emit(Code.shiftLeft, 2)
        require(Code.jumpAtLeast, 20)
        emit(Code.addX)
        emit(Code.store, Word.payload)
        land(done + failures)
        failures = []
    }

    // ---- The rules.

    /// Adds a block per pattern; throws where the program would be too long, and is then not to be used.
    mutating func add(
        _ patterns: [PacketPattern], targets: [Prefix], sources: [Prefix]
    ) throws(RuleRefusal) {
        for pattern in patterns {
            failures = []
            requireAddress(targets, isSource: false)
            requireAddress(sources, isSource: true)
            requireHeader(pattern)
            requireTransport(pattern)
            requirePayload(pattern)
            emit(Code.returnConstant, ClassicBPF.matched)
            land(failures)
            failures = []
            guard instructions.count < ClassicBPF.instructionLimit else {
                throw RuleRefusal("the program would have more than \(ClassicBPF.instructionLimit) instructions")
            }
        }
    }

    func finished() -> ClassicBPF.Program {
        let whole = instructions + [ClassicBPF.Instruction(Code.returnConstant, 0)]
        guard let program = ClassicBPF.Program(checking: whole) else {
            // Our bug: what is written here is checked by the tests over all patterns.
            assertionFailure("a program that does not pass the check")
            return ClassicBPF.Program(checking: [ClassicBPF.Instruction(Code.returnConstant, 0)])!
        }
        return program
    }

    private mutating func requireAddress(_ prefixes: [Prefix], isSource: Bool) {
        guard !prefixes.isEmpty else { return }
        var fits: [Int] = []
        for prefix in prefixes {
            var misses: [Int] = []
            let isIPv4 = prefix.address.isIPv4
            func word(_ index: Int) -> UInt32 {
                guard !isIPv4 else { return prefix.address.ipv4 }
                let half = index < 2 ? prefix.address.high : prefix.address.low
                return UInt32(truncatingIfNeeded: index % 2 == 0 ? half >> 32 : half)
            }
            emit(Code.loadMemory, Word.version)
            emit(Code.jumpEqual, isIPv4 ? 4 : 6, ifTrue: 1, ifFalse: 0)
            misses.append(emitJump())
            let place = base + (isIPv4 ? (isSource ? 12 : 16) : (isSource ? 8 : 24))
            for index in 0..<(prefix.length + 31) / 32 {
                let bits = min(32, prefix.length - 32 * index)
                let mask = bits == 32 ? UInt32.max : ~(UInt32.max >> UInt32(bits))
                emit(Code.loadWord, place + 4 * UInt32(index))
                if bits < 32 { emit(Code.and, mask) }
                emit(Code.jumpEqual, word(index) & mask, ifTrue: 1, ifFalse: 0)
                misses.append(emitJump())
            }
            fits.append(emitJump())
            land(misses)
        }
        failures.append(emitJump())
        land(fits)
    }

    private mutating func requireHeader(_ pattern: PacketPattern) {
        if let number = pattern.protocolNumber { requireWord(Word.protocolNumber, .one(UInt32(number))) }
        if let length = pattern.length { requireWord(Word.length, length) }
        if let ttl = pattern.ttl { requireWord(Word.ttl, ttl) }
        if let kinds = pattern.fragments, let numbers = Numbers(kinds.map { UInt32($0.rawValue)...UInt32($0.rawValue) })
        {
            requireWord(Word.fragment, numbers)
        }
    }

    private mutating func requireTransport(_ pattern: PacketPattern) {
        for (ports, place) in [(pattern.sourcePorts, UInt32(0)), (pattern.destinationPorts, 2)] {
            guard let ports else { continue }
            requireBytes(4, from: Word.transport)
            emit(Code.loadHalfAtX, place)
            require(ports)
        }
        if let flags = pattern.flags, let numbers = Numbers(flags.map { UInt32($0)...UInt32($0) }) {
            requireBytes(14, from: Word.transport)
            emit(Code.loadByteAtX, 13)
            require(numbers)
        }
        for (numbers, place) in [(pattern.icmpType, UInt32(0)), (pattern.icmpCode, 1)] {
            guard let numbers else { continue }
            requireBytes(2, from: Word.transport)
            emit(Code.loadByteAtX, place)
            require(numbers)
        }
    }

    private mutating func requirePayload(_ pattern: PacketPattern) {
        guard pattern.readsPayload else { return }
        if pattern.protocolNumber == PacketSummary.udp {
            requireBytes(6, from: Word.transport)
            emit(Code.loadHalfAtX, 4)
            require(Code.jumpAtLeast, UInt32(8 + pattern.payloadLength))
        }
        requireBytes(UInt32(pattern.payloadLength), from: Word.payload)
        var index = 0
        while index < pattern.marks.count {
            let mark = pattern.marks[index]
            var count = 1
            while count < 4, index + count < pattern.marks.count,
                pattern.marks[index + count].offset == mark.offset + count
            { count += 1 }
            if count == 3 { count = 2 }
            var mask: UInt32 = 0
            var value: UInt32 = 0
            for part in pattern.marks[index..<index + count] {
                mask = mask << 8 | UInt32(part.mask)
                value = value << 8 | UInt32(part.value)
            }
            emit(
                count == 4 ? Code.loadWordAtX : count == 2 ? Code.loadHalfAtX : Code.loadByteAtX, UInt32(mark.offset))
            if mask != UInt32.max >> UInt32(32 - 8 * count) { emit(Code.and, mask) }
            require(Code.jumpEqual, value)
            index += count
        }
        if let types = pattern.dnsType { requireType(types) }
    }

    /// Walks a question's name label by label, from the payload's twelfth byte on; X is where the label begins.
    private mutating func requireType(_ types: Numbers) {
        var ends: [Int] = []
        emit(Code.loadMemory, Word.payload)
        emit(Code.add, 12)
        emit(Code.toX)
        for step in 0...Self.labelLimit {
            // A label's length, and the type behind it where it is the last, are in the packet.
            emit(Code.toA)
            emit(Code.add, 3)
            emit(Code.store, 8)
            emit(Code.storeX, 9)
            emit(Code.loadXMemory, 8)
            emit(Code.loadMemory, Word.end)
            emit(Code.jumpAtLeastX, ifTrue: 1, ifFalse: 0)
            failures.append(emitJump())
            emit(Code.loadXMemory, 9)
            emit(Code.loadByteAtX, 0)
            emit(Code.jumpEqual, 0, ifTrue: 0, ifFalse: 1)
            ends.append(emitJump())
            guard step < Self.labelLimit else {
                failures.append(emitJump())
                break
            }
            // Longer ones are pointers to elsewhere.
            requireNot(Code.jumpGreater, 63)
            emit(Code.addX)
            emit(Code.add, 1)
            emit(Code.toX)
        }
        land(ends)
        emit(Code.loadHalfAtX, 1)
        require(types)
    }
}
