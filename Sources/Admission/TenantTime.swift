/// Whose work a worker's time goes into, and who has to stand back when there is not enough of it.
///
/// Where several sites ask for a busy worker, those that have more than their equal part are *heavy*: their work comes
/// after everyone else's, which loses nothing. Once the worker has no time to wait any more, they are *held back* too: fewer
/// and fewer of their requests are let through, strangers' before known visitors', until there is time again. Then more are
/// let through, and with time to spare all are. What the others leave is theirs.
///
/// *Our bug*: a place out of range. *Their fault*: none. *Ignored*: how much a site takes while no other asks for anything.
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
    /// The least of strangers, and of known visitors, that is let through.
    private static let strangersFloor: Float = 1 / 64
    private static let knownFloor: Float = 1 / 16
    /// Steps after which a site that did nothing is not there any more.
    private static let memory: UInt8 = 32

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
        var isHeldBack = false
        /// The part of requests let through.
        var strangers: Float = 1
        var known: Float = 1
        /// What is saved up of the next one let through.
        var strangersCredit: Float = 0
        var knownCredit: Float = 0
        /// Requests asked about since the last step.
        var askedByStrangers = 0
        var askedByKnown = 0
    }

    private var tenants: Tenants
    private var sites: [Site]
    /// Some site is heavy; some site is held back.
    package private(set) var hasHeavy = false
    package private(set) var isShort = false
    /// Whether `spent` is to be told nanoseconds; else the same number for each piece of work.
    package private(set) var isExact = false

    package init(_ tenants: Tenants = Tenants()) {
        self.tenants = tenants
        sites = Array(repeating: Site(), count: tenants.count)
    }

    package func isHeldBack(_ place: Int) -> Bool { sites[place].isHeldBack }
    package func isHeavy(_ place: Int) -> Bool { sites[place].isHeavy }
    package func nanoseconds(at place: Int) -> UInt64 { sites[place].total }

    package mutating func spent(_ amount: Int, at place: Int) { sites[place].spent += amount }

    /// Whether this request may go on.
    package mutating func admits(_ place: Int, isKnown: Bool) -> Bool {
        guard sites[place].isHeldBack else { return true }
        if isKnown {
            sites[place].askedByKnown += 1
            sites[place].knownCredit += sites[place].known
            guard sites[place].knownCredit >= 1 else { return false }
            sites[place].knownCredit -= 1
        } else {
            sites[place].askedByStrangers += 1
            sites[place].strangersCredit += sites[place].strangers
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
        isExact = isShared && busy > Self.busyAbove
        if busy > Self.shortAbove, isShared {
            for place in sites.indices where sites[place].isHeavy { holdBack(place) }
        } else if isShort, busy < Self.roomyBelow || !isShared {
            for place in sites.indices where sites[place].isHeldBack { letGo(place) }
        }
        hasHeavy = false
        isShort = false
        for place in sites.indices where sites[place].isHeavy {
            hasHeavy = true
            isShort = isShort || sites[place].isHeldBack
            sites[place].askedByKnown = 0
            sites[place].askedByStrangers = 0
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
                sites[place].isHeldBack
                || count > 1 && busy > Self.busyAbove
                    && sites[place].usage > max(Self.heavyAbove, Self.heavyFactor * equal)
        }
        return count > 1
    }

    /// Strangers first; known visitors only where it is them who are too many.
    private mutating func holdBack(_ place: Int) {
        sites[place].isHeldBack = true
        if sites[place].strangers > Self.strangersFloor {
            sites[place].strangers = max(Self.strangersFloor, sites[place].strangers * 0.6)
        } else if sites[place].askedByKnown > sites[place].askedByStrangers {
            sites[place].known = max(Self.knownFloor, sites[place].known * 0.75)
        }
    }

    private mutating func letGo(_ place: Int) {
        if sites[place].known < 1 {
            sites[place].known = min(1, sites[place].known + 0.1)
        } else if sites[place].strangers < 1 {
            sites[place].strangers = min(1, sites[place].strangers * 1.15 + 0.01)
        } else {
            sites[place].isHeldBack = false
        }
    }

    /// Other sites, or others in their places, from now on.
    ///
    /// - Parameter moved: by former place, where its site is now; `nobody` for one that is gone.
    package mutating func change(to tenants: Tenants, moved: [Int]) {
        var fresh = TenantTime(tenants)
        fresh.isExact = isExact
        for (former, place) in moved.enumerated() where place != Tenants.nobody || former == Tenants.nobody {
            fresh.sites[place] = sites[former]
        }
        fresh.hasHeavy = fresh.sites.contains { $0.isHeavy }
        fresh.isShort = fresh.sites.contains { $0.isHeldBack }
        self = fresh
    }
}
