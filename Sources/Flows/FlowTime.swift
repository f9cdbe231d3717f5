/// How a template says when a flow began or ended.
enum FlowTimeForm: UInt8 {
    case none
    /// flowStartSeconds and the like: since 1970.
    case seconds
    case milliseconds
    /// Seconds since 1900 and a 32-bit fraction (RFC 7011, sections 6.1.9 and 6.1.10); for microseconds the same.
    case ntp
    /// Microseconds before the message's export time (flowStartDeltaMicroseconds).
    case beforeExport
    /// Milliseconds since the exporter was switched on, 32 bits that wrap around after 49.7 days.
    case uptime
}

/// What the header of a message says about time, and when it came.
struct FlowClock {
    private static let nanosecondsPerMillisecond: Int64 = 1_000_000

    /// Nanoseconds since 1970: when it was received, and when it was sent by the exporter's clock.
    let receivedAt: Int64
    let exportTime: Int64
    /// What is added to the exporter's times, as its clock is wrong; else 0.
    let correction: Int64
    /// The exporter's uptime in milliseconds at `exportTime`; nil where the protocol does not say it.
    var uptime: UInt32?
    /// The earliest and the latest time that is believed.
    let earliest: Int64
    let latest: Int64

    init(receivedAt: Int64, exportTime: Int64, uptime: UInt32?, budget: ExporterBudget) {
        self.receivedAt = receivedAt
        self.exportTime = exportTime
        self.uptime = uptime
        let error = receivedAt.subtractingSaturating(exportTime)
        let tolerance = budget.clockErrorSeconds.multipliedSaturating(1_000_000_000)
        correction = error > tolerance || error < 0 &- tolerance ? error : 0
        earliest = receivedAt.subtractingSaturating(budget.pastSeconds.multipliedSaturating(1_000_000_000))
        latest = receivedAt.addingSaturating(budget.futureSeconds.multipliedSaturating(1_000_000_000))
    }

    /// The exporter's clock is off by more than the budget allows.
    var isCorrected: Bool { correction != 0 }

    /// The uptime at export, from when the exporter was switched on (systemInitTimeMilliseconds).
    mutating func setBoot(milliseconds: UInt64) {
        let export = UInt64(bitPattern: exportTime / Self.nanosecondsPerMillisecond)
        uptime = UInt32(truncatingIfNeeded: export &- milliseconds)
    }

    /// Nanoseconds since 1970; `Int64.min` where it cannot be told, or lies beyond what 64 bits hold.
    @inline(__always)
    func time(_ raw: UInt64, _ form: FlowTimeForm) -> Int64 {
        let time = exporterTime(raw, form)
        return time == .min ? .min : time &+ correction
    }

    @inline(__always)
    private func exporterTime(_ raw: UInt64, _ form: FlowTimeForm) -> Int64 {
        // What nearly all say is a comparison away, the rest a call.
        if form == .uptime {
            guard let uptime else { return .min }
            let before = Int32(bitPattern: uptime &- UInt32(truncatingIfNeeded: raw))
            return exportTime &- Int64(before) &* Self.nanosecondsPerMillisecond
        }
        if form == .milliseconds {
            // Up to the year 2262.
            guard raw <= 9_223_372_036_854 else { return .min }
            return Int64(truncatingIfNeeded: raw) &* Self.nanosecondsPerMillisecond
        }
        return rareTime(raw, form)
    }

    @inline(never)
    private func rareTime(_ raw: UInt64, _ form: FlowTimeForm) -> Int64 {
        switch form {
        case .seconds:
            guard raw <= 9_223_372_036 else { return .min }
            return Int64(truncatingIfNeeded: raw) &* 1_000_000_000
        case .ntp:
            // Seconds below 2^31 are of the era that begins in 2036 (RFC 4330, section 3).
            let seconds = Int64(truncatingIfNeeded: raw >> 32)
            let since1970 = seconds &- 2_208_988_800 &+ (seconds < 1 << 31 ? 1 << 32 : 0)
            let fraction = Int64(truncatingIfNeeded: ((raw & 0xffff_ffff) &* 1_000_000_000 &+ (1 << 31)) >> 32)
            return since1970 &* 1_000_000_000 &+ fraction
        case .beforeExport:
            guard raw <= 0xffff_ffff else { return .min }
            return exportTime &- Int64(truncatingIfNeeded: raw) &* 1000
        case .uptime, .milliseconds, .none:
            return .min
        }
    }

    @inline(__always)
    func isBelieved(_ time: Int64) -> Bool { time >= earliest && time <= latest }
}

extension Int64 {
    func addingSaturating(_ other: Int64) -> Int64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }

    func subtractingSaturating(_ other: Int64) -> Int64 {
        let (difference, overflow) = subtractingReportingOverflow(other)
        return overflow ? (other > 0 ? .min : .max) : difference
    }

    func multipliedSaturating(_ other: Int64) -> Int64 {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? ((self > 0) == (other > 0) ? .max : .min) : product
    }
}
