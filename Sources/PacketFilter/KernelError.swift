internal import CLinux
internal import Glibc

/// What the kernel refused, and why; what the operator sees.
package struct KernelError: Error, Equatable, Sendable, CustomStringConvertible {
    /// What was asked of it; reads on after "cannot".
    package enum Operation: String, Sendable, CaseIterable {
        case createMap = "create the map"
        case describeMap = "describe the map"
        case readMap = "read the map"
        case writeMap = "write to the map"
        case shareMemory = "share the memory of the map"
        case loadProgram = "load the program"
        case runProgram = "run the program"
        case attach = "attach to the interface"
        case askInterface = "ask about the interface"
        case findInterface = "find the interface"
        case replaceProgram = "replace the program at"
        case detach = "detach from"
        case describeLink = "describe the link"
        case preparePins = "prepare the folder of pins"
        case pin = "pin at"
        case openPin = "open the pin"
        case removePin = "remove the pin"
    }

    /// An `errno`.
    package var code: Int32
    package var operation: Operation
    /// What it was about: a map's name, a path, an interface.
    package var subject: String
    /// For people, in one line.
    package var reason: String
    /// The end of the verifier's log, where a program was refused.
    package var log = ""

    package init(_ code: Int32, _ operation: Operation, _ subject: String, reason: String? = nil, log: String = "") {
        self.code = code
        self.operation = operation
        self.subject = subject
        self.reason = reason ?? Self.reason(code, operation)
        self.log = log
    }

    package var description: String { "cannot \(operation.rawValue) \(subject): \(reason)" }

    private static func reason(_ code: Int32, _ operation: Operation) -> String {
        switch (code, operation) {
        case (EPERM, .createMap), (EPERM, .loadProgram), (EPERM, .runProgram), (EPERM, .attach),
            (EPERM, .replaceProgram):
            "not permitted: this needs CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON"
        case (ENOSYS, _): "this kernel has no bpf(2), or it is forbidden to this process"
        case (linux_not_supported, _), (EOPNOTSUPP, _): "not supported by this kernel or this interface"
        case (E2BIG, .writeMap): "the map is full"
        case (EBUSY, .attach), (EEXIST, .attach): "another XDP program is attached already"
        case (ENOLINK, _): "the interface is gone, or the link is detached"
        default: text(of: code)
        }
    }

    /// What the system's library calls it.
    static func text(of code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
        return text(in: buffer)
    }

    /// Of a C string, which need not end.
    static func text(in buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    /// The result where it is none of -errno.
    @discardableResult
    static func check(
        _ result: Int32, _ operation: Operation, _ subject: @autoclosure () -> String
    ) throws(KernelError) -> Int32 {
        guard result < 0 else { return result }
        throw KernelError(-result, operation, subject())
    }
}
