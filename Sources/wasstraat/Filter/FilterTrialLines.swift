internal import Addresses
internal import Filters
internal import Moments
internal import Packets
internal import Telemetry

/// A line for each packet of a trial, written while it goes on, up to a bound.
struct FilterTrialLines {
    /// Bytes that are gathered before they are written.
    private static let gathered = 64 << 10

    private let isJSON: Bool
    private let limit: UInt64
    private var told: UInt64 = 0
    private var bytes: [UInt8] = []
    /// Packets that no line was written for.
    private(set) var untold: UInt64 = 0

    init(limit: Int, isJSON: Bool) {
        self.limit = UInt64(clamping: limit)
        self.isJSON = isJSON
    }

    mutating func tell(
        _ judgement: FilterJudgement, number: UInt64, length: Int, at time: Int64, rules: [FilterTrial.Rule]
    ) {
        guard told < limit else {
            untold &+= 1
            return
        }
        told += 1
        bytes +=
            isJSON
            ? Self.json(judgement, number: number, length: length, at: time, rules)
            : Array((Self.text(judgement, number: number, length: length, at: time, rules) + "\n").utf8)
        if bytes.count >= Self.gathered { flush() }
    }

    mutating func flush() {
        putAll(bytes)
        bytes = []
    }

    /// "1  2026-11-23 16:43:48.120 UTC  drop  rule dns-reflection  198.51.100.7:53 > 203.0.113.9:4242 UDP, 1042 B".
    private static func text(
        _ judgement: FilterJudgement, number: UInt64, length: Int, at time: Int64, _ rules: [FilterTrial.Rule]
    ) -> String {
        let clock = DissectFigure.time(Moment(milliseconds: time / 1_000_000), toMilliseconds: true)
        let verb = judgement.reason.verb
        var line = "\(number)  \(clock)  \(verb)  \(why(judgement.reason, judgement.cause, rules))"
        for finding in judgement.dry {
            line += ", \(finding.reason.verb): \(why(finding.reason, finding.cause, rules))"
        }
        if let facts = judgement.facts { line += "  \(Self.text(facts))" }
        return line + ", \(length) B"
    }

    private static func text(_ facts: FrameFacts) -> String {
        let hasPorts = facts.protocolNumber == PacketSummary.tcp || facts.protocolNumber == PacketSummary.udp
        func side(_ address: Address, _ port: UInt16) -> String {
            guard hasPorts, facts.hasTransport else { return "\(address)" }
            return address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
        }
        let sides =
            "\(side(facts.source, facts.sourcePort)) > \(side(facts.destination, facts.destinationPort))"
        let tunnel = facts.isTunnelled ? " in a tunnel" : ""
        switch facts.protocolNumber {
        case PacketSummary.tcp: return "\(sides) TCP\(tunnel)"
        case PacketSummary.udp: return "\(sides) UDP\(tunnel)"
        case PacketSummary.icmp, PacketSummary.icmpv6:
            return "\(sides) ICMP type \(facts.icmpType)\(tunnel)"
        default: return "\(sides) protocol \(facts.protocolNumber)\(tunnel)"
        }
    }

    static func why(
        _ reason: FilterReason, _ cause: FilterJudgement.Cause?, _ rules: [FilterTrial.Rule]
    ) -> String {
        switch cause {
        case .malformation(let malformation)?: "\(reason.words): \(malformation.text)"
        case .entry(let prefix)?: "\(reason.words) \(prefix.shortText)"
        case .budget(let address)?: "\(reason.words) \(address)"
        case .rule(let place, _)?: "\(reason.words) \(rules[place].name)"
        case nil: reason.words
        }
    }

    private static func json(
        _ judgement: FilterJudgement, number: UInt64, length: Int, at time: Int64, _ rules: [FilterTrial.Rule]
    ) -> [UInt8] {
        var json = JSONText()
        json.raw("{\"number\":")
        json.number(number)
        json.raw(",\"time\":")
        json.string(Moment(milliseconds: time / 1_000_000).text)
        json.raw(",\"action\":")
        json.string(judgement.reason.verb)
        json.raw(",\"reason\":")
        json.string(judgement.reason.key)
        json.raw(",\"why\":")
        json.string(why(judgement.reason, judgement.cause, rules))
        json.raw(",\"dry\":")
        json.list(judgement.dry) { finding, json in
            json.raw("{\"reason\":")
            json.string(finding.reason.key)
            json.raw(",\"why\":")
            json.string(why(finding.reason, finding.cause, rules))
            json.raw("}")
        }
        if let facts = judgement.facts {
            json.raw(",\"source\":")
            json.string(facts.source.description)
            json.raw(",\"destination\":")
            json.string(facts.destination.description)
            json.raw(",\"protocol\":")
            json.number(facts.protocolNumber)
            if facts.hasTransport {
                json.raw(",\"source_port\":")
                json.number(facts.sourcePort)
                json.raw(",\"destination_port\":")
                json.number(facts.destinationPort)
            }
            json.raw(",\"tunnelled\":")
            json.flag(facts.isTunnelled)
        }
        json.raw(",\"bytes\":")
        json.number(length)
        json.raw("}\n")
        return json.bytes
    }
}
