/// A moment on a clock that only goes forward, in nanoseconds. The rooms that decide never read a clock: they are told.
package struct Instant: Comparable, Hashable, Sendable {
    package var nanoseconds: UInt64

    @inlinable
    package init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    @inlinable
    package static func < (left: Instant, right: Instant) -> Bool { left.nanoseconds < right.nanoseconds }

    @inlinable
    package static func + (left: Instant, milliseconds: UInt32) -> Instant {
        Instant(nanoseconds: left.nanoseconds &+ UInt64(milliseconds) &* 1_000_000)
    }

    /// Seconds since `earlier`; 0 where that lies ahead.
    @inlinable
    package func seconds(since earlier: Instant) -> Float {
        nanoseconds > earlier.nanoseconds ? Float(nanoseconds - earlier.nanoseconds) * 1e-9 : 0
    }
}
