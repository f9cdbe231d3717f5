internal import Detection
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

    /// "31 d 4 h", "1 h 02 min", "12.5 s", "409 ms".
    static func duration(_ seconds: Double) -> String {
        guard seconds >= 1 else { return "\(whole(seconds * 1_000)) ms" }
        guard seconds >= 60 else { return "\(decimals(seconds, 1)) s" }
        let whole = whole(seconds)
        if whole >= 172_800 { return "\(whole / 86_400) d \(whole / 3_600 % 24) h" }
        if whole < 3_600 { return "\(whole / 60) min \(String(whole % 60 + 100).dropFirst()) s" }
        return "\(whole / 3_600) h \(String(whole / 60 % 60 + 100).dropFirst()) min"
    }

    /// "2026-11-23 16:43:48 UTC"; to the millisecond "2026-11-23 16:43:48.120 UTC".
    static func time(_ moment: Moment, toMilliseconds: Bool = false) -> String {
        let clamped = min(max(moment, Moment(seconds: 0)), Moment(seconds: 253_402_300_799))
        let clock = Moment.clock(clamped.seconds - clamped.day.start.seconds)
        let part = String(clamped.milliseconds - clamped.seconds * 1_000 + 1_000).dropFirst()
        return "\(clamped.day.text) \(clock)\(toMilliseconds ? "." + part : "") UTC"
    }

    /// "2026-11-23 16:43:48 to 16:44:03 UTC"; the day of the end only where it is another.
    static func span(_ from: Moment, _ until: Moment, toMilliseconds: Bool = false) -> String {
        let (start, end) = (time(from, toMilliseconds: toMilliseconds), time(until, toMilliseconds: toMilliseconds))
        let isSameDay = start.prefix(10) == end.prefix(10)
        return "\(start.dropLast(4)) to \(isSameDay ? String(end.dropFirst(11)) : end)"
    }

    /// Whether times of an attack have a part of a second; those of logs and of most flow records have none.
    static func isExact(_ moments: [Moment]) -> Bool { moments.contains { $0.milliseconds % 1_000 != 0 } }

    /// A log without host names has a target without a name.
    static func target(_ target: TrafficTarget) -> String {
        target == .host("") ? "the site of this log" : "\(target)"
    }

    /// How far an attack is, where what was read ends.
    static func state(_ state: TrafficAttack.State) -> String {
        switch state {
        case .suspected: "suspected: one second exceeds"
        case .confirmed: "confirmed"
        case .changing: "changing: another way joined"
        case .ending: "ending"
        case .ended: "ended"
        }
    }

    /// What was read: "12 packets, 3.4 kB", "5,000 requests", or both.
    static func volume(_ report: TrafficReport, requests: UInt64) -> String {
        let packets = report.packets >= requests ? report.packets - requests : 0
        var parts: [String] = []
        if packets > 0 || requests == 0 { parts = ["\(count(packets)) packets", bytes(report.bytes)] }
        if requests > 0 { parts.append("\(count(requests)) requests") }
        return parts.joined(separator: ", ")
    }

    /// What a kind is called: "dns-reflection" is "DNS reflection".
    static func kind(_ kind: String) -> String {
        kind.split(separator: "-").map { word in
            let word = String(word)
            return names[word] ?? (abbreviations.contains(word) ? word.uppercased() : word)
        }.joined(separator: " ")
    }

    private static let names = [
        "synack": "SYN/ACK", "bacnet": "BACnet", "netbios": "NetBIOS", "mssql": "MS SQL", "openvpn": "OpenVPN",
    ]
    private static let abbreviations: Set<String> = [
        "ack", "ard", "cldap", "coap", "dhcp", "dns", "dvr", "fin", "gre", "http", "http2", "https", "icmp", "icmpv6",
        "ip", "ipmi", "isakmp", "mdns", "natpmp", "ntp", "qotd", "quic", "rdp", "rip", "rst", "sip", "snmp", "ssdp",
        "stun", "syn", "tcp", "tftp", "tls", "ttl", "udp", "ws", "xdmcp",
    ]
}
