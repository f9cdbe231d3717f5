/// The kernel's own machine for small programs: eleven registers of 64 bits, 512 bytes of stack, maps that outlive a run
/// (RFC 9669). What runs in the kernel is written by ``Assembler``, and can be run here too by ``Machine``.
package enum EBPF {
    /// The most instructions of one program that Linux takes from who may (BPF_COMPLEXITY_LIMIT_INSNS).
    package static let instructionLimit = 1_000_000

    package enum Register: UInt8, CaseIterable, Sendable {
        /// Results; calls leave r0 to r5 undefined.
        case r0
        case r1, r2, r3, r4, r5
        /// Kept over calls.
        case r6, r7, r8, r9
        /// The stack's end: what lies below it is the program's.
        case frame
    }

    /// Bytes of a load or store, as its code has them.
    package enum Size: UInt8, CaseIterable, Sendable {
        case word = 0x00
        case half = 0x08
        case byte = 0x10
        case double = 0x18

        package var count: Int {
            switch self {
            case .word: 4
            case .half: 2
            case .byte: 1
            case .double: 8
            }
        }
    }

    /// Of 64 bits, unless said otherwise (RFC 9669, section 4.1).
    package enum Operation: UInt8, CaseIterable, Sendable {
        case add = 0x00
        case subtract = 0x10
        case multiply = 0x20
        /// Without sign; by zero gives zero.
        case divide = 0x30
        case or = 0x40
        case and = 0x50
        case shiftLeft = 0x60
        case shiftRight = 0x70
        /// By zero leaves the number.
        case remainder = 0x90
        case xor = 0xa0
        case move = 0xb0
    }

    /// Comparisons without sign, of 64 bits (RFC 9669, section 4.3).
    package enum Comparison: UInt8, CaseIterable, Sendable {
        case equal = 0x10
        case greater = 0x20
        case atLeast = 0x30
        /// Any common bit.
        case sharing = 0x40
        case unequal = 0x50
        case less = 0xa0
        case atMost = 0xb0
    }

    /// Functions of the kernel that our programs call, by their numbers (linux/bpf.h).
    package enum Helper: Int32, CaseIterable, Sendable {
        /// (map, key) → value or 0.
        case mapLookup = 1
        /// (map, key, value, flags) → 0 or an error.
        case mapUpdate = 2
        case randomNumber = 7
        case processor = 8
        /// (context, program array, index): does not return where there is a program.
        case tailCall = 12
        /// (data, size, data, size, seed) → one's complement sum.
        case checksumDifference = 28
        /// (context, delta): moves the packet's end; every packet pointer is void afterwards.
        case adjustHead = 44
        case adjustTail = 65
        /// (socket).
        case release = 86
        /// (context, tuple, size, namespace, flags) → socket or 0.
        case lookupTCP = 99
        /// (socket, IP header, size, TCP header, size) → 0 where the acknowledgement is of a cookie.
        case checkSYNCookie = 100
        /// (socket, IP header, size, TCP header, size) → cookie | maximum segment size << 32, or an error.
        case generateSYNCookie = 110
        /// Timer ticks since about the machine's start.
        case ticks = 118
        /// (map, data, size, flags).
        case ringOutput = 130
        /// Nanoseconds since the machine's start, of the latest timer tick.
        case coarseClock = 160
        /// (context, offset, buffer, size) → 0 or an error.
        case loadBytes = 189
    }

    /// One instruction: 8 bytes; an immediate of 64 bits takes two (RFC 9669, section 3).
    package struct Instruction: Equatable, Sendable, BitwiseCopyable {
        package var code: UInt8
        /// Destination in the low four bits, source in the high ones.
        package var registers: UInt8
        package var offset: Int16
        package var immediate: Int32

        package init(
            _ code: UInt8, _ destination: Register = .r0, _ source: Register = .r0, offset: Int16 = 0,
            immediate: Int32 = 0
        ) {
            self.code = code
            registers = destination.rawValue | source.rawValue << 4
            self.offset = offset
            self.immediate = immediate
        }

        package var destination: UInt8 { registers & 15 }
        package var source: UInt8 { registers >> 4 }
    }

    /// Codes that are neither arithmetic nor comparisons.
    package enum Code {
        package static let loadImmediate: UInt8 = 0x18
        /// Two of which make one: 64 bits.
        package static let loadMemory: UInt8 = 0x61
        package static let storeRegister: UInt8 = 0x63
        package static let storeImmediate: UInt8 = 0x62
        package static let atomicWord: UInt8 = 0xc3
        package static let atomicDouble: UInt8 = 0xdb
        package static let jump: UInt8 = 0x05
        /// With a distance of 32 bits.
        package static let jumpFar: UInt8 = 0x06
        package static let call: UInt8 = 0x85
        package static let exit: UInt8 = 0x95
        /// Turns network order into the machine's; the immediate says how many bits.
        package static let fromNetwork: UInt8 = 0xdc
        /// Flags of arithmetic and comparisons.
        package static let arithmetic64: UInt8 = 0x07
        package static let arithmetic32: UInt8 = 0x04
        package static let compare64: UInt8 = 0x05
        package static let compare32: UInt8 = 0x06
        package static let ofRegister: UInt8 = 0x08
        /// In the source of `loadImmediate`: the immediate is a map.
        package static let mapReference: UInt8 = 1
    }

    /// A map that programs share with who loaded them.
    package struct Map: Hashable, Sendable {
        package enum Kind: UInt32, Sendable {
            case hash = 1
            case array = 2
            case programs = 3
            case perProcessorArray = 6
            case recentHash = 9
            case prefixes = 11
            case ring = 27
        }

        package var name: String
        package var kind: Kind
        /// Bytes.
        package var keySize: UInt32
        package var valueSize: UInt32
        /// The most entries; of a ring bytes, a power of two and whole pages.
        package var entries: UInt32
        /// Memory is taken with each entry, not at once.
        package var isLazy = false

        package init(
            _ name: String, _ kind: Kind, key: UInt32, value: UInt32, entries: UInt32, isLazy: Bool = false
        ) {
            self.name = name
            self.kind = kind
            keySize = key
            valueSize = value
            self.entries = entries
            self.isLazy = isLazy
        }
    }

    /// A program as it is loaded, but that each reference to a map holds the map's place in ``maps``, not its descriptor.
    package struct Program: Equatable, Sendable {
        package var instructions: [Instruction]
        package var maps: [Map]

        package init(instructions: [Instruction], maps: [Map]) {
            self.instructions = instructions
            self.maps = maps
        }
    }

    /// What a program says of a packet (enum xdp_action).
    package enum Action: UInt32, Sendable {
        case aborted = 0
        case drop = 1
        case pass = 2
        /// Out by the interface that it came in by.
        case transmit = 3
    }
}
