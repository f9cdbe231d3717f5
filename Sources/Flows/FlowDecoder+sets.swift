internal import Bytes

// NetFlow 9 and IPFIX: messages made of sets, which hold templates or the records of a template.
extension FlowDecoder {
    static let header9 = 20
    static let headerIPFIX = 16

    /// What is said before the sets.
    private struct Header {
        var length: Int
        var uptime: UInt32?
        var seconds: UInt32
        var number: UInt32
        var domain: UInt32

        init(_ datagram: RawSpan, isIPFIX: Bool) throws(Malformed) {
            var reader = ByteReader(datagram)
            try reader.skip(2)
            let count = try reader.readUInt16()
            length = datagram.byteCount
            if isIPFIX {
                guard Int(count) >= FlowDecoder.headerIPFIX else { throw Malformed(.invalid, at: 2) }
                guard Int(count) <= length else { throw Malformed(.truncated, at: length) }
                guard Int(count) == length else { throw Malformed(.contradictory, at: 2) }
            } else {
                uptime = try reader.readUInt32()
            }
            seconds = try reader.readUInt32()
            number = try reader.readUInt32()
            domain = try reader.readUInt32()
        }
    }

    /// A message being read: its exporter's state and the counts so far.
    struct Message {
        let state: ExporterState
        let domain: FlowDomain
        let isIPFIX: Bool
        var clock: FlowClock
        /// Data records read so far; nil where there were some that cannot be counted.
        var dataRecords: UInt32? = 0
        var learnt = false
    }

    /// Walks over the sets and throws where one does not fit. Returns whether one holds templates.
    static func checkSets(_ datagram: RawSpan, from start: Int) throws(Malformed) -> Bool {
        var offset = start
        var hasTemplates = false
        while offset < datagram.byteCount {
            guard datagram.byteCount &- offset >= 4 else { throw Malformed(.truncated, at: offset) }
            let length = Int(datagram.load16(offset &+ 2))
            guard length >= 4 else { throw Malformed(.invalid, at: offset &+ 2) }
            guard length <= datagram.byteCount &- offset else { throw Malformed(.truncated, at: offset &+ 2) }
            if datagram.load16(offset) < 256 { hasTemplates = true }
            offset &+= length
        }
        return hasTemplates
    }

    /// Reads a message of NetFlow 9 or IPFIX. Templates are learnt first, then sampling rates, then data that waited,
    /// then the data: what a message tells holds for all of it, in whatever order it comes (RFC 3954, section 9; RFC
    /// 7011, section 8.4).
    mutating func decodeSets(
        _ datagram: RawSpan, _ exporter: Exporter, _ receivedAt: Int64, isIPFIX: Bool, _ batch: inout FlowBatch,
        _ counts: inout FlowCounters
    ) throws(Malformed) {
        let header = try Header(datagram, isIPFIX: isIPFIX)
        let start = isIPFIX ? Self.headerIPFIX : Self.header9
        let hasTemplates = try Self.checkSets(datagram, from: start)
        let state = state(of: exporter, &counts)
        let key = FlowDomain.Key(kind: isIPFIX ? .ipfix : .netflow9, id: header.domain)
        let domain = state.domain(key, at: tick, budget: budget, counters: &counts)
        let clock = FlowClock(
            receivedAt: receivedAt, exportTime: Int64(header.seconds) * 1_000_000_000, uptime: header.uptime,
            budget: budget)
        if clock.isCorrected { counts.clockErrors &+= 1 }
        var message = Message(state: state, domain: domain, isIPFIX: isIPFIX, clock: clock)
        // A packet counts one, whatever it holds; so that a restart is known before the templates are used.
        if !isIPFIX, domain.sequence.received(header.number, advance: 1, uptime: header.uptime, counters: &counts) {
            // Another numbering of templates may begin here (RFC 3954, section 9).
            state.forgetTemplates(of: domain)
        }
        if hasTemplates { readTemplates(datagram, from: start, &message, &counts) }
        if domain.hasOptions { readOptions(datagram, from: start, &message, &counts) }
        if isIPFIX, let boot = domain.boot { message.clock.setBoot(milliseconds: boot) }
        if message.learnt { readKept(&message, &batch, &counts) }
        readData(datagram, from: start, &message, &batch, &counts)
        if isIPFIX {
            _ = domain.sequence.received(
                header.number, advance: message.dataRecords, uptime: nil, counters: &counts)
        }
    }

