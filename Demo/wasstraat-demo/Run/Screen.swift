internal import Glibc
internal import Load
internal import Messages

/// The live view: a block of lines redrawn in place on a terminal, else one line every two seconds. 80 columns.
struct Screen {
    /// What one redraw shows.
    struct Frame {
        var title: String
        /// Seconds gone of the phase, and its length; longer than its length while the last clicks are awaited.
        var gone: Double
        var length: Double
        var tally: Tally
        var awaited: Int
        var visitorRequests: Int
        /// Offered, reached, sources; nil without a flood.
        var flood: (offered: Int, reached: Int, sources: Int)?
        var watch: OfficeWatch?
    }

    let isLive: Bool
    private var drawn = 0
    private var shownAt: UInt64 = 0
    private var last: (at: UInt64, frame: Frame)?

    init(plain: Bool) {
        isLive = !plain && isatty(STDOUT_FILENO) == 1
    }

    /// A line that stays.
    mutating func say(_ text: String) {
        clear()
        print(text)
        fflush(nil)
    }

    mutating func show(_ frame: Frame, at now: UInt64) {
        guard now >= shownAt + (isLive ? 250_000_000 : 2_000_000_000) else { return }
        shownAt = now
        // Rates are over a second or more: over a quarter they would flicker.
        let before = last ?? (now, frame)
        if last == nil || now >= before.at + 1_500_000_000 { last = (now, frame) }
        let lines = isLive ? block(frame, before, now) : [line(frame, now)]
        clear()
        // One piece, so that a redraw does not flicker.
        print(lines.joined(separator: "\n"))
        if isLive { drawn = lines.count }
        fflush(nil)
    }

    /// Ends the block of a phase.
    mutating func finish() {
        clear()
        last = nil
        shownAt = 0
        fflush(nil)
    }

    private mutating func clear() {
        if drawn > 0 { print("\u{1B}[\(drawn)A\u{1B}[J", terminator: "") }
        drawn = 0
    }

    private func line(_ frame: Frame, _ now: UInt64) -> String {
        var text = "\(frame.title): \(Int(min(frame.gone, frame.length)))/\(Int(frame.length)) s"
        text += "  known \(percent(frame.tally.success(.known)))  unknown \(percent(frame.tally.success(.unknown)))"
        if let p = recent(frame, now) { text += "  p50 \(time(p[0]))  p95 \(time(p[1]))" }
        if let flood = frame.flood { text += "  flood \(flood.reached) of \(flood.offered)" }
        if let site = frame.watch?.status?.sites.first {
            text += "  limit \(fixed(Double(site.limit) / 100, 1)), \(site.inFlight) in flight, \(site.waiting) waiting"
        }
        return text
    }

    private func block(_ frame: Frame, _ before: (at: UInt64, frame: Frame), _ now: UInt64) -> [String] {
        let seconds = max(0.25, Double(now - before.at) / 1e9)
        func rate(_ new: Int, _ old: Int) -> String { fixed(Double(max(0, new - old)) / seconds, 0) }
        let share = max(0, min(1, frame.gone / max(0.1, frame.length)))
        let filled = Int(share * 48)
        let bar = String(repeating: "█", count: filled) + String(repeating: "░", count: 48 - filled)
        let isOver = frame.gone > frame.length
        let state = isOver ? "last clicks: \(frame.awaited)" : "\(Int(frame.gone)) of \(Int(frame.length)) s"
        var lines = [
            "", "\u{1B}[1m \(frame.title)\u{1B}[0m", " \(bar)  \(state)", "",
            row("visitors", "\(rate(frame.visitorRequests, before.frame.visitorRequests)) requests/s"),
            row("  known", success(frame.tally, .known)), row("  unknown", success(frame.tally, .unknown)),
            row("  last 3 s", recent(frame, now).map { "p50 \(time($0[0]))   p95 \(time($0[1]))" } ?? "-"),
        ]
        if let flood = frame.flood {
            let old = before.frame.flood ?? flood
            lines.append(
                row(
                    "flood",
                    "offered \(rate(flood.offered, old.offered))/s   reached \(rate(flood.reached, old.reached))/s   "
                        + "from \(flood.sources) sources"))
        } else {
            lines.append(row("flood", "none"))
        }
        if let watch = frame.watch, let status = watch.status { lines += gateway(status, watch) }
        return lines
    }

