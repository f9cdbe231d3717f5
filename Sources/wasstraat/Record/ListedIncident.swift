internal import Detection
internal import Exchange
internal import Fingerprints
internal import Incidents
internal import Mitigations
internal import Moments

/// An incident in a list for machines. Times are RFC 3339.
struct ListedIncident: Encodable {
    struct Attack: Encodable {
        /// The site; of an attack with packets the address or block.
        var site: String
        var start: String
        var end: String
        var isOver: Bool
        /// Requests a second, and requests: not there where packets were counted.
        var peakRate: UInt64?
        var requests: UInt64?
        var refused: UInt64?
        /// Of an attack with packets those that cannot be forged; not there where all can be.
        var sources: UInt64?
        var outcome: Outcome
        var isProvisional: Bool
        var known: Double
        var downtimeSeconds: Double?
        var fingerprint: String?
        /// An attack seen in flow exports.
        var traffic: Traffic?
        /// What the packet filter did against it; not there where it did nothing.
        var filter: [PacketMeasure]?
    }

    /// A measure in the packet filter: counts are of packets.
    struct PacketMeasure: Encodable {
        var kind: String
        /// nil: sources one by one.
        var fingerprint: String?
        var match: String
        /// The most that were blocked at a time; not there where it is a rule.
        var sources: UInt32?
        var status: Mitigation.Status
        var isLive: Bool
        var machine: String
        var interface: String
        var since: String
        var until: String?
        var droppedPackets: UInt64
        var droppedBytes: UInt64
        /// While it only counted.
        var wouldHaveDroppedPackets: UInt64
        var wouldHaveDroppedBytes: UInt64
        /// SYN that were answered with cookies.
        var answeredPackets: UInt64?
        var answeredBytes: UInt64?

        init?(_ measure: Mitigation) {
            guard let packets = measure.packets else { return nil }
            switch measure.kind {
            case .packetRule(let id): (kind, fingerprint) = ("rule", id)
            case .blockedSources: kind = "blocked-sources"
            case .blockedByHand: kind = "blocked-by-hand"
            case .synCookies: kind = "syn-cookies"
            case .admission, .observe, .fingerprint: return nil
            }
            match = packets.match
            sources = packets.sources
            status = measure.status
            isLive = packets.isLive
            machine = packets.machine
            interface = packets.interface
            since = measure.since.text
            until = measure.until?.text
            droppedPackets = packets.dropped.packets
            droppedBytes = packets.dropped.bytes
            wouldHaveDroppedPackets = packets.spared.packets
            wouldHaveDroppedBytes = packets.spared.bytes
            answeredPackets = packets.answered?.packets
            answeredBytes = packets.answered?.bytes
        }
    }

    struct Traffic: Encodable {
        var target: String
        var packets: UInt64
        var bytes: UInt64
        var peakPacketsPerSecond: UInt64
        var peakBytesPerSecond: UInt64
        var vectors: [Vector]
    }

    struct Vector: Encodable {
        var kind: String
        var packets: UInt64
        var bytes: UInt64
        var start: String
        var end: String
        var isSpoofable: Bool?
        var fingerprint: String
    }

    var number: String
    var organisation: String
    var outcome: Outcome
    var attacks: [Attack]

    /// - Parameter known: identifiers of fingerprints on file.
    init(_ incident: Incident, known: Set<String>) {
        number = incident.number
        organisation = incident.organisation
        outcome = incident.outcome
        attacks = incident.attacks.map { Attack($0, of: incident, known: known) }
    }
}

extension ListedIncident.Attack {
    fileprivate init(_ record: AttackRecord, of incident: Incident, known: Set<String>) {
        let attack = record.attack
        let isOfRequests = attack.traffic == nil
        let measures = incident.packetMeasures(against: record).compactMap { ListedIncident.PacketMeasure($0) }
        self.init(
            site: attack.site, start: attack.start.text, end: attack.end.text, isOver: attack.isOver,
            peakRate: isOfRequests ? attack.peakRate : nil, requests: isOfRequests ? attack.requests : nil,
            refused: isOfRequests ? attack.refused : nil,
            sources: isOfRequests || attack.sources > 0 ? attack.sources : nil, outcome: record.judgement.outcome,
            isProvisional: record.judgement.isProvisional, known: record.judgement.known,
            downtimeSeconds: record.judgement.downtime?.seconds,
            fingerprint: attack.fingerprint?.name(among: known),
            traffic: attack.traffic.map { traffic in
                ListedIncident.Traffic(
                    target: traffic.target, packets: traffic.packets, bytes: traffic.bytes,
                    peakPacketsPerSecond: traffic.peakPackets, peakBytesPerSecond: traffic.peakBytes,
                    vectors: traffic.vectors.map { vector in
                        ListedIncident.Vector(
                            kind: vector.kind, packets: vector.packets, bytes: vector.bytes, start: vector.start.text,
                            end: vector.end.text, isSpoofable: vector.fingerprint.evidence.isSpoofable,
                            fingerprint: vector.fingerprint.name(among: known))
                    })
            }, filter: measures.isEmpty ? nil : measures)
    }
}

extension Fingerprint {
    /// Its identifier; that of the form's first version where it is on file under that one, as earlier versions filed it.
    fileprivate func name(among known: Set<String>) -> String {
        let first = identifier(as: .one)
        return known.contains(first) ? first : identifier
    }
}
