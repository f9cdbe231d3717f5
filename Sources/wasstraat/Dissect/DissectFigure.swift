internal import Moments

/// Figures of a report as people read them.
enum DissectFigure {
    /// "1,234,567".
    static func count(_ value: UInt64) -> String {
        var digits = Array(String(value))
        var place = digits.count - 3
        while place > 0 {
            digits.insert(",", at: place)
            place -= 3
        }
        return String(digits)
    }

    /// Of what is no number, or more than can be counted: the nearest that can.
    static func whole(_ value: Double) -> UInt64 {
        value > 0 ? UInt64(min(value, 9_007_199_254_740_991).rounded()) : 0
    }

    /// "98.8 %"; "unknown" for nil. What is not nothing is never shown as nothing.
    static func percent(_ share: Double?) -> String {
        guard let share, share.isFinite else { return "unknown" }
        let percent = max(0, min(1, share)) * 100
        if percent > 0, percent < 0.01 { return "< 0.01 %" }
        if percent < 100, percent > 99.9 { return "> 99.9 %" }
        return "\(decimals(percent, percent < 1 ? 2 : 1)) %"
    }

    /// "12.3 MB", in powers of 1,000.
    static func bytes(_ value: UInt64) -> String {
        guard value >= 1_000 else { return "\(value) B" }
        var scaled = Double(value)
        var unit = 0
        while scaled >= 999.95, unit < 6 {
            scaled /= 1_000
            unit += 1
        }
        return "\(decimals(scaled, 1)) \(["B", "kB", "MB", "GB", "TB", "PB", "EB"][unit])"
    }

    /// "12.3 k", for the scale of a plot.
    static func short(_ value: Double) -> String {
        let whole = whole(value)
        guard whole >= 1_000 else { return "\(whole)" }
        return String(bytes(whole).dropLast())
    }

    static func decimals(_ value: Double, _ digits: Int) -> String {
        let factor: UInt64 = [1, 10, 100, 1_000][max(0, min(3, digits))]
        let units = whole(value * Double(factor))
        guard factor > 1 else { return "\(units)" }
        return "\(units / factor).\(String(units % factor + factor).dropFirst())"
    }

    /// "1 h 02 min", "12.5 s".
    static func duration(_ seconds: Double) -> String {
        guard seconds >= 60 else { return "\(decimals(seconds, 1)) s" }
        let whole = whole(seconds)
        if whole < 3_600 { return "\(whole / 60) min \(String(whole % 60 + 100).dropFirst()) s" }
        return "\(whole / 3_600) h \(String(whole / 60 % 60 + 100).dropFirst()) min"
    }

    /// "2026-11-23 16:43:48 UTC".
    static func time(_ moment: Moment) -> String {
        let clamped = min(max(moment, Moment(seconds: 0)), Moment(seconds: 253_402_300_799))
        return "\(clamped.day.text) \(Moment.clock(clamped.seconds - clamped.day.start.seconds)) UTC"
    }

    /// "2026-11-23 16:43:48 to 16:44:03 UTC"; the day of the end only where it is another.
    static func span(_ from: Moment, _ until: Moment) -> String {
        let (start, end) = (time(from), time(until))
        let isSameDay = start.prefix(10) == end.prefix(10)
        return "\(start.dropLast(4)) to \(isSameDay ? String(end.dropFirst(11)) : end)"
    }

    /// What a kind is called: "dns-reflection" is "DNS reflection".
    static func kind(_ kind: String) -> String {
        let words = kind.split(separator: "-")
        return words.map { abbreviations.contains(String($0)) ? $0.uppercased() : String($0) }.joined(separator: " ")
    }

    private static let abbreviations: Set<String> = [
        "dns", "ntp", "tcp", "udp", "icmp", "icmpv6", "http", "https", "http2", "ip", "syn", "ack", "rst", "fin",
        "snmp",
        "ssdp", "cldap", "quic", "tls", "coap", "stun", "sip", "gre", "mdns", "rdp", "tftp",
    ]
}
