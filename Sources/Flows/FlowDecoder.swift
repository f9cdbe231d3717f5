internal import Addresses
package import Bytes

/// Decodes what routers and switches tell of their traffic: NetFlow 5, NetFlow 9 (RFC 3954), IPFIX (RFC 7011) and sFlow
/// 5 (sflow.org, July 2004), one datagram at a time.
///
/// Templates, sampling rates and sequences are kept for each exporter's address and each of its domains, not for its
/// port: exporters behind one address have domains of their own, and routers come back with another port. All of it is
/// bounded by ``ExporterBudget``. A datagram is taken whole or not at all where its structure is broken; a template
/// that lies, or a set that does not fit its template, costs itself only.
///
/// Impossible: a table over its budget (our bug); sets beyond their message, templates of no length, records beyond
/// their set (their fault: an error or a count); withdrawals of templates (ignored and counted, because over UDP there
/// are none: RFC 7011, section 8.4), unknown elements (ignored, because most are not of addresses).
package struct FlowDecoder: ~Copyable {
    package enum Kind: UInt8, CaseIterable, Sendable { case netflow5, netflow9, ipfix, sflow }

    /// Of all exporters since the start, forgotten ones too.
    package internal(set) var counters = FlowCounters()
    package let budget: ExporterBudget
    var exporters: [ExporterState] = []
    private var places: [Address: Int] = [:]
    /// Whose datagram came last: the next one is often of the same.
    private var latest = 0
    /// Counts datagrams: the age of everything.
    var tick: UInt64 = 0
    var keptBytes = 0
    /// What all exporters were charged.
    private var stateBytes = 0

    package init(budget: ExporterBudget = ExporterBudget()) {
        self.budget = budget
    }

    /// What is known of each exporter, in no order.
    package var figures: [ExporterFigures] {
        exporters.map {
            ExporterFigures(
                exporter: $0.exporter, lastSeen: $0.lastSeen, domains: $0.domains.count, templates: $0.templateCount,
                keptBytes: $0.keptBytes, counters: $0.counters)
        }
    }

    /// Reads a datagram and appends what it tells. `batch.samples` is emptied first, for samples point into this
    /// datagram; `batch.flows` is not. `receivedAt` is in nanoseconds since 1970.
    ///
    /// Throws, and appends nothing, where the structure is broken. What is counted is counted for the exporter too,
    /// where it is known; a broken datagram makes nobody known.
    package mutating func decode(
        _ datagram: RawSpan, from exporter: Exporter, receivedAt: Int64, into batch: inout FlowBatch
    ) throws(Malformed) {
        tick &+= 1
        batch.samples.removeAll(keepingCapacity: true)
        var counts = FlowCounters()
        counts.datagrams = 1
        let flowCount = batch.flows.count
        defer { note(exporter, receivedAt, &counts) }
        do throws(Malformed) {
            switch try Self.kind(datagram) {
            case .netflow5: try decodeNetFlow5(datagram, exporter, receivedAt, &batch, &counts)
            case .netflow9: try decodeSets(datagram, exporter, receivedAt, isIPFIX: false, &batch, &counts)
            case .ipfix: try decodeSets(datagram, exporter, receivedAt, isIPFIX: true, &batch, &counts)
            case .sflow: try decodeSFlow(datagram, exporter, receivedAt, &batch, &counts)
            }
        } catch {
            batch.flows.removeSubrange(flowCount...)
            batch.samples.removeAll(keepingCapacity: true)
            counts.count(error.reason)
            throw error
        }
        counts.records = UInt64(batch.flows.count - flowCount)
        counts.samples = UInt64(batch.samples.count)
    }

    /// What the first bytes say the datagram is.
    static func kind(_ datagram: RawSpan) throws(Malformed) -> Kind {
        var reader = ByteReader(datagram)
        switch try reader.readUInt16() {
        case 5: return .netflow5
        case 9: return .netflow9
        case 10: return .ipfix
        case 0:
            // sFlow's version has 32 bits.
            guard try reader.readUInt16() == 5 else { throw Malformed(.unsupported, at: 0) }
            return .sflow
        default: throw Malformed(.unsupported, at: 0)
        }
    }

    /// The state of who sends from this address, if there is one.
    private mutating func known(_ address: Address) -> ExporterState? {
        if latest < exporters.count, exporters[latest].exporter.address == address { return exporters[latest] }
        guard let place = places[address] else { return nil }
        latest = place
        return exporters[place]
    }

    /// Adds what a datagram made known.
    private mutating func note(_ exporter: Exporter, _ receivedAt: Int64, _ counts: inout FlowCounters) {
        let state = known(exporter.address)
        if let state { charge(state, &counts) }
        counters.add(counts)
        guard let state else { return }
        state.counters.add(counts)
        state.lastSeen = receivedAt
        state.exporter = exporter
    }

    /// The exporter's state, made where it is new.
    mutating func state(of exporter: Exporter, _ counts: inout FlowCounters) -> ExporterState {
        if let state = known(exporter.address) {
            state.lastUsed = tick
            return state
        }
        let state = ExporterState(exporter)
        state.lastUsed = tick
        if exporters.count < max(1, budget.exporterLimit) {
            places[exporter.address] = exporters.count
            exporters.append(state)
        } else {
            let place = leastWanted
            places[exporters[place].exporter.address] = nil
            keptBytes -= exporters[place].keptBytes
            stateBytes -= exporters[place].charged
            exporters[place] = state
            places[exporter.address] = place
            counts.evictions &+= 1
        }
        return state
    }

    /// Counts what an exporter takes now; where all take too much, one forgets what it told.
    private mutating func charge(_ state: ExporterState, _ counts: inout FlowCounters) {
        let cost = state.cost
        stateBytes += cost - state.charged
        state.charged = cost
        while stateBytes > budget.stateTotalLimit {
            var chosen: ExporterState?
            for other in exporters where !other.domains.isEmpty {
                guard let best = chosen else {
                    chosen = other
                    continue
                }
                if best.isEstablished == other.isEstablished ? other.charged > best.charged : best.isEstablished {
                    chosen = other
                }
            }
            guard let chosen else { return }
            chosen.forget()
            counts.evictions &+= 1
            stateBytes += chosen.cost - chosen.charged
            chosen.charged = chosen.cost
        }
    }

    /// Who goes: of those that never told a flow the one silent longest, else of all. Made-up senders that only flood
    /// cannot drive out real ones.
    private var leastWanted: Int {
        var chosen = 0
        for place in exporters.indices.dropFirst() {
            let (one, other) = (exporters[place], exporters[chosen])
            if one.isEstablished == other.isEstablished
                ? one.lastUsed < other.lastUsed : !one.isEstablished
            {
                chosen = place
            }
        }
        return chosen
    }
}
