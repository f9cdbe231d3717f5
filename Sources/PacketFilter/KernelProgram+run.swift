internal import CLinux
package import Filters
internal import Glibc

// Test runs: the kernel lets the program judge a frame that no network brought (BPF_PROG_TEST_RUN).
extension KernelProgram {
    package struct Outcome: Equatable, Sendable {
        /// What the program returned; nil where that is none of ours.
        package var action: EBPF.Action?
        /// Of one run, on average.
        package var nanoseconds: UInt32
        /// The frame as the program left it.
        package var frame: [UInt8]
    }

    /// Room for what a program may put before a frame, or behind it.
    static let growth = 512
    /// The most repeats of one call: a second or so, after which the kernel would still not stop.
    package static let repeatLimit = 100_000_000

    /// Runs it on a frame, so many times on what the time before has left. Throws for frames outside of ``frameSizes``.
    package func run(_ frame: [UInt8], repeats: Int = 1) throws(KernelError) -> Outcome {
        try checkSize(frame.count)
        var left = [UInt8](repeating: 0, count: frame.count + Self.growth)
        var size = UInt32(left.count)
        var result: UInt32 = 0
        var nanoseconds: UInt32 = 0
        let status = frame.withUnsafeBytes { frame in
            left.withUnsafeMutableBytes { left in
                linux_program_run(
                    descriptor, frame.baseAddress, UInt32(frame.count), Self.clamped(repeats), left.baseAddress, &size,
                    &result, &nanoseconds)
            }
        }
        try KernelError.check(status, .runProgram, name)
        left.removeLast(left.count - min(left.count, Int(size)))
        return Outcome(action: EBPF.Action(rawValue: result), nanoseconds: nanoseconds, frame: left)
    }

    /// Runs it on each frame in turn, once, and says what it returned. One system call a frame, and no copy back.
    package func actions(on frames: some Sequence<[UInt8]>) throws(KernelError) -> [EBPF.Action?] {
        var actions: [EBPF.Action?] = []
        actions.reserveCapacity(frames.underestimatedCount)
        for frame in frames {
            actions.append(try action(on: frame.span.bytes))
        }
        return actions
    }

    /// The same of one frame that lies anywhere.
    package func action(on frame: RawSpan) throws(KernelError) -> EBPF.Action? {
        try checkSize(frame.byteCount)
        var size: UInt32 = 0
        var result: UInt32 = 0
        var nanoseconds: UInt32 = 0
        let status = frame.withUnsafeBytes {
            linux_program_run(descriptor, $0.baseAddress, UInt32($0.count), 1, nil, &size, &result, &nanoseconds)
        }
        try KernelError.check(status, .runProgram, name)
        return EBPF.Action(rawValue: result)
    }

    /// Runs it on live frames: each goes on as the program says, into the system as if the interface had brought it, or
    /// out. The kernel uses a frame's memory again as its receiver left it.
    package func inject(_ frame: [UInt8], repeats: Int = 1, at interface: NetworkInterface) throws(KernelError) {
        try checkSize(frame.count)
        let status = frame.withUnsafeBytes {
            linux_program_inject(
                descriptor, $0.baseAddress, UInt32(frame.count), Self.clamped(repeats), interface.index)
        }
        try KernelError.check(status, .runProgram, name)
    }

    /// What is longer the kernel would cut into pieces, of which our programs see the first alone.
    private func checkSize(_ size: Int) throws(KernelError) {
        guard !Self.frameSizes.contains(size) else { return }
        throw KernelError(
            EMSGSIZE, .runProgram, name,
            reason: "\(size) bytes are no frame: from \(Self.frameSizes.lowerBound) to \(Self.frameSizes.upperBound)")
    }

    private static func clamped(_ repeats: Int) -> UInt32 { UInt32(min(max(repeats, 1), repeatLimit)) }
}
