internal import Moments
internal import Telemetry

extension Moment {
    /// The wall clock.
    static var now: Moment { Moment(milliseconds: UTCTime.now.nanoseconds / 1_000_000) }
}
