/// A clock that stands still until the test moves it, for machines that take the time as an argument.
package struct ManualClock: Sendable {
    /// Nanoseconds since an arbitrary start, which is not zero so that "never" and "at the start" differ.
    package private(set) var now: UInt64

    package init(now: UInt64 = 1_000_000_000) { self.now = now }

    package mutating func advance(milliseconds: UInt64) { now += milliseconds * 1_000_000 }

    package mutating func advance(by duration: Duration) {
        let (seconds, attoseconds) = duration.components
        now += UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }
}
