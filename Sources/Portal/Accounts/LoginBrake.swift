internal import Moments
internal import Synchronization

/// Slows down guessing at an account: after `free` wrong guesses each further one costs twice the wait, up to
/// `longest` seconds. Per account name at signing in, whether it exists or not, and per session inside; never per address: a
/// guesser has many of those.
final class LoginBrake: Sendable {
    static let free = 4
    /// Seconds. Of passwords: long enough against guessing (1,440 tries a day), short enough that a guesser does not keep
    /// the account's owner out for long.
    private let longest: Double
    /// Seconds after its last wait until an account starts afresh.
    private let memory: Double
    /// Names remembered; beyond that the one with the fewest failures is forgotten.
    static let limit = 1_024

    private struct Failures {
        var count: Int
        var until: Moment
    }

    private let names = Mutex<[String: Failures]>([:])

    init(longest: Double = 60, memory: Double = 15 * 60) {
        self.longest = longest
        self.memory = memory
    }

    /// Counts an attempt as failed until `succeeded` says otherwise, so that attempts side by side cost as much as one
    /// after the other.
    ///
    /// - Returns: seconds to wait where it may not try now (which then does not count), or nil.
    func attempt(_ name: String, at now: Moment) -> Double? {
        names.withLock { names in
            var failures = names[name] ?? Failures(count: 0, until: now)
            let wait = failures.until - now
            if wait > 0 { return wait }
            if wait < -memory { failures.count = 0 }
            failures.count += 1
            let over = failures.count - Self.free
            failures.until = over > 0 ? now + min(longest, Double(1 << min(over, 10))) : now
            if names[name] == nil, names.count >= Self.limit,
                let least = names.min(by: { ($0.value.count, $0.value.until) < ($1.value.count, $1.value.until) })
            {
                names[least.key] = nil
            }
            names[name] = failures
            return nil
        }
    }

    func succeeded(_ name: String) { names.withLock { $0[name] = nil } }

    /// Whether the brake has just gripped, which is worth a note.
    func hasGripped(_ name: String) -> Bool { names.withLock { $0[name]?.count == Self.free + 1 } }
}
