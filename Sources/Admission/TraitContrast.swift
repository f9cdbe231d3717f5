internal import Heads
internal import Sketches

/// How much a request looks like what comes in excess, and how little like this site's visitors: for each trait the
/// logarithm of its share in the excess over its share in calm, summed (PacketScore, Kim, Lau, Chuah and Chao, 2004).
///
/// Both shares are learnt, nothing is set: the profile in calm, what comes now all the time. Excess is what comes now less
/// what calm would have brought. A value that is rare in both says nothing; of traits that belong together the strongest
/// counts, up to a bound. A crowd of the site's usual visitors differs in nothing and scores nothing.
///
/// Fixed memory, some 350 KiB; a request costs a few memory accesses and no allocation.
struct TraitContrast: Sendable {
    /// How the site's origins fare.
    enum Load: Sendable {
        /// They can take all that comes: it is learnt.
        case calm
        /// Somebody waits: it is judged. This may be a ripple, so what was learnt is kept.
        case excess
        /// They cannot: what came before is not learnt either.
        case pressure
    }

    struct Judgement: Sendable {
        /// What was judged, for a later contrast to judge again.
        var row: TraitRow?
        /// Natural logarithm of how many times likelier the request is in the excess; 0 where nothing is known.
        var score: Float = 0
        /// Clearly more so than all but a thousandth of the requests of calm, and not for one thing alone.
        var isBeyond = false
    }

    private struct Cell: Sendable {
        /// Weight in calm.
        var calm: Float = 0
        /// Weight lately, fading.
        var now: Float = 0
        var evidence: Float = 0
    }

    /// Seconds between two contrasts, and what stays of the present weights from one to the next: they remember some 5 s.
    private static let period: Float = 0.25
    private static let staying: Float = 0.95
    /// How many times more must have come in excess for another contrast before the period is over.
    private static let growth: Float = 1.5
    /// Rows of calm without which nothing is judged, and the weight at which all of them are halved.
    private static let enough: Float = 300
    private static let memory: Float = 400_000
    /// Rows of calm kept as they are, for the mark; one in a thousand of them lies beyond it.
    static let kept = 2048
    private static let beyond = 1000
    /// Requests in excess without which there is nothing to contrast, also as a share of what calm would have brought:
    /// visitors come in bursts.
    private static let leastExcess: Float = 50
    private static let leastShareOfUsual: Float = 0.25
    /// Shares below this one are noise, and so is what so many requests say: a page with all its parts is no pattern.
    private static let leastShare: Float = 0.002
    private static let leastCount: Float = 20
    /// Between what is beyond and what is not: seven times likelier.
    private static let clearly: Float = 2
    /// Of a trait: twenty times likelier says all.
    private static let bound: Float = 3

    private let key: TraitKey
    private var cells = [Cell](repeating: Cell(), count: Trait.count * TraitRow.cells)
    /// Requests for pages, and for parts of pages.
    private var calmTotals: [2 of Float] = [0, 0]
    private var nowTotals: [2 of Float] = [0, 0]
    /// Seconds that the present weights stand for.
    private var nowSeconds: Float = 0
    /// Requests per second in calm.
    private var rate: Float = 0
    private var steppedAt: Instant
    private var contrastedAt = Instant(nanoseconds: 0)
    /// Contrasts until now: another one judges otherwise.
    private(set) var contrasts: UInt64 = 0
    /// What the last one found in excess.
    private var contrasted: Float = 0
    private var usualTargets = SeenTargets()
    /// What is asked for under pressure: a page that a crowd came for is new once, a random word always.
    private var presentTargets = SeenTargets()
    private var trails = SourceTrails()
    private var calm: CalmRequests
    private var sample: [TraitRow] = []
    private var nextSample = 0
    /// Of pages, and of parts of pages.
    private var marks: [2 of Float] = [.infinity, .infinity]
    /// Parts of pages are rare in most floods: what that is worth to them. Without the bound of a trait, so that a page that
    /// was begun is finished first.
    private var assetEvidence: Float = 0
    /// Whether there is evidence to judge by.
    private(set) var isJudging = false

    init(key: KeyedHash, at now: Instant) {
        self.key = TraitKey(key)
        calm = CalmRequests(seed: key(0x6361_6c6d, 0), at: now)
        steppedAt = now
        sample.reserveCapacity(Self.kept)
    }

