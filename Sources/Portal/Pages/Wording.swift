internal import Detection
internal import Incidents
internal import Languages
internal import Mitigations
internal import Moments
internal import PublicStatus

/// How numbers, times and the field's terms are written in a language.
struct Wording: Sendable {
    var language: Language

    func pick(_ nl: String, _ en: String) -> String { language == .nl ? nl : en }

    /// "12.345" or "12,345".
    func number(_ value: UInt64) -> String {
        let digits = String(value)
        var text = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { text += pick(".", ",") }
            text.append(digit)
        }
        return text
    }

    /// Whole from ten up, one digit after the comma below.
    func number(_ value: Double) -> String {
        guard value.isFinite, value >= 0 else { return "–" }
        let bounded = min(value, 1e15)
        if bounded >= 10 || bounded == bounded.rounded() { return number(UInt64(bounded.rounded())) }
        let tenths = UInt64((bounded * 10).rounded())
        return "\(tenths / 10)\(pick(",", "."))\(tenths % 10)"
    }

    /// "99,9 %", of 0.999; cut off, never rounded up to a hundred.
    func percent(_ share: Double) -> String {
        guard share.isFinite else { return "–" }
        let tenths = UInt64((max(0, min(1, share)) * 1_000).rounded(.down))
        let rest = tenths % 10 == 0 ? "" : "\(pick(",", "."))\(tenths % 10)"
        return "\(tenths / 10)\(rest)\(pick(" %", "%"))"
    }

    /// "2 uur 5 min", of seconds.
    func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0 else { return "–" }
        let whole = UInt64(min(seconds, 1e9).rounded())
        let (hours, minutes, rest) = (whole / 3_600, whole / 60 % 60, whole % 60)
        var parts: [String] = []
        if hours > 0 { parts.append("\(hours) \(pick("uur", "h"))") }
        if minutes > 0 { parts.append("\(minutes) min") }
        if hours == 0, rest > 0 || parts.isEmpty { parts.append("\(rest) s") }
        return parts.joined(separator: " ")
    }

    /// "16:43".
    func clock(_ moment: Moment) -> String { DutchTime(moment).clock }

    /// "16:43:48".
    func second(_ moment: Moment) -> String { Moment.clock(DutchTime(moment).second) }

    /// "maandag 23 november 2026, 16:43"; times are those of clocks in the Netherlands.
    func time(_ moment: Moment) -> String {
        let local = DutchTime(moment)
        return "\(pick(local.dutchDate, local.englishDate)), \(local.clock)"
    }

    /// What a template shows of a moment: for people, and for programs.
    func view(_ moment: Moment) -> View { ["shown": time(moment), "exact": moment.text] }

    func state(_ state: ServiceState) -> View {
        let (sign, name) =
            switch state {
            case .up: ("●", pick("Bereikbaar", "Up"))
            case .degraded: ("▲", pick("Verminderd", "Degraded"))
            case .down: ("■", pick("Onbereikbaar", "Down"))
            case .unknown: ("?", pick("Niet gemeten", "Not measured"))
            case .maintenance: ("◆", pick("Onderhoud", "Maintenance"))
            }
        return ["kind": state.rawValue, "sign": sign, "name": name]
    }

    func outcome(_ outcome: Outcome) -> View {
        let (kind, sign, name) =
            switch outcome {
            case .fendedOff: ("up", "●", pick("Afgeslagen", "Fended off"))
            case .degraded: ("degraded", "▲", pick("Verminderd bereikbaar", "Degraded"))
            case .down: ("down", "■", pick("Onbereikbaar geweest", "Was down"))
            case .unknown: ("unknown", "?", pick("Onbekend", "Unknown"))
            }
        return ["kind": kind, "sign": sign, "name": name]
    }

    func role(_ role: Account.Role) -> String {
        switch role {
        case .operator: pick("beheerder", "operator")
        case .analyst: pick("analist", "analyst")
        case .auditor: pick("auditor", "auditor")
        }
    }

    func service(_ kind: ServiceKind) -> String {
        switch kind {
        case .publicService: pick("Dienst voor inwoners", "Service for citizens")
        case .backOffice: pick("Werkplek van medewerkers", "Back office")
        }
    }

    func kind(_ kind: Evidence.Kind) -> (code: String, name: String, most: String) {
        switch kind {
        case .claimAfter:
            ("E1", pick("Eigen claim achteraf", "Their own claim after the fact"), pick("laag", "low"))
        case .claimBefore:
            (
                "E2", pick("Claim vooraf, of een lijst met doelen", "Claim before the attack, or a list of targets"),
                pick("matig", "moderate")
            )
        case .tool:
            (
                "E3", pick("Verkeer past bij bekend gereedschap", "Traffic matches a known tool"),
                pick("matig", "moderate")
            )
        case .infrastructure:
            (
                "E4", pick("Infrastructuur in beslag genomen of gezien", "Infrastructure seized or seen"),
                pick("hoog", "high")
            )
        case .statement:
            (
                "E5",
                pick(
                    "Verklaring van CSIRT, politie, dienst of rechter", "Statement by CSIRT, police, service or court"),
                pick("hoog", "high")
            )
        }
    }

    func mitigation(_ kind: Mitigation.Kind) -> String {
        switch kind {
        case .admission: pick("Toelating naar wat de site aankan", "Admission by what the site can take")
        case .observe: pick("Alles doorlaten en alleen tellen", "Let everything through, count only")
        case .fingerprint(let id): pick("Regel op kenmerk ", "Rule on fingerprint ") + String(id.prefix(12))
        case .packetRule(let id):
            pick("Regel in het pakketfilter, kenmerk ", "Rule in the packet filter, fingerprint ")
                + String(id.prefix(12))
        case .blockedSources: pick("Geblokkeerde bronnen in het pakketfilter", "Blocked sources in the packet filter")
        case .blockedByHand:
            pick(
                "Met de hand geblokkeerde bronnen in het pakketfilter", "Sources blocked by hand in the packet filter")
        case .synCookies:
            pick("SYN-cookies uit het pakketfilter", "SYN cookies from the packet filter")
        }
    }

    func handling(_ handling: Incident.Handling) -> String {
        switch handling {
        case .dropped: pick("Netwerk, deels tegengehouden", "Network, partly dropped")
        case .answered: pick("Netwerk, met SYN-cookies beantwoord", "Network, answered with SYN cookies")
        case .watched: pick("Netwerk, alleen gevolgd", "Network, only watched")
        }
    }

    func status(_ status: Mitigation.Status) -> String {
        switch status {
        case .dry: pick("Proef: telt alleen", "Dry: counts only")
        case .live: pick("Actief", "Live")
        case .undone: pick("Teruggedraaid", "Undone")
        case .ended: pick("Geëindigd", "Ended")
        }
    }
}

/// What a template is given: texts (escaped when shown), lists, and other views.
typealias View = [String: Any]
