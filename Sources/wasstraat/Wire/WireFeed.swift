internal import Synchronization

/// What the thread with the samples tells the record, where there is one that listens: the thread waits for nobody.
final class WireFeed: Sendable {
    private let listener = Mutex<(@Sendable (TrafficSecond) -> Void)?>(nil)

    /// One at a time; nil: nobody listens.
    func listen(_ body: (@Sendable (TrafficSecond) -> Void)?) { listener.withLock { $0 = body } }

    func tell(_ second: TrafficSecond) {
        let body = listener.withLock { $0 }
        body?(second)
    }
}
