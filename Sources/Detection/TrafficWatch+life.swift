internal import Addresses
internal import Moments
internal import Packets

/// Where a second ends: what was too much in it is judged, attacks begin and end.
extension TrafficWatch {
    /// Packets truly seen in a second without which nothing is said of it.
    private static let leastObserved: Float = 20

    /// Judges the present second.
    mutating func settle() {
        cells.tellBlocks(profile: profile)
        lookback.endSecond()
        let hot = cells.cool()
        if !options.isLearning { judge(hot) }
        account()
    }

    /// The packets of a cell in its fullest second that is not settled, and which that is.
    private func fullest(_ index: Int) -> (packets: Float, second: Int32) {
        var best: (Float, Int32) = (0, now)
        let cell = cells.cells[index]
        for second in cell.since...cell.second {
            let count = cell[second]
            if count > best.0 { best = (count, second) }
        }
        return best
    }

    private func exceeds(_ index: Int) -> Bool {
        let cell = cells.cells[index]
        // A few sampled packets stand for thousands, but they are a few packets.
        guard cell.observed >= Self.leastObserved else { return false }
        let isSpread = cell.sources.nonzeroBitCount >= TrafficProfile.manySources
        guard fullest(index).packets >= profile.bound(of: cell, isSpread: isSpread) else { return false }
        return !options.isOneSided || cell.kind != .tcpSyn || cell.level != .host || !isUsed(index)
    }

    /// SYN in a second with which nobody's site is opened, whatever else comes.
    private static let hugeOpening: Float = 50_000
    /// Packets that each used connection brings at least beside its SYN: an acknowledgement, a request, an end.
    private static let packetsOfUse: Float = 2

    /// Whether as much comes beside the SYN as where connections are opened to be used. Of samples it cannot be seen of each
    /// connection.
    private func isUsed(_ index: Int) -> Bool {
        let (count, second) = fullest(index)
        guard count < Self.hugeOpening,
            let other = cells.find(cells.cells[index].target, .host, .tcpToServer)
        else { return false }
        let cell = cells.cells[other]
        guard second >= cell.since, second <= cell.second else { return false }
        return cell[second] >= Self.packetsOfUse * count
    }

    private mutating func judge(_ hot: [Int]) {
        let exceeding = hot.filter { exceeds($0) }
        guard !exceeding.isEmpty else { return }
        struct Block: Hashable {
            var target: Address
            var kind: TrafficClass
        }
        var hosts = exceeding.filter {
            cells.cells[$0].level == .host && cells.cells[$0].vector < 0 && !isCovered($0)
        }
        // Hosts of one block that are hit in the same way at once are one attack on the block.
        for level in [TargetCells.Level.wide, .net] {
            var blocks: [Block: [Int]] = [:]
            for index in hosts where !cells.cells[index].kind.isOrdinary {
                let cell = cells.cells[index]
                blocks[Block(target: level.of(cell.target), kind: cell.kind), default: []].append(index)
            }
            for (block, members) in blocks.sorted(by: { $0.value[0] < $1.value[0] }) where members.count >= 4 {
                let nets = Set(members.map { TargetCells.Level.net.of(cells.cells[$0].target) })
                guard level == .net || nets.count > 1, let index = cells.find(block.target, level, block.kind) else {
                    continue
                }
                open(index)
                hosts.removeAll { members.contains($0) }
            }
        }
        for index in hosts { open(index) }
        // A block whose hosts are each under their bound, but not all together.
        for level in [TargetCells.Level.wide, .net] {
            for index in exceeding
            where cells.cells[index].level == level && cells.cells[index].vector < 0 && !isCovered(index) {
                guard cells.cells[index].hosts.nonzeroBitCount >= 6, rest(of: index) else { continue }
                // The smaller block where it has nearly all of it.
                if level == .wide,
                    let inner = exceeding.first(where: {
                        cells.cells[$0].level == .net && cells.cells[$0].kind == cells.cells[index].kind
                            && level.of(cells.cells[$0].target) == cells.cells[index].target
                            && fullest($0).packets > 0.9 * fullest(index).packets
                    }), cells.cells[inner].hosts.nonzeroBitCount >= 6
                {
                    open(inner)
                } else {
                    open(index)
                }
            }
        }
    }

