/// Follows the sequence numbers of one exporter's domain.
///
/// Numbers are theirs to choose, so nothing but counts depends on them. A jump ahead is loss, up to `jumpLimit`; a
/// small step back is a datagram that came late; everything else is a new beginning.
struct SequenceTracker {
    /// Numbers that can be missing at once; 16 million records are lost in seconds, more is a new beginning.
    static let jumpLimit: Int32 = 1 << 24
    /// How far back a late datagram may lie.
    static let lateLimit: Int32 = 1 << 14
    /// An uptime that goes back to less than this, in milliseconds, is that of a device just switched on. To go back is
    /// not enough: line cards that share a source id have uptimes of their own, minutes apart.
    static let youngUptime: UInt32 = 1_800_000

    private var expected: UInt32 = 0
    private var isExpecting = false
    private var uptime: UInt32 = 0
    private var hasUptime = false
    /// Missing numbers that a late datagram may still bring.
    private var missing: UInt32 = 0

    /// Takes the number of a datagram, how far it moves the sequence on (nil: unknown, as a template is missing), and
    /// the exporter's uptime in milliseconds where the protocol has one. Returns whether the device was switched on
    /// anew.
    mutating func received(
        _ number: UInt32, advance: UInt32?, uptime newUptime: UInt32?, counters: inout FlowCounters
    ) -> Bool {
        var isYoung = false
        if let newUptime {
            isYoung = hasUptime && newUptime < uptime && newUptime < Self.youngUptime && uptime < 0xf000_0000
            uptime = newUptime
            hasUptime = true
        }
        var isAhead = true
        var isReboot = false
        if isExpecting {
            let gap = Int32(bitPattern: number &- expected)
            isReboot = isYoung && (gap < 0 || gap > Self.lateLimit)
            if isReboot || gap > Self.jumpLimit || gap < -Self.lateLimit {
                counters.restarts &+= 1
                missing = 0
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
        if isAhead {
            expected = number &+ (advance ?? 0)
            isExpecting = advance != nil
        }
        return isReboot
    }
}
