import Admission
import Sketches
import Testing

/// The waiting page and the cookie proof, decided: who gets which, what a turn is worth, and what it is not.
@Suite struct LadderTests {
    private static func at(_ seconds: Double) -> Instant { Instant(nanoseconds: UInt64((seconds + 10) * 1e9)) }

    /// A site whose origin stands still: two slots of which are taken by known visitors, a queue of `room`.
    private struct Site {
        var admission: SiteAdmission
        var slots: [Slot] = []
        var ticket: UInt64 = 0

        init(room: Int = 4) {
            var rules = SiteAdmission.Rules()
            rules.queueLength = room
            admission = SiteAdmission(rules: rules, at: LadderTests.at(0))
            while case .admit(let slot) = ask(source: 1_000_000 + ticket, isKnown: true, at: 0).decision {
                slots.append(slot)
            }
            admission.left(ticket)
        }

        mutating func ask(
            source: UInt64, isKnown: Bool = false, turn: HeldTurn? = nil, at seconds: Double
        ) -> (ticket: UInt64, decision: SiteAdmission.Decision) {
            ticket += 1
            // Mixed, as a keyed hash is.
            var mixer = SplitMix64(seed: source)
            let hash = mixer.next()
            var arrival = Arrival(ticket: ticket, source: hash, network: hash ^ 1, route: 7, isKnown: isKnown)
            arrival.turn = turn
            return (ticket, admission.arrived(arrival, at: LadderTests.at(seconds)))
        }

        /// The tickets that are served when all slots come free, one after the other.
        mutating func order(at seconds: Double) -> [UInt64] {
            var tickets: [UInt64] = []
            while let slot = slots.popLast() {
                admission.released(slot)
                while let (ticket, slot) = admission.next(at: LadderTests.at(seconds)) {
                    tickets.append(ticket)
                    admission.released(slot)
                }
            }
            return tickets
        }

        mutating func answer(
            _ cause: SiteAdmission.RefusalCause = .full, _ visitorClass: VisitorClass = .unknown,
            isKnown: Bool = false, turn: HeldTurn? = nil, isForPage: Bool = true, mayBeSent: Bool = true,
            wasSent: Bool = false, at seconds: Double = 0
        ) -> Ladder.Answer {
            admission.answer(
                Ladder.Question(
                    cause: cause, visitorClass: visitorClass, isKnown: isKnown, source: 1, turn: turn,
                    isForPage: isForPage, mayBeSent: mayBeSent, wasSent: wasSent), at: LadderTests.at(seconds))
        }

        mutating func page(
            _ visitorClass: VisitorClass = .unknown, turn: HeldTurn? = nil, at seconds: Double
        ) throws -> Ladder.Page {
            guard case .page(let page) = answer(.full, visitorClass, turn: turn, at: seconds) else { throw NoPage() }
            return page
        }

        struct NoPage: Error {}
    }

    private static func held(_ serial: UInt32, age: UInt32, isForPage: Bool = true) -> HeldTurn {
        HeldTurn(Turn(since: 1_000_000 - age, serial: serial), age: age, isForPage: isForPage)
    }

    // MARK: - Who goes first

    @Test func `who has waited longest goes first, and all go before who just came`() {
        var site = Site()
        let new = site.ask(source: 1, at: 0).ticket
        let short = site.ask(source: 2, turn: Self.held(1, age: 6), at: 0).ticket
        let long = site.ask(source: 3, turn: Self.held(2, age: 60), at: 0).ticket
        let middle = site.ask(source: 4, turn: Self.held(3, age: 20), at: 0).ticket
        #expect(site.order(at: 0.1) == [long, middle, short, new])
    }

    @Test func `no turn passes a better class`() {
        var site = Site()
        let holder = site.ask(source: 1, turn: Self.held(1, age: 3000), at: 0).ticket
        let known = site.ask(source: 2, isKnown: true, at: 0).ticket
        #expect(site.order(at: 0.1) == [known, holder])
    }

    @Test func `who asks much must wait longer for the same place`() {
        var site = Site(room: 40)
        for _ in 0..<16 { _ = site.ask(source: 1, at: 0) }
        let much = site.ask(source: 1, turn: Self.held(1, age: 30), at: 0).ticket
        let new = site.ask(source: 2, at: 0).ticket
        let patient = site.ask(source: 1, turn: Self.held(2, age: 200), at: 0).ticket
        let order = site.order(at: 0.1).filter { [much, new, patient].contains($0) }
        #expect(order == [patient, new, much])
    }

    // MARK: - What a turn is not