    /// Whether a wider vector has this cell's packets already.
    private func isCovered(_ index: Int) -> Bool {
        let cell = cells.cells[index]
        return TargetCells.Level.allCases.contains { level in
            level.rawValue > cell.level.rawValue
                && cells.find(level.of(cell.target), level, cell.kind).map { cells.cells[$0].vector >= 0 } == true
        }
    }

    /// Whether a block still exceeds without the hosts in it that are followed by themselves.
    private func rest(of index: Int) -> Bool {
        let cell = cells.cells[index]
        var own: Float = 0
        for vector in vectors where vector.collector.kind == cell.kind && vector.collector.level == .host {
            guard cell.level.of(vector.collector.target) == cell.target else { continue }
            own += fullest(vector.cell).packets
        }
        return fullest(index).packets - own >= profile.bound(of: cell, isSpread: true)
    }

    /// Begins to follow a cell.
    private mutating func open(_ index: Int) {
        let cell = cells.cells[index]
        guard cell.vector < 0, isWatched(cell) else { return }
        guard vectors.count < Self.vectorLimit else { return overlook() }
        let (count, second) = fullest(index)
        // Back along the seconds that were clearly above the usual, to where it began.
        var began = second
        let quiet = max(0.1 * cell.trigger, 2 * cell.usual + 5)
        while began > cell.since, cell[began &- 1] > quiet { began &-= 1 }
        var collector = VectorCollector(
            kind: cell.kind, level: cell.level, target: cell.target, usual: Double(cell.usual),
            usualBytes: Double(cell.usualBytes), key: key)
        let onset = (Int64(began) &+ epoch) &* 1_000_000_000
        var answered = 0.0
        lookback.forEach { packet, kind in
            guard kind == cell.kind, packet.time >= onset, packet.time <= watched.until,
                cell.level.of(packet.destination) == cell.target
            else {
                return
            }
            // Both sides speak after all: the first record of a flow is of one side.
            if kind != .icmpEcho, kind != .tcpSyn, conversations.isBothWays(packet) {
                answered += Double(packet.weight)
            } else {
                collector.add(packet)
            }
        }
        let isSpread = cell.sources.nonzeroBitCount >= TrafficProfile.manySources
        let bound = profile.bound(of: cell, isSpread: isSpread)
        let alone = collector.packets / max(1, collector.packets + answered)
        guard answered == 0 || Double(count) * alone >= Double(bound) else { return }
        // The counts are those of the cell: the look-back holds only the last packets.
        var packets = 0.0
        var bytes = 0.0
        for second in began...cell.second {
            packets += Double(cell[second])
            bytes += Double(cell.bytes[Int(second & 7)])
        }
        if packets > collector.packets {
            collector.packets = packets
            collector.bytes = bytes
        }
        if collector.first == .max { collector.first = onset }
        if collector.last == .min { collector.last = onset }
        collector.lastExcess = collector.last
        let target = cell.target
        let level = cell.level
        ordinary.remove { packet, kind in
            kind == cell.kind && packet.time >= onset && level.of(packet.destination) == target
        }
        let isGrowth = cell.kind.isOrdinary
        vectors.append(
            OpenVector(
                cell: index, collector: collector,
                isConfirmed: count >= 2 * bound || second > began,
                detected: watched.until, began: began, lastExcess: second,
                isGrowth: isGrowth))
        cells.cells[index].vector = Int8(vectors.count - 1)
        if cell.level != .host { blockVectors += 1 }
        if began < second {
            for second in began..<second { point(vectors.count - 1, at: second) }
        }
    }

