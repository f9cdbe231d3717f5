internal import Addresses
internal import Fingerprints
internal import Moments
internal import Packets
internal import Sketches

/// What was found, with fingerprints and evidence.
extension TrafficWatch {
    /// Attacks kept after their end.
    static let closedLimit = 256
    /// Days until nobody acts on a fingerprint.
    private static let lifetime = 30.0
    /// Share of an attack's packets and bytes below which answers to it (errors, resets) are no vector of it.
    private static let leastByproduct = 0.1

    /// Judges what is left and reports all. The stream has ended.
    package mutating func finish() -> TrafficReport {
        settle()
        var report = TrafficReport()
        report.attacks = closed + attacks(atEnd: true)
        if options.isAttackKnown, report.attacks.isEmpty { report.attacks = whatStandsOut() }
        report.attacks.sort { ($0.start, $0.target.description) < ($1.start, $1.target.description) }
        report.growth = growth + vectors.filter(\.isGrowth).compactMap { benign($0) }
        report.packets = packets
        report.bytes = bytes
        if let bounds = watched.bounds {
            report.from = Self.moment(bounds.lowerBound)
            report.until = Self.moment(bounds.upperBound)
        }
        return report
    }

    static func moment(_ time: Int64) -> Moment { Moment(milliseconds: time / 1_000_000) }

    func target(of collector: VectorCollector) -> TrafficTarget {
        guard collector.level != .host else {
            return .prefix(Prefix(collector.target, length: collector.level.length(of: collector.target)))
        }
        // The smallest block that has nearly all that was hit.
        let hosts = collector.samples.map(\.destination)
        let whole = collector.target.isIPv4 ? 32 : 128
        var best = Prefix(collector.target, length: collector.level.length(of: collector.target))
        for length in stride(from: whole - 1, to: best.length, by: -1) {
            var counts: [Address: Int] = [:]
            for host in hosts { counts[host.masked(to: length), default: 0] += 1 }
            guard let most = counts.max(by: { ($0.value, $1.key.low) < ($1.value, $0.key.low) }),
                Double(most.value) >= 0.98 * Double(hosts.count)
            else { continue }
            best = Prefix(most.key, length: length)
            break
        }
        return .prefix(best)
    }

    /// The attacks that go on, as they are now.
    /// - Parameter atEnd: nothing more will come: one burst is enough, the pause is not waited for.
    package func attacks(atEnd: Bool = false) -> [TrafficAttack] {
        var found: [TrafficTarget: [Int]] = [:]
        for index in vectors.indices where !vectors[index].isGrowth {
            guard vectors[index].isConfirmed || !atEnd else { continue }
            found[target(of: vectors[index].collector), default: []].append(index)
        }
        return found.map { attack(on: $0.key, $0.value, atEnd: atEnd) }
            .filter { !$0.vectors.isEmpty }
            .sorted { ($0.start, $0.target.description) < ($1.start, $1.target.description) }
    }

    private func attack(on target: TrafficTarget, _ members: [Int], atEnd: Bool) -> TrafficAttack {
        let packets = members.reduce(0) { $0 + vectors[$1].collector.packets }
        let bytes = members.reduce(0) { $0 + vectors[$1].collector.bytes }
        let main = members.filter { index in
            let collector = vectors[index].collector
            guard members.count > 1 else { return true }
            switch collector.kind {
            case .icmpError, .tcpReset, .icmpOther:
                return collector.packets >= Self.leastByproduct * packets
                    || collector.bytes >= Self.leastByproduct * bytes
            default: return collector.packets >= 0.01 * packets || collector.bytes >= 0.01 * bytes
            }
        }
        let made = main.map { vector(vectors[$0]) }
            .sorted { ($0.packets, $1.kind) > ($1.packets, $0.kind) }
        let start = made.map(\.start).min() ?? Self.moment(watched.from)
        let end = made.map(\.end).max() ?? start
        var attack = TrafficAttack(
            target: target, state: state(members, atEnd: atEnd), start: start, end: end,
            detected: Self.moment(members.map { vectors[$0].detected }.min() ?? watched.until), vectors: made)
        attack.points = points(main.map { vectors[$0].collector })
        return attack
    }

