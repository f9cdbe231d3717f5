/// Classic BPF, the machine of packet capture and socket filters: two registers, sixteen words of memory, only forward
/// jumps (McCanne and Jacobson 1993; the kernel's networking/filter documentation).
package enum ClassicBPF {
    /// The most instructions that Linux takes (BPF_MAXINSNS).
    package static let instructionLimit = 4096
    /// What a program returns for a packet that a rule matches: as many bytes as `tcpdump` keeps of it. Else it returns 0.
    package static let matched: UInt32 = 262_144

    /// What the first byte of a packet is.
    package enum Link: String, CaseIterable, Sendable {
        /// Of an Ethernet frame without VLAN tags, as capture and packet sockets see it.
        case ethernet
        /// Of the IP header.
        case raw
    }

    package struct Instruction: Equatable, Sendable, BitwiseCopyable, CustomStringConvertible {
        package var code: UInt16
        package var ifTrue: UInt8 = 0
        package var ifFalse: UInt8 = 0
        package var constant: UInt32

        package init(_ code: UInt16, _ constant: UInt32 = 0, ifTrue: UInt8 = 0, ifFalse: UInt8 = 0) {
            self.code = code
            self.ifTrue = ifTrue
            self.ifFalse = ifFalse
            self.constant = constant
        }

        /// As `tcpdump -ddd` prints it.
        package var description: String { "\(code) \(ifTrue) \(ifFalse) \(constant)" }
    }

    /// Codes that we emit (linux/bpf_common.h).
    package enum Code {
        package static let loadWord: UInt16 = 0x20
        package static let loadHalf: UInt16 = 0x28
        package static let loadByte: UInt16 = 0x30
        package static let loadWordAtX: UInt16 = 0x40
        package static let loadHalfAtX: UInt16 = 0x48
        package static let loadByteAtX: UInt16 = 0x50
        package static let load: UInt16 = 0x00
        package static let loadMemory: UInt16 = 0x60
        package static let loadLength: UInt16 = 0x80
        package static let loadX: UInt16 = 0x01
        package static let loadXMemory: UInt16 = 0x61
        package static let store: UInt16 = 0x02
        package static let storeX: UInt16 = 0x03
        package static let add: UInt16 = 0x04
        package static let addX: UInt16 = 0x0c
        package static let and: UInt16 = 0x54
        package static let shiftLeft: UInt16 = 0x64
        package static let shiftRight: UInt16 = 0x74
        package static let jump: UInt16 = 0x05
        package static let jumpEqual: UInt16 = 0x15
        package static let jumpGreater: UInt16 = 0x25
        package static let jumpGreaterX: UInt16 = 0x2d
        package static let jumpAtLeast: UInt16 = 0x35
        package static let jumpAtLeastX: UInt16 = 0x3d
        package static let jumpSet: UInt16 = 0x45
        package static let returnConstant: UInt16 = 0x06
        package static let toX: UInt16 = 0x07
        package static let toA: UInt16 = 0x87
    }

    /// A program, checked: each instruction is one that we know, each jump goes forward and stays inside, each memory
    /// word is one of sixteen, and the end returns. It ends after at most as many steps as it has instructions.
    package struct Program: Equatable, Sendable {
        package let instructions: [Instruction]

        /// nil where the check fails.
        package init?(checking instructions: [Instruction]) {
            guard (1...instructionLimit).contains(instructions.count),
                instructions.last?.code == Code.returnConstant,
                instructions.indices.allSatisfy({ Self.isSound(instructions[$0], left: instructions.count - 1 - $0) })
            else { return nil }
            self.instructions = instructions
        }

        private static func isSound(_ instruction: Instruction, left: Int) -> Bool {
            switch instruction.code {
            case Code.jump:
                return Int(instruction.constant) < left
            case Code.jumpEqual, Code.jumpGreater, Code.jumpGreaterX, Code.jumpAtLeast, Code.jumpAtLeastX, Code.jumpSet:
                return max(Int(instruction.ifTrue), Int(instruction.ifFalse)) < left
            case Code.loadMemory, Code.loadXMemory, Code.store, Code.storeX:
                return instruction.constant < 16
            case Code.shiftLeft, Code.shiftRight:
                return instruction.constant < 32
            case Code.loadWord, Code.loadHalf, Code.loadByte, Code.loadWordAtX, Code.loadHalfAtX, Code.loadByteAtX:
                // Places above are the kernel's own, of metadata.
                return instruction.constant < 1 << 31
            case Code.load, Code.loadX, Code.loadLength, Code.add, Code.addX, Code.and, Code.returnConstant, Code.toX,
                Code.toA:
                return true
            default:
                return false
            }
        }

        /// Reads what ``text`` writes; nil for anything else.
        package init?(text: String) {
            let lines = text.split(separator: "\n", maxSplits: instructionLimit + 1)
            guard let first = lines.first, let count = Int(first), count == lines.count - 1 else { return nil }
            var instructions: [Instruction] = []
            for line in lines.dropFirst() {
                let words = line.split(separator: " ")
                guard words.count == 4, let code = UInt16(words[0]), let ifTrue = UInt8(words[1]),
                    let ifFalse = UInt8(words[2]), let constant = UInt32(words[3])
                else { return nil }
                instructions.append(Instruction(code, constant, ifTrue: ifTrue, ifFalse: ifFalse))
            }
            self.init(checking: instructions)
        }

        /// As `tcpdump -ddd` prints it: the number of instructions, then one a line.
        package var text: String {
            "\(instructions.count)\n" + instructions.map { "\($0)\n" }.joined()
        }

        /// Runs it over a packet: what the kernel would return. A load beyond the packet returns 0.
        package func run(_ packet: RawSpan) -> UInt32 {
            var accumulator: UInt32 = 0
            var index: UInt32 = 0
            var memory = InlineArray<16, UInt32>(repeating: 0)
            let length = packet.byteCount
            var next = 0
            func load(_ place: UInt64, _ size: Int) -> UInt32? {
                guard place <= UInt64(length), Int(place) + size <= length else { return nil }
                // In bounds by the line before.
                var value: UInt32 = 0
                for step in 0..<size {
                    value =
                        value << 8
                        | UInt32(packet.unsafeLoad(fromByteOffset: Int(place) + step, as: UInt8.self))
                }
                return value
            }
            while next < instructions.count {
                let instruction = instructions[next]
                next += 1
                let constant = instruction.constant
                var taken: Bool?
                switch instruction.code {
                case Code.loadWord, Code.loadHalf, Code.loadByte:
                    guard let value = load(UInt64(constant), Self.size(instruction.code)) else { return 0 }
                    accumulator = value
                case Code.loadWordAtX, Code.loadHalfAtX, Code.loadByteAtX:
                    guard let value = load(UInt64(constant) + UInt64(index), Self.size(instruction.code)) else {
                        return 0
                    }
                    accumulator = value
                case Code.load: accumulator = constant
                case Code.loadX: index = constant
                case Code.loadMemory: accumulator = memory[Int(constant & 15)]
                case Code.loadXMemory: index = memory[Int(constant & 15)]
                case Code.loadLength: accumulator = UInt32(clamping: length)
                case Code.store: memory[Int(constant & 15)] = accumulator
                case Code.storeX: memory[Int(constant & 15)] = index
                case Code.add: accumulator &+= constant
                case Code.addX: accumulator &+= index
                case Code.and: accumulator &= constant
                case Code.shiftLeft: accumulator <<= constant
                case Code.shiftRight: accumulator >>= constant
                case Code.jump: next += Int(constant)
                case Code.jumpEqual: taken = accumulator == constant
                case Code.jumpGreater: taken = accumulator > constant
                case Code.jumpGreaterX: taken = accumulator > index
                case Code.jumpAtLeast: taken = accumulator >= constant
                case Code.jumpAtLeastX: taken = accumulator >= index
                case Code.jumpSet: taken = accumulator & constant != 0
                case Code.returnConstant: return constant
                case Code.toX: index = accumulator
                case Code.toA: accumulator = index
                default: return 0
                }
                if let taken { next += Int(taken ? instruction.ifTrue : instruction.ifFalse) }
            }
            return 0
        }

        private static func size(_ code: UInt16) -> Int {
            switch code & 0x18 {
            case 0x08: 2
            case 0x10: 1
            default: 4
            }
        }
    }
}