    @Test func `one turn is had once, also by two requests at once`() {
        var site = Site(room: 8)
        let turn = Self.held(1, age: 60)
        let first = site.ask(source: 1, turn: turn, at: 0).ticket
        let other = site.ask(source: 2, turn: Self.held(2, age: 10), at: 0).ticket
        let second = site.ask(source: 3, turn: turn, at: 0.1).ticket
        #expect(site.order(at: 0.2) == [first, other, second])
        // It was had.
        var again = Site(room: 8)
        again.admission = site.admission
        while case .admit(let slot) = again.ask(source: 900 + again.ticket, isKnown: true, at: 5).decision {
            again.slots.append(slot)
        }
        again.admission.left(again.ticket)
        let used = again.ask(source: 1, turn: turn, at: 5).ticket
        let holder = again.ask(source: 4, turn: Self.held(3, age: 10), at: 5).ticket
        #expect(again.order(at: 5.1) == [holder, used])
    }

    @Test func `a turn that waited in vain is still one`() {
        var site = Site()
        let turn = Self.held(1, age: 60)
        _ = site.ask(source: 1, turn: turn, at: 0)
        #expect(site.admission.expired(at: Self.at(2.1)) != nil)
        let other = site.ask(source: 2, turn: Self.held(2, age: 30), at: 6).ticket
        let back = site.ask(source: 1, turn: Self.held(1, age: 60), at: 6).ticket
        #expect(site.order(at: 6.1) == [back, other])
    }

    /// Parts of a page that come with the cookie, such as a tab's icon, use no turn up.
    @Test func `what is no page does not use a turn up`() {
        var site = Site()
        let part = site.ask(source: 1, turn: Self.held(1, age: 60, isForPage: false), at: 0).ticket
        let new = site.ask(source: 2, at: 0).ticket
        let page = site.ask(source: 1, turn: Self.held(1, age: 60), at: 0).ticket
        #expect(site.order(at: 0.1) == [page, part, new])
    }

    @Test func `one turn from many sources is found out by its rate, and is worth nothing then`() {
        var site = Site(room: 200)
        let turn = Self.held(1, age: 60)
        for source in 0..<100 { _ = site.ask(source: UInt64(source), turn: turn, at: 0.01 * Double(source)) }
        #expect(site.admission.ladder.counts.returned == 100)
        #expect(site.admission.ladder.counts.overused == 100 - 49)
        #expect(site.answer(turn: turn, at: 0.99) == .plain)
        // Who leaves it alone for a while may use it again.
        #expect(site.answer(turn: turn, at: 20) != .plain)
    }

    @Test func `a flood of turns does not push out one that comes now`() {
        var site = Site(room: 4)
        let mine = Self.held(7, age: 60)
        for serial in 100..<200_000 as Range<UInt32> {
            _ = site.ask(source: UInt64(serial), turn: Self.held(serial, age: 10), at: 0)
        }
        let first = site.ask(source: 1, turn: mine, at: 0).ticket
        #expect(site.order(at: 0.1).first == first)
    }

    // MARK: - Which rung

    @Test func `who gets what`() {
        var site = Site()
        func isPage(_ answer: Ladder.Answer) -> Bool { if case .page = answer { true } else { false } }
        #expect(isPage(site.answer()))
        #expect(isPage(site.answer(.full, .known, isKnown: true)))
        #expect(isPage(site.answer(.suspect, .suspect, isKnown: true)))
        #expect(site.answer(.suspect, .suspect) == .proof)
        #expect(site.answer(.unlike, .suspect) == .proof)
        // Back with the cookie, and still no room; back without it; HEAD.
        #expect(isPage(site.answer(.suspect, .suspect, turn: Self.held(1, age: 0))))
        #expect(isPage(site.answer(.suspect, .suspect, wasSent: true)))
        #expect(isPage(site.answer(.suspect, .suspect, mayBeSent: false)))
        // Programs, what is sent with content, limits that somebody set, an origin that is down.
        #expect(site.answer(isForPage: false) == .plain)
        #expect(site.answer(.suspect, .suspect, isForPage: false) == .plain)
        #expect(site.answer(.overLimit) == .plain)
        #expect(site.answer(.noOrigin) == .plain)
        #expect(site.admission.ladder.counts.proofs == 2)
    }

    @Test func `who comes back without the cookie is told, and waits all the same`() {
        var site = Site()
        guard case .page(let page) = site.answer(.suspect, .suspect, wasSent: true) else {
            Issue.record("no page")
            return
        }
        #expect(page.lacksCookie && page.givesTurn)
        #expect((4...6).contains(page.again))
    }

