internal import Addresses
internal import Bytes

/// Reads the records of one set by their plan.
struct FlowReading {
    let plan: FlowPlan
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
        plan = known.plan
        self.clock = clock
        self.rates = rates
        usesRates = plan.hasSampler || rates.hasInterfaces
        let own = rates.rate(.template, UInt64(known.template.id))
        common = own > 0 ? own : rates.common
        rate = max(1, common)
    }

    /// Appends what the records in the range tell; what is left behind the last is padding. Returns how many there
    /// were.
    mutating func read(
        _ bytes: RawSpan, _ range: Range<Int>, into batch: inout FlowBatch, _ counts: inout FlowCounters
    ) -> UInt32 {
        if range.count < plan.recordLength {
            if !range.isEmpty { counts.count(.truncated) }
            return 0
        }
        if plan.kind == .other, !plan.isVariable {
            let records = range.count / plan.recordLength
            counts.passedOver &+= UInt64(records)
            return UInt32(truncatingIfNeeded: records)
        }
        return plan.isVariable
            ? readVariable(bytes, range, into: &batch, &counts) : readFixed(bytes, range, into: &batch, &counts)
    }

    private mutating func readFixed(
        _ bytes: RawSpan, _ range: Range<Int>, into batch: inout FlowBatch, _ counts: inout FlowCounters
    ) -> UInt32 {
        let count = range.count / plan.recordLength
        let operations = plan.operations
        let isRich = plan.isRich
        let start = batch.flows.count
        // Each record is written where it stays: a copy right behind its writing waits for each field.
        if !isRich { batch.flows.append(contentsOf: repeatElement(FlowRecord(), count: count)) }
        var draft = FlowDraft()
        var offset = range.lowerBound
        for index in 0..<count {
            plan.read(operations.span, bytes, at: offset, into: &draft)
            if isRich {
                finishRich(draft, bytes, into: &batch, &counts)
            } else {
                var flows = batch.flows.mutableSpan
                finish(&flows[start &+ index], draft, &counts)
            }
            offset &+= plan.recordLength
        }
        return UInt32(truncatingIfNeeded: count)
    }

    private mutating func readVariable(
        _ bytes: RawSpan, _ range: Range<Int>, into batch: inout FlowBatch, _ counts: inout FlowCounters
    ) -> UInt32 {
        var draft = FlowDraft()
        var offset = range.lowerBound
        var count: UInt32 = 0
        while range.upperBound &- offset >= plan.recordLength {
            // Padding is shorter than a record could be, of zeros, and at most of the length that aligns to eight.
            if range.upperBound &- offset < 8, isZero(bytes, offset..<range.upperBound) { break }
            guard let end = plan.readVariable(bytes, at: offset, limit: range.upperBound, into: &draft) else {
                counts.count(.truncated)
                break
            }
            offset = end
            count &+= 1
            if plan.kind == .other {
                counts.passedOver &+= 1
            } else {
                finishRich(draft, bytes, into: &batch, &counts)
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

    @inline(__always)
    private mutating func finish(
        _ record: inout FlowRecord, _ draft: borrowing FlowDraft, _ counts: inout FlowCounters
    ) {
        draft.fill(&record, plan)
        record.samplingRate = usesRates ? rate(draft[.sampler], record.input, &counts) : rate
        record.moveICMP(draft.icmp)
        let first = clock.time(draft[.first], plan.first)
        let last = clock.time(draft[.last], plan.last)
        if !record.setTimes(first: first, last: last, clock) { counts.clampedTimes &+= 1 }
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
        if plan.hasSampler { found = rates.rate(.sampler, sampler) }
        if found == 0, rates.hasInterfaces { found = rates.rate(.interface, UInt64(input)) }
        if found == 0 { found = common }
        // Sampler 0 is that of flows that are not sampled.
        isUnrated = found == 0 && plan.hasSampler && sampler != 0
        rate = max(1, found)
    }

    @inline(never)
    private mutating func finishRich(
        _ draft: borrowing FlowDraft, _ bytes: RawSpan, into batch: inout FlowBatch, _ counts: inout FlowCounters
    ) {
        var clock = clock
        if draft[.boot] > 0, clock.uptime == nil { clock.setBoot(milliseconds: draft[.boot]) }
        let own = draft.samplingRate
        var record = FlowRecord()
        draft.fill(&record, plan)
        record.samplingRate = own > 0 ? own : rate(draft[.sampler], record.input, &counts)
        if plan.kind == .section {
            appendSample(draft, record, bytes, clock, into: &batch)
            return
        }
        record.moveICMP(draft.icmp)
        var first = clock.time(draft[.first], plan.first)
        var last = clock.time(draft[.last], plan.last)
        if draft.duration > 0 {
            let duration = Int64(draft.duration) &* 1000
            if last == .min, first != .min { last = first.addingSaturating(duration) }
            if first == .min, last != .min { first = last.subtractingSaturating(duration) }
        }
        if !record.setTimes(first: first, last: last, clock) { counts.clampedTimes &+= 1 }
        let (packets, octets) = (draft[.reversePackets], draft[.reverseBytes])
        let hasReverse = plan.hasReverse && packets | octets > 0
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
        if plan.reverseFirst != .none || plan.reverseLast != .none {
            let first = clock.time(draft[.reverseFirst], plan.reverseFirst)
            let last = clock.time(draft[.reverseLast], plan.reverseLast)
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
        if plan.isSectionIP {
            let version = bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt8.self) >> 4
            sample.link = version == 6 ? .ipv6 : .ipv4
        }
        sample.frameLength = max(UInt32(clamping: draft[.frameLength]), sample.length)
        sample.samplingRate = record.samplingRate
        sample.input = record.input
        sample.output = record.output
        let time = clock.time(draft[.first], plan.first)
        sample.time = clock.isBelieved(time) ? time : clock.receivedAt
        batch.samples.append(sample)
    }
}
