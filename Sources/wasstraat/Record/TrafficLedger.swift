internal import Addresses
package import Detection
internal import Fingerprints
package import Incidents
package import Moments

/// What is new of an attack seen in flow exports, and whose it is.
package struct TrafficFinding: Equatable, Sendable {
    package var event: AttackEvent
    package var organisation: String
    /// The organisation's name for people.
    package var title: String
    package var service: ServiceKind
    /// Kinds of vectors that joined since it was last filed.
    package var joined: [String] = []
}

/// Turns what detection sees in flow exports, second by second, into attacks for the record: each is filed when it is
/// confirmed, then when a vector joins or a fingerprint is measured anew, else every `interval` seconds, and at its end.
///
/// An attack that was going on when an earlier collector stopped goes on where detection sees it again. Otherwise it is
/// over after `pause` seconds in which exports came and it was not among them, or when nobody looked for so long
/// (`AttackWatch.blindness`) that it would not be the same; its end is then the last second in which it was seen.
package struct TrafficLedger: Sendable {
    /// Seconds between two filings of an attack that only goes on.
    package static let interval = 5.0
    /// Seconds with exports and without the attack after which one of an earlier collector is over.
    package static let pause: Int64 = 120
    /// Age in seconds at which a vector's fingerprint is measured anew; from then on each time that it is four times as
    /// old, and at the end. A fingerprint with other evidence is another one, so this is not done each second.
    package static let firstMeasure = 10.0

    private struct Followed {
        var attack: DetectedAttack
        var part: ServedNetworks.Part
        /// What earlier collectors counted, and this one before a rule held the attack back.
        var before: DetectedAttack
        /// As detection has it now; nil: it has not been seen since then.
        var latest: TrafficAttack?
        /// Seconds with exports, since the start, in which it was not among them.
        var quiet: Int64 = 0
        var filed: Moment
        /// Age of each vector, in seconds, at which its fingerprint is next measured.
        var due: [String: Double] = [:]
    }

    package let networks: ServedNetworks
    private var followed: [Followed] = []

    /// - Parameter open: attacks with packets that are not over on record.
    package init(_ networks: ServedNetworks, resuming open: [AttackRecord], at now: Moment) {
        self.networks = networks
        for record in open where record.attack.traffic != nil && !record.attack.isOver {
            let block = Prefix(record.attack.site) ?? Prefix(Address(high: 0, low: 0), length: 128)
            let title = networks.parts(of: block).first { $0.organisation == record.organisation }?.title
            let part = ServedNetworks.Part(
                organisation: record.organisation, title: title ?? record.organisation, block: block,
                sites: record.attack.traffic?.sites ?? [], service: record.service)
            followed.append(Followed(attack: record.attack, part: part, before: record.attack, filed: now))
        }
    }

    /// Attacks that are followed.
    package var count: Int { followed.count }

    /// Targets of attacks in `attacks` that are on no organisation's network.
    package func strangers(among attacks: [TrafficAttack]) -> [TrafficTarget] {
        attacks.map(\.target).filter { target in
            guard case .prefix(let prefix) = target else { return true }
            return networks.parts(of: prefix).isEmpty
        }
    }

    /// Takes in what goes on now; to be called about once a second.
    /// - Parameters:
    ///   - heard: exports came since the last call.
    ///   - held: attacks of which rules drop packets now. One that is no longer seen goes on all the same: where exports
    ///     come from behind the filter, that is what a rule that works looks like.
    package mutating func observe(
        _ attacks: [TrafficAttack], heard: Bool, held: Set<RuleHandover.Attack> = [], at now: Moment
    ) -> [TrafficFinding] {
        var findings: [TrafficFinding] = []
        var seen: Set<Int> = []
        for attack in attacks where attack.state != .suspected && attack.state != .ended {
            guard case .prefix(let target) = attack.target else { continue }
            for part in networks.parts(of: target) {
                if let index = place(of: target, part, besides: seen) {
                    seen.insert(index)
                    if let finding = update(index, attack, at: now) { findings.append(finding) }
                } else {
                    seen.insert(followed.count)
                    findings.append(open(attack, part, at: now))
                }
            }
        }
        for index in followed.indices.reversed() where !seen.contains(index) {
            let name = RuleHandover.Attack(followed[index].attack, of: followed[index].part.organisation)
            if held.contains(name) {
                if let change = hold(index, at: now) { findings.append(change) }
                continue
            }
            if followed[index].latest == nil {
                followed[index].quiet += heard ? 1 : 0
                let unseen = now - followed[index].attack.end
                guard followed[index].quiet >= Self.pause || unseen > Double(AttackWatch.blindness) else { continue }
            }
            findings.append(close(index))
        }
        return findings
    }

    /// All that is not on record yet, for those who stop: what goes on stays open.
    package mutating func finish(at now: Moment) -> [TrafficFinding] {
        followed.indices.compactMap { index in
            guard followed[index].latest != nil else { return nil }
            followed[index].filed = now
            return finding(.changed(followed[index].attack), index)
        }
    }

    /// Which attack it is: the one with this target, or one that has a part in common: what detection holds for the
    /// target grows and shrinks with what it has seen.
    private func place(of target: Prefix, _ part: ServedNetworks.Part, besides seen: Set<Int>) -> Int? {
        let own = followed.indices.filter {
            followed[$0].part.organisation == part.organisation && !seen.contains($0)
        }
        let name = "\(TrafficTarget.prefix(target))"
        return own.first { followed[$0].attack.traffic?.target == name }
            ?? own.first { index in
                let known = followed[index].attack.traffic.flatMap { Prefix($0.target) }
                return known.map { $0.overlaps(target) } ?? false
            }
    }

    // ---- One attack.

    private mutating func open(
        _ attack: TrafficAttack, _ part: ServedNetworks.Part, at now: Moment
    ) -> TrafficFinding {
        var begun = DetectedAttack(
            site: "\(TrafficTarget.prefix(part.block))", start: attack.start,
            detected: max(attack.start, attack.detected))
        begun.end = max(begun.start, attack.end)
        begun.traffic = DetectedTraffic(target: "\(attack.target)", sites: part.sites)
        followed.append(Followed(attack: begun, part: part, before: begun, latest: attack, filed: now))
        let index = followed.count - 1
        _ = merge(index, attack, isLast: false)
        return finding(.opened(followed[index].attack), index)
    }

    private mutating func update(_ index: Int, _ attack: TrafficAttack, at now: Moment) -> TrafficFinding? {
        let former = followed[index].attack
        let isMeasured = merge(index, attack, isLast: false)
        followed[index].latest = attack
        let joined = Array(followed[index].attack.traffic?.vectors.dropFirst(former.traffic?.vectors.count ?? 0) ?? [])
        let isDue = now - followed[index].filed >= Self.interval && followed[index].attack != former
        guard isMeasured || isDue || !joined.isEmpty || now < followed[index].filed else { return nil }
        followed[index].filed = now
        var change = finding(.changed(followed[index].attack), index)
        change.joined = joined.map(\.kind)
        return change
    }

    /// Lets an attack go on that a rule holds back. What is seen of it afterwards is added to what was seen before.
    private mutating func hold(_ index: Int, at now: Moment) -> TrafficFinding? {
        if let latest = followed[index].latest {
            _ = merge(index, latest, isLast: false)
            followed[index].before = followed[index].attack
            followed[index].latest = nil
        }
        followed[index].quiet = 0
        followed[index].attack.end = max(followed[index].attack.end, now)
        guard now - followed[index].filed >= Self.interval || now < followed[index].filed else { return nil }
        followed[index].filed = now
        return finding(.changed(followed[index].attack), index)
    }

    private mutating func close(_ index: Int) -> TrafficFinding {
        if let latest = followed[index].latest { _ = merge(index, latest, isLast: true) }
        followed[index].attack.isOver = true
        let last = finding(.over(followed[index].attack), index)
        followed.remove(at: index)
        return last
    }

    private func finding(_ event: AttackEvent, _ index: Int) -> TrafficFinding {
        let part = followed[index].part
        return TrafficFinding(
            event: event, organisation: part.organisation, title: part.title, service: part.service)
    }

    /// Brings an attack up to what detection has of it; says whether a fingerprint was measured anew.
    private mutating func merge(_ index: Int, _ seen: TrafficAttack, isLast: Bool) -> Bool {
        let before = followed[index].before
        var attack = followed[index].attack
        var traffic = attack.traffic ?? DetectedTraffic(target: "\(seen.target)", sites: [])
        var isMeasured = false
        var counts: [String: Int] = [:]
        for vector in seen.vectors.sorted(by: { ($0.start, $0.kind) < ($1.start, $1.kind) }) {
            // Several of one kind are told apart by the order in which they came.
            let number = counts[vector.kind, default: 0]
            counts[vector.kind] = number + 1
            let name = "\(vector.kind) \(number)"
            let known = Self.place(vector.kind, number, in: traffic.vectors)
            guard let known else {
                guard traffic.vectors.count < DetectedTraffic.vectorLimit else { continue }
                traffic.vectors.append(
                    DetectedTraffic.Vector(
                        kind: vector.kind, packets: vector.packets, bytes: vector.bytes, start: vector.start,
                        end: vector.end, fingerprint: vector.fingerprint.withoutNetworks))
                followed[index].due[name] = Self.firstMeasure
                continue
            }
            let earlier = Self.place(vector.kind, number, in: before.traffic?.vectors ?? [])
                .flatMap { before.traffic?.vectors[$0] }
            var one = traffic.vectors[known]
            one.packets = max(one.packets, (earlier?.packets ?? 0).plus(vector.packets))
            one.bytes = max(one.bytes, (earlier?.bytes ?? 0).plus(vector.bytes))
            one.end = max(one.end, vector.end)
            // After a restart the fingerprint from before stands until as much was seen again.
            let isRicher = vector.fingerprint.evidence.attackCount >= one.fingerprint.evidence.attackCount
            let age = vector.end - vector.start
            if isRicher, isLast || age >= followed[index].due[name] ?? Self.firstMeasure {
                one.fingerprint = vector.fingerprint.withoutNetworks
                followed[index].due[name] = max(Self.firstMeasure, age) * 4
                isMeasured = true
            }
            traffic.vectors[known] = one
        }
        attack.end = max(attack.end, seen.end)
        attack.sources = max(before.sources, seen.unforgedSources)
        attack.networks = seen.networks
        traffic.target = "\(seen.target)"
        traffic.packets = traffic.vectors.reduce(0) { $0.plus($1.packets) }
        traffic.bytes = traffic.vectors.reduce(0) { $0.plus($1.bytes) }
        let peak = seen.points.reduce((0.0, 0.0)) { (max($0.0, $1.attackPackets), max($0.1, $1.attackBytes)) }
        traffic.peakPackets = max(traffic.peakPackets, UInt64(counted: peak.0))
        traffic.peakBytes = max(traffic.peakBytes, UInt64(counted: peak.1))
        traffic.draw(seen.points, after: before.traffic)
        attack.traffic = traffic
        followed[index].attack = attack
        return isMeasured
    }

    private static func place(_ kind: String, _ number: Int, in vectors: [DetectedTraffic.Vector]) -> Int? {
        vectors.indices.filter { vectors[$0].kind == kind }.dropFirst(number).first
    }
}