    private func gateway(_ status: LaneStatus, _ watch: OfficeWatch) -> [String] {
        guard let site = status.sites.first else { return [row("wasstraat", "no site yet")] }
        let old = watch.before?.sites.first
        var lines = [
            row(
                "wasstraat",
                "\(site.isUnderPressure ? "\u{1B}[33munder pressure\u{1B}[0m" : "no pressure")   "
                    + "limit \(fixed(Double(site.limit) / 100, 1))   in flight \(site.inFlight)   "
                    + "waiting \(site.waiting)   open \(status.connections.open)"),
            row("  per second", columns(["requests", "admitted", "queued", "refused"])),
        ]
        for (index, name) in ["known", "unknown", "suspect"].enumerated() {
            let new = site.classes[index]
            let past = old?.classes[index] ?? new
            let values = [
                (new.requests, past.requests), (new.admitted, past.admitted), (new.queued, past.queued),
                (new.refused, past.refused),
            ]
            lines.append(
                row(
                    "  \(name)",
                    columns(values.map { fixed(Double($0.0 &- min($0.0, $0.1)) / watch.seconds, 1) })))
        }
        return lines
    }

    private func columns(_ texts: [String]) -> String { texts.map { padded($0, 12, right: true) }.joined() }

    private func row(_ name: String, _ text: String) -> String { " " + padded(name, 14) + text }

    private func success(_ tally: Tally, _ group: Tally.Group) -> String {
        padded(percent(tally.success(group)), 9, right: true) + "  of \(tally.count(group)) clicks"
    }

    private func recent(_ frame: Frame, _ now: UInt64) -> [Double]? {
        frame.tally.percentiles([50, 95], since: now - min(now, 3_000_000_000))
    }
}

/// A number with a fixed count of decimals.
func fixed(_ value: Double, _ decimals: Int) -> String {
    var scale = 1.0
    for _ in 0..<decimals { scale *= 10 }
    let whole = Int((value * scale).rounded())
    guard decimals > 0 else { return "\(whole)" }
    let rest = String(abs(whole) % Int(scale))
    let sign = whole < 0 ? "-" : ""
    return sign + "\(abs(whole) / Int(scale))." + String(repeating: "0", count: decimals - rest.count) + rest
}

/// A share as a percentage, cut off rather than rounded up: 99.99 % is not 100 %.
func percent(_ share: Double?) -> String {
    guard let share else { return "-" }
    return fixed((share * 1_000).rounded(.down) / 10, 1) + " %"
}

/// Milliseconds, as a person reads them.
func time(_ milliseconds: Double?) -> String {
    guard let milliseconds else { return "-" }
    return milliseconds < 1_000 ? "\(fixed(milliseconds, 0)) ms" : "\(fixed(milliseconds / 1_000, 1)) s"
}

func padded(_ text: String, _ width: Int, right: Bool = false) -> String {
    let space = String(repeating: " ", count: max(0, width - text.count))
    return right ? space + text : text + space
}

/// A moment of the wall clock: "14:03:07", or whole, in UTC, as RFC 3339 has it.
func clockTime(_ nanoseconds: UInt64, whole: Bool) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var parts = tm()
    if whole { gmtime_r(&seconds, &parts) } else { localtime_r(&seconds, &parts) }
    func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let time = "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    guard whole else { return time }
    let milliseconds = String(1_000 + nanoseconds / 1_000_000 % 1_000).dropFirst()
    return "\(1900 + parts.tm_year)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T\(time).\(milliseconds)Z"
}
