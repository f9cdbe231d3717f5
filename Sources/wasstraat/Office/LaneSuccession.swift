internal import Glibc

/// Keeps account of lanes of which one takes the other's place: the successor until it serves, and those that finish.
///
/// A pure value; times are milliseconds of a clock that only goes forward. Their fault: a successor that does not come to
/// serve is ended, and so is a lane that does not finish. Ignored: what is said of a process that is neither.
package struct LaneSuccession: Equatable {
    package struct Successor: Equatable {
        package var process: pid_t
        var since: Int64
        /// The lane that it follows, once it has reported.
        package var following: pid_t?
    }

    struct Retiree: Equatable {
        var process: pid_t
        var deadline: Int64
    }

    package enum Action: Equatable {
        /// The successor does not come to serve.
        case giveUp
        /// SIGKILL: it does not finish.
        case kill(pid_t)
    }

    /// From the start of a successor until it serves: hello and snapshot, as a lane has for each.
    package static let timeLimit = LaneSupervision.helloTime + SnapshotLedger.confirmTime
    /// Lanes that finish at once, each with its memory: who asks for more has them one after another.
    package static let retireeLimit = 4

    package private(set) var successor: Successor?
    private var retirees: [Retiree] = []

    package init() {}

    /// Whether another successor may begin.
    package var mayBegin: Bool { successor == nil && retirees.count < Self.retireeLimit }
    package var isBusy: Bool { successor != nil || !retirees.isEmpty }
    /// Those that were told to finish, or to end.
    package var leaving: [pid_t] { retirees.map(\.process) }

    package mutating func began(_ process: pid_t, at now: Int64) {
        assert(mayBegin)
        successor = Successor(process: process, since: now)
    }

    package mutating func reported(following process: pid_t?) { successor?.following = process }

    /// The successor serves.
    /// - Parameter limit: milliseconds for the one before it to finish.
    /// - Returns: the one before it.
    package mutating func serves(limit: Int64, at now: Int64) -> pid_t? {
        guard let former = successor?.following else { return nil }
        retirees.append(Retiree(process: former, deadline: now + limit))
        successor = nil
        return former
    }

    /// The successor is not wanted any more: it was ended, and is waited for.
    package mutating func gaveUp(at now: Int64) {
        guard let process = successor?.process else { return }
        retirees.append(Retiree(process: process, deadline: now))
        successor = nil
    }

    /// One of those that finish is gone.
    package mutating func gone(_ process: pid_t) { retirees.removeAll { $0.process == process } }

    /// What is due.
    package mutating func tick(at now: Int64) -> [Action] {
        var actions: [Action] = []
        if let successor, now - successor.since >= Self.timeLimit { actions.append(.giveUp) }
        for index in retirees.indices where now >= retirees[index].deadline {
            // Killed processes go at once; a second try every second covers what only looked killed.
            retirees[index].deadline = now + 1_000
            actions.append(.kill(retirees[index].process))
        }
        return actions
    }
}