extension DetectedTraffic {
    /// Points of an attack's seconds, with those from before it was seen by this collector.
    mutating func draw(_ seen: [TrafficAttack.Point], after before: DetectedTraffic?) {
        let earlier = before?.points ?? []
        guard let first = [earlier.first?.at, seen.first?.time].compactMap(\.self).min(),
            let last = [earlier.last?.at, seen.last?.time].compactMap(\.self).max()
        else { return }
        var step = max(1, before?.pointSeconds ?? 1, pointSeconds)
        while (last.seconds - first.seconds) / step >= Int64(Self.pointLimit) - 1 { step *= 2 }
        var sums: [Int64: (packets: Double, bytes: Double)] = [:]
        func add(_ at: Moment, _ packets: Double, _ bytes: Double) {
            let start = at.seconds / step * step
            sums[start, default: (0, 0)].packets += packets
            sums[start, default: (0, 0)].bytes += bytes
        }
        for point in earlier { add(point.at, Double(point.packets), Double(point.bytes)) }
        for point in seen where point.attackPackets > 0 { add(point.time, point.attackPackets, point.attackBytes) }
        pointSeconds = step
        points = sums.sorted { $0.key < $1.key }.map {
            Point(
                at: Moment(seconds: $0.key), packets: UInt64(counted: $0.value.packets),
                bytes: UInt64(counted: $0.value.bytes))
        }
    }
}