    private func readTemplates(
        _ datagram: RawSpan, from start: Int, _ message: inout Message, _ counts: inout FlowCounters
    ) {
        var offset = start
        while offset < datagram.byteCount {
            let id = datagram.load16(offset)
            let length = Int(datagram.load16(offset &+ 2))
            let isOptions = id == (message.isIPFIX ? 3 : 1)
            if isOptions || id == (message.isIPFIX ? 2 : 0) {
                do throws(Malformed) {
                    var reader = ByteReader(datagram)
                    try reader.skip(offset &+ 4)
                    var part = try reader.readPart(length &- 4)
                    try readTemplates(&part, isOptions: isOptions, &message, &counts)
                } catch {
                    counts.refusedTemplates &+= 1
                    counts.count(error.reason)
                }
            } else if id < 256 {
                counts.count(.unsupported)
            }
            offset &+= length
        }
    }

    private func readTemplates(
        _ reader: inout ByteReader, isOptions: Bool, _ message: inout Message, _ counts: inout FlowCounters
    ) throws(Malformed) {
        // Less than the head of a template is padding, and so are zeros.
        while reader.remaining >= (isOptions ? 6 : 4) {
            let id = try reader.readUInt16()
            if id == 0 { return }
            var count = Int(try reader.readUInt16())
            var scopeCount = 0
            if isOptions, message.isIPFIX {
                // A withdrawal has no scope.
                if count > 0 { scopeCount = Int(try reader.readUInt16()) }
            } else if isOptions {
                let length = Int(try reader.readUInt16())
                guard count % 4 == 0, length % 4 == 0 else { throw reader.malformed(.invalid) }
                scopeCount = count / 4
                count = (count + length) / 4
            }
            guard id >= 256, count > 0, scopeCount <= count else { throw reader.malformed(.invalid) }
            let (fields, refused) = try FlowTemplate.readFields(
                &reader, count: count, scopeCount: scopeCount, isIPFIX: message.isIPFIX,
                limit: min(budget.fieldLimit, budget.fieldTotalLimit))
            if let refused {
                counts.refusedTemplates &+= 1
                counts.count(refused)
                continue
            }
            message.state.learn(
                FlowTemplate(id: id, scopeCount: scopeCount, isOptions: isOptions, fields: fields),
                in: message.domain, isIPFIX: message.isIPFIX, at: tick, budget: budget, counters: &counts)
            message.learnt = true
        }
    }

    /// Reads the data of options templates: sampling rates and the time of the exporter's start.
    private func readOptions(
        _ datagram: RawSpan, from start: Int, _ message: inout Message, _ counts: inout FlowCounters
    ) {
        var offset = start
        while offset < datagram.byteCount {
            let id = datagram.load16(offset)
            let length = Int(datagram.load16(offset &+ 2))
            if id >= 256, let known = message.domain.known(id), known.plan.kind == .options {
                known.lastUsed = tick
                let records = readRecords(
                    known.plan, datagram, offset &+ 4..<offset &+ length, &message, &counts)
                message.dataRecords = message.dataRecords.map { $0 &+ records }
                counts.passedOver &+= UInt64(records)
            }
            offset &+= length
        }
    }

    private func readRecords(
        _ plan: FlowPlan, _ bytes: RawSpan, _ range: Range<Int>, _ message: inout Message,
        _ counts: inout FlowCounters
    ) -> UInt32 {
        var draft = FlowDraft()
        var offset = range.lowerBound
        var records: UInt32 = 0
        if range.upperBound &- offset < plan.recordLength, !range.isEmpty { counts.count(.truncated) }
        while range.upperBound &- offset >= plan.recordLength {
            if plan.isVariable {
                guard let end = plan.readVariable(bytes, at: offset, limit: range.upperBound, into: &draft) else {
                    counts.count(.truncated)
                    break
                }
                offset = end
            } else {
                plan.read(plan.operations.span, bytes, at: offset, into: &draft)
                offset &+= plan.recordLength
            }
            records &+= 1
            if draft[.boot] > 0 { message.domain.boot = draft[.boot] }
            let rate = draft.samplingRate
            guard rate > 0 else { continue }
            var scope: SamplingRates.Scope?
            var id: UInt64 = 0
            if plan.hasSampler {
                scope = .sampler
                id = draft[.sampler]
            } else if draft[.interface] > 0 {
                scope = .interface
                id = draft[.interface]
            } else if draft[.template] > 0 {
                scope = .template
                id = draft[.template]
            }
            let known = message.domain.rates.count
            if !message.domain.rates.set(rate, scope: scope, id: id, limit: budget.rateLimit) {
                counts.count(.overBudget)
            }
            message.state.rateCount += message.domain.rates.count - known
        }
        return records
    }

