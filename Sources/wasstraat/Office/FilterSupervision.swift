internal import Glibc

/// Decides when the filter's process is started, looked after and given up; the desk does what it says.
///
/// Times are milliseconds of a clock that only goes forward. Our bug: an event that the phase rules out traps in debug
/// builds. Their fault: a process that does not answer is ended, the kernel filters on, and the next one takes over.
/// Ignored, because it changes nothing: a second `stop`.
package struct FilterSupervision: Equatable {
    package enum Phase: Equatable {
        /// There is none; when to start one.
        case absent(startAt: Int64)
        /// Started by this office, or by an earlier one that left it.
        case own(process: pid_t, since: Int64, isChild: Bool)
        /// Someone else runs it: it is used, and left alone.
        case foreign
        case ended
    }

    package enum Action: Equatable {
        case start
        /// SIGKILL: it does not answer.
        case kill(pid_t)
        /// SIGTERM: it saves its book and ends.
        case end(pid_t)
    }

    /// A process that lived less than this died early.
    package static let earlyDeath: Int64 = 10_000
    /// Delays before the second, third … start in a row after early deaths; the last one stays. Nobody waits for the
    /// filter as visitors do for a lane, so they grow further.
    package static let delays: [Int64] = [0, 200, 1_000, 5_000, 15_000, 60_000]
    /// For a unit of its own that begins at the same time: the office's process, which may have no rights, must not be the
    /// one that gets the lock.
    package static let firstPause: Int64 = 3_000
    /// Without an answer for so long, it is ended: it has a million entries to give to the kernel at most.
    package static let answerTime: Int64 = 60_000
    /// From SIGTERM to its end, with a book to save.
    package static let endTime: Int64 = 5_000

    package private(set) var phase: Phase
    package private(set) var isStopping = false
    /// Processes started after the first.
    package private(set) var restarts: UInt32 = 0
    private var hasStarted = false
    private var earlyDeaths = 0
    private var answeredAt: Int64
    private var stopDeadline = Int64.max

    package init(at now: Int64) {
        phase = .absent(startAt: now + Self.firstPause)
        answeredAt = now
    }

    /// The process, where it is ours.
    package var process: pid_t? {
        if case .own(let process, _, _) = phase { process } else { nil }
    }

    package var isAbsent: Bool {
        if case .absent = phase { true } else { false }
    }

    package mutating func started(_ process: pid_t, at now: Int64) {
        assert(self.process == nil)
        if hasStarted { restarts += 1 }
        hasStarted = true
        answeredAt = now
        phase = .own(process: process, since: now, isChild: true)
    }

    /// It could not even be started.
    package mutating func startFailed(at now: Int64) { died(after: 0, at: now) }

    /// One runs that this office did not start.
    /// - Parameter process: of one that an earlier office left; nil: it is someone else's.
    package mutating func found(_ process: pid_t?, at now: Int64) {
        guard isAbsent else { return }
        answeredAt = now
        phase = process.map { .own(process: $0, since: now, isChild: false) } ?? .foreign
    }

    package mutating func answered(at now: Int64) { answeredAt = now }

    /// The process is gone.
    package mutating func gone(at now: Int64) {
        switch phase {
        case .own(_, let since, _): died(after: now - since, at: now)
        // Whoever runs it has stopped it, to take it away perhaps: it is found when it comes again, and not started here.
        case .foreign: phase = isStopping ? .ended : .absent(startAt: .max)
        case .absent, .ended: break
        }
    }

    private mutating func died(after life: Int64, at now: Int64) {
        guard !isStopping else { return phase = .ended }
        earlyDeaths = life < Self.earlyDeath ? earlyDeaths + 1 : 0
        let delay = earlyDeaths == 0 ? 0 : Self.delays[min(earlyDeaths, Self.delays.count) - 1]
        phase = .absent(startAt: now + delay)
    }

    /// Begins the end.
    /// - Returns: what to do at once.
    package mutating func stop(at now: Int64) -> Action? {
        guard !isStopping else { return nil }
        isStopping = true
        stopDeadline = now + Self.endTime
        guard let process else {
            phase = .ended
            return nil
        }
        return .end(process)
    }

    /// Ends, and leaves the process to the next office.
    package mutating func leave() {
        isStopping = true
        phase = .ended
    }

    /// What is due.
    package mutating func tick(at now: Int64) -> Action? {
        switch phase {
        case .absent(let startAt): return now >= startAt ? .start : nil
        case .own(let process, _, _):
            guard now >= stopDeadline || now - answeredAt >= Self.answerTime else { return nil }
            // Killed processes go at once; a second try covers what only looked killed.
            stopDeadline = isStopping ? now + Self.endTime : stopDeadline
            answeredAt = now
            return .kill(process)
        case .foreign, .ended: return nil
        }
    }
}
