package import Addresses
package import Bytes
package import Mitigations
package import Moments

/// What the filter's process answers.
package enum FilterReply: Equatable, Sendable {
    /// Of an order one id for each prefix, 0 where it was refused, and why the first one was.
    case done(ids: [UInt64], refused: UInt32 = 0, reason: String = "")
    /// Nothing of it was done; the code is one of `FilterRefusal.Code`.
    case refused(code: String, reason: String)
    case status(FilterStatus)
    case entries([FilterEntry])
    /// Sentences for people.
    case lines([String])
    case rates(FilterRates)
    case tallies(FilterTallies)
}

/// Packets since the question before, in the order that was asked for; never too few, and seldom too many.
package struct FilterRates: Equatable, Sendable {
    /// Since then; 0: nobody asked before, or nothing counts.
    package var milliseconds: UInt32
    package var targets: [UInt32]
    package var sources: [UInt32]

    package init(milliseconds: UInt32 = 0, targets: [UInt32] = [], sources: [UInt32] = []) {
        self.milliseconds = milliseconds
        self.targets = targets
        self.sources = sources
    }
}

/// How the filter does. Counters count up from when the program was first attached, over restarts of the process.
package struct FilterStatus: Equatable, Sendable {
    /// When the process started.
    package var since: Moment
    package var interface = ""
    package var conduct = EnforcerConduct()
    /// What its program is made of, as the options that it is started with (``FilterPlan/options``).
    package var options: [String] = []
    /// By the number of Filters' `FilterReason`; empty: nothing counts.
    package var counts: [FilterCount] = []
    /// Entries by `FilterList`.
    package var sizes: [UInt32] = []
    package var rules: [Rule] = []
    /// Of the destinations and networks of sources that somebody asked for last, the busiest.
    package var busy: [Busy] = []

    package init(since: Moment) { self.since = since }

    package struct Rule: Equatable, Sendable {
        package enum Conduct: UInt8, CaseIterable, Sendable {
            /// It counts only.
            case dry = 0
            case live = 1
            /// It hit too much ordinary traffic, and counts only since.
            case suspended = 2
        }

        package var id: UInt64
        package var conduct: Conduct
        package var hits: FilterCount
        /// Of live samples that are ordinary traffic.
        package var observed: FilterRule.Observation

        /// It drops.
        package var isLive: Bool { conduct == .live }

        package init(id: UInt64, conduct: Conduct, hits: FilterCount, observed: FilterRule.Observation) {
            self.id = id
            self.conduct = conduct
            self.hits = hits
            self.observed = observed
        }
    }

    package struct Busy: Equatable, Sendable {
        package var prefix: Prefix
        /// It is a destination; else a network of sources.
        package var isTarget: Bool
        package var packetsPerSecond: UInt32

        package init(prefix: Prefix, isTarget: Bool, packetsPerSecond: UInt32) {
            self.prefix = prefix
            self.isTarget = isTarget
            self.packetsPerSecond = packetsPerSecond
        }
    }

    /// Busy ones that are said.
    package static let busyLimit = 8
    /// More reasons than there are.
    static let countLimit = 64
    /// More options, and their values, than there are.
    static let optionLimit = 16
}

/// Samples of frames.
package struct FilterSamples: Equatable, Sendable {
    /// Of one frame.
    package static let limit = 1_024

    /// Each stands for so many frames, on average.
    package var rate: UInt32
    package var samples: [FilterSample]

    package init(_ samples: [FilterSample], rate: UInt32) {
        self.samples = samples
        self.rate = rate
    }
}

