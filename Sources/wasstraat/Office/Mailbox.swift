internal import CLinux
internal import Glibc
internal import Synchronization

/// How other threads speak to the office's thread: a short list and a pipe that wakes it.
final class Mailbox: Sendable {
    enum Command: Sendable {
        case reload(OfficeConfiguration)
        case stop
    }

    private let commands = Mutex<[Command]>([])
    private let reader: Descriptor
    private let writer: Descriptor

    init() throws(OfficeError) {
        var ends: [Int32] = [-1, -1]
        let status = linux_pipe(&ends)
        guard status == 0 else { throw OfficeError(.system, "no pipe: \(OfficeError.text(status))") }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        reader = Descriptor(ends[0])
        writer = Descriptor(ends[1])
    }

    /// Readable while something may wait.
    var wakes: Int32 { reader.number }

    func send(_ command: Command) {
        commands.withLock { $0.append(command) }
        // A full pipe wakes as well.
        _ = write(writer.number, [1], 1)
    }

    /// Everything that waits.
    func take() -> [Command] {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(reader.number, &bytes, bytes.count) > 0 {}
        return commands.withLock { commands in
            defer { commands = [] }
            return commands
        }
    }
}

/// Runs blocking work on a thread of its own: the office's loop must neither hold nor wait for a thread of the
/// concurrency pool, of which a one-core machine has one.
func onOwnThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
    try await withCheckedThrowingContinuation { continuation in
        let box = ThreadWork { continuation.resume(with: Result { try work() }) }
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { raw in
                Unmanaged<ThreadWork>.fromOpaque(raw!).takeRetainedValue().work()
                return nil
            }, Unmanaged.passRetained(box).toOpaque())
        if status == 0 {
            pthread_detach(thread)
        } else {
            Unmanaged.passUnretained(box).release()
            continuation.resume(throwing: OfficeError(.system, "no thread: \(OfficeError.text(status))"))
        }
    }
}

private final class ThreadWork: Sendable {
    let work: @Sendable () -> Void
    init(_ work: @escaping @Sendable () -> Void) { self.work = work }
}