extension TrafficAttack {
    /// Sources of the vectors whose senders cannot be forged; of several the most, for they may be the same ones.
    fileprivate var unforgedSources: UInt64 {
        vectors.map(\.fingerprint.evidence).filter { $0.isSpoofable == false }.map(\.sources).max() ?? 0
    }

    /// The heaviest networks of those, with packets.
    fileprivate var networks: [DetectedAttack.Counted] {
        var counts: [String: Double] = [:]
        for vector in vectors where vector.fingerprint.evidence.isSpoofable == false {
            for network in vector.fingerprint.evidence.networks {
                counts[network.prefix, default: 0] += network.share * Double(vector.packets)
            }
        }
        return counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(20).map {
            DetectedAttack.Counted($0.key, UInt64(counted: $0.value))
        }
    }
}

extension Fingerprint {
    /// As it goes on file: what the record keeps for good names no network of sources.
    fileprivate var withoutNetworks: Fingerprint {
        var plain = self
        plain.evidence.networks = []
        return plain
    }
}

extension UInt64 {
    /// A rounded sum of what was counted; none of what is no number.
    fileprivate init(counted value: Double) {
        self = value.isNaN ? 0 : value >= 0x1p64 ? .max : UInt64(Swift.max(0, value.rounded()))
    }

    /// The sum, or the greatest count.
    fileprivate func plus(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
