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
        var draft = FlowDraft()
        var offset = range.lowerBound
        for _ in 0..<count {
            draft.clear(isRich: isRich)
            FlowPlan.read(operations.span, bytes, at: offset, into: &draft)
            finish(&draft, bytes, into: &batch, &counts)
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
            draft.clear(isRich: true)
            guard let end = plan.readVariable(bytes, at: offset, limit: range.upperBound, into: &draft) else {
                counts.count(.truncated)
                break
            }
            offset = end
            count &+= 1
            if plan.kind == .other {
                counts.passedOver &+= 1
            } else {
                finish(&draft, bytes, into: &batch, &counts)
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
        _ draft: inout FlowDraft, _ bytes: RawSpan, into batch: inout FlowBatch, _ counts: inout FlowCounters
    ) {
        if plan.isRich {
            finishRich(&draft, bytes, into: &batch, &counts)
            return
        }
        draft.record.samplingRate = usesRates ? rate(of: draft, &counts) : rate
        draft.record.moveICMP(draft.icmp)
        let first = clock.time(draft.first, plan.first)
        let last = clock.time(draft.last, plan.last)
        if !draft.record.setTimes(first: first, last: last, clock) { counts.clampedTimes &+= 1 }
        batch.flows.append(draft.record)
    }

    /// The rate that options data told for this record: its sampler's, its interface's, its domain's.
    @inline(__always)
    private mutating func rate(of draft: FlowDraft, _ counts: inout FlowCounters) -> UInt32 {
        if !isRated || draft.sampler != ratedSampler || draft.record.input != ratedInterface {
            findRate(draft.sampler, draft.record.input)
        }
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
        _ draft: inout FlowDraft, _ bytes: RawSpan, into batch: inout FlowBatch, _ counts: inout FlowCounters
    ) {
        var clock = clock
        if draft.rare.boot > 0, clock.uptime == nil { clock.setBoot(milliseconds: draft.rare.boot) }
        let own = draft.rare.samplingRate
        let rate = own > 0 ? own : rate(of: draft, &counts)
        draft.record.samplingRate = rate
        if plan.kind == .section {
            appendSample(draft, bytes, clock, into: &batch)
            return
        }
        draft.record.moveICMP(draft.icmp)
        var first = clock.time(draft.first, plan.first)
        var last = clock.time(draft.last, plan.last)
        if draft.rare.duration > 0, draft.rare.duration < 1 << 40 {
            let duration = Int64(draft.rare.duration) &* 1000
            if last == .min, first != .min { last = first.addingSaturating(duration) }
            if first == .min, last != .min { first = last.subtractingSaturating(duration) }
        }
        if !draft.record.setTimes(first: first, last: last, clock) { counts.clampedTimes &+= 1 }
        let packets = draft.rare.reversePackets
        let hasReverse = plan.hasReverse && packets | draft.rare.reverseBytes > 0
        // A report of the other direction alone tells nothing of this one.
        if !hasReverse || draft.record.packets | draft.record.bytes > 0 { batch.flows.append(draft.record) }
        guard hasReverse else { return }
        var reverse = draft.record
        (reverse.source, reverse.destination) = (draft.record.destination, draft.record.source)
        (reverse.sourcePort, reverse.destinationPort) = (draft.record.destinationPort, draft.record.sourcePort)
        (reverse.input, reverse.output) = (draft.record.output, draft.record.input)
        (reverse.sourceAS, reverse.destinationAS) = (draft.record.destinationAS, draft.record.sourceAS)
        (reverse.sourceMask, reverse.destinationMask) = (draft.record.destinationMask, draft.record.sourceMask)
        reverse.packets = packets
        reverse.bytes = draft.rare.reverseBytes
        reverse.flags = draft.rare.reverseFlags
        if plan.reverseFirst != .none || plan.reverseLast != .none {
            let first = clock.time(draft.rare.reverseFirst, plan.reverseFirst)
            let last = clock.time(draft.rare.reverseLast, plan.reverseLast)
            if !reverse.setTimes(first: first, last: last, clock) { counts.clampedTimes &+= 1 }
        }
        batch.flows.append(reverse)
    }

    private func appendSample(
        _ draft: FlowDraft, _ bytes: RawSpan, _ clock: FlowClock, into batch: inout FlowBatch
    ) {
        guard draft.rare.sectionLength > 0 else { return }
        var sample = FlowSample()
        let start = draft.rare.sectionEnd &- draft.rare.sectionLength
        sample.offset = UInt32(truncatingIfNeeded: start)
        sample.length = UInt32(truncatingIfNeeded: draft.rare.sectionLength)
        if plan.isSectionIP {
            let version = bytes.unsafeLoadUnaligned(fromByteOffset: start, as: UInt8.self) >> 4
            sample.link = version == 6 ? .ipv6 : .ipv4
        }
        sample.frameLength = max(UInt32(clamping: draft.rare.frameLength), sample.length)
        sample.samplingRate = draft.record.samplingRate
        sample.input = draft.record.input
        sample.output = draft.record.output
        let time = clock.time(draft.first, plan.first)
        sample.time = clock.isBelieved(time) ? time : clock.receivedAt
        batch.samples.append(sample)
    }
}
