/// Whose work a worker's time goes into, and who has to stand back when there is not enough of it.
///
/// Where several sites ask for a busy worker, those that have more than their equal part are *heavy*: their work comes
/// after everyone else's, which loses nothing. Once the worker has no time to wait any more, they are *held back* too: fewer
/// and fewer of their requests are let through, strangers' before known visitors', until there is time again. Then more are
/// let through, and with time to spare all are. What the others leave is theirs.
///
/// Beside that an organisation may have a cap, hundredths of the time that somebody set: above it those of its sites that
/// take most are held back, whoever else asks for anything, until it is below again.
///
/// *Our bug*: a place out of range. *Their fault*: none. *Ignored*: how much a site takes while no other asks for
/// anything, but for its organisation's cap.
package struct TenantTime: Sendable {
    /// Less than a tenth of the time waiting: it is short. More than a fifth: there is room.
    private static let shortAbove: Float = 0.9
    private static let roomyBelow: Float = 0.8
    /// From here on each piece of work is measured, and has its place behind others', where there are several sites; below,
    /// all pieces count the same.
    private static let busyAbove: Float = 0.3
    /// How far above its equal part a site is heavy, so that an even crowd is not cut down, and how much it has at least.
    private static let heavyFactor: Float = 1.25
    private static let heavyAbove: Float = 0.15
    /// Below this part of a cap more are let through again.
    private static let capMargin: Float = 0.9
    /// The least of strangers, and of known visitors, that is let through.
    private static let strangersFloor: Float = 1 / 64
    private static let knownFloor: Float = 1 / 16
    /// Steps after which a site that did nothing is not there any more.
    private static let memory: UInt8 = 32

    /// What of a site's requests is let through.
    private struct Brake: Sendable {
        var strangers: Float = 1
        var known: Float = 1
        var isOn = false

        /// Strangers first; known visitors only where it is them who are too many.
        mutating func tighten(areKnownMost: Bool) {
            isOn = true
            if strangers > TenantTime.strangersFloor {
                strangers = max(TenantTime.strangersFloor, strangers * 0.6)
            } else if areKnownMost {
                known = max(TenantTime.knownFloor, known * 0.75)
            }
        }

        mutating func loosen() {
            if known < 1 {
                known = min(1, known + 0.1)
            } else if strangers < 1 {
                strangers = min(1, strangers * 1.15 + 0.01)
            } else {
                isOn = false
            }
        }
    }

    private struct Site: Sendable {
        /// What was spent since the last step, in any unit.
        var spent = 0
        /// Of the worker's time, as a decaying mean.
        var usage: Float = 0
        /// Of the worker's time, since the beginning, in nanoseconds.
        var total: UInt64 = 0
        /// Steps since it did something.
        var rested = TenantTime.memory
        var isHeavy = false
        /// What holds it back where time is short, and where its organisation takes more than its cap.
        var shortage = Brake()
        var cap = Brake()
        /// What is saved up of the next one let through.
        var strangersCredit: Float = 0
        var knownCredit: Float = 0
        /// Requests asked about since the last step.
        var askedByStrangers = 0
        var askedByKnown = 0

        var areKnownMost: Bool { askedByKnown > askedByStrangers }
    }

    private var tenants: Tenants
    /// Hundredths, by organisation; empty: none has one.
    private var caps: [Int]
    private var sites: [Site]
    /// Some site is heavy; some site is held back because time is short.
    package private(set) var hasHeavy = false
    package private(set) var isShort = false
    /// Whether `spent` is to be told nanoseconds; else the same number for each piece of work.
    package private(set) var isExact = false

    /// - Parameter caps: hundredths of the time, by organisation, as `Tenants.together` has them; empty: none.
    package init(_ tenants: Tenants = Tenants(), caps: [Int] = []) {
        self.tenants = tenants
        self.caps = caps
        isExact = !caps.isEmpty
        sites = Array(repeating: Site(), count: tenants.count)
    }

    package func isHeldBack(_ place: Int) -> Bool { sites[place].shortage.isOn || sites[place].cap.isOn }
    package func isHeavy(_ place: Int) -> Bool { sites[place].isHeavy }
    /// Whether it is its organisation's cap that holds it back most.
    package func isCapped(_ place: Int) -> Bool {
        let (cap, shortage) = (sites[place].cap, sites[place].shortage)
        return cap.isOn && (cap.known, cap.strangers) <= (shortage.known, shortage.strangers)
    }
    package func nanoseconds(at place: Int) -> UInt64 { sites[place].total }

    package mutating func spent(_ amount: Int, at place: Int) { sites[place].spent += amount }

    /// Whether this request may go on.
    package mutating func admits(_ place: Int, isKnown: Bool) -> Bool {
        guard isHeldBack(place) else { return true }
        if isKnown {
            sites[place].askedByKnown += 1
            sites[place].knownCredit += min(sites[place].shortage.known, sites[place].cap.known)
            guard sites[place].knownCredit >= 1 else { return false }
            sites[place].knownCredit -= 1
        } else {
            sites[place].askedByStrangers += 1
            sites[place].strangersCredit += min(sites[place].shortage.strangers, sites[place].cap.strangers)
            guard sites[place].strangersCredit >= 1 else { return false }
            sites[place].strangersCredit -= 1
        }
        return true
    }

    /// Looks back on the time since the last step; call every 100 ms or so.
    ///
    /// - Parameters:
    ///   - nanoseconds: how long it was.
    ///   - busy: the part of it in which the worker did not wait, 0 ... 1.
    package mutating func step(_ nanoseconds: UInt64, busy: Float) {
        account(nanoseconds, busy)
        let isShared = findHeavy(busy)
        isExact = !caps.isEmpty || isShared && busy > Self.busyAbove
        if busy > Self.shortAbove, isShared {
            for place in sites.indices where sites[place].isHeavy {
                sites[place].shortage.tighten(areKnownMost: sites[place].areKnownMost)
            }
        } else if isShort, busy < Self.roomyBelow || !isShared {
            for place in sites.indices where sites[place].shortage.isOn { sites[place].shortage.loosen() }
        }
        stepCaps()
        hasHeavy = false
        isShort = false
        for place in sites.indices {
            hasHeavy = hasHeavy || sites[place].isHeavy
            isShort = isShort || sites[place].shortage.isOn
            sites[place].askedByKnown = 0
            sites[place].askedByStrangers = 0
        }
    }

    /// Holds back those sites of an organisation above its cap that take most, and lets go of those that do not.
    private mutating func stepCaps() {
        guard !caps.isEmpty || sites.contains(where: { $0.cap.isOn }) else { return }
        var usages = [(usage: Float, sites: Float)](repeating: (0, 0), count: tenants.shares.count)
        for (place, site) in sites.enumerated() where site.rested < Self.memory {
            usages[tenants.organisations[place]].usage += site.usage
            usages[tenants.organisations[place]].sites += 1
        }
        for place in sites.indices {
            let organisation = tenants.organisations[place]
            let (usage, count) = usages[organisation]
            let limit = caps.isEmpty ? .infinity : Float(caps[organisation]) / 100
            let mean = usage / max(1, count)
            if usage > limit, sites[place].usage >= mean {
                sites[place].cap.tighten(areKnownMost: sites[place].areKnownMost)
            } else if sites[place].cap.isOn, usage < limit * Self.capMargin || sites[place].usage < mean / 2 {
                sites[place].cap.loosen()
            }
        }
    }

    private mutating func account(_ nanoseconds: UInt64, _ busy: Float) {
        let all = Float(max(1, sites.reduce(0) { $0 + $1.spent }))
        for place in sites.indices {
            if sites[place].spent > 0 {
                sites[place].rested = 0
            } else if sites[place].rested < Self.memory {
                sites[place].rested += 1
            } else {
                continue
            }
            let part = Float(sites[place].spent) / all * busy
            sites[place].usage += (part - sites[place].usage) / 4
            sites[place].total += UInt64(part * Float(nanoseconds))
            sites[place].spent = 0
        }
    }

    /// Marks the heavy. False: no more than one site asks for anything.
    private mutating func findHeavy(_ busy: Float) -> Bool {
        var present = [Int](repeating: 0, count: tenants.shares.count)
        var count = 0
        for place in sites.indices.dropFirst() where sites[place].rested < Self.memory {
            present[tenants.organisations[place]] += 1
            count += 1
        }
        let weights = tenants.shares.indices.reduce(0) { $0 + (present[$1] > 0 ? tenants.shares[$1] : 0) }
        for place in sites.indices.dropFirst() where sites[place].rested < Self.memory || sites[place].isHeavy {
            let organisation = tenants.organisations[place]
            let equal =
                Float(tenants.shares[organisation]) / Float(max(1, present[organisation] * weights)) * busy
            sites[place].isHeavy =
                sites[place].shortage.isOn
                || count > 1 && busy > Self.busyAbove
                    && sites[place].usage > max(Self.heavyAbove, Self.heavyFactor * equal)
        }
        return count > 1
    }

    /// Other sites, or others in their places, from now on.
    ///
    /// - Parameter moved: by former place, where its site is now; `nobody` for one that is gone.
    package mutating func change(to tenants: Tenants, moved: [Int], caps: [Int] = []) {
        var fresh = TenantTime(tenants, caps: caps)
        fresh.isExact = fresh.isExact || isExact
        for (former, place) in moved.enumerated() where place != Tenants.nobody || former == Tenants.nobody {
            fresh.sites[place] = sites[former]
        }
        fresh.hasHeavy = fresh.sites.contains { $0.isHeavy }
        fresh.isShort = fresh.sites.contains { $0.shortage.isOn }
        self = fresh
    }
}
