internal import Incidents
internal import NIOCore
internal import Synchronization

/// Samples between the checks that make them and the report that takes them, and how many checks are under way.
final class Outbox: Sendable {
    /// Samples kept while nobody takes them: some minutes of hundreds of targets. The oldest go first.
    static let limit = 65_536

    private struct State {
        var samples: [Sample] = []
        var lost = 0
        var underWay = 0
    }

    private let state = Mutex(State())

    /// Counts a check as begun; false where `limit` are under way.
    func begin(limit: Int) -> Bool {
        state.withLock { state in
            guard state.underWay < limit else { return false }
            state.underWay += 1
            return true
        }
    }

    func end(_ sample: Sample?) {
        state.withLock { $0.underWay -= 1 }
        if let sample { add(sample) }
    }

    func add(_ sample: Sample) {
        state.withLock { state in
            if state.samples.count >= Self.limit {
                // Many at once, so that a full box does not shift its content for each.
                state.samples.removeFirst(Self.limit / 4)
                state.lost += Self.limit / 4
            }
            state.samples.append(sample)
        }
    }

    func take() -> (samples: [Sample], lost: Int) {
        state.withLock { state in
            defer {
                state.samples = []
                state.lost = 0
            }
            return (state.samples, state.lost)
        }
    }
}

/// Runs tasks on the thread of an event loop.
final class LoopExecutor: TaskExecutor {
    private let loop: any EventLoop

    init(_ loop: any EventLoop) { self.loop = loop }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
    }
}
