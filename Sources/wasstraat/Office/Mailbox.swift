internal import CLinux
internal import Glibc
package import Messages
internal import Synchronization

/// How other threads speak to the office's thread: a short list and a pipe that wakes it.
package final class Mailbox: Sendable {
    package enum Command: Sendable {
        case reload(OfficeConfiguration)
        /// The public pages, all of them: for every lane now, and for each that comes later. Only the last ones count.
        case pages(Pages)
        /// Another mode for a site than the configured one, also after a reload, until it is taken back (nil). It does not
        /// outlive the office.
        case setMode(site: String, Snapshot.Mode?)
        /// The rules on requests of all sites, for every lane now, and for each that comes later.
        case requestRules(RequestRules)
        /// What was found out of crawlers; replaces what was before.
        case botVerdicts(BotVerdicts)
        /// New lanes of the programs of now in the place of those that serve.
        case replaceLanes
        /// This office is to end, and neither the lanes nor the filter: the next one takes them over.
        case handOver
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

    package func send(_ command: Command) {
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
package func onOwnThread<Value: Sendable>(_ work: @escaping @Sendable () throws -> Value) async throws -> Value {
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
