/// Follows the sequence numbers of one exporter's domain.
///
/// Numbers are theirs to choose, so nothing but counts depends on them. A jump ahead is loss, up to `jumpLimit`; a small
/// step back is a datagram that came late; everything else is a new beginning.
struct SequenceTracker {
    /// Numbers that can be missing at once; 16 million records are lost in seconds, more is a new beginning.
    static let jumpLimit: Int32 = 1 << 24
    /// How far back a late datagram may lie.
    static let lateLimit: Int32 = 1 << 14
    /// How far, in milliseconds, the uptime of a late datagram may lie back.
    static let lateUptimeLimit: Int32 = 10_000

    private var expected: UInt32 = 0
    private var isExpecting = false
    private var uptime: UInt32 = 0
    private var hasUptime = false
    /// Missing numbers that a late datagram may still bring.
    private var missing: UInt32 = 0

    /// Takes the number of a datagram, how far it moves the sequence on (nil: unknown, as a template is missing), and the
    /// exporter's uptime in milliseconds where the protocol has one. Returns whether the exporter began anew.
    mutating func received(
        _ number: UInt32, advance: UInt32?, uptime newUptime: UInt32?, counters: inout FlowCounters
    ) -> Bool {
        var isAhead = true
        var isRestart = false
        if let newUptime {
            let step = Int32(bitPattern: newUptime &- uptime)
            if hasUptime, step < -Self.lateUptimeLimit { isRestart = true }
            if !hasUptime || step > 0 || isRestart { uptime = newUptime }
            hasUptime = true
        }
        if isExpecting, !isRestart {
            let gap = Int32(bitPattern: number &- expected)
            if gap > Self.jumpLimit || gap < -Self.lateLimit {
                isRestart = true
            } else if gap > 0 {
                counters.lost &+= UInt64(gap)
                missing = missing &+ UInt32(gap) < missing ? .max : missing &+ UInt32(gap)
            } else if gap < 0 {
                isAhead = false
                counters.late &+= 1
                let found = min(missing, advance ?? 0)
                missing &-= found
                counters.lost &-= UInt64(found)
            }
        }
        if isRestart {
            counters.restarts &+= 1
            missing = 0
        }
        if isAhead || isRestart {
            expected = number &+ (advance ?? 0)
            isExpecting = advance != nil
        }
        return isRestart
    }
}
