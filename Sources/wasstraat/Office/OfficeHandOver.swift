internal import Logging
internal import Synchronization

/// Whether the office ends alone, and leaves what serves to the next one. For those who work beside its thread.
final class OfficeEnding: Sendable {
    private let leaves = Atomic(false)

    var leavesOthers: Bool { leaves.load(ordering: .acquiring) }

    func leaveOthers() { leaves.store(true, ordering: .releasing) }
}

/// The end of an office whose lanes and filter go on, after an update: the next one finds them as it finds those of an
/// office that died, and all counts go on. What it holds in memory alone ends with it: the rules on requests that it made,
/// but for those of which people said something; lanes go on by the rules that they have, half an hour at most.
extension Office {
    /// Milliseconds for every lane to be such that it can be left: to start, to confirm a configuration, to follow another.
    static let handOverTime: Int64 = 30_000

    func askToHandOver(at now: Int64) {
        guard handOverUntil == nil, !isStopping else { return }
        handOverUntil = now + Self.handOverTime
        tickHandOver(at: now)
    }

    /// Ends where every lane can do without an office. One that is only starting has no listeners yet, and these would be
    /// gone with this process: rather than that the office goes on.
    func tickHandOver(at now: Int64) {
        guard let limit = handOverUntil else { return }
        let busy = desks.filter { !$0.mayBeLeft }.map(\.name)
        if busy.isEmpty {
            logger.notice("this office ends; lanes and filter go on, and wait for the next one")
            isHandedOver = true
        } else if now >= limit {
            handOverUntil = nil
            logger.warning(
                "this office goes on: it can leave no lane that does not serve; ask again",
                metadata: ["lanes": "\(busy.joined(separator: " "))"])
        }
    }
}

extension LaneDesk {
    /// Whether the lane serves by what it was told last, and knows of no other.
    var mayBeLeft: Bool {
        supervision.isServing && laneHasListeners && !supervision.isStopping && succession.successor == nil
            && snapshots.offer == nil
    }
}