    private mutating func readData(
        _ datagram: RawSpan, from start: Int, _ message: inout Message, _ batch: inout FlowBatch,
        _ counts: inout FlowCounters
    ) {
        var offset = start
        while offset < datagram.byteCount {
            let id = datagram.load16(offset)
            let length = Int(datagram.load16(offset &+ 2))
            let range = offset &+ 4..<offset &+ length
            offset &+= length
            guard id >= 256 else { continue }
            guard let known = message.domain.known(id) else {
                counts.unknownTemplate &+= 1
                message.dataRecords = nil
                keep(datagram.extracting(range), id, message, &counts)
                continue
            }
            known.lastUsed = tick
            guard known.plan.kind != .options else { continue }
            var reading = FlowReading(known, message.clock, message.domain.rates)
            let records = reading.read(datagram, range, into: &batch, &counts)
            message.dataRecords = message.dataRecords.map { $0 &+ records }
        }
    }

    // MARK: - Data before its template

    private mutating func keep(
        _ records: RawSpan, _ id: UInt16, _ message: Message, _ counts: inout FlowCounters
    ) {
        let state = message.state
        let size = records.byteCount + ExporterState.Kept.margin
        forgetOldKept(of: state, now: message.clock.receivedAt, &counts)
        guard size <= budget.keptBytesLimit, size <= budget.keptTotalLimit, budget.keptSetLimit > 0 else {
            counts.droppedKept &+= 1
            return
        }
        // The oldest goes for the newest, within the exporter's own share.
        while !state.kept.isEmpty,
            state.keptBytes + size > budget.keptBytesLimit || state.kept.count >= budget.keptSetLimit
        {
            drop(0, of: state)
            counts.droppedKept &+= 1
        }
        guard keptBytes + size <= budget.keptTotalLimit else {
            counts.droppedKept &+= 1
            return
        }
        var bytes = [UInt8](repeating: 0, count: ExporterState.Kept.margin)
        bytes.reserveCapacity(size)
        records.withUnsafeBytes { bytes.append(contentsOf: $0) }
        state.kept.append(
            ExporterState.Kept(domain: message.domain.key, template: id, clock: message.clock, bytes: bytes))
        state.keptBytes += size
        keptBytes += size
    }

    private mutating func forgetOldKept(of state: ExporterState, now: Int64, _ counts: inout FlowCounters) {
        let oldest = now.subtractingSaturating(budget.keptSeconds.multipliedSaturating(1_000_000_000))
        var index = 0
        while index < state.kept.count {
            if state.kept[index].clock.receivedAt < oldest {
                drop(index, of: state)
                counts.droppedKept &+= 1
            } else {
                index += 1
            }
        }
    }

    private mutating func drop(_ index: Int, of state: ExporterState) {
        let size = state.kept.remove(at: index).bytes.count
        state.keptBytes -= size
        keptBytes -= size
    }

    /// Reads the data that waited for a template that is known now.
    private mutating func readKept(_ message: inout Message, _ batch: inout FlowBatch, _ counts: inout FlowCounters) {
        let state = message.state
        guard !state.kept.isEmpty else { return }
        forgetOldKept(of: state, now: message.clock.receivedAt, &counts)
        readKept(areOptions: true, &message, &batch, &counts)
        readKept(areOptions: false, &message, &batch, &counts)
    }

    private mutating func readKept(
        areOptions: Bool, _ message: inout Message, _ batch: inout FlowBatch, _ counts: inout FlowCounters
    ) {
        let state = message.state
        var index = 0
        while index < state.kept.count {
            let kept = state.kept[index]
            guard kept.domain == message.domain.key, let known = message.domain.known(kept.template),
                areOptions == (known.plan.kind == .options)
            else {
                index += 1
                continue
            }
            drop(index, of: state)
            let range = ExporterState.Kept.margin..<kept.bytes.count
            guard known.plan.kind != .section else {
                // Samples point into the datagram; these bytes are in none.
                counts.droppedKept &+= 1
                continue
            }
            counts.keptThenDecoded &+= 1
            if areOptions {
                let records = readRecords(known.plan, kept.bytes.span.bytes, range, &message, &counts)
                counts.passedOver &+= UInt64(records)
                continue
            }
            var clock = kept.clock
            if message.isIPFIX, let boot = message.domain.boot { clock.setBoot(milliseconds: boot) }
            var reading = FlowReading(known, clock, message.domain.rates)
            _ = reading.read(kept.bytes.span.bytes, range, into: &batch, &counts)
        }
    }
}
