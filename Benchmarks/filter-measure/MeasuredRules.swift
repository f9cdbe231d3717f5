import Addresses
import Filters
import Fingerprints
import Moments

/// Rules of the kinds that reflections and floods are described by, the same for each seed: mostly a source port with
/// lengths, time to live or first bytes; some SYN of one length; some ranges of ports. In three forms: as the filter's
/// rules, as rows of the table that is compared with, and as text for nft.
struct MeasuredRules {
    var rules: [KernelRule] = []
    var rows: [InterpretedTable.Row] = []
    var nft: [String] = []

    private struct Stream {
        var state: UInt64

        mutating func below(_ limit: UInt64) -> UInt32 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = state
            mixed = (mixed ^ mixed >> 30) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
            return UInt32((mixed ^ mixed >> 31) % limit)
        }
    }

    init(_ count: Int, seed: UInt64 = 1) throws {
        var stream = Stream(state: seed)
        for index in 0..<count { try add(UInt32(index), &stream) }
    }

    private mutating func add(_ index: UInt32, _ stream: inout Stream) throws {
        var conditions: [(Feature, String)] = []
        var row = InterpretedTable.Row()
        var text = "meta protocol ip"
        let isTCP = stream.below(4) == 0
        row.protocolNumber = isTCP ? 6 : 17
        conditions.append((.protocol, isTCP ? "tcp" : "udp"))
        text += isTCP ? " ip protocol tcp" : " ip protocol udp"
        if isTCP {
            let port = 1 + stream.below(60_000)
            row.destinationPort = (port, port)
            conditions.append((.destinationPort, "\(port)"))
            conditions.append((.flags, "S"))
            row.flags = 2
            text += " tcp dport \(port) tcp flags == syn"
        } else if stream.below(5) > 0 {
            let port = 1 + stream.below(60_000)
            row.sourcePort = (port, port)
            conditions.append((.sourcePort, "\(port)"))
            text += " udp sport \(port)"
        } else {
            let port = 20_000 + stream.below(40_000)
            row.destinationPort = (port, port + 500)
            conditions.append((.destinationPort, "\(port)-\(port + 500)"))
            text += " udp dport \(port)-\(port + 500)"
        }
        let length = 60 + stream.below(1_300)
        row.length = (length, length + 40)
        conditions.append((.length, "\(length)-\(length + 40)"))
        text += " ip length \(length)-\(length + 40)"
        if stream.below(3) == 0 {
            row.ttl = (40, 90)
            conditions.append((.ttl, "40-90"))
            text += " ip ttl 40-90"
        }
        if !isTCP, stream.below(3) == 0 {
            let byte = stream.below(256)
            row.payloadMask = 0xff
            row.payload = UInt64(byte)
            let digits = String(byte, radix: 16)
            conditions.append((.payload, digits.count == 1 ? "0" + digits : digits))
        }
        rules.append(try Self.rule(conditions, counter: index))
        rows.append(row)
        nft.append(text + " counter drop")
    }

    /// A rule of these conditions, without end.
    static func rule(_ conditions: [(Feature, String)], counter: UInt32) throws -> KernelRule {
        // In the order that a fingerprint has them in.
        let ordered = Feature.allCases.compactMap { feature in conditions.first { $0.0 == feature } }
        let now = Moment(milliseconds: 1_800_000_000_000)
        let fingerprint = Fingerprint(
            conditions: ordered.map { Fingerprint.Condition($0.0, $0.1) },
            evidence: Fingerprint.Evidence(
                coverage: 0.9, collateral: 0, attackCount: 1_000, baselineCount: 1_000, sources: 10, from: now,
                until: now, isSpoofable: true), made: now, expires: now + 3_600)
        var rule = try KernelRule.make(from: fingerprint, counter: counter, at: now, clock: 0).get().rule
        rule.until = .max
        return rule
    }
}
