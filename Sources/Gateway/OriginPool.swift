/// A worker's connections to one origin that rest between requests: the last one used goes first, so that the others can
/// grow old and close.
struct OriginPool {
    var firstIdle = TimerWheel.none
    var idleCount = 0
    /// Failures in a row.
    var failures = 0
    /// A connection is being tried to see whether the origin is back.
    var isProbing = false
    /// Connections that requests hold without a slot while their bodies trickle in, by who sends them: the origin has
    /// only so many, and nobody may have them all.
    var slowUploads = SourceBudget(capacity: 256)
}
