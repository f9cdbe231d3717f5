internal import CLinux
package import Filters
internal import Glibc

/// An XDP program in the kernel. It lives as long as anything holds it: this object, an attachment, a slot of a table.
package final class KernelProgram: Sendable {
    /// Bytes of the verifier's log that there is room for; only touched where a program is refused.
    static let logLimit = 16 << 20
    /// How much of the log's end is kept.
    package static let logTail = 2_048
    /// The verifier gives up where a signal comes in; then it is asked again.
    static let loadAttempts = 5
    /// Frames of a test run: the kernel puts each in one page, with room before and behind.
    package static let frameSizes = 14...3_520

    package let name: String
    private let owned: Descriptor

    package var descriptor: Int32 { owned.number }

    /// Loads a program with the maps that it refers to. The name is cut off after 15 bytes.
    package init(
        _ program: EBPF.Program, name: String, maps: (EBPF.Map) -> KernelMap?
    ) throws(KernelError) {
        self.name = name
        var found: [KernelMap] = []
        for shape in program.maps {
            guard let map = maps(shape) else {
                throw KernelError(ENOENT, .loadProgram, name, reason: "there is no map \(shape.name)")
            }
            found.append(map)
        }
        var instructions = program.instructions
        Self.refer(&instructions, to: found)
        owned = Descriptor(owning: try Self.load(instructions, name))
        // Their descriptors stand in the instructions until here.
        withExtendedLifetime(found) {}
    }

    package convenience init(_ program: EBPF.Program, name: String, maps: KernelMaps) throws(KernelError) {
        try self.init(program, name: name) { maps[$0] }
    }

    /// The number that the kernel knows it by.
    package var id: UInt32 {
        get throws(KernelError) {
            let id = linux_program_id(descriptor)
            guard id >= 0 else { throw KernelError(Int32(-id), .loadProgram, name) }
            return UInt32(truncatingIfNeeded: id)
        }
    }

    private static func refer(_ instructions: inout [EBPF.Instruction], to maps: [KernelMap]) {
        var index = 0
        while index < instructions.count {
            let instruction = instructions[index]
            let isWide = instruction.code == EBPF.Code.loadImmediate
            if isWide, instruction.source == EBPF.Code.mapReference {
                instructions[index].immediate = maps[Int(instruction.immediate)].descriptor
            }
            index += isWide ? 2 : 1
        }
    }

    private static func load(_ instructions: [EBPF.Instruction], _ name: String) throws(KernelError) -> Int32 {
        var status = -EAGAIN
        for _ in 0..<loadAttempts where status == -EAGAIN {
            status = instructions.withUnsafeBytes {
                linux_program_load($0.baseAddress, UInt32(instructions.count), name, nil, 0)
            }
        }
        guard status < 0, status != -EPERM, status != -ENOSYS else {
            return try KernelError.check(status, .loadProgram, name)
        }
        // Refused: once more, for the reason. The log of a large program is hundreds of megabytes, of which kernels since
        // 6.4 keep the end; others stop at the limit, which says nothing of the reason.
        let log = UnsafeMutablePointer<CChar>.allocate(capacity: logLimit)
        defer { log.deallocate() }
        log[0] = 0
        let again = instructions.withUnsafeBytes {
            linux_program_load($0.baseAddress, UInt32(instructions.count), name, log, UInt32(logLimit))
        }
        if again >= 0 { return again }
        let tail = tail(of: log)
        throw KernelError(-status, .loadProgram, name, reason: reason(in: tail), log: tail)
    }

    /// The line before the verifier's account of its work; nil where the log ends earlier, for want of room.
    private static func reason(in log: String) -> String? {
        let lines = log.split(separator: "\n")
        guard let account = lines.lastIndex(where: { $0.hasPrefix("processed ") }), account > 0 else { return nil }
        return "the kernel's verifier refuses it: \(lines[account - 1])"
    }

    /// The last whole lines of a log, `logTail` bytes at most.
    private static func tail(of log: UnsafePointer<CChar>) -> String {
        let length = strnlen(log, logLimit)
        let bytes = UnsafeRawBufferPointer(start: log + max(0, length - logTail), count: min(length, logTail))
        let text = String(decoding: bytes, as: UTF8.self)
        guard length > logTail, let end = text.firstIndex(of: "\n") else { return text }
        return String(text[text.index(after: end)...])
    }
}
