package import Addresses
package import Filters
package import Fingerprints
package import Moments

/// A fingerprint that the filter is told to drop, with what became of it.
package struct FilterRule: Equatable, Sendable {
    package var id: UInt64
    package var note: FilterNote
    package var since: Moment
    package var until: Moment
    package var fingerprint: Fingerprint
    /// Destinations; empty: all.
    package var targets: [Prefix]
    /// Its place among the kernel's counters of rules, for as long as it stands.
    package var counter: UInt32
    /// Told to count only.
    package var isDry: Bool
    /// The operator made it dry: no machine's order lets it drop.
    package var isHeld = false
    /// Why it has stopped to drop; nil: it has not.
    package var suspension: String?
    package var observed = Observation()

    package init(
        id: UInt64, note: FilterNote, since: Moment, until: Moment, fingerprint: Fingerprint, targets: [Prefix],
        counter: UInt32, isDry: Bool
    ) {
        self.id = id
        self.note = note
        self.since = since
        self.until = until
        self.fingerprint = fingerprint
        self.targets = targets
        self.counter = counter
        self.isDry = isDry
    }

    /// Whether it drops. A suspended rule goes on counting: so it can be seen whether it would still do harm.
    package var isLive: Bool { !isDry && suspension == nil }

    package var status: FilterEntry.Status {
        if let suspension { return .suspended(suspension) }
        return isDry ? .dry : .live
    }

    /// The share of ordinary traffic that it hits at most, as far as is known: as measured here where that suffices to let
    /// it drop, else as its evidence has it; nil: nobody measured it.
    var collateral: Double? {
        let highest = observed.bounds.upperBound
        if observed.isEnough, highest <= FilterBook.collateralBound { return highest }
        guard let share = fingerprint.evidence.collateral, share.isFinite, share >= 0 else { return nil }
        return share
    }

    /// What the kernel is given; a failure where the fingerprint says what the filter cannot.
    package func kernelRule(at now: FilterTime) -> Result<KernelRule, RuleRefusal> {
        var options = RuleOptions()
        // Whether it may be live was decided when it became so.
        options.acceptsUnmeasured = true
        options.collateralBound = 1
        return KernelRule.make(
            from: fingerprint, targets: targets, counter: counter, isDry: !isLive, until: now.clock(at: until),
            at: now.wall, clock: now.clock, options: options
        ).map(\.rule)
    }

    /// What it hit of live samples that are ordinary traffic.
    package struct Observation: Equatable, Sendable {
        package var hits: UInt64 = 0
        package var samples: UInt64 = 0

        package init(hits: UInt64 = 0, samples: UInt64 = 0) {
            self.hits = min(hits, samples)
            self.samples = samples
        }

        /// Nobody is judged on fewer: of a thousand, the bound is one.
        package static let leastSamples: UInt64 = 1_000
        /// From here on older samples count half, so that what happens now is seen.
        package static let mostSamples: UInt64 = 1 << 17
        /// Standard deviations of doubt. The share is looked at again and again: at two, one look in forty would be
        /// wrong.
        static let doubt = 3.3

        package mutating func add(hits: UInt64, of samples: UInt64) {
            // No more at once than what the rest is halved at: one report does not outweigh all others.
            let more = min(samples, Self.mostSamples)
            self.hits += min(hits, more)
            self.samples += more
            while self.samples > Self.mostSamples {
                self.samples /= 2
                self.hits = min(self.hits / 2, self.samples)
            }
        }

        var isEnough: Bool { samples >= Self.leastSamples }

        package var share: Double { samples == 0 ? 0 : Double(hits) / Double(samples) }

        /// Where the true share lies: the interval of Wilson (1927), which holds for rare hits too.
        package var bounds: ClosedRange<Double> {
            guard samples > 0 else { return 0...1 }
            let count = Double(samples)
            let square = Self.doubt * Self.doubt
            let middle = share + square / (2 * count)
            let width =
                Self.doubt * (share * (1 - share) / count + square / (4 * count * count)).squareRoot()
            let whole = 1 + square / count
            let low = max(0, (middle - width) / whole)
            return low...max(low, min(1, (middle + width) / whole))
        }
    }
}

/// An entry of the book, whatever it is of: what people see.
package struct FilterEntry: Equatable, Sendable {
    package enum Status: Equatable, Sendable {
        case live
        case dry
        /// With a sentence that says why.
        case suspended(String)
        /// Its time was over.
        case ended
        case undone
    }

    package var id: UInt64
    package var kind: FilterKind
    /// nil: a rule.
    package var prefix: Prefix?
    /// nil: none of a rule.
    package var rule: FilterRule?
    package var note: FilterNote
    package var since: Moment
    package var until: Moment
    package var status: Status

    package init(
        id: UInt64, kind: FilterKind, prefix: Prefix?, rule: FilterRule? = nil, note: FilterNote, since: Moment,
        until: Moment, status: Status
    ) {
        self.id = id
        self.kind = kind
        self.prefix = prefix
        self.rule = rule
        self.note = note
        self.since = since
        self.until = until
        self.status = status
    }

    package init(_ rule: FilterRule, status: Status? = nil) {
        self.init(
            id: rule.id, kind: .rule, prefix: nil, rule: rule, note: rule.note, since: rule.since, until: rule.until,
            status: status ?? rule.status)
    }
}
