internal import Moments
internal import Synchronization

/// Who did what by hand, on its way from the office's thread to the register. No address is in it: those are in the book of
/// orders alone, until they end.
final class AuditFeed: Sendable {
    struct Entry: Sendable {
        var at: Moment
        var actor: String
        var action: String
        var object: String
    }

    /// Entries that may wait for the register; more are counted, and stand in the log alone.
    static let limit = 1_024

    private let state = Mutex((waiting: [Entry](), missed: 0))

    func put(_ entry: Entry) {
        state.withLock { state in
            guard state.waiting.count < Self.limit else { return state.missed += 1 }
            state.waiting.append(entry)
        }
    }

    /// Puts back what the register did not take.
    func putBack(_ entries: [Entry]) {
        state.withLock { state in
            state.waiting = Array((entries + state.waiting).prefix(Self.limit))
        }
    }

    func take() -> (entries: [Entry], missed: Int) {
        state.withLock { state in
            defer { state = ([], 0) }
            return (state.waiting, state.missed)
        }
    }
}