    private func state(_ members: [Int], atEnd: Bool) -> TrafficAttack.State {
        let quiet = members.map { now &- vectors[$0].lastExcess }.min() ?? 0
        if quiet > options.pause { return .ended }
        if !members.contains(where: { vectors[$0].isConfirmed }) { return .suspected }
        if quiet > 10 { return .ending }
        let newest = members.map { vectors[$0].began }.max() ?? now
        let oldest = members.map { vectors[$0].began }.min() ?? now
        return newest > oldest && now &- newest < 10 ? .changing : .confirmed
    }

    private func points(_ members: [VectorCollector]) -> [TrafficAttack.Point] {
        var sums: [Int64: (Double, Double, Double, Double)] = [:]
        for collector in members {
            for (second, point) in collector.points {
                let sum = sums[second] ?? (0, 0, 0, 0)
                sums[second] = (
                    sum.0 + point.packets, sum.1 + point.bytes, max(sum.2, point.all), max(sum.3, point.allBytes)
                )
            }
        }
        return sums.sorted { $0.key < $1.key }.map {
            TrafficAttack.Point(
                time: Moment(seconds: $0.key), attackPackets: $0.value.0, attackBytes: $0.value.1,
                allPackets: max($0.value.0, $0.value.2), allBytes: max($0.value.1, $0.value.3))
        }
    }

    private func vector(_ open: OpenVector) -> TrafficVector {
        vector(
            of: open.collector,
            end: open.collector.lastExcess == .min ? open.collector.last : open.collector.lastExcess)
    }

    /// - Parameter isMine: packets of the ordinary sample that are this vector's own.
    func vector(
        of collector: VectorCollector, end: Int64,
        isMine mine: (PacketSummary) -> Bool = { _ in false }
    ) -> TrafficVector {
        let kind = collector.kind
        let samples = collector.samples
        let name = TrafficKind.name(kind, samples)
        let isFromFlows = samples.contains { $0.isAverage }
        let alone = Distillation(
            samples: samples, ordinary: [], impurity: collector.impurity, names: names, isFromFlows: isFromFlows)
        let core = core(kind, alone)
        // What flow records do not tell of single packets nobody measures on them: then the collateral is not known.
        let isJudged = !isFromFlows || core.allSatisfy { Distillation.isTold($0.feature) }
        let distillation = Distillation(
            samples: samples,
            ordinary: isJudged ? ordinary.packets.filter { !mine($0.packet) } + profile.spared : [],
            impurity: collector.impurity, names: names, isFromFlows: isFromFlows)
        var result = distillation.distil(core)
        if isFromFlows, isJudged { weigh(&result) }
        let isSpoofable = TrafficKind.isSpoofable(kind)
        let attacking = max(0, collector.packets - collector.usual * Double(collector.seconds))
        let attackingBytes = max(0, collector.bytes - collector.usualBytes * Double(collector.seconds))
        let (start, until) = (Self.moment(collector.first), Self.moment(max(collector.first, end)))
        let evidence = Fingerprint.Evidence(
            coverage: result.coverage, collateral: result.collateral,
            attackCount: UInt64(clamping: attacking.rounded()),
            baselineCount: UInt64(clamping: result.ordinaryPackets.rounded()),
            sources: UInt64(clamping: collector.sources.count.rounded()), from: start, until: until,
            bytes: Fingerprint.Evidence.Bytes(
                coverage: result.bytesCoverage, collateral: result.bytesCollateral,
                attackCount: UInt64(clamping: attackingBytes.rounded()),
                baselineCount: UInt64(clamping: result.ordinaryBytes.rounded())),
            peakRate: collector.peak, isSpoofable: isSpoofable,
            networks: isSpoofable
                ? []
                : collector.heaviestNetworks(Fingerprint.Evidence.networkLimit).map {
                    Fingerprint.Evidence.Network(
                        prefix: "\(Prefix($0.network, length: $0.network.isIPv4 ? 24 : 48))", share: $0.share)
                }, baseline: profile.name)
        var vector = TrafficVector(
            kind: name,
            fingerprint: Fingerprint(
                conditions: result.conditions, kind: name, evidence: evidence, made: until,
                expires: until + Self.lifetime * 86_400), packets: UInt64(clamping: collector.packets.rounded()),
            bytes: UInt64(clamping: collector.bytes.rounded()), start: start, end: until)
        vector.shares = distillation.shares()
        return vector
    }

