/// How much of each thing that costs a peer little and us more a connection may do: each first slowed, and closed when
/// the processor is needed elsewhere.
///
/// Nanoseconds of a clock that only goes forward come in as arguments. A plain value of fixed size.
package struct HTTP2Budget: Sendable {
    package enum Event: UInt8, Sendable, CaseIterable {
        /// RST_STREAM for a stream that had not been answered to its end.
        case reset
        case ping, settings, priority, windowUpdate
        /// DATA without content that does not end its stream.
        case emptyData
        case continuation
        /// A list beyond the limits, or a malformed request: work for nothing.
        case badHeaders
        /// A type nobody knows, a frame for a stream that is closed, GOAWAY again: noise.
        case noise
    }

    package enum Verdict: Equatable, Sendable {
        case go
        /// Read nothing more of this connection for so long; what was read is handled.
        case slow(nanoseconds: UInt64)
        /// GOAWAY with ENHANCE_YOUR_CALM, and close.
        case close
    }

    package init() {}

    /// One of those things came. `isBusy`: others wait for this worker. `isOffender`: see ``HTTP2SourceBudget``.
    package mutating func spend(_ event: Event, at now: UInt64, isBusy: Bool, isOffender: Bool = false) -> Verdict { .go }

    /// A stream was answered to its end: what honest clients do most earns what they do beside it.
    package mutating func served() {}

    /// A frame of DATA was sent, which honest clients answer with WINDOW_UPDATE, and some with PING.
    package mutating func sentData() {}
}

/// What all connections of one source did: eight bytes to keep beside its other budgets.
package struct HTTP2SourceBudget: Sendable, BitwiseCopyable {
    package init() {}

    /// A connection of this source was slowed or closed.
    package mutating func offended(at now: UInt64) {}

    /// Whether the source's connections have used up the patience of a single one: none is slowed twice then.
    package func isOffender(at now: UInt64) -> Bool { false }
}
