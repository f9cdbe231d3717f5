internal import Glibc

/// Decides when a lane is started, looked after, drained and given up; the office does what it says.
///
/// Times are milliseconds of a clock that only goes forward. Our bug: an event that the phase rules out traps in debug
/// builds. Their fault: a lane that never says hello is ended. Ignored, because it changes nothing: a second `stop`.
package struct LaneSupervision: Equatable {
    package enum Phase: Equatable {
        /// A lane of an earlier office holds the lock; until when it may report.
        case awaited(until: Int64)
        /// There is no lane; when to start one.
        case absent(startAt: Int64)
        /// Started, and not heard from.
        case starting(process: pid_t, since: Int64)
        case serving(process: pid_t, since: Int64)
        /// Lost the control connection: gone, or about to dial again.
        case lost(process: pid_t, since: Int64, lostAt: Int64)
        /// No lane, and none to come.
        case ended
    }

    package enum Action: Equatable {
        case start
        /// See whether the process is gone: reap it, try the lock.
        case probe
        /// SIGKILL: it does not react.
        case kill(pid_t)
        case drain
        /// The lane of the earlier office is silent: the office cannot go on.
        case giveUp
    }

    /// Between two looks at a lane that is not connected.
    package static let probeTime: Int64 = 50
    /// For a living lane to report to a new office; it dials every 250 ms.
    package static let awaitTime: Int64 = 5_000
    /// From start to hello.
    package static let helloTime: Int64 = 10_000
    /// A lane that lived less than this died early.
    package static let earlyDeath: Int64 = 10_000
    /// Delays before the second, third … start in a row after early deaths; the last one stays.
    package static let delays: [Int64] = [0, 100, 200, 400, 800, 1_600, 3_200, 5_000]

    package private(set) var phase: Phase
    package private(set) var isStopping = false
    /// Lanes started after the first.
    package private(set) var restarts: UInt32 = 0
    private var hasStarted = false
    private var earlyDeaths = 0
    private var stopDeadline = Int64.max
    private var nextProbe: Int64 = 0

    /// - Parameter isLaneAlive: someone holds the lane's lock.
    package init(isLaneAlive: Bool, at now: Int64) {
        phase = isLaneAlive ? .awaited(until: now + Self.awaitTime) : .absent(startAt: now)
    }

    /// The process of the lane, where there is one that is known.
    package var process: pid_t? {
        switch phase {
        case .starting(let process, _), .serving(let process, _), .lost(let process, _, _): process
        case .awaited, .absent, .ended: nil
        }
    }

    package var isServing: Bool {
        if case .serving = phase { true } else { false }
    }

    package mutating func started(_ process: pid_t, at now: Int64) {
        assert(self.process == nil)
        if hasStarted { restarts += 1 }
        hasStarted = true
        phase = .starting(process: process, since: now)
    }

    /// The lane could not even be started.
    package mutating func startFailed(at now: Int64) { died(after: 0, at: now) }

    /// A lane reported.
    package mutating func connected(_ process: pid_t, at now: Int64) {
        hasStarted = true
        switch phase {
        case .starting(_, let since), .lost(_, let since, _), .serving(_, let since):
            phase = .serving(process: process, since: since)
        case .awaited, .absent: phase = .serving(process: process, since: now)
        case .ended: break
        }
    }

    package mutating func disconnected(at now: Int64) {
        if case .serving(let process, let since) = phase {
            phase = .lost(process: process, since: since, lostAt: now)
            nextProbe = now
        }
    }

    /// The lane's process is gone: its lock is free.
    package mutating func gone(at now: Int64) {
        switch phase {
        case .starting(_, let since), .serving(_, let since), .lost(_, let since, _): died(after: now - since, at: now)
        case .awaited: phase = isStopping ? .ended : .absent(startAt: now)
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
    /// - Parameter limit: milliseconds that a lane has for its drain.
    /// - Returns: what to do at once.
    package mutating func stop(limit: Int64, at now: Int64) -> Action? {
        guard !isStopping else { return nil }
        isStopping = true
        stopDeadline = now + limit
        switch phase {
        case .absent: phase = .ended
        case .serving: return .drain
        case .awaited, .starting, .lost, .ended: break
        }
        return nil
    }

    /// What is due.
    package mutating func tick(at now: Int64) -> Action? {
        switch phase {
        case .ended: return nil
        case .absent(let startAt): return now >= startAt ? .start : nil
        case .awaited(let until):
            guard now < (isStopping ? min(until, stopDeadline) : until) else {
                if isStopping { phase = .ended }
                return isStopping ? nil : .giveUp
            }
        case .starting(let process, let since):
            if now - since >= Self.helloTime {
                phase = .starting(process: process, since: now)
                return .kill(process)
            }
        case .serving, .lost: break
        }
        if isStopping, now >= stopDeadline, let process {
            // Killed processes go at once; a second try every second covers what only looked killed.
            stopDeadline = now + 1_000
            return .kill(process)
        }
        guard !isServing || isStopping, now >= nextProbe else { return nil }
        nextProbe = now + Self.probeTime
        return .probe
    }

    /// Milliseconds until `tick` has something to do, at most `longest`.
    package func wait(at now: Int64, longest: Int64) -> Int64 {
        switch phase {
        case .ended: 0
        case .absent(let startAt): max(0, min(longest, startAt - now))
        case .serving where !isStopping: longest
        case .awaited, .starting, .serving, .lost: min(longest, Self.probeTime)
        }
    }
}
