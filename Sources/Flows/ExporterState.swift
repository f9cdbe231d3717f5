internal import Addresses
internal import Bytes

/// What is remembered of one part of an exporter: a source id, an observation domain, an engine, an agent.
final class FlowDomain {
    struct Key: Equatable {
        var kind: FlowDecoder.Kind
        var id: UInt32
        /// sFlow's agent; else zeros.
        var agent = Address(high: 0, low: 0)
    }

    /// A template and what it was made into.
    final class Known {
        let template: FlowTemplate
        let plan: FlowPlan
        var lastUsed: UInt64

        init(_ template: FlowTemplate, isIPFIX: Bool, at tick: UInt64) {
            self.template = template
            plan = FlowPlan(template, isIPFIX: isIPFIX)
            lastUsed = tick
        }
    }

    let key: Key
    var lastUsed: UInt64
    var sequence = SequenceTracker()
    var rates = SamplingRates()
    /// When the exporter was switched on (systemInitTimeMilliseconds in options), milliseconds since 1970.
    var boot: UInt64?
    private(set) var templates: [UInt16: Known] = [:]
    /// The template that was asked for last: records of one come in a row.
    private var latest: (id: UInt16, known: Known)?
    /// Templates of options among them.
    private var optionsCount = 0

    init(key: Key, at tick: UInt64) {
        self.key = key
        lastUsed = tick
    }

    var fieldCount: Int { templates.values.reduce(0) { $0 + $1.template.fields.count } }
    var hasOptions: Bool { optionsCount > 0 }

    /// The template of this number, if it was told.
    func known(_ id: UInt16) -> Known? {
        if let latest, latest.id == id { return latest.known }
        guard let known = templates[id] else { return nil }
        latest = (id, known)
        return known
    }

    /// Notes a template whose number has none.
    func add(_ known: Known) {
        templates[known.template.id] = known
        if known.plan.kind == .options { optionsCount += 1 }
    }

    func remove(_ id: UInt16) -> Known? {
        latest = nil
        guard let known = templates.removeValue(forKey: id) else { return nil }
        if known.plan.kind == .options { optionsCount -= 1 }
        return known
    }

    func removeTemplates() {
        latest = nil
        templates = [:]
        optionsCount = 0
    }
}

/// What is remembered of one exporter's address.
final class ExporterState {
    /// Data whose template is not known yet.
    struct Kept {
        var domain: FlowDomain.Key
        var template: UInt16
        var clock: FlowClock
        /// The data set's records behind `Kept.margin` zeros, where a message would have its headers.
        var bytes: [UInt8]

        static let margin = 16
    }

    var exporter: Exporter
    var lastSeen: Int64 = 0
    var lastUsed: UInt64 = 0
    var domains: [FlowDomain] = []
    var kept: [Kept] = []
    var keptBytes = 0
    var templateCount = 0
    var fieldCount = 0
    var rateCount = 0
    /// What the decoder has counted for it.
    var charged = 0
    var counters = FlowCounters()

    init(_ exporter: Exporter) {
        self.exporter = exporter
    }

    /// Has told flows: worth more than a newcomer, who may be made up.
    var isEstablished: Bool { counters.records > 0 || counters.samples > 0 }

    /// Bytes that it takes, as measured with glibc's malloc on a 64-bit machine; an estimate.
    var cost: Int { 512 + domains.count * 320 + templateCount * 288 + fieldCount * 28 + rateCount * 32 }

    /// Forgets all but its counters and its kept data.
    func forget() {
        domains = []
        templateCount = 0
        fieldCount = 0
        rateCount = 0
    }

    /// The domain, made where it is new; the one that was silent longest goes where there is no room.
    func domain(
        _ key: FlowDomain.Key, at tick: UInt64, budget: ExporterBudget, counters: inout FlowCounters
    ) -> FlowDomain {
        for index in domains.indices where domains[index].key == key {
            domains[index].lastUsed = tick
            return domains[index]
        }
        if domains.count >= max(1, budget.domainLimit) {
            var oldest = 0
            for index in domains.indices where domains[index].lastUsed < domains[oldest].lastUsed { oldest = index }
            forgetTemplates(of: domains[oldest])
            domains.remove(at: oldest)
            counters.evictions &+= 1
        }
        let domain = FlowDomain(key: key, at: tick)
        domains.append(domain)
        return domain
    }

    func forgetTemplates(of domain: FlowDomain) {
        templateCount -= domain.templates.count
        fieldCount -= domain.fieldCount
        rateCount -= domain.rates.count
        domain.removeTemplates()
        domain.rates = SamplingRates()
        domain.boot = nil
    }

    /// Notes a template; this exporter's longest unused ones go where there is no room.
    func learn(
        _ template: FlowTemplate, in domain: FlowDomain, isIPFIX: Bool, at tick: UInt64, budget: ExporterBudget,
        counters: inout FlowCounters
    ) {
        if let known = domain.templates[template.id] {
            // Repeated every few seconds: nothing to do.
            if known.template == template { return }
            remove(template.id, from: domain)
        }
        while templateCount >= max(1, budget.templateLimit)
            || templateCount > 0 && fieldCount + template.fields.count > budget.fieldTotalLimit
        {
            let removed = removeOldest()
            guard removed > 0 else { break }
            counters.evictions &+= UInt64(removed)
        }
        domain.add(FlowDomain.Known(template, isIPFIX: isIPFIX, at: tick))
        templateCount += 1
        fieldCount += template.fields.count
        counters.templates &+= 1
    }

    private func remove(_ id: UInt16, from domain: FlowDomain) {
        guard let known = domain.remove(id) else { return }
        templateCount -= 1
        fieldCount -= known.template.fields.count
    }

    /// Removes the longest unused quarter, at least one: whoever sends ever new templates would otherwise have all of them
    /// looked through for each. Returns how many.
    private func removeOldest() -> Int {
        var all: [(domain: FlowDomain, id: UInt16, used: UInt64)] = []
        all.reserveCapacity(templateCount)
        for domain in domains {
            for (id, known) in domain.templates { all.append((domain, id, known.lastUsed)) }
        }
        all.sort { $0.used < $1.used }
        for oldest in all.prefix((all.count + 3) / 4) { remove(oldest.id, from: oldest.domain) }
        return (all.count + 3) / 4
    }
}