    /// Counts a request and judges it.
    mutating func sight(_ arrival: Arrival, _ traits: RequestTraits, _ load: Load, at now: Instant) -> Judgement {
        step(load, at: now)
        let isUsual = usualTargets.see(traits.target, isLearning: load == .calm)
        let isSeen = load != .calm && presentTargets.see(traits.target, isLearning: true)
        let hasCookie = traits.signs & RequestTraits.Sign.cookie != 0
        let row = TraitRow(
            arrival, traits, isSeen: isUsual || isSeen,
            trail: trails.trail(of: arrival.source, hasCookie: hasCookie, at: now), key: key)
        for trait in 0..<Trait.count { cells[Self.index(trait, row)].now += 1 }
        nowTotals[row.isAsset ? 1 : 0] += 1
        if load == .calm { calm.add(row) }
        guard isJudging else { return Judgement(row: row) }
        let (score, rest) = weigh(row)
        return Judgement(row: row, score: score, isBeyond: rest > marks[row.isAsset ? 1 : 0])
    }

    /// The score of a request that was judged before, by what is known now.
    func score(of row: TraitRow) -> Float { isJudging ? weigh(row).score : 0 }

    /// A request goes to an origin: it is part of what its source did, unless it looks like the excess. Who gets a place for
    /// that would otherwise look like a visitor from then on, and visitors like him. Its parts alone are no visit either.
    mutating func admitted(_ source: UInt64, _ row: TraitRow?, isAsset: Bool, at now: Instant) {
        if isJudging, let row {
            let hasPages = trails.pages(of: source, at: now) > 0
            if isAsset ? !hasPages : weigh(row).score > 0 { return }
        }
        trails.step(source, isAsset: isAsset, at: now)
    }

    /// What calm taught, as far as it is enough to judge by.
    func profile(demands: DecayedHistogram, mark: UInt64) -> CalmProfile? {
        guard calmTotals[0] + calmTotals[1] >= Self.enough else { return nil }
        return CalmProfile(
            mark: mark, demands: demands, rate: rate, totals: calmTotals, weights: cells.map(\.calm),
            targets: usualTargets, rows: sample)
    }

    /// Goes on from what calm taught another. False: there is enough here already.
    mutating func recall(_ profile: CalmProfile) -> Bool {
        guard calmTotals[0] + calmTotals[1] < Self.enough, profile.weights.count == cells.count else { return false }
        for index in cells.indices { cells[index].calm = profile.weights[index] }
        calmTotals = profile.totals
        rate = profile.rate
        usualTargets = profile.targets
        sample = profile.rows
        nextSample = 0
        return true
    }

    /// Moves the contrast along with time.
    mutating func step(_ load: Load, at now: Instant) {
        switch load {
        case .calm:
            isJudging = false
            if let settled = calm.settle(at: now) { learn(settled) }
        case .excess: break
        case .pressure: calm.forget(at: now)
        }
        let elapsed = now.seconds(since: steppedAt)
        if elapsed >= Self.period {
            fade(steps: min(200, Int(elapsed / Self.period)), elapsed)
            steppedAt = now
            if load != .calm { contrast(at: now) }
        } else if load != .calm, !isJudging {
            // A ripple soon after another is judged by the same contrast.
            isJudging = true
            if now.seconds(since: contrastedAt) >= Self.period { contrast(at: now) }
        } else if load != .calm, excess(at: now) >= max(Self.growth * contrasted, Self.leastExcess) {
            // A flood brings more in its first moments than a period knows of.
            contrast(at: now)
        }
    }

    /// What has come lately beyond what calm would have brought, in requests.
    private func excess(at now: Instant) -> Float {
        let total = nowTotals[0] + nowTotals[1]
        return total - min(total, rate * (nowSeconds + now.seconds(since: steppedAt)))
    }

    private static func index(_ trait: Int, _ row: TraitRow) -> Int {
        trait * TraitRow.cells + Int(row.places[trait])
    }

    /// The row's score, and what is left of it without what speaks most against it.
    private func weigh(_ row: TraitRow) -> (score: Float, rest: Float) {
        var score: Float = row.isAsset ? assetEvidence : 0
        var highest: Float = 0
        for group in Trait.groups {
            var strongest: Float = 0
            for trait in group {
                let evidence = cells[Self.index(trait, row)].evidence
                if abs(evidence) > abs(strongest) { strongest = evidence }
            }
            score += strongest
            highest = max(highest, strongest)
        }
        return (score, score - highest)
    }

