/// How a service was at a moment.
package enum ServiceState: String, CaseIterable, Sendable, Codable {
    case up
    case degraded
    case down
    /// Not measured, or not enough.
    case unknown
    /// Announced before it began.
    case maintenance
}

/// How an attack ended for the people who use the service.
package enum Outcome: String, CaseIterable, Sendable, Codable {
    case fendedOff = "fended-off"
    case degraded
    case down
    /// Too little was measured. No measurement is never "fended off".
    case unknown
}

/// An outcome with what it rests on.
package struct Judgement: Equatable, Sendable, Codable {
    package var outcome: Outcome
    /// It may still change: the attack or the ten minutes after it are not over, or fewer than three networks measured.
    package var isProvisional: Bool
    /// nil where the outcome is unknown.
    package var downtime: Downtime?
    /// Share of the time from start to end + 10 min (or until now) that was measured, 0...1.
    package var known: Double
    package var basis: Basis

    package init(outcome: Outcome, isProvisional: Bool, downtime: Downtime?, known: Double, basis: Basis) {
        self.outcome = outcome
        self.isProvisional = isProvisional
        self.downtime = downtime
        self.known = known
        self.basis = basis
    }

    /// Seconds; each interruption from the midpoint between the last good and the first bad sample to the midpoint back.
    package struct Downtime: Equatable, Sendable, Codable {
        package var seconds: Double
        /// Shortest and longest that the samples allow.
        package var shortest: Double
        package var longest: Double

        package init(seconds: Double, shortest: Double, longest: Double) {
            self.seconds = seconds
            self.shortest = shortest
            self.longest = longest
        }
    }

    package struct Basis: Equatable, Sendable, Codable {
        /// Names of the probers that measured, and in how many networks they stand.
        package var vantages: [String]
        package var networks: Int
        /// Seconds between two checks.
        package var interval: Double
        package var samples: Int

        package init(vantages: [String], networks: Int, interval: Double, samples: Int) {
            self.vantages = vantages
            self.networks = networks
            self.interval = interval
            self.samples = samples
        }
    }
}
