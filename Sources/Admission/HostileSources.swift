package import Sketches

/// Tells which sources are proven hostile to a site: asking far more than its visitors do, refused again and again, and
/// going on in spite of it, without a sign that a visitor is behind the address.
///
/// Proof is only what was seen without a gap: a source that fell out of the table begins anew. Never proven is an address
/// that several people share (more than a few agents were seen at it) or that a known visitor came from. A flooder who
/// changes his agent all the time is taken for many people: he stays with the classes and the limit.
///
/// The impossibles. *Our bug*: none that could do harm; keys are any number. *Their fault*: what a flood does to the
/// table costs others their proof, never their access. *Ignored, because it is fine*: a clock that lies a little behind,
/// for workers read it one after the other.
package struct HostileSources: Sendable {
    package struct Rules: Equatable, Sendable {
        /// Refusals in a row that make a proof: a person who reloads in anger gives up before.
        package var refusals: UInt32 = 40
        /// Milliseconds that they take at least: a browser's burst of requests for one page is over by then.
        package var shortest: UInt32 = 3_000
        /// Milliseconds that they take at most: faster than three a second, all the time.
        package var longest: UInt32 = 12_000
        /// Milliseconds without a refusal after which the row begins anew: longer than a request waits in the queue, which
        /// is no obedience.
        package var pause: UInt32 = 3_000
        /// Milliseconds after which a source that goes on is said again.
        package var again: UInt32 = 60_000
        /// Sources said in a second, and in ten minutes: what is behind must have time to act, and room.
        package var perSecond = 1_000
        package var perTenMinutes = 50_000

        package init() {}
    }

    /// One request to a site under pressure, and what became of it.
    package struct Sight: Sendable {
        /// Keyed hash of site and subscriber.
        package var source: UInt64
        /// Hash of what tells people's programs apart; nil where it was told already.
        package var agent: UInt32?
        /// Seen before the pressure, or with the site's cookie.
        package var isKnown: Bool
        package var isSuspect: Bool
        package var isRefused: Bool

        package init(source: UInt64, agent: UInt32?, isKnown: Bool, isSuspect: Bool, isRefused: Bool) {
            self.source = source
            self.agent = agent
            self.isKnown = isKnown
            self.isSuspect = isSuspect
            self.isRefused = isRefused
        }
    }

    /// What makes a source proven: requests refused in a row, and how long that took.
    package struct Proof: Equatable, Sendable {
        package var refusals: UInt32
        package var milliseconds: UInt32
    }

    package struct Counts: Equatable, Sendable {
        package var proven: UInt64 = 0
        /// Proven, and not said: too many in a second, or in ten minutes.
        package var omitted: UInt64 = 0
        /// Refused as often, but several people's address, or a known visitor's.
        package var spared: UInt64 = 0

        package init() {}
    }

    private struct Entry {
        /// 0: nobody's.
        var key: UInt64 = 0
        var seenAt: UInt64 = 0
        /// The row of refusals: its first and its last.
        var rowBegan: UInt64 = 0
        var rowEnded: UInt64 = 0
        /// Nothing is said before.
        var silentUntil: UInt64 = 0
        var refusals: UInt32 = 0
        var agents: (UInt32, UInt32, UInt32, UInt32) = (0, 0, 0, 0)
        var agentCount: UInt8 = 0
        var isSpared = false
        var wasCounted = false
    }

    package let rules: Rules
    package private(set) var counts = Counts()

    /// Agents that one person's address may show: a browser, a second one, a program that looks for updates. An entry has
    /// room for one more, which says that they are too many.
    private static let agentLimit = 3
    /// Places that one key may have.
    private static let ways = 4
    /// Nanoseconds after which a silent source gives its place to anybody.
    private static let idleTime: UInt64 = 60_000_000_000
    private static let second: UInt64 = 1_000_000_000
    private static let millisecond: UInt64 = 1_000_000

    private var entries: [Entry]
    private var spared: SparedSources
    private var secondBegan: UInt64
    private var inSecond = 0
    private var minutesBegan: UInt64
    private var inMinutes = 0

    /// - Parameter capacity: sources followed at once; rounded up to a power of two. 64 bytes each.
    package init(rules: Rules = Rules(), capacity: Int = 32_768, at now: Instant) {
        self.rules = rules
        var size = Self.ways
        while size < capacity { size *= 2 }
        entries = Array(repeating: Entry(), count: size)
        spared = SparedSources(at: now)
        secondBegan = now.nanoseconds
        minutesBegan = now.nanoseconds
    }

    /// A request was decided on. Call it only while its site is under pressure, and for sources whose address is that of
    /// the connection itself: it is the one that the kernel will see.
    /// - Returns: the proof, where this request completes one that is to be said.
    package mutating func saw(_ sight: Sight, at now: Instant) -> Proof? {
        let key = sight.source == 0 ? 1 : sight.source
        let now = now.nanoseconds
        let place = place(of: key, at: now)
        entries[place].seenAt = max(entries[place].seenAt, now)
        if sight.isKnown { spare(place, at: now) }
        if let agent = sight.agent, Self.note(agent, in: &entries[place]) > Self.agentLimit { spare(place, at: now) }
        guard sight.isSuspect else {
            // It asks no more than others do.
            entries[place].refusals = 0
            return nil
        }
        guard sight.isRefused else { return nil }
        return refused(place, at: now)
    }

    // MARK: - Inside

    private mutating func refused(_ place: Int, at now: UInt64) -> Proof? {
        let isInRow =
            entries[place].refusals > 0
            && Self.elapsed(entries[place].rowEnded, now) <= UInt64(rules.pause) * Self.millisecond
            && Self.elapsed(entries[place].rowBegan, now) <= UInt64(rules.longest) * Self.millisecond
        if !isInRow {
            entries[place].refusals = 0
            entries[place].rowBegan = now
        }
        entries[place].refusals &+= 1
        entries[place].rowEnded = max(entries[place].rowEnded, now)
        let refusals = entries[place].refusals
        let took = Self.elapsed(entries[place].rowBegan, now) / Self.millisecond
        guard refusals >= rules.refusals, took >= UInt64(rules.shortest), now >= entries[place].silentUntil else {
            return nil
        }
        guard !entries[place].isSpared else {
            count(place, \.spared)
            return nil
        }
        guard hasRoom(at: now) else {
            // It is said with its next refusal, once there is room.
            count(place, \.omitted)
            return nil
        }
        counts.proven += 1
        entries[place].refusals = 0
        entries[place].silentUntil = now + UInt64(rules.again) * Self.millisecond
        entries[place].wasCounted = false
        return Proof(refusals: refusals, milliseconds: UInt32(clamping: took))
    }

    /// Once for each time that an entry could have been said.
    private mutating func count(_ place: Int, _ figure: WritableKeyPath<Counts, UInt64>) {
        guard !entries[place].wasCounted else { return }
        entries[place].wasCounted = true
        counts[keyPath: figure] += 1
    }

    private mutating func hasRoom(at now: UInt64) -> Bool {
        if Self.elapsed(secondBegan, now) >= Self.second { (secondBegan, inSecond) = (now, 0) }
        if Self.elapsed(minutesBegan, now) >= 600 * Self.second { (minutesBegan, inMinutes) = (now, 0) }
        guard inSecond < rules.perSecond, inMinutes < rules.perTenMinutes else { return false }
        inSecond += 1
        inMinutes += 1
        return true
    }

    private mutating func spare(_ place: Int, at now: UInt64) {
        entries[place].isSpared = true
        spared.insert(entries[place].key, at: Instant(nanoseconds: now))
    }

    /// - Returns: how many agents the entry shows, one too many at most.
    private static func note(_ agent: UInt32, in entry: inout Entry) -> Int {
        let held = entry.agents
        switch entry.agentCount {
        case 0: entry.agents.0 = agent
        case 1 where held.0 != agent: entry.agents.1 = agent
        case 2 where held.0 != agent && held.1 != agent: entry.agents.2 = agent
        case 3 where held.0 != agent && held.1 != agent && held.2 != agent: entry.agents.3 = agent
        default: return Int(entry.agentCount)
        }
        entry.agentCount += 1
        return Int(entry.agentCount)
    }

    /// The entry of a key; where it has none it takes the place of one that is idle or has the least against it.
    private mutating func place(of key: UInt64, at now: UInt64) -> Int {
        let first = Int(truncatingIfNeeded: key >> 20) & (entries.count - 1) & ~(Self.ways - 1)
        var weakest = first
        for place in first..<first + Self.ways {
            if entries[place].key == key { return place }
            if isWeaker(place, than: weakest, at: now) { weakest = place }
        }
        entries[weakest] = Entry()
        entries[weakest].key = key
        entries[weakest].isSpared = spared.contains(key)
        return weakest
    }

    private func isWeaker(_ one: Int, than other: Int, at now: UInt64) -> Bool {
        func weight(_ place: Int) -> UInt32 {
            let entry = entries[place]
            return entry.key == 0 || Self.elapsed(entry.seenAt, now) > Self.idleTime ? 0 : entry.refusals + 1
        }
        let (mine, its) = (weight(one), weight(other))
        return mine == its ? entries[one].seenAt < entries[other].seenAt : mine < its
    }

    private static func elapsed(_ since: UInt64, _ now: UInt64) -> UInt64 { now > since ? now - since : 0 }
}
