internal import Glibc
internal import Synchronization

/// A thread of its own, for blocking work beside a test; joined by its owner.
package final class TestThread: Sendable {
    private let handle: Mutex<pthread_t?>

    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    package init(_ body: @escaping @Sendable () -> Void) throws(TestKitError) {
        var thread = pthread_t()
        let work = Unmanaged.passRetained(Work(body))
        let status = pthread_create(
            &thread, nil,
            { argument in
                // The one reference that the starter made.
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, work.toOpaque())
        guard status == 0 else {
            work.release()
            throw .system("pthread_create", status)
        }
        handle = Mutex(thread)
    }

    /// Waits for its end; does nothing the second time.
    package func join() {
        let thread = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        if let thread { pthread_join(thread, nil) }
    }
}

/// Blocks the calling thread.
package func pauseThread(_ milliseconds: Int) {
    usleep(UInt32(milliseconds) * 1000)
}

/// Asks again every 10 ms until the answer is yes; false when the time is up.
package func eventually(within milliseconds: Int = 20_000, _ condition: () -> Bool) -> Bool {
    let deadline = Milliseconds.now + milliseconds
    while !condition() {
        if deadline.left == 0 { return false }
        pauseThread(10)
    }
    return true
}
