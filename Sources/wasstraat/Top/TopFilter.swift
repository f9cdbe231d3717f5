internal import Filters
package import Messages
internal import Mitigations
internal import Telemetry

/// What `top` knows of the filter of packets.
struct TopFilter {
    /// The last two: milliseconds of the monotonic clock, and what was said.
    private(set) var samples: [(at: Int64, status: FilterStatus)] = []
    /// Why there is none; nil: there is one, or none is configured.
    private(set) var trouble: String?
    /// Sources that lanes have proven hostile; nil: nothing was said of them.
    fileprivate(set) var sources: HandedSources?

    var status: FilterStatus? { samples.last?.status }

    mutating func received(_ reply: FilterReply, at now: Int64) {
        switch reply {
        case .status(let status):
            trouble = nil
            samples = samples.suffix(1) + [(now, status)]
        case .refused(_, let reason):
            trouble = reason
            samples = []
        case .done, .entries, .lines, .rates, .tallies: break
        }
    }

    /// Packets a second between the last two statuses, by reason; nil while there is one only.
    func rate(_ reason: FilterReason) -> Double? {
        guard samples.count == 2 else { return nil }
        let counts = samples.map { sample in
            let counts = sample.status.counts
            return Int(reason.rawValue) < counts.count ? counts[Int(reason.rawValue)].packets : 0
        }
        let seconds = Double(max(1, samples[1].at - samples[0].at)) / 1_000
        // A filter that was set up anew counts from zero.
        return counts[1] >= counts[0] ? Double(counts[1] - counts[0]) / seconds : 0
    }

    /// Reasons for which packets are dropped now, the most frequent first.
    var drops: [(reason: FilterReason, rate: Double)] {
        FilterReason.allCases.filter(\.isDrop).map { ($0, rate($0) ?? 0) }.filter { $0.1 > 0 }.sorted {
            ($0.1, $1.0.rawValue) > ($1.1, $0.0.rawValue)
        }
    }

    /// What would be dropped if all that is dry were live.
    var wouldDrop: Double? {
        samples.count < 2 ? nil : FilterReason.allCases.filter(\.isDry).reduce(0) { $0 + (rate($1) ?? 0) }
    }

    var dropped: Double? { samples.count < 2 ? nil : drops.reduce(0) { $0 + $1.rate } }
}

extension TopModel {
    package mutating func received(_ reply: FilterReply, at now: Int64) { filter.received(reply, at: now) }
    package mutating func received(_ sources: HandedSources) { filter.sources = sources }
}

extension TopScreen {
    /// Reasons that a line names.
    private static let reasonLimit = 3

    /// One line; nil where no filter is configured.
    func filterLine(_ filter: TopFilter) -> [Part]? {
        if let trouble = filter.trouble { return [(.alarm, "filter down: \(Self.shown(trouble))")] }
        guard let status = filter.status else { return nil }
        let conduct = status.conduct
        guard conduct.mode != .none else {
            return [(.alarm, "filter none: \(Self.shown(conduct.missing.first ?? "no reason was given"))")]
        }
        var parts: [Part] = [(.plain, "filter \(conduct.mode) \(Self.shown(status.interface))")]
        let drops = filter.drops
        parts.append((drops.isEmpty ? .plain : .alarm, "  dropped \(Self.rate(filter.dropped))/s"))
        if !drops.isEmpty {
            let named = drops.prefix(Self.reasonLimit).map { "\($0.reason.label) \(Self.rate($0.rate))" }
            parts.append((.plain, " (\(named.joined(separator: ", ")))"))
        }
        parts.append((.plain, "  dry \(Self.rate(filter.wouldDrop))/s  rules \(status.rules.count)"))
        let stopped = status.rules.count { $0.conduct == .suspended }
        if stopped > 0 { parts.append((.alarm, " (\(stopped) suspended)")) }
        if let sources = filter.sources, sources.conduct != .off {
            parts.append((.plain, "  sources \(sources.taken) \(sources.conduct)"))
        }
        if let first = conduct.missing.first {
            parts.append((.alarm, "  missing \(conduct.missing.count): \(Self.shown(first))"))
        }
        return parts
    }
}

extension TopFilter {
    /// Nothing where no filter is configured.
    func append(to json: inout JSONText) {
        guard trouble != nil || status != nil else { return }
        json.raw(",\"filter\":{\"up\":")
        json.literal(status != nil)
        if let trouble {
            json.raw(",\"missing\":[")
            json.string(trouble)
            json.raw("]")
        }
        if let status { append(status, to: &json) }
        if let sources { append(sources, to: &json) }
        json.raw("}")
    }

    private func append(_ sources: HandedSources, to json: inout JSONText) {
        json.raw(",\"sources\":{\"conduct\":")
        json.string("\(sources.conduct)")
        json.raw(",\"taken\":")
        json.number(sources.taken)
        json.raw(",\"refused\":")
        json.number(sources.refused)
        json.raw(",\"omitted\":")
        json.number(sources.omitted)
        json.raw(",\"spared\":")
        json.number(sources.spared)
        json.raw("}")
    }

    private func append(_ status: FilterStatus, to json: inout JSONText) {
        json.raw(",\"interface\":")
        json.string(status.interface)
        json.raw(",\"mode\":")
        json.string("\(status.conduct.mode)")
        json.raw(",\"missing\":[")
        for (index, sentence) in status.conduct.missing.enumerated() {
            if index > 0 { json.raw(",") }
            json.string(sentence)
        }
        json.field("],\"dropped_per_s\":", dropped)
        json.field(",\"would_drop_per_s\":", wouldDrop)
        json.raw(",\"packets\":{")
        for (index, reason) in FilterReason.allCases.enumerated() where index < status.counts.count {
            if index > 0 { json.raw(",") }
            json.string(reason.label)
            json.raw(":")
            json.number(status.counts[index].packets)
        }
        json.raw("},\"entries\":{")
        for (index, list) in FilterList.allCases.enumerated() where index < status.sizes.count {
            if index > 0 { json.raw(",") }
            json.string("\(list)")
            json.raw(":")
            json.number(status.sizes[index])
        }
        json.raw("},\"rules\":[")
        for (index, rule) in status.rules.enumerated() {
            if index > 0 { json.raw(",") }
            json.raw("{\"id\":")
            json.number(rule.id)
            json.raw(",\"live\":")
            json.literal(rule.isLive)
            json.raw(",\"conduct\":")
            json.string("\(rule.conduct)")
            json.raw(",\"packets\":")
            json.number(rule.hits.packets)
            json.raw(",\"bytes\":")
            json.number(rule.hits.bytes)
            json.raw("}")
        }
        json.raw("],\"busy\":[")
        for (index, busy) in status.busy.enumerated() {
            if index > 0 { json.raw(",") }
            json.raw(busy.isTarget ? "{\"to\":" : "{\"from\":")
            json.string("\(busy.prefix)")
            json.raw(",\"packets_per_s\":")
            json.number(UInt64(busy.packetsPerSecond))
            json.raw("}")
        }
        json.raw("]")
    }
}
