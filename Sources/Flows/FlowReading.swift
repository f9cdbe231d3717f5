internal import Addresses
internal import Bytes

/// Reads the records of one set by their plan.
struct FlowReading {
    private let known: FlowDomain.Known
    private let clock: FlowClock
    private let rates: SamplingRates
    private let usesRates: Bool
    /// The rate found last, for records of one sampler and interface come in a row.
    private var rate: UInt32 = 1
    private var ratedSampler: UInt64 = 0
    private var ratedInterface: UInt32 = 0
    private var isRated = false
    private var isUnrated = false

    /// The rate where neither sampler nor interface has one; 0: none told.
    private let common: UInt32

    init(_ known: FlowDomain.Known, _ clock: FlowClock, _ rates: SamplingRates) {
        self.known = known
        self.clock = clock
        self.rates = rates
        usesRates = known.plan.hasSampler || rates.hasInterfaces
        let own = rates.rate(.template, UInt64(known.template.id))
        common = own > 0 ? own : rates.common
        rate = max(1, common)
    }

    /// Appends what the records in the range tell; what is left behind the last is padding. Returns how many there
    /// were.
    mutating func read(
        _ bytes: RawSpan, _ range: Range<Int>, into batch: inout FlowBatch, _ counts: inout FlowCounters
    ) -> UInt32 {
        if range.count < known.plan.recordLength {
            if !range.isEmpty { counts.count(.truncated) }
            return 0
        }
        if known.plan.kind == .other, !known.plan.isVariable {
            let records = range.count / known.plan.recordLength
            counts.passedOver &+= UInt64(records)
            return UInt32(truncatingIfNeeded: records)
        }
        return known.plan.isVariable
            ? readVariable(bytes, range, into: &batch, &counts) : readFixed(bytes, range, into: &batch, &counts)
    }

    private mutating func readFixed(
        _ bytes: RawSpan, _ range: Range<Int>, into batch: inout FlowBatch, _ counts: inout FlowCounters
    ) -> UInt32 {
        let count = range.count / known.plan.recordLength
        let operations = known.plan.operations
        if known.plan.isPlain {
            readPlain(operations.span, bytes, at: range.lowerBound, count, into: &batch, &counts)
            return UInt32(truncatingIfNeeded: count)
        }
        var draft = FlowDraft()
        var offset = range.lowerBound
        for _ in 0..<count {
            known.plan.read(operations.span, bytes, at: offset, into: &draft)
            finish(draft, bytes, into: &batch, &counts)
            offset &+= known.plan.recordLength
        }
        return UInt32(truncatingIfNeeded: count)
    }

    private mutating func readPlain(
        _ operations: Span<FlowPlan.Operation>, _ bytes: RawSpan, at start: Int, _ count: Int,
        into batch: inout FlowBatch, _ counts: inout FlowCounters
    ) {
        // Each record is written where it stays: a copy right behind its writing waits for each field.
        let before = batch.flows.count
        batch.flows.append(contentsOf: repeatElement(FlowRecord(), count: count))
        var flows = batch.flows.mutableSpan
        let length = known.plan.recordLength
        var done = 0
        while done < count {
            let places = before &+ done..<before &+ min(count, done &+ FlowPlan.block)
            FlowPlan.readColumns(operations, bytes, at: start &+ done &* length, of: length, &flows, places)
            if usesRates {
                for place in places { flows[place].samplingRate = rate(0, flows[place].input, &counts) }
            } else {
                for place in places { flows[place].samplingRate = rate }
            }
            counts.clampedTimes &+= Self.finishPlain(&flows, places, clock, known.plan.first, known.plan.last)
            done &+= FlowPlan.block
        }
    }

    /// Puts right what columns left as it was told. Returns how many records have a time that is not believed.
    @inline(never)
    private static func finishPlain(
        _ flows: inout MutableSpan<FlowRecord>, _ places: Range<Int>, _ clock: FlowClock, _ first: FlowTimeForm,
        _ last: FlowTimeForm
    ) -> UInt64 {
        var clamped: UInt64 = 0
        for place in places {
            flows[place].moveICMP(flows[place].takeICMP())
            let first = clock.time(UInt64(bitPattern: flows[place].first), first)
            let last = clock.time(UInt64(bitPattern: flows[place].last), last)
            if !flows[place].setTimes(first: first, last: last, clock) { clamped &+= 1 }
        }
        return clamped
    }

    private mutating func readVariable(
        _ bytes: RawSpan, _ range: Range<Int>, into batch: inout FlowBatch, _ counts: inout FlowCounters
    ) -> UInt32 {
        var draft = FlowDraft()
        var offset = range.lowerBound
        var count: UInt32 = 0
        while range.upperBound &- offset >= known.plan.recordLength {
            // Padding is shorter than a record could be, of zeros, and at most of the length that aligns to eight.
            if range.upperBound &- offset < 8, isZero(bytes, offset..<range.upperBound) { break }
            guard let end = known.plan.readVariable(bytes, at: offset, limit: range.upperBound, into: &draft) else {
                counts.count(.truncated)
                break
            }
            offset = end
            count &+= 1
            if known.plan.kind == .other {
                counts.passedOver &+= 1
            } else {
                finish(draft, bytes, into: &batch, &counts)
            }
        }
        return count
    }

