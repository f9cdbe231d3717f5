package import Bytes

/// What was read and what was not, of one exporter or of all. Counts only grow, but for `lost`, from which late
/// arrivals are taken off.
package struct FlowCounters: Equatable, Sendable {
    /// Datagrams given to the decoder, malformed ones too.
    package var datagrams: UInt64 = 0
    /// Flows handed on.
    package var records: UInt64 = 0
    /// Sampled packets handed on.
    package var samples: UInt64 = 0
    /// Data records and samples that tell no flow: options, events of translation, counters.
    package var passedOver: UInt64 = 0
    /// Refused datagrams, sets or templates by reason, in the order of `Malformed.Reason.allCases`.
    package var truncated: UInt64 = 0
    package var invalid: UInt64 = 0
    package var overBudget: UInt64 = 0
    package var unsupported: UInt64 = 0
    package var contradictory: UInt64 = 0
    /// Sets of data that came before their template; what became of them.
    package var unknownTemplate: UInt64 = 0
    package var keptThenDecoded: UInt64 = 0
    package var droppedKept: UInt64 = 0
    /// Missing in the sequence: flows (NetFlow 5), datagrams (NetFlow 9, sFlow) or data records (IPFIX).
    package var lost: UInt64 = 0
    /// Datagrams that came after their successor.
    package var late: UInt64 = 0
    /// Sequences that began anew.
    package var restarts: UInt64 = 0
    /// Templates learnt: new ones and changed ones.
    package var templates: UInt64 = 0
    package var refusedTemplates: UInt64 = 0
    /// Exporters, domains and templates forgotten for lack of room.
    package var evictions: UInt64 = 0
    /// Records with a time that is not believed.
    package var clampedTimes: UInt64 = 0
    /// Datagrams whose sender's clock is wrong; their times were moved by as much.
    package var clockErrors: UInt64 = 0
    /// Records that name a sampler whose rate is not known: taken as not sampled.
    package var unrated: UInt64 = 0

    package init() {}

    /// Refused for this reason.
    package func malformed(_ reason: Malformed.Reason) -> UInt64 {
        switch reason {
        case .truncated: truncated
        case .invalid: invalid
        case .overBudget: overBudget
        case .unsupported: unsupported
        case .contradictory: contradictory
        }
    }

    mutating func count(_ reason: Malformed.Reason) {
        switch reason {
        case .truncated: truncated &+= 1
        case .invalid: invalid &+= 1
        case .overBudget: overBudget &+= 1
        case .unsupported: unsupported &+= 1
        case .contradictory: contradictory &+= 1
        }
    }

    /// Adds the counts of one datagram; `lost` is signed there, as two's complement.
    mutating func add(_ other: FlowCounters) {
        datagrams &+= other.datagrams
        records &+= other.records
        samples &+= other.samples
        passedOver &+= other.passedOver
        truncated &+= other.truncated
        invalid &+= other.invalid
        overBudget &+= other.overBudget
        unsupported &+= other.unsupported
        contradictory &+= other.contradictory
        unknownTemplate &+= other.unknownTemplate
        keptThenDecoded &+= other.keptThenDecoded
        droppedKept &+= other.droppedKept
        lost &+= other.lost
        late &+= other.late
        restarts &+= other.restarts
        templates &+= other.templates
        refusedTemplates &+= other.refusedTemplates
        evictions &+= other.evictions
        clampedTimes &+= other.clampedTimes
        clockErrors &+= other.clockErrors
        unrated &+= other.unrated
    }
}

/// What is known of one exporter.
package struct ExporterFigures: Equatable, Sendable {
    /// With the port that it used last.
    package var exporter: Exporter
    /// Nanoseconds since 1970.
    package var lastSeen: Int64
    package var domains: Int
    package var templates: Int
    package var keptBytes: Int
    package var counters: FlowCounters
}
