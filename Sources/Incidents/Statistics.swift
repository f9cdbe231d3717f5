internal import Detection
package import Moments

/// The national table in its first form: each figure with what it rests on. Counted are attacks on services of the
/// public; those on back offices stand apart, and so do those on networks, which were seen in flow exports and only
/// watched.
package struct Statistics: Equatable, Sendable, Codable {
    /// Says how the figures are made; changes when that does.
    package static let method = "1"

    package var from: Moment
    package var until: Moment
    /// Organisations connected, and those that had an attack.
    package var organisations: Int
    package var organisationsHit: Int
    /// Services of the public connected, and those of them that were measured at all in the period.
    package var services: Int
    package var servicesMeasured: Int
    package var incidents: Int
    package var publicServices: Table
    package var backOffices: Table
    package var networks: Table
    /// Claims on file, and those of incidents in which an outcome of down or degraded was measured.
    package var claims: Int
    package var claimsWithEffect: Int

    /// The figures of one kind of service.
    package struct Table: Equatable, Sendable, Codable {
        package var attacks = 0
        package var fendedOff = 0
        package var degraded = 0
        package var down = 0
        package var unknown = 0
        /// Judgements that may still change.
        package var provisional = 0
        /// Seconds of downtime of the attacks whose outcome is known, longest first.
        package var downtimes: [Double] = []
        /// Seconds from the first second of excess to detection, shortest first.
        package var detection: [Double] = []
        /// Requests a second; of attacks on networks 0, for those are counted in packets.
        package var peakRate: UInt64 = 0
        /// Packets a second; 0 where requests were counted.
        package var peakPackets: UInt64 = 0
        /// Seconds from start to end, longest first.
        package var durations: [Double] = []

        package init() {}

        /// Of the attacks whose outcome is known.
        package var shareFendedOff: Proportion { Proportion(fendedOff, of: fendedOff + degraded + down) }
        /// What the share is if none, or all, of the unknown ones were fended off; nil without attacks.
        package var bounds: ClosedRange<Double>? {
            attacks > 0
                ? Double(fendedOff) / Double(attacks)...Double(fendedOff + unknown) / Double(attacks) : nil
        }
        /// Seconds; nil where no outcome is known.
        package var meanDowntime: Double? {
            downtimes.isEmpty ? nil : downtimes.reduce(0, +) / Double(downtimes.count)
        }
        /// Seconds; nil where no service went down.
        package var meanDowntimeWhenDown: Double? {
            let down = downtimes.filter { $0 > 0 }
            return down.isEmpty ? nil : down.reduce(0, +) / Double(down.count)
        }

        /// The value in the middle; of an even number the lower one, nil of none.
        package static func median(_ values: [Double]) -> Double? {
            values.isEmpty ? nil : values.sorted()[(values.count - 1) / 2]
        }

        fileprivate mutating func count(_ record: AttackRecord) {
            attacks += 1
            switch record.judgement.outcome {
            case .fendedOff: fendedOff += 1
            case .degraded: degraded += 1
            case .down: down += 1
            case .unknown: unknown += 1
            }
            if record.judgement.isProvisional { provisional += 1 }
            if let downtime = record.judgement.downtime { downtimes.append(downtime.seconds) }
            detection.append(max(0, record.attack.detected - record.attack.start))
            durations.append(max(0, record.attack.end - record.attack.start))
            peakRate = max(peakRate, record.attack.peakRate)
            peakPackets = max(peakPackets, record.attack.traffic?.peakPackets ?? 0)
        }

        fileprivate mutating func settle() {
            downtimes.sort(by: >)
            durations.sort(by: >)
            detection.sort()
        }
    }

    /// Who is connected, for the coverage.
    package struct Coverage: Equatable, Sendable {
        package var organisations: Int
        package var services: Int
        package var servicesMeasured: Int

        package init(organisations: Int, services: Int, servicesMeasured: Int) {
            self.organisations = organisations
            self.services = services
            self.servicesMeasured = servicesMeasured
        }
    }

    /// - Parameter incidents: those whose attacks are counted if they began in the period.
    package init(_ incidents: [Incident], in period: Range<Moment>, coverage: Coverage) {
        from = period.lowerBound
        until = period.upperBound
        organisations = coverage.organisations
        services = coverage.services
        servicesMeasured = coverage.servicesMeasured
        publicServices = Table()
        backOffices = Table()
        networks = Table()
        claims = 0
        claimsWithEffect = 0
        var hit: Set<String> = []
        var counted = 0
        for incident in incidents {
            let attacks = incident.attacks.filter { period.contains($0.attack.start) }
            guard !attacks.isEmpty else { continue }
            counted += 1
            hit.insert(incident.organisation)
            for attack in attacks where attack.attack.traffic != nil { networks.count(attack) }
            for attack in attacks where attack.attack.traffic == nil {
                switch attack.service {
                case .publicService: publicServices.count(attack)
                case .backOffice: backOffices.count(attack)
                }
            }
            claims += incident.claims.count
            if incident.outcome == .down || incident.outcome == .degraded { claimsWithEffect += incident.claims.count }
        }
        self.incidents = counted
        organisationsHit = hit.count
        publicServices.settle()
        backOffices.settle()
        networks.settle()
    }
}

extension Incident {
    /// The worst of what is known: down before degraded; then unknown, for what was not measured may have been worse.
    package var outcome: Outcome {
        let outcomes = Set(attacks.map(\.judgement.outcome))
        return [.down, .degraded, .unknown].first { outcomes.contains($0) } ?? .fendedOff
    }

    package var isProvisional: Bool { attacks.contains { $0.judgement.isProvisional } }
    package var start: Moment { attacks.map(\.attack.start).min() ?? opened }
    /// The end of the last second of excess so far.
    package var end: Moment { attacks.map(\.attack.end).max() ?? opened }
    package var isOver: Bool { attacks.allSatisfy(\.attack.isOver) }

    /// Seconds that services of one kind were down, summed; nil where none of that kind has a known outcome.
    package func downtime(_ service: ServiceKind) -> Judgement.Downtime? {
        var counted = attacks.filter { $0.service == service && $0.attack.traffic == nil }
        // What was measured while another attack went on is that one's already: the same minutes are not down twice.
        for record in watched where record.service == service && record.judgement.downtime != nil {
            let window = record.judged
            if !counted.contains(where: { $0.judgement.downtime != nil && $0.judged.overlaps(window) }) {
                counted.append(record)
            }
        }
        let known = counted.compactMap(\.judgement.downtime)
        guard !known.isEmpty else { return nil }
        return known.reduce(Judgement.Downtime(seconds: 0, shortest: 0, longest: 0)) {
            Judgement.Downtime(
                seconds: $0.seconds + $1.seconds, shortest: $0.shortest + $1.shortest, longest: $0.longest + $1.longest)
        }
    }
}

extension AttackRecord {
    /// The time that its judgement is about.
    fileprivate var judged: Range<Moment> {
        attack.start..<max(attack.start, attack.end) + Judgement.aftermath
    }
}