    func isWatched(_ target: Address) -> Bool {
        options.targets.isEmpty || options.targets.contains { $0.contains(target) }
    }

    /// A block is watched where a watched one lies in it, or it in a watched one.
    private func isWatched(_ cell: TargetCells.Cell) -> Bool {
        guard !isWatched(cell.target) else { return true }
        let length = cell.level.length(of: cell.target)
        return options.targets.contains { $0.address.masked(to: length) == cell.target }
    }

    /// Brings the open vectors up to the second that ends.
    private mutating func account() {
        for index in vectors.indices {
            let cell = vectors[index].cell
            if cells.cells[cell].second != now { cells.advance(cell, to: now, profile: profile) }
            let (count, second) = fullest(cell)
            vectors[index].collector.peak = max(vectors[index].collector.peak, Double(count))
            vectors[index].collector.seconds = Int(now &- vectors[index].began) + 1
            let usual = cells.cells[cell].usual
            let latest = cells.cells[cell][now]
            if latest > max(3, 2.5 * usual + 2, 0.02 * Float(vectors[index].collector.peak)) {
                // A second second of excess confirms what one alone may have been by chance.
                if now > vectors[index].began, latest >= cells.cells[cell].trigger { vectors[index].isConfirmed = true }
                vectors[index].lastExcess = now
                vectors[index].collector.lastExcess = vectors[index].collector.last
            } else if second > vectors[index].lastExcess, count > max(3, 2.5 * usual + 2) {
                vectors[index].lastExcess = second
                vectors[index].collector.lastExcess = vectors[index].collector.last
            }
            for second in max(vectors[index].began, now &- TargetCells.settling &+ 1)...now { point(index, at: second) }
        }
    }

    private mutating func point(_ index: Int, at second: Int32) {
        let cell = cells.cells[vectors[index].cell]
        guard second >= cell.since, second <= cell.second,
            vectors[index].collector.points.count < VectorCollector.pointLimit
        else { return }
        let bytes = Double(cell.bytes[Int(second & 7)])
        var all = Double(cell[second])
        var allBytes = bytes
        if cell.level == .host {
            all = 0
            allBytes = 0
            for number in 0..<UInt8(TrafficClass.count) {
                guard let other = cells.find(cell.target, .host, TrafficClass(number: number)) else { continue }
                let cell = cells.cells[other]
                guard second >= cell.since, second <= cell.second else { continue }
                all += Double(cell[second])
                allBytes += Double(cell.bytes[Int(second & 7)])
            }
        }
        vectors[index].collector.points[Int64(second) &+ epoch] = (Double(cell[second]), bytes, all, allBytes)
    }

    /// Ends what has been quiet for the pause.
    mutating func follow() {
        let over = vectors.indices.filter { now &- vectors[$0].lastExcess > options.pause }
        guard !over.isEmpty else { return }
        // An attack is over when all its vectors are.
        let open = attacks()
        for attack in open where attack.state == .ended { closed.append(attack) }
        let ended = Set(open.filter { $0.state == .ended }.map(\.target))
        for index in vectors.indices.reversed()
        where ended.contains(target(of: vectors[index].collector))
            || (over.contains(index) && (!vectors[index].isConfirmed || vectors[index].isGrowth))
        {
            close(index)
        }
        if closed.count > Self.closedLimit { closed.removeFirst(closed.count - Self.closedLimit) }
    }

    private mutating func close(_ index: Int) {
        if vectors[index].isGrowth, let found = benign(vectors[index]) { growth.append(found) }
        cells.cells[vectors[index].cell].vector = -1
        if vectors[index].collector.level != .host { blockVectors -= 1 }
        let last = vectors.count - 1
        if index != last {
            vectors[index] = vectors[last]
            cells.cells[vectors[index].cell].vector = Int8(index)
        }
        vectors.removeLast()
    }
}
