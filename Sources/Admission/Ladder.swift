package import Sketches

/// The rungs between the queue and a plain refusal: a page that waits for its visitor's turn, and a redirect that shows
/// whether cookies are kept.
///
/// Who is turned away with a page takes a turn along. With it the time since counts for its holder: it goes before who asks as
/// little and came later. A turn also shows that its holder keeps cookies, which most of a flood does not; where that is
/// the question, a redirect hands one out and is answered at once.
///
/// The impossibles. *Our bug*: none that could do harm; numbers are any. *Their fault*: a turn used for more than it is
/// worth is none. *Ignored, because it is fine*: a turn that the ledger forgot, which begins anew.
package struct Ladder: Sendable {
    /// A request that is refused.
    package struct Question: Sendable {
        package var cause: SiteAdmission.RefusalCause
        package var visitorClass: VisitorClass
        package var isKnown: Bool
        /// Keyed hash of the subscriber.
        package var source: UInt64
        package var turn: HeldTurn?
        /// A browser asks for a page, and nothing is sent with it.
        package var isForPage: Bool
        /// GET: a redirect is followed.
        package var mayBeSent: Bool
        /// It comes from such a redirect.
        package var wasSent: Bool

        package init(
            cause: SiteAdmission.RefusalCause, visitorClass: VisitorClass, isKnown: Bool, source: UInt64,
            turn: HeldTurn?, isForPage: Bool, mayBeSent: Bool, wasSent: Bool
        ) {
            self.cause = cause
            self.visitorClass = visitorClass
            self.isKnown = isKnown
            self.source = source
            self.turn = turn
            self.isForPage = isForPage
            self.mayBeSent = mayBeSent
            self.wasSent = wasSent
        }
    }

    package enum Answer: Equatable, Sendable {
        /// The status alone, as programs get it.
        case plain
        /// To the same address, with a turn to bring along.
        case proof
        case page(Page)
    }

    /// What the waiting page says.
    package struct Page: Equatable, Sendable {
        /// Visitors before this one, about.
        package var ahead: UInt32
        /// Seconds until its turn, about.
        package var wait: UInt32
        /// Seconds until the page asks again.
        package var again: UInt32
        package var givesTurn: Bool
        /// A turn was given out, and did not come back.
        package var lacksCookie: Bool
    }

    package struct Counts: Equatable, Sendable {
        package var pages: UInt64 = 0
        package var proofs: UInt64 = 0
        /// Requests with a turn that had to wait, and those of them that had asked too much with it.
        package var returned: UInt64 = 0
        package var overused: UInt64 = 0

        package init() {}
    }

    /// Seconds until a page asks again, and how much more by chance: those refused together do not come back together.
    private static let soonest: Float = 4
    private static let latest: Float = 60
    private static let jitter: Float = 0.5
    /// Waiting so long halves what a source's demand counts.
    private static let halving: UInt32 = 30
    /// Holders are counted by age: so many steps of so many seconds.
    private static let steps = 64
    private static let step: UInt32 = 16
    /// Seconds over which rates are seen.
    private static let paceMemory: Float = 10
    private static let refusalMemory: Float = 2
    /// Unknown visitors refused at the door for each that is served, and per second at least, beyond which cookies decide
    /// between those who are alike.
    private static let hopelessFactor: Float = 4
    private static let hopelessRate: Float = 10

    package private(set) var counts = Counts()
    /// Far more unknown visitors come than can even wait.
    package private(set) var isHopeless = false

    private var ledger: TurnLedger
    /// Those whose page asked again within the last interval, by class and age; and how many of a class are older than each
    /// step. Made with the first page.
    private var holders: [Float] = []
    private var older: [Float] = []
    /// Requests admitted per second, of each class.
    private var pace: [Float] = [0, 0, 0]
    private var admitted: [UInt64] = [0, 0, 0]
    /// Seconds between two requests of one page, on average.
    private var interval = soonest
    private var refusedAtDoor: Float = 0
    private var refusalRate: Float = 0
    private var steppedAt: Instant
    private var random: SplitMix64

    init(seed: UInt64, key: KeyedHash, at now: Instant) {
        ledger = TurnLedger(key: key, at: now)
        steppedAt = now
        random = SplitMix64(seed: seed)
    }

    /// Whether a turn is not asked with too much.
    package func isGood(_ turn: Turn, at now: Instant) -> Bool { ledger.look(turn.key, at: now)?.isOverused != true }

    // MARK: - Waiting

    /// A request with a turn has to wait. Nil: the turn is worth nothing.
    mutating func claim(_ held: HeldTurn, pause: Float, at now: Instant) -> TurnLedger.Standing? {
        counts.returned += 1
        let standing = ledger.claim(held, pause: pause, at: now)
        guard standing != .overused else {
            counts.overused += 1
            return nil
        }
        return standing
    }

    mutating func served(_ turn: UInt64, at now: Instant) { ledger.served(turn, at: now) }

    /// An unknown visitor could not even wait.
    mutating func refusedUnknown() { refusedAtDoor += 1 }

    /// Whether those of this class who keep cookies go before those of whom that is not known.
    func asksForProof(_ visitorClass: VisitorClass) -> Bool {
        visitorClass == .suspect || visitorClass == .unknown && isHopeless
    }

    /// What a source's demand counts for one who has waited: who has waited long enough goes first, whatever it asked.
    static func aged(_ demand: Float, by seconds: UInt32) -> Float {
        let rest = Float(seconds % halving) / Float(2 * halving)
        return demand * Float(sign: .plus, exponent: -Int(min(seconds / halving, 100)), significand: 1 - rest)
    }

    // MARK: - Turning away

    /// - Parameter isGreedy: its source asks so much that it gets no turn.
    mutating func answer(_ question: Question, isGreedy: Bool, at now: Instant) -> Answer {
        guard question.isForPage, question.cause != .overLimit, question.cause != .noOrigin else { return .plain }
        if let held = question.turn {
            let past = ledger.look(held.turn.key, at: now)
            guard past?.isOverused != true else { return .plain }
            let isNew = past?.isServed == true
            return page(question.visitorClass, age: isNew ? nil : held.age, lacksCookie: false)
        }
        guard !isGreedy else { return .plain }
        if question.mayBeSent, !question.wasSent, !question.isKnown, asksForProof(question.visitorClass) {
            counts.proofs += 1
            return .proof
        }
        return page(question.visitorClass, age: nil, lacksCookie: question.wasSent)
    }

    private mutating func page(_ visitorClass: VisitorClass, age: UInt32?, lacksCookie: Bool) -> Answer {
        if holders.isEmpty {
            holders = Array(repeating: 0, count: 3 * Self.steps)
            older = Array(repeating: 0, count: 3 * Self.steps)
        }
        counts.pages += 1
        let place = Int(visitorClass.rawValue)
        let step = Int(min((age ?? 0) / Self.step, UInt32(Self.steps - 1)))
        var ahead: Float = 0
        var rate: Float = 0
        for better in 0...place {
            rate += pace[better]
            // All of the better classes, and of its own who came before; of the same seconds, half.
            guard better == place else {
                ahead += total(better)
                continue
            }
            let same = holders[place * Self.steps + step]
            ahead += age == nil ? total(place) : older[place * Self.steps + step] + same / 2
        }
        if age != nil { holders[place * Self.steps + step] += 1 }
        let wait = min(ahead / max(rate, 0.1), Float(TurnSeal.lifetime))
        let base = min(Self.latest, max(Self.soonest, wait / 2))
        let again = base * (1 + Self.jitter * Float(random.unit()))
        interval += (again - interval) * 0.05
        return .page(
            Page(
                ahead: UInt32(ahead), wait: UInt32(max(wait, again)), again: UInt32(again.rounded()),
                givesTurn: age == nil, lacksCookie: lacksCookie))
    }

    private func total(_ place: Int) -> Float { older[place * Self.steps] + holders[place * Self.steps] }

    // MARK: - Time

    /// Moves the rates along. `admitted` counts up, of each class.
    mutating func move(admitted: [UInt64], at now: Instant) {
        let elapsed = now.seconds(since: steppedAt)
        guard elapsed >= 0.05 else { return }
        steppedAt = now
        let weight = min(1, elapsed / Self.paceMemory)
        for (place, count) in admitted.enumerated() {
            pace[place] += (Float(count &- self.admitted[place]) / elapsed - pace[place]) * weight
        }
        self.admitted = admitted
        refusalRate += (refusedAtDoor / elapsed - refusalRate) * min(1, elapsed / Self.refusalMemory)
        refusedAtDoor = 0
        isHopeless = refusalRate > max(Self.hopelessRate, Self.hopelessFactor * pace[1])
        guard !holders.isEmpty else { return }
        let staying = max(0, 1 - elapsed / interval)
        for place in 0..<3 {
            var sum: Float = 0
            for step in (0..<Self.steps).reversed() {
                let index = place * Self.steps + step
                older[index] = sum
                holders[index] *= staying
                sum += holders[index]
            }
        }
    }
}
