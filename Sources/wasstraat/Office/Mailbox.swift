internal import CLinux
internal import Glibc
package import Messages
package import Mitigations
internal import Synchronization

/// How other threads speak to the office's thread: a short list and a pipe that wakes it.
package final class Mailbox: Sendable {
    package enum Command: Sendable {
        case reload(OfficeConfiguration)
        /// The public pages, all of them: for every lane now, and for each that comes later. Only the last ones count.
        case pages(Pages)
        /// An order by hand that was given elsewhere than on the admin socket. The answer comes once, also where nobody
        /// takes orders any more.
        case order(HandOrder, by: HandOrder.Giver, answer: @Sendable (Result<Void, ControlBook.Refusal>) -> Void)
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

    private let state = Mutex((waiting: [Command](), isClosed: false))
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
        let isClosed = state.withLock { state in
            if !state.isClosed { state.waiting.append(command) }
            return state.isClosed
        }
        if isClosed { return Self.turnAway(command) }
        // A full pipe wakes as well.
        _ = write(writer.number, [1], 1)
    }

    /// Nobody takes anything any more: who waits for an answer gets one, and so does who still comes.
    package func close() {
        let rest = state.withLock { state in
            defer { state = ([], true) }
            return state.waiting
        }
        for command in rest { Self.turnAway(command) }
    }

    private static func turnAway(_ command: Command) {
        guard case .order(_, _, let answer) = command else { return }
        answer(.failure(ControlBook.Refusal(.notServed, "the office ends")))
    }

    /// Everything that waits.
    func take() -> [Command] {
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(reader.number, &bytes, bytes.count) > 0 {}
        return state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
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
