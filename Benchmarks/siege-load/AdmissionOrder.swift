internal import Admission
internal import Glibc
internal import Heads
internal import Load
internal import Sketches

/// Ever new sources through admission itself, in this process: what they leave behind in memory, and whether known
/// visitors are still known among them, and served. Time is made up; the origin has four places of 10 ms.
struct AdmissionOrder {
    struct Report: Encodable {
        var arrivals: Int
        var admitted: Int
        var knownClicks: Int
        var knownServed: Int
        /// Of those who were there in calm, how many are known at the end.
        var knownLeft: Int
        var knownBefore: Int
        /// Of as many sources that were never there, how many are taken for known.
        var strangersKnown: Int
        var grownBytes: Int
        /// Processor time, with the making of the request.
        var nanosecondsEach: Double
    }

    private static let known = 400
    private static let service: UInt64 = 10_000_000
    /// One arrival in so many is a known visitor's.
    private static let turn = 2_000
    private static let historyBytes = 1 << 20
    private static let knownMark: UInt64 = 1 << 63

    private var site: SiteAdmission
    private let history: HistoryFilter
    private let key = KeyedHash(key: [UInt8](repeating: 7, count: 16))
    private var now: UInt64 = 1_000_000_000
    private var tickedAt: UInt64 = 0
    private var running: [(slot: Slot, source: UInt64, until: UInt64)] = []
    private var first = 0
    private var sources: [UInt64: UInt64] = [:]
    private var admitted = 0
    private var served = 0
    private var clicks = 0

    static func run(_ order: LoadOrder) throws {
        let memory = UnsafeMutableRawPointer.allocate(byteCount: historyBytes, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: historyBytes)
        defer { memory.deallocate() }
        let history = HistoryFilter(memory: memory, byteCount: historyBytes, now: 1)
        var machine = AdmissionOrder(history: history)
        try say(machine.run(count: min(order.count ?? 1_000_000, 100_000_000)))
    }

    private init(history: HistoryFilter) {
        self.history = history
        site = SiteAdmission(rules: SiteAdmission.Rules(), key: key, at: Instant(nanoseconds: now))
    }

    private mutating func run(count: Int) -> Report {
        // 40 s of calm in which the known come again and again.
        for click in 0..<4_000 {
            arrive(UInt64(click % Self.known), ticket: Self.knownMark | UInt64(click))
            go(to: now + 10_000_000)
        }
        let before = (0..<Self.known).count { isKnown(UInt64($0)) }
        (admitted, served, clicks) = (0, 0, 0)
        let resident = Self.resident()
        let begun = processorSeconds()
        for index in 0..<count {
            // 100,000 a second.
            if index % Self.turn == 0 {
                arrive(UInt64(index / Self.turn % Self.known), ticket: Self.knownMark | UInt64(index))
            } else {
                arrive(1 << 40 | UInt64(index), ticket: UInt64(index))
            }
            go(to: now + 10_000)
        }
        let spent = (processorSeconds() - begun) * 1e9 / Double(max(1, count))
        go(to: now + 5_000_000_000)
        return Report(
            arrivals: count, admitted: admitted, knownClicks: clicks, knownServed: served,
            knownLeft: (0..<Self.known).count { isKnown(UInt64($0)) }, knownBefore: before,
            strangersKnown: (0..<Self.known).count { isKnown(1 << 50 | UInt64($0)) },
            grownBytes: Self.resident() - resident, nanosecondsEach: spent)
    }

    private func isKnown(_ person: UInt64) -> Bool { history.contains(key(person, 1)) }

    private mutating func arrive(_ person: UInt64, ticket: UInt64) {
        let source = key(person, 1)
        var traits = RequestTraits()
        traits.route = key(1, 2)
        traits.target = key(person, 3)
        traits.hasQuery = true
        let arrival = Arrival(
            ticket: ticket, source: source, network: key(person >> 4, 4), region: key(person >> 12, 5),
            route: traits.route, isKnown: history.contains(source), traits: traits)
        if ticket & Self.knownMark != 0 { clicks += 1 }
        switch site.arrived(arrival, at: Instant(nanoseconds: now)) {
        case .admit(let slot): begin(slot, source, ticket)
        case .wait(let evicted):
            sources[ticket] = source
            if let evicted { sources[evicted] = nil }
        case .refuse: break
        }
    }

    private mutating func begin(_ slot: Slot, _ source: UInt64, _ ticket: UInt64) {
        admitted += 1
        if ticket & Self.knownMark != 0 { served += 1 }
        // With more than four at once each takes longer, as at an origin with four places.
        let crowd = UInt64(max(4, running.count - first + 1)) / 4
        running.append((slot, source, now + Self.service * crowd))
    }

    /// Lets time go on: requests end, those that wait get their turn.
    private mutating func go(to moment: UInt64) {
        while now < moment {
            now = min(moment, now + 10_000_000)
            let instant = Instant(nanoseconds: now)
            while first < running.count, running[first].until <= now {
                let (slot, source, _) = running[first]
                first += 1
                site.answered(slot, at: instant)
                site.released(slot)
                if !history.contains(source) { site.novices.served(source) }
                while let (ticket, slot) = site.next(at: instant) {
                    begin(slot, sources.removeValue(forKey: ticket) ?? 0, ticket)
                }
            }
            if first > 4_096 {
                running.removeFirst(first)
                first = 0
            }
            guard now >= tickedAt + 100_000_000 else { continue }
            tickedAt = now
            while let (ticket, _) = site.expired(at: instant) { sources[ticket] = nil }
            for source in site.tick(at: instant) { history.insert(source) }
        }
    }

    private static func resident() -> Int {
        let words = readFile("/proc/self/statm")?.split(separator: " ") ?? []
        return words.count > 1 ? (Int(words[1]) ?? 0) * Int(sysconf(Int32(_SC_PAGESIZE))) : 0
    }
}