extension FilterReply: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(FilterRequest.formVersion)
        switch self {
        case .done(let ids, let refused, let reason):
            writer.write(UInt8(0))
            writer.writeList(ids) { $1.write($0) }
            writer.write(refused)
            writer.writeText(reason)
        case .refused(let code, let reason):
            writer.write(UInt8(1))
            writer.writeText(code)
            writer.writeText(reason)
        case .status(let status):
            writer.write(UInt8(2))
            status.write(to: &writer)
        case .entries(let entries):
            writer.write(UInt8(3))
            writer.writeList(entries) { $0.write(to: &$1) }
        case .lines(let lines):
            writer.write(UInt8(4))
            writer.writeList(lines) { $1.writeText($0) }
        case .rates(let rates):
            writer.write(UInt8(16))
            writer.write(rates.milliseconds)
            for list in [rates.targets, rates.sources] { writer.writeList(list) { $1.write($0) } }
        case .tallies(let tallies):
            writer.write(UInt8(17))
            tallies.write(to: &writer)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        guard try reader.readByte() == FilterRequest.formVersion else { throw reader.malformed(.unsupported) }
        switch try reader.readByte() {
        case 0:
            self = .done(
                ids: try reader.readList(limit: FilterOrder.batchLimit) { reader throws(Malformed) in
                    try reader.readUInt64()
                }, refused: try reader.readUInt32(), reason: try reader.readText(limit: FilterTalk.sentenceLimit))
        case 1:
            self = .refused(
                code: try reader.readText(limit: 64), reason: try reader.readText(limit: FilterTalk.sentenceLimit))
        case 2: self = .status(try FilterStatus(reading: &reader))
        case 3:
            self = .entries(
                try reader.readList(limit: FilterTalk.pageLimit) { reader throws(Malformed) in
                    try FilterEntry(reading: &reader)
                })
        case 4:
            self = .lines(
                try reader.readList(limit: FilterTalk.lineLimit) { reader throws(Malformed) in
                    try reader.readText(limit: FilterTalk.sentenceLimit)
                })
        case 16:
            let milliseconds = try reader.readUInt32()
            func counts(_ reader: inout ByteReader) throws(Malformed) -> [UInt32] {
                try reader.readList(limit: FilterTalk.rateLimit) { reader throws(Malformed) in try reader.readUInt32() }
            }
            self = .rates(
                FilterRates(milliseconds: milliseconds, targets: try counts(&reader), sources: try counts(&reader)))
        case 17: self = .tallies(try FilterTallies(reading: &reader))
        default: throw reader.malformed(.unsupported)
        }
    }
}

extension FilterStatus: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(since)
        writer.writeText(interface)
        conduct.write(to: &writer)
        writer.writeList(options) { $1.writeText($0) }
        writer.writeList(counts) { $0.write(to: &$1) }
        writer.writeList(sizes) { $1.write($0) }
        writer.writeList(rules) {
            $1.write($0.id)
            $1.write($0.conduct.rawValue)
            $0.hits.write(to: &$1)
            $1.write($0.observed.hits)
            $1.write($0.observed.samples)
        }
        writer.writeList(busy) {
            $1.write($0.prefix)
            $1.write($0.isTarget)
            $1.write($0.packetsPerSecond)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init(since: try reader.readMoment())
        interface = try reader.readText(limit: 64)
        conduct = try EnforcerConduct(reading: &reader)
        options = try reader.readList(limit: Self.optionLimit) { reader throws(Malformed) in
            try reader.readText(limit: 64)
        }
        counts = try reader.readList(limit: Self.countLimit) { reader throws(Malformed) in
            try FilterCount(reading: &reader)
        }
        sizes = try reader.readList(limit: FilterList.allCases.count) { reader throws(Malformed) in
            try reader.readUInt32()
        }
        rules = try reader.readList(limit: FilterBook.ruleLimit) { reader throws(Malformed) in
            let (id, conduct): (UInt64, Rule.Conduct) = (try reader.readUInt64(), try reader.readCase())
            let count = try FilterCount(reading: &reader)
            let (hits, samples) = (try reader.readUInt64(), try reader.readUInt64())
            guard hits <= samples else { throw reader.malformed(.contradictory) }
            return Rule(
                id: id, conduct: conduct, hits: count, observed: FilterRule.Observation(hits: hits, samples: samples))
        }
        busy = try reader.readList(limit: 2 * Self.busyLimit) { reader throws(Malformed) in
            Busy(
                prefix: try reader.readPrefix(), isTarget: try reader.readBool(),
                packetsPerSecond: try reader.readUInt32())
        }
    }
}

extension EnforcerConduct: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(mode.rawValue)
        writer.writeList(missing) { $1.writeText($0) }
        writer.write(generation)
        writer.write(samples)
        writer.write(lost)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        mode = try reader.readCase()
        missing = try reader.readList(limit: FilterTalk.lineLimit) { reader throws(Malformed) in
            try reader.readText(limit: FilterTalk.sentenceLimit)
        }
        generation = try reader.readUInt64()
        samples = try reader.readUInt64()
        lost = try reader.readUInt64()
    }
}

extension FilterCount: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(packets)
        writer.write(bytes)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init(packets: try reader.readUInt64(), bytes: try reader.readUInt64())
    }
}

extension FilterSamples: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(rate)
        writer.writeList(samples) {
            $1.write($0.clock)
            $1.write($0.length)
            $1.writeBlob($0.bytes)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        let rate = try reader.readUInt32()
        guard rate > 0 else { throw reader.malformed(.contradictory) }
        let samples = try reader.readList(limit: Self.limit) { reader throws(Malformed) in
            FilterSample(
                clock: try reader.readUInt64(), length: try reader.readUInt32(),
                bytes: try reader.readBlob(limit: FilterSample.byteLimit))
        }
        self.init(samples, rate: rate)
    }
}
