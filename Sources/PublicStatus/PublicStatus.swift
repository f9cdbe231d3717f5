package import Languages
package import Moments

/// What the public may see of one organisation, or of all together; there is no field here that may not be shown.
package struct PublicOverview: Equatable, Sendable, Codable {
    /// When this was put together.
    package var made: Moment
    /// The organisation's short name, as in addresses; empty: all organisations together.
    package var name: String
    package var title: String
    /// Services of the public only; what the organisation's own staff use is not shown.
    package var services: [PublicService]
    /// Latest first.
    package var incidents: [PublicIncident]
    /// How the figures were measured: from where, how often, by which method.
    package var basis: Words

    package init(
        made: Moment, name: String, title: String, services: [PublicService], incidents: [PublicIncident], basis: Words
    ) {
        self.made = made
        self.name = name
        self.title = title
        self.services = services
        self.incidents = incidents
        self.basis = basis
    }
}

package enum PublicState: String, CaseIterable, Sendable, Codable {
    case up
    case degraded
    case down
    /// Not measured, or not enough.
    case unknown
    /// Announced before it began.
    case maintenance
}

package struct PublicService: Equatable, Sendable, Codable {
    /// Short name, as in addresses.
    package var name: String
    /// The host name that visitors know.
    package var title: String
    package var organisation: String
    package var state: PublicState
    /// Since when, as far as known.
    package var since: Moment?
    /// The last 90 days, oldest first, today included.
    package var days: [PublicDay]

    package init(
        name: String, title: String, organisation: String, state: PublicState, since: Moment?, days: [PublicDay]
    ) {
        self.name = name
        self.title = title
        self.organisation = organisation
        self.state = state
        self.since = since
        self.days = days
    }
}

package struct PublicDay: Equatable, Sendable, Codable {
    package var day: Day
    /// The worst state of the day.
    package var worst: PublicState
    package var downSeconds: Int
    /// Share of the day that was measured, 0...1.
    package var known: Double

    package init(day: Day, worst: PublicState, downSeconds: Int, known: Double) {
        self.day = day
        self.worst = worst
        self.downSeconds = downSeconds
        self.known = known
    }
}

package enum PublicOutcome: String, CaseIterable, Sendable, Codable {
    case fendedOff = "fended-off"
    case degraded
    case down
    /// Too little was measured to say.
    case unknown
}

package struct PublicIncident: Equatable, Sendable, Codable {
    /// "2026-7": unique, and part of addresses.
    package var number: String
    package var organisation: String
    /// Titles of the services hit.
    package var services: [String]
    package var start: Moment
    /// nil: it goes on.
    package var end: Moment?
    package var outcome: PublicOutcome
    /// The outcome may still change.
    package var isProvisional: Bool
    /// Seconds that the services were down; nil: not known.
    package var downSeconds: Int?
    /// Whether the back office was touched; nil: not measured.
    package var touchedBackOffice: Bool?
    /// Most requests a second, and what is usual; nil: no requests were part of it.
    package var peakRate: Int?
    package var usualRate: Int?
    /// Most packets, and most bits, a second on the organisation's network, as seen in flow data; nil: that
    /// was no part of it.
    package var peakPackets: Int?
    package var peakBits: Int?
    /// Part of those packets was stopped.
    package var isFiltered: Bool
    /// Attempts to connect among them were answered in a way that takes up no room.
    package var isAnswered: Bool
    /// What was done, in plain words.
    package var actions: [Words]
    /// Who did it, as far as may be said in public.
    package var attribution: Words
    /// What happened and what was said, oldest first.
    package var timeline: [Entry]
    package var basis: Words
    package var plot: PublicPlot?

    package init(
        number: String, organisation: String, services: [String], start: Moment, end: Moment?, outcome: PublicOutcome,
        isProvisional: Bool, downSeconds: Int?, touchedBackOffice: Bool?, peakRate: Int?, usualRate: Int?,
        peakPackets: Int? = nil, peakBits: Int? = nil, isFiltered: Bool = false, isAnswered: Bool = false,
        actions: [Words], attribution: Words, timeline: [Entry], basis: Words, plot: PublicPlot?
    ) {
        self.number = number
        self.organisation = organisation
        self.services = services
        self.start = start
        self.end = end
        self.outcome = outcome
        self.isProvisional = isProvisional
        self.downSeconds = downSeconds
        self.touchedBackOffice = touchedBackOffice
        self.peakRate = peakRate
        self.usualRate = usualRate
        self.peakPackets = peakPackets
        self.peakBits = peakBits
        self.isFiltered = isFiltered
        self.isAnswered = isAnswered
        self.actions = actions
        self.attribution = attribution
        self.timeline = timeline
        self.basis = basis
        self.plot = plot
    }

    package struct Entry: Equatable, Sendable, Codable {
        package var at: Moment
        package var text: Words

        package init(at: Moment, text: Words) {
            self.at = at
            self.text = text
        }
    }
}

/// Series for drawing, all of the same length: one value per step.
package struct PublicPlot: Equatable, Sendable, Codable {
    package var start: Moment
    /// Seconds per step; at most 120 steps.
    package var step: Int
    /// Requests a second.
    package var admitted: [Double]
    package var queued: [Double]
    package var refused: [Double]
    /// Milliseconds to the first byte, 95th percentile; nil: nothing measured in that step.
    package var latency: [Double?]
    package var states: [PublicState]

    package init(
        start: Moment, step: Int, admitted: [Double], queued: [Double], refused: [Double], latency: [Double?],
        states: [PublicState]
    ) {
        self.start = start
        self.step = step
        self.admitted = admitted
        self.queued = queued
        self.refused = refused
        self.latency = latency
        self.states = states
    }
}