    @Test func `cookies are asked of the unknown only where far more come than can wait`() {
        var site = Site()
        #expect(!site.admission.ladder.isHopeless)
        for step in 0..<100 {
            let time = Double(step) / 10
            for source in 0..<20 { _ = site.ask(source: UInt64(step * 20 + source), at: time) }
            _ = site.admission.tick(at: Self.at(time))
        }
        #expect(site.admission.ladder.isHopeless)
        #expect(site.answer(at: 10) == .proof)
        // Cookies decide between those who are alike.
        var other = Site()
        other.admission = site.admission
        while other.admission.expired(at: Self.at(13)) != nil {}
        other.slots = site.slots
        let unproven = other.ask(source: 777_777, at: 13).ticket
        let proven = other.ask(source: 1, turn: Self.held(1, age: 0), at: 13).ticket
        #expect(other.order(at: 13.1) == [proven, unproven])
        // It ends by itself.
        for step in 0..<100 { _ = site.admission.tick(at: Self.at(20 + Double(step) / 10)) }
        #expect(!site.admission.ladder.isHopeless)
    }

    // MARK: - What the page says

    @Test func `the place in the row counts those who come back, older ones before younger`() throws {
        var site = Site()
        // A flood without cookies takes turns and never shows them: nobody stands behind it.
        for _ in 0..<500 { _ = try site.page(at: 0) }
        // Three hundred have waited 200 s, a hundred 50 s; their pages ask again.
        for step in 0..<40 {
            let time = 0.1 * Double(step)
            for number in 0..<10 where step < 30 {
                _ = try site.page(turn: Self.held(UInt32(1000 + step * 10 + number), age: 200), at: time)
            }
            for number in 0..<4 where step < 25 {
                _ = try site.page(turn: Self.held(UInt32(5000 + step * 10 + number), age: 50), at: time)
            }
            _ = site.admission.tick(at: Self.at(time))
        }
        _ = site.admission.tick(at: Self.at(4.1))
        let new = try site.page(at: 4.1)
        let young = try site.page(turn: Self.held(1, age: 50), at: 4.1)
        let old = try site.page(turn: Self.held(2, age: 200), at: 4.1)
        let oldest = try site.page(turn: Self.held(3, age: 900), at: 4.1)
        print("ahead", new.ahead, young.ahead, old.ahead, oldest.ahead, "again", new.again, oldest.again)
        #expect(oldest.ahead == 0)
        #expect(old.ahead < young.ahead && young.ahead < new.ahead)
        #expect((100...500).contains(new.ahead))
        #expect(oldest.again <= 6)
        // Nobody is served here: the row is long, and the pages ask seldom.
        #expect(new.again >= 30)
        #expect(new.wait >= new.again)
    }

    @Test func `pages ask again at different times`() throws {
        var site = Site()
        let times = Set(try (0..<200).map { _ in try site.page(at: 0).again })
        #expect(times == [4, 5, 6])
    }

    // MARK: - Signatures

    @Test func `only what one of the keys signed is a turn, for an hour`() {
        let (old, new) = ([UInt8](repeating: 1, count: 16), [UInt8](repeating: 2, count: 16))
        let before = TurnSeal(keys: [old])
        let seal = TurnSeal(keys: [new, old])
        let turn = Turn(since: 1_000, serial: 5)
        #expect(seal.age(of: turn, signature: seal.sign(turn), at: 1_010) == 10)
        #expect(seal.age(of: turn, signature: before.sign(turn), at: 1_010) == 10)
        #expect(before.age(of: turn, signature: seal.sign(turn), at: 1_010) == nil)
        #expect(seal.age(of: turn, signature: seal.sign(turn) ^ 1, at: 1_010) == nil)
        #expect(seal.age(of: Turn(since: 1_000, serial: 6), signature: seal.sign(turn), at: 1_010) == nil)
        #expect(seal.age(of: Turn(since: 900, serial: 5), signature: seal.sign(turn), at: 1_010) == nil)
        #expect(seal.age(of: turn, signature: seal.sign(turn), at: 4_599) == 3_599)
        #expect(seal.age(of: turn, signature: seal.sign(turn), at: 4_600) == nil)
        // Another worker's clock may be a little behind.
        #expect(seal.age(of: turn, signature: seal.sign(turn), at: 997) == 0)
        #expect(seal.age(of: turn, signature: seal.sign(turn), at: 900) == nil)
        #expect(TurnSeal(keys: []).age(of: turn, signature: 0, at: 1_010) == nil)
    }
}