    /// Ordinary flow records that are needed, one in eight of those that came, to say something of their share.
    private static let leastFlows: UInt64 = 1_000

    /// Beside the profile's packets, what ordinary flow records here would be hit: of the two the worse counts. Conditions
    /// that the records do not tell are left out, so that it is never less than the truth.
    private func weigh(_ result: inout Distillation.Result) {
        guard flowRecords / 8 >= Self.leastFlows, let known = result.collateral else { return }
        let tests = result.conditions.filter { Distillation.isTold($0.feature) }.compactMap { PacketTest($0) }
        var (packets, bytes, hit, hitBytes) = (0.0, 0.0, 0.0, 0.0)
        for item in ordinaryFlows.packets {
            let (weight, size) = (Double(item.weight), Double(item.weight) * Double(item.packet.length))
            packets += weight
            bytes += size
            guard tests.allSatisfy({ $0.holds(for: item.packet) }) else { continue }
            hit += weight
            hitBytes += size
        }
        guard packets > 0, bytes > 0 else { return }
        result.collateral = max(known, hit / packets)
        result.bytesCollateral = max(result.bytesCollateral ?? 0, hitBytes / bytes)
        result.ordinaryPackets += packets
        result.ordinaryBytes += bytes
    }

    /// What a vector of a class is by itself, before anything is compared.
    private func core(_ kind: TrafficClass, _ distillation: Distillation) -> [Fingerprint.Condition] {
        let samples = distillation.samples
        let needed = Double(samples.count) * (1 - distillation.impurity) * Distillation.leastCoverage
        func condition(_ feature: Feature) -> Fingerprint.Condition? {
            distillation.condition(on: feature, of: samples, needed: needed, sparing: [])
        }
        let base = [condition(.protocol)].compactMap(\.self)
        if kind.isResponse {
            // The port is what every filter can say; without one, what the payload shows.
            if let port = condition(.sourcePort), !port.value.contains("-") { return base + [port] }
            return base + [condition(.service)].compactMap(\.self)
        }
        if kind.isRequest { return base + [condition(.destinationPort)].compactMap(\.self) }
        switch kind {
        case .tcpSyn, .tcpSynAck, .tcpReset, .tcpStray: return base + [condition(.flags)].compactMap(\.self)
        case .tcpToServer: return base + [condition(.destinationPort)].compactMap(\.self)
        case .tcpToClient: return base + [condition(.sourcePort)].compactMap(\.self)
        case .icmpEcho, .icmpReply, .icmpError, .icmpOther, .icmpAnswered:
            return base + [condition(.icmpType)].compactMap(\.self)
        case .fragment: return base + [Fingerprint.Condition(.fragment, "later")]
        default: return base
        }
    }

    // ---- What the operator says is an attack.

    /// Packets of a class at one host from which on it can stand out.
    private static let leastToStandOut = 50.0
    /// Share of a small attack's class that may be what every address gets.
    private static let noise = 0.03
    /// Times the mean of ordinary hosts.
    private static let leastLift = 5.0