    private func isZero(_ bytes: RawSpan, _ range: Range<Int>) -> Bool {
        for index in range where bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt8.self) != 0 {
            return false
        }
        return true
    }

    /// The rate that options data told for this record: its sampler's, its interface's, its domain's.
    @inline(__always)
    private mutating func rate(_ sampler: UInt64, _ input: UInt32, _ counts: inout FlowCounters) -> UInt32 {
        if !isRated || sampler != ratedSampler || input != ratedInterface { findRate(sampler, input) }
        if isUnrated { counts.unrated &+= 1 }
        return rate
    }

    @inline(never)
    private mutating func findRate(_ sampler: UInt64, _ input: UInt32) {
        isRated = true
        ratedSampler = sampler
        ratedInterface = input
        var found: UInt32 = 0
        if known.plan.hasSampler { found = rates.rate(.sampler, sampler) }
        if found == 0, rates.hasInterfaces { found = rates.rate(.interface, UInt64(input)) }
        if found == 0 { found = common }
        // Sampler 0 is that of flows that are not sampled.
        isUnrated = found == 0 && known.plan.hasSampler && sampler != 0
        rate = max(1, found)
    }

    @inline(never)
    private mutating func finish(
        _ draft: borrowing FlowDraft, _ bytes: RawSpan, into batch: inout FlowBatch, _ counts: inout FlowCounters
    ) {
        var clock = clock
        if draft[.boot] > 0, clock.uptime == nil { clock.setBoot(milliseconds: draft[.boot]) }
        let own = draft.samplingRate
        var record = FlowRecord()
        draft.fill(&record, known.plan)
        record.samplingRate = own > 0 ? own : rate(draft[.sampler], record.input, &counts)
        if known.plan.kind == .section {
            appendSample(draft, record, bytes, clock, into: &batch)
            return
        }
        record.moveICMP(draft.icmp)
        var first = clock.time(draft[.first], known.plan.first)
        var last = clock.time(draft[.last], known.plan.last)
        if draft.duration > 0 {
            let duration = Int64(draft.duration) &* 1000
            if last == .min, first != .min { last = first.addingSaturating(duration) }
            if first == .min, last != .min { first = last.subtractingSaturating(duration) }
        }
        if !record.setTimes(first: first, last: last, clock) { counts.clampedTimes &+= 1 }
        let (packets, octets) = (draft[.reversePackets], draft[.reverseBytes])
        let hasReverse = known.plan.hasReverse && packets | octets > 0
        // A report of the other direction alone tells nothing of this one.
        if !hasReverse || record.packets | record.bytes > 0 { batch.flows.append(record) }
        guard hasReverse else { return }
        var reverse = record
        (reverse.source, reverse.destination) = (record.destination, record.source)
        (reverse.sourcePort, reverse.destinationPort) = (record.destinationPort, record.sourcePort)
        (reverse.input, reverse.output) = (record.output, record.input)
        (reverse.sourceAS, reverse.destinationAS) = (record.destinationAS, record.sourceAS)
        (reverse.sourceMask, reverse.destinationMask) = (record.destinationMask, record.sourceMask)
        reverse.packets = packets
        reverse.bytes = octets
        reverse.flags = UInt8(truncatingIfNeeded: draft[.reverseFlags])
        if known.plan.reverseFirst != .none || known.plan.reverseLast != .none {
            let first = clock.time(draft[.reverseFirst], known.plan.reverseFirst)
            let last = clock.time(draft[.reverseLast], known.plan.reverseLast)
            if !reverse.setTimes(first: first, last: last, clock) { counts.clampedTimes &+= 1 }
        }
        batch.flows.append(reverse)
    }

    private func appendSample(
        _ draft: borrowing FlowDraft, _ record: FlowRecord, _ bytes: RawSpan, _ clock: FlowClock,
        into batch: inout FlowBatch
    ) {
        guard draft.sectionLength > 0 else { return }
        var sample = FlowSample()
        let start = draft.sectionEnd &- draft.sectionLength
        sample.offset = UInt32(truncatingIfNeeded: start)
        sample.length = UInt32(truncatingIfNeeded: draft.sectionLength)
        if known.plan.isSectionIP {
            let version = bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt8.self) >> 4
            sample.link = version == 6 ? .ipv6 : .ipv4
        }
        sample.frameLength = max(UInt32(clamping: draft[.frameLength]), sample.length)
        sample.samplingRate = record.samplingRate
        sample.input = record.input
        sample.output = record.output
        let time = clock.time(draft[.first], known.plan.first)
        sample.time = clock.isBelieved(time) ? time : clock.receivedAt
        batch.samples.append(sample)
    }
}
