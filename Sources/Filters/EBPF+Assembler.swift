extension EBPF {
    /// Writes a program instruction by instruction; jumps go to labels, forwards or backwards.
    package struct Assembler: Sendable {
        /// A place in the program, put down once by ``place(_:)``.
        package struct Label: Sendable {
            fileprivate var number: Int
        }

        private var instructions: [Instruction] = []
        private var maps: [Map] = []
        /// Where labels stand; -1: not yet.
        private var places: [Int] = []
        private var jumps: [(at: Int, to: Int)] = []

        package init() {}

        package var count: Int { instructions.count }

        package mutating func label() -> Label {
            places.append(-1)
            return Label(number: places.count - 1)
        }

        package mutating func place(_ label: Label) {
            precondition(places[label.number] < 0, "a label stands in one place")
            places[label.number] = instructions.count
        }

        package mutating func placedLabel() -> Label {
            let label = label()
            place(label)
            return label
        }

        // ---- Numbers.

        package mutating func compute(_ operation: Operation, _ register: Register, _ number: Int32) {
            instructions.append(
                Instruction(Code.arithmetic64 | operation.rawValue, register, immediate: number))
        }

        package mutating func compute(_ operation: Operation, _ register: Register, _ other: Register) {
            instructions.append(
                Instruction(Code.arithmetic64 | operation.rawValue | Code.ofRegister, register, other))
        }

        /// Of 32 bits; the upper ones become 0.
        package mutating func computeWord(_ operation: Operation, _ register: Register, _ number: Int32) {
            instructions.append(
                Instruction(Code.arithmetic32 | operation.rawValue, register, immediate: number))
        }

        package mutating func computeWord(_ operation: Operation, _ register: Register, _ other: Register) {
            instructions.append(
                Instruction(Code.arithmetic32 | operation.rawValue | Code.ofRegister, register, other))
        }

        package mutating func move(_ register: Register, _ number: Int32) { compute(.move, register, number) }

        package mutating func move(_ register: Register, _ other: Register) { compute(.move, register, other) }

        /// A number of 64 bits.
        package mutating func moveWhole(_ register: Register, _ number: UInt64) {
            instructions.append(
                Instruction(
                    Code.loadImmediate, register, immediate: Int32(truncatingIfNeeded: number)))
            instructions.append(Instruction(0, immediate: Int32(truncatingIfNeeded: number >> 32)))
        }

        /// From network order: 16, 32 or 64 bits.
        package mutating func fromNetwork(_ register: Register, bits: Int32) {
            instructions.append(Instruction(Code.fromNetwork, register, immediate: bits))
        }

        // ---- Memory.

        package mutating func load(_ register: Register, _ size: Size, _ base: Register, _ offset: Int) {
            instructions.append(
                Instruction(Code.loadMemory & 0xe7 | size.rawValue, register, base, offset: Int16(offset)))
        }

        package mutating func store(_ size: Size, _ base: Register, _ offset: Int, _ register: Register) {
            instructions.append(
                Instruction(Code.storeRegister & 0xe7 | size.rawValue, base, register, offset: Int16(offset)))
        }

        package mutating func store(_ size: Size, _ base: Register, _ offset: Int, number: Int32) {
            instructions.append(
                Instruction(
                    Code.storeImmediate & 0xe7 | size.rawValue, base, offset: Int16(offset), immediate: number))
        }

        /// Adds to 64 bits of memory, undivided.
        package mutating func atomicAdd(_ base: Register, _ offset: Int, _ register: Register) {
            instructions.append(Instruction(Code.atomicDouble, base, register, offset: Int16(offset)))
        }

        // ---- Where it goes on.

        package mutating func jump(to label: Label) {
            jumps.append((instructions.count, label.number))
            instructions.append(Instruction(Code.jump))
        }

        package mutating func jump(
            _ comparison: Comparison, _ register: Register, _ number: Int32, to label: Label
        ) {
            jumps.append((instructions.count, label.number))
            instructions.append(Instruction(Code.compare64 | comparison.rawValue, register, immediate: number))
        }

        package mutating func jump(
            _ comparison: Comparison, _ register: Register, _ other: Register, to label: Label
        ) {
            jumps.append((instructions.count, label.number))
            instructions.append(
                Instruction(Code.compare64 | comparison.rawValue | Code.ofRegister, register, other))
        }

        /// Compares the low 32 bits: for numbers that do not fit an immediate with sign.
        package mutating func jumpWord(
            _ comparison: Comparison, _ register: Register, _ number: UInt32, to label: Label
        ) {
            jumps.append((instructions.count, label.number))
            instructions.append(
                Instruction(
                    Code.compare32 | comparison.rawValue, register, immediate: Int32(bitPattern: number)))
        }

        // ---- The kernel.

        /// Puts a map into a register.
        package mutating func map(_ register: Register, _ map: Map) {
            let index = maps.firstIndex(of: map) ?? maps.count
            if index == maps.count { maps.append(map) }
            var instruction = Instruction(Code.loadImmediate, register, immediate: Int32(index))
            instruction.registers |= Code.mapReference << 4
            instructions.append(instruction)
            instructions.append(Instruction(0))
        }

        package mutating func call(_ helper: Helper) {
            instructions.append(Instruction(Code.call, immediate: helper.rawValue))
        }

        package mutating func exit() { instructions.append(Instruction(Code.exit)) }

        package mutating func exit(_ action: Action) {
            move(.r0, Int32(action.rawValue))
            exit()
        }

        /// The whole, with all jumps set. A conditional jump reaches 32,767 instructions; one that must go further goes
        /// over a step of its own behind the end, which reaches any place.
        package consuming func finished() -> Program {
            var steps: [Int: Int] = [:]
            for (at, to) in jumps {
                let place = places[to]
                precondition(place >= 0, "a label that stands nowhere")
                var distance = place - at - 1
                if Int16(exactly: distance) == nil {
                    if instructions[at].code == Code.jump {
                        instructions[at].code = Code.jumpFar
                        instructions[at].immediate = Int32(distance)
                        continue
                    }
                    if steps[to] == nil || Int16(exactly: steps[to]! - at - 1) == nil {
                        steps[to] = instructions.count
                        instructions.append(
                            Instruction(Code.jumpFar, immediate: Int32(place - instructions.count - 1)))
                    }
                    distance = steps[to]! - at - 1
                    // Our bug: rule sets are cut into chunks long before this.
                    precondition(Int16(exactly: distance) != nil, "a jump beyond what a step reaches")
                }
                instructions[at].offset = Int16(distance)
            }
            return Program(instructions: instructions, maps: maps)
        }
    }
}
