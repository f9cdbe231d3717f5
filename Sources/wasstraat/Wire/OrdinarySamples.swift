package import Addresses
package import Filters
package import Messages
package import Mitigations
package import Moments

/// Samples of ordinary traffic, and what the filter's rules hit of them: what a rule does to those that it is not meant for.
///
/// A sample is ordinary where its target is not under attack, or was not yet when it came. An attack is seen a few seconds
/// after it began, so a sample waits that long before it is believed. Those from before are kept for a while: a rule that
/// comes in the middle of an attack is measured on its target's usual visitors, not on the attack.
///
/// *Our bug*: none that input could bring about. *Their fault*: a frame that is no IP, or contradicts itself, is no visitor's
/// and not counted. *Fine*: of more samples than there is room for some are kept, chosen by chance.
package struct OrdinarySamples: Sendable {
    /// Seconds from an attack's first packet to when it is surely seen, of all that detection waits for.
    package static let doubt = 12.0
    /// Seconds that an attack's begin may lie before where detection found it.
    package static let margin = 5.0
    /// Samples of a second that are kept: a few seconds of them say enough of a rule.
    package static let secondLimit = 512
    /// Samples that wait, whatever times they say.
    static let waitingLimit = 16 * secondLimit
    /// Samples from before, about 1.5 MB of them.
    package static let memoryLimit = 8_192

    /// What is under attack, and since when.
    package struct Attacked: Equatable, Sendable {
        package var target: Prefix
        package var start: Moment

        package init(_ target: Prefix, since start: Moment) {
            self.target = target
            self.start = start
        }
    }

    /// A rule that is measured.
    package struct Measured: Sendable {
        package var id: UInt64
        package var rule: KernelRule

        package init(id: UInt64, rule: KernelRule) {
            self.id = id
            self.rule = rule
        }
    }

    private struct Sample: Sendable {
        var at: Moment
        var facts: FrameFacts
        /// The first bytes; what lies behind them is read as zeros.
        var bytes: [UInt8]
        var length: Int
    }

    private var waiting: [Sample] = []
    /// Where the present second's begin among those that wait, how many came in it, and which it is.
    private var secondStart = 0
    private var secondCount = 0
    private var second = Int64.min
    private var memory: [Sample] = []
    /// Those that have just been believed.
    private var fresh: [Sample] = []
    private var known: Set<UInt64> = []
    /// Samples that were believed, since the start.
    package private(set) var count: UInt64 = 0

    package init() {}

    /// Takes a sample in. One of a frame with tunnels is read as the filter reads it.
    package mutating func take(_ sample: FilterSample, at time: Moment, readsTunnels: Bool) {
        if time.seconds != second {
            second = time.seconds
            secondStart = waiting.count
            secondCount = 0
        }
        secondCount += 1
        var place: Int?
        if secondCount > Self.secondLimit {
            // Each of a second has the same chance.
            let drawn = Int.random(in: 0..<secondCount)
            guard drawn < Self.secondLimit, waiting.indices.contains(secondStart + drawn) else { return }
            place = secondStart + drawn
        }
        guard place != nil || waiting.count < Self.waitingLimit else { return }
        let length = Int(min(sample.length, UInt32(FilterTrial.lengthLimit)))
        let whole = Self.filled(sample.bytes, to: length)
        guard case .facts(let facts) = FrameFacts.read(whole.span.bytes, readsTunnels: readsTunnels) else { return }
        let kept = Sample(at: time, facts: facts, bytes: sample.bytes, length: length)
        if let place { waiting[place] = kept } else { waiting.append(kept) }
    }

    private static func filled(_ bytes: [UInt8], to length: Int) -> [UInt8] {
        guard length > bytes.count else { return bytes }
        return bytes + repeatElement(0, count: length - bytes.count)
    }

    /// Believes those that have waited long enough, but for what is an attack's.
    package mutating func believe(besides attacks: [Attacked], at now: Moment) {
        // A clock that was put back lets none wait for ever.
        let ripe = waiting.prefix { now - $0.at >= Self.doubt || now < $0.at }
        guard !ripe.isEmpty else { return }
        fresh = ripe.filter { sample in
            !attacks.contains {
                $0.target.contains(sample.facts.destination) && sample.at - $0.start >= -Self.margin
            }
        }
        count &+= UInt64(fresh.count)
        secondStart = max(0, secondStart - ripe.count)
        waiting.removeFirst(ripe.count)
    }

    /// What rules hit: of those just believed, and of a rule that is seen for the first time of the ones before too. To be
    /// asked once after each ``believe(besides:at:)``.
    package mutating func measure(_ rules: [Measured]) -> [FilterRequest.Observed] {
        defer { remember() }
        known.formIntersection(rules.map(\.id))
        var sums = rules.map { FilterRequest.Observed(rule: $0.id, hits: 0, samples: 0) }
        let unknown = rules.indices.filter { !known.contains(rules[$0].id) }
        if !unknown.isEmpty { for sample in memory { Self.count(sample, rules, unknown, &sums) } }
        if !rules.isEmpty { for sample in fresh { Self.count(sample, rules, Array(rules.indices), &sums) } }
        known.formUnion(rules.map(\.id))
        return sums.filter { $0.samples > 0 }
    }

    private static func count(
        _ sample: Sample, _ rules: [Measured], _ places: [Int], _ sums: inout [FilterRequest.Observed]
    ) {
        let frame = filled(sample.bytes, to: sample.length)
        for place in places {
            let rule = rules[place].rule
            // Of what goes elsewhere a rule hits nothing: it would make each rule look harmless.
            guard rule.targets.isEmpty || rule.targets.contains(where: { $0.contains(sample.facts.destination) }) else {
                continue
            }
            // Where it stands behind the sample's end nothing is known of this rule.
            guard let isHit = rule.matches(sample.facts, in: frame.span.bytes, known: sample.bytes.count) else {
                continue
            }
            sums[place].samples += 1
            if isHit { sums[place].hits += 1 }
        }
    }

    /// By chance in the place of others: what is there fades, the older the more.
    private mutating func remember() {
        for sample in fresh {
            if memory.count < Self.memoryLimit {
                memory.append(sample)
            } else {
                memory[Int.random(in: memory.indices)] = sample
            }
        }
        fresh = []
    }
}
