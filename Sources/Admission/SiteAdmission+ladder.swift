package import Sketches

/// What becomes of a request that is refused.
extension SiteAdmission {
    /// A suspect source that asks so many times what makes it one gets no turn: it is told to slow down.
    private static let greed: Float = 4

    package mutating func answer(_ question: Ladder.Question, at now: Instant) -> Ladder.Answer {
        let isGreedy =
            !question.isKnown && question.visitorClass == .suspect
            && sources.estimate(question.source, at: now)?.sure ?? 0 > Self.greed * suspectAbove
        return ladder.answer(question, isGreedy: isGreedy, at: now)
    }

    /// Whether an unknown visitor's request does not even wait before it shows a cookie: it counts when it is back.
    mutating func sendsRound(_ arrival: Arrival, at now: Instant) -> Bool {
        guard arrival.mayBeSent, ladder.isHopeless, arrival.turn == nil, !rules.isObserving, limit > 0,
            waitingCount > 0
        else { return false }
        noteExcess(at: now)
        lastClass = .unknown
        counts[1].requests += 1
        counts[1].refused += 1
        ladder.refusedUnknown()
        return true
    }

    /// Lets a request that has a turn wait as one who has waited, and tells those apart who keep cookies.
    mutating func take(_ held: HeldTurn?, into entry: inout WaitingRoom.Entry, at now: Instant) {
        // A tick after the time is over the last request with this turn is out of the queue.
        let pause = Float(rules.queueTime) / 1000 + 0.2
        let standing = held.flatMap { ladder.claim($0, pause: pause, at: now) }
        entry.isUnproven = standing == nil && ladder.asksForProof(entry.visitorClass)
        guard let held, standing == .held else { return }
        entry.turn = held.turn.key
        entry.demand = Ladder.aged(entry.demand, by: held.age)
    }
}