    private mutating func learn(_ settled: CalmRequests.Settled) {
        rate += (settled.rate - rate) * (calmTotals[0] + calmTotals[1] == 0 ? 1 : 0.1)
        for row in settled.rows {
            for trait in 0..<Trait.count { cells[Self.index(trait, row)].calm += 1 }
            calmTotals[row.isAsset ? 1 : 0] += 1
            if sample.count < Self.kept {
                sample.append(row)
            } else {
                sample[nextSample] = row
                nextSample = (nextSample + 1) % Self.kept
            }
        }
        guard calmTotals[0] + calmTotals[1] >= Self.memory else { return }
        for index in cells.indices { cells[index].calm *= 0.5 }
        for kind in 0..<2 { calmTotals[kind] *= 0.5 }
    }

    private mutating func fade(steps: Int, _ elapsed: Float) {
        var factor: Float = 1
        for _ in 0..<steps { factor *= Self.staying }
        for index in cells.indices { cells[index].now *= factor }
        for kind in 0..<2 { nowTotals[kind] *= factor }
        nowSeconds = steps == 1 ? nowSeconds * factor + elapsed : min(nowSeconds * factor + elapsed, 5)
    }

    /// Weighs what comes now against calm, and sets the mark anew.
    private mutating func contrast(at now: Instant) {
        isJudging = true
        contrastedAt = now
        let calmTotal = calmTotals[0] + calmTotals[1]
        let excess = excess(at: now)
        let expected = nowTotals[0] + nowTotals[1] - excess
        contrasts += 1
        contrasted = excess
        marks = [.infinity, .infinity]
        assetEvidence = 0
        guard calmTotal >= Self.enough, excess >= max(Self.leastExcess, expected * Self.leastShareOfUsual) else {
            for index in cells.indices { cells[index].evidence = 0 }
            return
        }
        for kind in 0..<2 { weighKind(kind, expected: expected * calmTotals[kind] / calmTotal) }
        let usual = calmTotals[1] / calmTotal
        let share = max(0, nowTotals[1] - expected * usual) / excess
        let least = least(excess, calmTotal)
        assetEvidence = min(0, naturalLogarithm((share + least) / (usual + least)))
        marks = [markOfCalm(isAsset: false), markOfCalm(isAsset: true)]
    }

    /// Weighs the values of pages (0), or of parts of pages (1); `expected` of them calm would have brought.
    private mutating func weighKind(_ kind: Int, expected: Float) {
        let calmTotal = calmTotals[kind]
        let excess = nowTotals[kind] - expected
        let isEnough = excess >= Self.leastExcess && calmTotal >= Self.leastExcess
        let least = least(excess, calmTotal)
        let half = TraitRow.cells / 2
        for trait in 0..<Trait.count {
            let first = trait * TraitRow.cells + kind * half
            for index in first..<first + half {
                guard isEnough else {
                    cells[index].evidence = 0
                    continue
                }
                let usual = cells[index].calm / calmTotal
                let share = max(0, cells[index].now - expected * usual) / excess
                cells[index].evidence = evidence(share, usual, least: least)
            }
        }
        // Of whom nothing is known yet says nothing: a crowd is full of such sources, as a flood is.
        let nothing = TraitRow.noTrail(isAsset: kind == 1, key)
        cells[Trait.trail.rawValue * TraitRow.cells + Int(nothing)].evidence = 0
    }

    private func least(_ excess: Float, _ calmTotal: Float) -> Float {
        max(Self.leastShare, max(Self.leastCount / excess, Self.leastCount / calmTotal))
    }

    private func evidence(_ share: Float, _ usual: Float, least: Float) -> Float {
        guard share + usual > least / 16 else { return 0 }
        return max(-Self.bound, min(Self.bound, naturalLogarithm((min(1, share) + least) / (usual + least))))
    }

    /// Beyond it lies a thousandth of the requests of calm. Whoever is near to it is one of them.
    private func markOfCalm(isAsset: Bool) -> Float {
        let count = sample.count { $0.isAsset == isAsset }
        var highest = [Float](repeating: -.infinity, count: count / Self.beyond + 1)
        for row in sample where row.isAsset == isAsset {
            let rest = weigh(row).rest
            guard rest > highest[highest.count - 1] else { continue }
            var place = highest.count - 1
            while place > 0, highest[place - 1] < rest {
                highest[place] = highest[place - 1]
                place -= 1
            }
            highest[place] = rest
        }
        return max(0, highest[highest.count - 1]) + Self.clearly
    }
}

/// To five digits or so: the floors of decisions have no mathematics library and need no more.
private func naturalLogarithm(_ value: Float) -> Float {
    let fraction = (value.significand - 1) / (value.significand + 1)
    let square = fraction * fraction
    let series = 1 + square * (1 / 3 + square * (1 / 5 + square * (1 / 7)))
    return 2 * fraction * series + Float(value.exponent) * 0.693_147_2
}
