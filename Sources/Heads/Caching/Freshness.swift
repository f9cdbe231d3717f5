/// How long a stored response may be used, and how (RFC 9111, section 4.2; RFC 5861). Seconds; moments since 1970.
package struct Freshness: Equatable, Sendable {
    package var receivedAt: Int64 = 0
    /// How old it was when it came.
    package var initialAge: Int64 = 0
    package var lifetime: Int64 = 0
    /// What it might have lived where it says nothing of that: a tenth of the time since it was changed, bounded.
    package var heuristicLifetime: Int64 = 0
    package var staleWhileRevalidate: Int64 = 0
    package var staleIfError: Int64 = 0
    /// The origin forbids using it once it is stale, whatever happens.
    package var forbidsStale = false
    /// The origin says that it is for everybody: also for who sends cookies or credentials.
    package var isShared = false

    package init() {}

    package func age(at now: Int64) -> Int64 { max(0, initialAge + max(0, now - receivedAt)) }

    /// Seconds since it became stale; below zero while it is fresh.
    package func staleness(at now: Int64) -> Int64 { age(at: now) - lifetime }

    package func isFresh(at now: Int64) -> Bool { staleness(at: now) < 0 }

    /// It is stale from now on, and of use where what has just become stale is.
    package mutating func expire(at now: Int64) {
        lifetime = min(lifetime, age(at: now))
        heuristicLifetime = 0
    }

    /// It is of no use but in need: it was never fresh, and may not be used while it is asked for anew.
    package var isForNeed: Bool { lifetime <= initialAge && staleWhileRevalidate == 0 }

    /// Whether it may be used while somebody else asks for a newer one.
    package func isUsableMeanwhile(at now: Int64) -> Bool {
        !forbidsStale && staleness(at: now) < staleWhileRevalidate
    }

    /// Whether it may be used instead of an error, or of no answer.
    ///
    /// - Parameter limit: seconds of staleness that the site's operator allows.
    package func isUsableInNeed(at now: Int64, limit: Int64) -> Bool {
        let staleness = staleness(at: now)
        return staleness < 0 || !forbidsStale && staleness < max(limit, staleIfError)
    }

    /// Whether it may be used under pressure before the origin is asked.
    package func isUsableUnderPressure(at now: Int64) -> Bool {
        isFresh(at: now) || isUsableMeanwhile(at: now) || !forbidsStale && age(at: now) < heuristicLifetime
    }

    /// Whether it satisfies a request, by its directives (RFC 9111, section 5.2.1).
    package func satisfies(_ wants: RequestDirectives, at now: Int64) -> Bool {
        let age = age(at: now)
        guard !wants.noCache, wants.maxAge.map({ age <= Int64($0) }) ?? true else { return false }
        if let fresh = wants.minFresh { return lifetime - age >= Int64(fresh) }
        let staleness = age - lifetime
        return staleness < 0 || !forbidsStale && wants.maxStale.map { staleness <= Int64($0) } ?? false
    }
}