    /// Without a second that exceeds: what comes unasked at a higher rate than at ordinary hosts, on average over all the
    /// time; and where there is none, the part of a server's connections that ordinary traffic has least of.
    private func whatStandsOut() -> [TrafficAttack] {
        let seconds = max(1, watched.seconds)
        let all = max(1, classTotals.reduce(0, +))
        var best: [(index: Int, lift: Double)] = []
        let hosts = cells.taken.filter { index in
            let cell = cells.cells[index]
            return cell.level == .host && cell.total >= Self.leastToStandOut && isWatched(cell.target)
        }
        for index in hosts {
            let cell = cells.cells[index]
            let usual = profile.ordinary[Int(cell.kind.number)]
            if cell.kind.isOrdinary { continue }
            let lift = cell.total / seconds / Double(max(usual.mean, 0.05))
            if lift >= Self.leastLift { best.append((index, lift)) }
        }
        // Beside what stands out most, what does so far less is noise.
        let most = best.map(\.lift).max() ?? 0
        best.removeAll { $0.lift < most / 3 }
        if best.isEmpty {
            for index in hosts {
                let cell = cells.cells[index]
                guard cell.kind == .tcpToServer else { continue }
                let share = cell.total / all
                let lift = share / Double(max(profile.ordinary[Int(cell.kind.number)].share, 0.05))
                if share >= 0.2 { best.append((index, lift)) }
            }
        }
        return best.sorted { ($0.lift, $1.index) > ($1.lift, $0.index) }.prefix(8).compactMap { standsOut($0.index) }
    }

    private func standsOut(_ index: Int) -> TrafficAttack? {
        let cell = cells.cells[index]
        var collector = VectorCollector(
            kind: cell.kind, level: .host, target: cell.target, usual: 0, usualBytes: 0, key: key)
        var own: [PacketSummary] = []
        standing.forEach { packet, kind in
            guard kind == cell.kind, packet.destination == cell.target else { return }
            own.append(packet)
            collector.add(packet)
        }
        guard !own.isEmpty else { return nil }
        let scale = cell.total / collector.packets
        // What every address gets is among it, however small it is.
        let seconds = max(1, watched.seconds)
        collector.completed =
            cell.kind.isOrdinary
            ? 0
            : max(
                Self.noise * cell.total, Double(profile.ordinary[Int(cell.kind.number)].mean) * seconds)
        let samples = Set(own.map { Seen($0) })
        let found = vector(of: collector, end: collector.last) { samples.contains(Seen($0)) }
        // Scattered packets have nothing in common: noise that every address gets.
        guard found.fingerprint.conditions.count > 2, let tests = found.fingerprint.packetTests else { return nil }
        // What has the fingerprint is the attack; the rest is not counted with it.
        var attack = VectorCollector(
            kind: cell.kind, level: .host, target: cell.target, usual: 0, usualBytes: 0, key: key)
        for packet in own where tests.allSatisfy({ $0.holds(for: packet) }) {
            attack.add(packet)
            let (count, size) = (scale * Double(packet.weight), scale * Double(packet.weight) * Double(packet.length))
            let point = attack.points[packet.time / 1_000_000_000] ?? (0, 0, 0, 0)
            attack.points[packet.time / 1_000_000_000] = (point.0 + count, point.1 + size, 0, 0)
            attack.peak = max(attack.peak, point.0 + count)
        }
        attack.packets *= scale
        attack.bytes *= scale
        let made = vector(of: attack, end: attack.last) { samples.contains(Seen($0)) }
        var result = TrafficAttack(
            target: target(of: attack), state: .confirmed, start: made.start, end: made.end,
            detected: Self.moment(watched.until), vectors: [made])
        result.points = points([attack])
        return result
    }

    /// A packet as the sample of ordinary ones knows it again.
    private struct Seen: Hashable {
        let source: Address
        let destination: Address
        let time: Int64

        init(_ packet: PacketSummary) {
            source = packet.source
            destination = packet.destination
            time = packet.time
        }
    }

    // ---- Growth.

    func benign(_ open: OpenVector) -> BenignGrowth? {
        let collector = open.collector
        guard open.isConfirmed else { return nil }
        let many = collector.sources.count >= 16
        let kind =
            switch collector.kind {
            case .tcpToServer: many ? "flash-crowd" : "backup"
            case .tcpToClient, .udpAnswered: many ? "software-update" : "download"
            default: "growth"
            }
        return BenignGrowth(
            target: target(of: collector), kind: kind, start: Self.moment(collector.first),
            end: Self.moment(collector.lastExcess), packets: UInt64(clamping: collector.packets.rounded()),
            bytes: UInt64(clamping: collector.bytes.rounded()))
    }
}
