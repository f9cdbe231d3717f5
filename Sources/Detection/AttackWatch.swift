internal import Fingerprints
package import Moments
internal import Sketches

/// What ``AttackWatch`` found.
package enum AttackEvent: Equatable, Sendable {
    case opened(DetectedAttack)
    /// One more second of excess.
    case changed(DetectedAttack)
    case over(DetectedAttack)

    package var attack: DetectedAttack {
        switch self {
        case .opened(let attack), .changed(let attack), .over(let attack): attack
        }
    }
}

/// The life of attacks at one site, second by second. An attack is traffic that exceeds the profile while the origins
/// are under pressure: many visitors whom the origins can bear are none, nor is an origin that is slow by itself. Under
/// attack visitors' requests are part of what is usual, so excess is what comes above that.
///
/// Once open, an attack goes on while traffic exceeds the profile, under pressure or not (the measures may have taken
/// that away), also where it exceeds only with what the packet filter holds back of the site's hostile sources: a packet
/// of theirs, mostly the first of a connection, counts as the request that it did not become. It is over after `pause`
/// without. Outside attacks the profile learns, by the quarter of an hour (a young
/// one in smaller steps), and what it would have learnt next is thrown away when an attack opens: an attack that grows
/// slowly never teaches the profile its own beginning. What exceeds the profile without pressure is learnt only once it
/// has lasted as long as all that was known, or `pause`: then it is the new usual.
///
/// The three impossibles. Our bug: a second of another site; nothing in a second tells, so the caller keeps one watch per
/// site. Their fault: none, for any counts are taken as they are, and sums stop at the greatest count. Fine: a
/// second that comes twice or late is ignored, since its time has been judged; one that never comes is neither excess nor
/// quiet, so that a lane that fell silent opens nothing and ends nothing.
package struct AttackWatch: Sendable {
    /// Seconds without excess after which an attack is over.
    package static let pause: Int64 = 900
    /// Seconds unseen after which nobody can say that it is still the same attack.
    package static let blindness: Int64 = 3_600
    /// Seconds kept whole, in which an attack's first second is looked for.
    private static let lookBack: Int64 = 10
    /// Seconds in which two must show excess and pressure.
    private static let window: Int64 = 4
    /// Seconds of quiet after which a single second of excess is chance until a second one follows.
    private static let settled: Int64 = 10
    /// Seconds of excess between two measurements of the fingerprint.
    private static let contrastInterval: UInt64 = 10

    package let site: String
    package private(set) var profile: SiteProfile
    /// The attack that goes on, or whose pause does.
    package private(set) var attack: DetectedAttack?

    private var last: Moment?
    /// Outside attacks: the latest seconds.
    private var recent: [Seen] = []
    /// Those before, that the profile is to learn next: at most `pause`.
    private var next: [(requests: UInt64, time: Moment)] = []
    private var nextShapes = ShapeTally()
    /// Latest seconds in a row that exceeded the profile without pressure.
    private var calm: UInt64 = 0
    /// From the attack's start to its end so far, and since then.
    private var toll = Toll()
    private var tail = Toll()
    /// Seconds of quiet seen since the attack's end.
    private var quiet: Int64 = 0
    /// A second of excess after quiet, which may have been chance.
    private var stray: Moment?
    /// Sources counted before a restart, whose sketch is gone.
    private var sourcesBefore: UInt64 = 0

    private struct Seen {
        var second: SiteSecond
        var time: Moment
        var isPressed: Bool
    }

    package init(site: String, profile: SiteProfile) {
        self.site = site
        self.profile = profile
    }

    /// Goes on with an attack that was open when the office ended. Its counts go on from there; sources are at least as
    /// many as were counted before or are from now on.
    /// - Parameter lastSeen: the last second on record; the pause goes on from there.
    package init(resuming attack: DetectedAttack, profile: SiteProfile, lastSeen: Moment? = nil) {
        self.init(site: attack.site, profile: profile)
        guard !attack.isOver else { return }
        self.attack = attack
        last = max(lastSeen ?? attack.end, attack.end)
        quiet = min(max(0, (last ?? attack.end).seconds - attack.end.seconds), Self.pause - 1)
        sourcesBefore = attack.sources
        toll.peakRate = attack.peakRate
        toll.requests = attack.requests
        toll.excess = Double(attack.excess)
        toll.admitted = attack.admitted
        toll.queued = attack.queued
        toll.refused = attack.refused
        toll.failed = attack.failed
        toll.networks = Toll.Heaviest(attack.networks)
        toll.routes = Toll.Heaviest(attack.routes)
    }

    /// Judges the next second; to be called once for each, in order.
    package mutating func observe(_ second: SiteSecond) -> [AttackEvent] {
        let time = Moment(seconds: SiteProfile.believable(second.time).seconds)
        var events: [AttackEvent] = []
        var gap: Int64 = 1
        if let last {
            gap = time.seconds - last.seconds
            // A clock that was put back by more than a minute is believed: else we were blind until it has caught up.
            guard gap > 0 || gap < -60 else { return [] }
            if gap < 0 || gap > Self.blindness { recent.removeAll() }
            if gap > Self.blindness, let attack { events.append(end(attack)) }
        }
        last = time
        let seen = Seen(
            second: second, time: time,
            // Of a site that nobody knows yet, only refusals tell that the pressure is not its own.
            isPressed: second.isUnderPressure && (profile.isKnown || second.refused > 0))
        if let attack {
            events += follow(attack, seen, after: min(max(1, gap), Self.settled))
        } else {
            events += look(seen)
        }
        return events
    }

    // ---- No attack.

    private mutating func look(_ seen: Seen) -> [AttackEvent] {
        recent.append(seen)
        let hits = recent.indices.filter {
            recent[$0].isPressed && recent[$0].time + Double(Self.window) > seen.time && exceeds(recent[$0])
        }
        if hits.count >= 2 { return [open(at: seen.time, firstHit: hits[0])] }
        while let oldest = recent.first, oldest.time + Double(Self.lookBack) <= seen.time {
            learn(recent.removeFirst())
        }
        return []
    }

    /// Whether the profile, as it is now, explains less than came.
    private func exceeds(_ seen: Seen) -> Bool { Double(seen.second.requests) > profile.bound(at: seen.time) }

    private mutating func learn(_ seen: Seen) {
        if exceeds(seen), profile.isKnown || seen.isPressed {
            calm = seen.isPressed ? 0 : calm + 1
            guard calm > min(UInt64(Self.pause), profile.secondsLearnt) else { return }
        } else {
            calm = 0
        }
        next.append((seen.second.requests, seen.time))
        nextShapes.add(seen.second.traffic.shapes)
        guard next.count >= max(10, min(UInt64(Self.pause), profile.secondsLearnt / 2)) else { return }
        for (requests, time) in next { profile.learn(requests, at: time) }
        profile.shapes.merge(nextShapes)
        forgetNext()
    }

    private mutating func forgetNext() {
        next.removeAll(keepingCapacity: true)
        nextShapes = ShapeTally()
    }

    private mutating func open(at time: Moment, firstHit: Int) -> AttackEvent {
        // Back along the run of excess, over at most one second that did not exceed or did not come.
        var first = firstHit
        for index in recent.indices[..<firstHit].reversed() where exceeds(recent[index]) {
            guard recent[index].time + 2 >= recent[first].time else { break }
            first = index
        }
        let start = recent[first].time
        var found = DetectedAttack(site: site, start: start, detected: time)
        found.usualRate = profile.usual(at: start)
        for seen in recent[first...] { charge(seen, isExcess: exceeds(seen)) }
        recent.removeAll()
        forgetNext()
        calm = 0
        return .opened(settle(found, at: time, isDue: true))
    }

    // ---- An attack.

    private mutating func follow(_ attack: DetectedAttack, _ seen: Seen, after gap: Int64) -> [AttackEvent] {
        let isExcess = exceeds(seen)
        charge(seen, isExcess: isExcess)
        guard isExcess || isHeldBack(seen) else {
            quiet += gap
            return quiet >= Self.pause ? [end(attack)] : []
        }
        let isConfirmed = stray.map { $0 + Double(Self.window) > seen.time } ?? false
        guard quiet < Self.settled || isConfirmed else {
            stray = seen.time
            return []
        }
        let isDue = isExcess && toll.secondsOfExcess % Self.contrastInterval == 0
        return [.changed(settle(attack, at: seen.time, isDue: isDue))]
    }

    /// Whether it would exceed the profile if the packet filter held nothing back.
    private func isHeldBack(_ seen: Seen) -> Bool {
        guard seen.second.heldBack > 0 else { return false }
        let (all, isHuge) = seen.second.requests.addingReportingOverflow(seen.second.heldBack)
        return isHuge || Double(all) > profile.bound(at: seen.time)
    }

    private mutating func charge(_ seen: Seen, isExcess: Bool) {
        tail.add(seen.second, usual: profile.usual(at: seen.time), isExcess: isExcess)
    }

    /// Takes all since the attack's end into it, up to the end of this second.
    private mutating func settle(_ attack: DetectedAttack, at time: Moment, isDue: Bool) -> DetectedAttack {
        var attack = attack
        attack.end = max(attack.end, time + 1)
        toll.merge(tail)
        tail = Toll()
        quiet = 0
        stray = nil
        attack = summary(of: attack, isMeasured: isDue)
        self.attack = attack
        return attack
    }

    private mutating func end(_ attack: DetectedAttack) -> AttackEvent {
        var ended = summary(of: attack, isMeasured: true)
        ended.isOver = true
        self = AttackWatch(site: site, profile: profile, after: last)
        return .over(ended)
    }

    private init(site: String, profile: SiteProfile, after last: Moment?) {
        self.init(site: site, profile: profile)
        self.last = last
    }

    /// The attack with its counts brought up to date.
    private func summary(of attack: DetectedAttack, isMeasured: Bool) -> DetectedAttack {
        var attack = attack
        attack.peakRate = toll.peakRate
        attack.requests = toll.requests
        attack.excess = UInt64(clamping: toll.excess)
        attack.admitted = toll.admitted
        attack.queued = toll.queued
        attack.refused = toll.refused
        attack.failed = toll.failed
        attack.sources = max(sourcesBefore, UInt64(clamping: toll.sources.count.rounded()))
        attack.networks = toll.networks.first(20)
        attack.routes = toll.routes.first(20)
        // After a restart the fingerprint from before stands until as much was seen again.
        let seen = UInt64(clamping: toll.contrast.requests - toll.contrast.expected)
        if isMeasured, (attack.fingerprint?.evidence.attackCount ?? 0) <= seen {
            attack.fingerprint = toll.contrast.fingerprint(
                against: profile.shapes, sources: attack.sources, from: attack.start, until: attack.end)
        }
        return attack
    }
}
