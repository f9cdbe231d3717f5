package import Moments

/// One moment on two clocks: what is on record has the wall's, what the kernel compares has the machine's. The door reads
/// both; nothing here does.
package struct FilterTime: Equatable, Sendable {
    package var wall: Moment
    /// Nanoseconds since the machine's start, on the clock that the kernel's programs read.
    package var clock: UInt64

    package init(wall: Moment, clock: UInt64) {
        self.wall = wall
        self.clock = clock
    }

    /// A moment on the machine's clock: the present for one that is past, the clock's end for one that it cannot say.
    package func clock(at moment: Moment) -> UInt64 {
        let (left, isFar) = moment.milliseconds.subtractingReportingOverflow(wall.milliseconds)
        guard !isFar else { return moment > wall ? .max : clock }
        let (nanoseconds, isLong) = UInt64(clamping: left).multipliedReportingOverflow(by: 1_000_000)
        let (end, isLate) = clock.addingReportingOverflow(nanoseconds)
        return isLong || isLate ? .max : end
    }

    /// The second that has begun, as entries hold it; nil for a wall clock that cannot be right.
    var second: UInt32? {
        let second = wall.seconds
        // Far enough from the end of 32 bits (2106) for the longest entry.
        guard second > 0, second < Int64(UInt32.max) - FilterBook.longestLife - 1 else { return nil }
        return UInt32(second)
    }
}
