internal import Addresses
internal import Filters
internal import Messages
internal import Mitigations

// What is asked, and what is answered.
extension FilterProcess {
    func answer(_ request: FilterRequest, _ client: Client) -> FilterReply {
        let now = Self.now
        do throws(FilterRefusal) {
            switch request {
            case .status: return .status(status)
            case .add(let order): return try add(order, at: now)
            case .remove(let id): return done([id], try book.remove(id: id), at: now)
            case .removePrefix(let kind, let prefix):
                let id = book.entry(kind, prefix)?.id ?? 0
                return done([id], try book.remove(kind, prefix), at: now)
            case .explain(let address): return lines(book.explain(address) + hits(of: address))
            case .explainEntry(let id):
                guard let text = book.explain(id: id) else {
                    throw FilterRefusal(.unknown, "there is no entry \(id)")
                }
                return lines(text)
            case .list(let kind, let from, let count):
                return .entries(page(book.entries(kind, from: from, count: Int(count))))
            case .conduct(let rule, let isDry, let author):
                return done([rule], try book.conduct(rule: rule, isDry: isDry, by: author, at: now), at: now)
            case .samples(let count):
                client.wanted = count
                return .done(ids: [])
            case .observed(let list):
                measuredAt = now.clock
                var actions: [FilterAction] = []
                let suspended = book.suspendedRules
                for one in list {
                    actions += book.observed(rule: one.rule, hits: one.hits, of: one.samples, at: now)
                }
                // Not always the one that was told of: of all together the one that hits most stops.
                for id in book.suspendedRules.subtracting(suspended).sorted() {
                    for line in book.explain(id: id) ?? [] { say(line) }
                }
                // The set is compiled once for all that suspended themselves.
                return done([], actions.isEmpty ? [] : [.compileRules], at: now)
            case .rates(let targets, let sources):
                return .rates(rates(to: targets, from: sources, client, at: now.clock / 1_000_000))
            case .letIn(let prefix):
                let gone = book.letIn(prefix)
                return done(gone.ids, gone.actions, at: now)
            case .tallies:
                let counts = (try? enforcer.tallies(ofFirst: book.tallyPlaces)) ?? nil
                return .tallies(FilterTallies(book.tallies(counts ?? []), isCounted: counts != nil))
            }
        } catch { return .refused(code: error.code.rawValue, reason: Self.sentence(error.reason)) }
    }

    /// What the blocks that an address meets have hit, in sentences.
    private func hits(of address: Address) -> [String] {
        book.entries(of: address).compactMap { entry in
            guard let prefix = entry.prefix, let list = entry.kind.list(of: prefix),
                let count = enforcer.hits(of: prefix, in: list)
            else { return nil }
            return "Entry \(entry.id) met \(count.packets) packets, \(count.bytes) bytes."
        }
    }

    private func rates(
        to targets: [Address], from sources: [Address], _ client: Client, at clock: UInt64
    ) -> FilterRates {
        guard let counts = enforcer.sketch() else { return FilterRates() }
        guard let (before, then) = client.counted else {
            client.counted = (counts, clock)
            return FilterRates()
        }
        // Within one tick of the clock there is no rate; what came is told of the next time.
        guard clock > then else { return FilterRates() }
        client.counted = (counts, clock)
        let rates = FilterRates(
            milliseconds: UInt32(clamping: clock - then),
            targets: targets.map { counts.packets(to: $0, since: before) },
            sources: sources.map { counts.packets(from: $0, since: before) })
        func busiest(_ prefixes: [Prefix], _ packets: [UInt32], isTarget: Bool) -> [FilterStatus.Busy] {
            zip(prefixes, packets).map { prefix, count in
                FilterStatus.Busy(
                    prefix: prefix, isTarget: isTarget,
                    packetsPerSecond: UInt32(clamping: UInt64(count) * 1_000 / UInt64(max(1, rates.milliseconds))))
            }.sorted { $0.packetsPerSecond > $1.packetsPerSecond }.prefix(FilterStatus.busyLimit).map(\.self)
        }
        busyUntil = clock + 3 * Self.second
        busy =
            busiest(targets.map { Prefix($0, length: 128) }, rates.targets, isTarget: true)
            + busiest(sources.map { FilterMaps.Sketch.network(of: $0) }, rates.sources, isTarget: false)
        return rates
    }

    private func add(_ order: FilterOrder, at now: FilterTime) throws(FilterRefusal) -> FilterReply {
        let firstNew = book.nextID
        let added = try book.add(order, at: now)
        if let trouble = carryOut(added.actions, at: now) {
            // What the kernel does not take is not in the book either.
            for id in added.ids where id >= firstNew { _ = try? book.remove(id: id) }
            return .refused(code: "kernel", reason: Self.sentence(trouble))
        }
        return .done(
            ids: added.ids, refused: UInt32(added.refused), reason: Self.sentence(added.refusal?.reason ?? ""))
    }

    private func done(_ ids: [UInt64], _ actions: [FilterAction], at now: FilterTime) -> FilterReply {
        let trouble = carryOut(actions, at: now)
        return .done(ids: ids, reason: Self.sentence(trouble.map { "in the book, not in the kernel yet: \($0)" } ?? ""))
    }

    /// As many sentences and bytes as a reply may hold.
    private func lines(_ text: [String]) -> FilterReply {
        .lines(text.prefix(FilterTalk.lineLimit).map { Self.sentence($0) })
    }

    /// As many entries as a reply may hold: the next page goes on behind the last one.
    private func page(_ entries: [FilterEntry]) -> [FilterEntry] {
        var size = 0
        return Array(
            entries.prefix { entry in
                size += entry.rule == nil ? 512 : entry.encoded().count
                return size <= FilterTalk.replyLimit
            })
    }

    static func sentence(_ text: String) -> String {
        let limit = FilterTalk.sentenceLimit
        guard text.utf8.count > limit else { return text }
        // A character that is cut in two is left out.
        let cut = String(decoding: text.utf8.prefix(limit - 3), as: UTF8.self)
        return cut.filter { $0 != "\u{fffd}" } + "…"
    }

    private static let unmeasured =
        "nobody measures rules on ordinary samples: a live rule that hits visitors does not stop by itself"

    /// Live rules drop, and nobody has looked for a while at what else they hit. nftables says so itself.
    private var isUnmeasured: Bool {
        let mode = enforcer.conduct.mode
        return (mode == .native || mode == .generic) && book.rules.contains(where: \.isLive)
            && Self.now.clock - min(measuredAt, Self.now.clock) > Self.measureLimit
    }

    private var status: FilterStatus {
        var status = FilterStatus(since: since)
        status.interface = arguments.interface
        status.conduct = enforcer.conduct
        status.options = arguments.plan.options
        if let behind { status.conduct.missing.append("the kernel does not say what the book says: \(behind)") }
        if let lostBook { status.conduct.missing.append(lostBook) }
        if isUnmeasured { status.conduct.missing.append(Self.unmeasured) }
        if let saveTrouble { status.conduct.missing.append("the book is not on disk: \(saveTrouble)") }
        status.conduct.missing = status.conduct.missing.map { Self.sentence($0) }
        status.counts = (try? enforcer.counts()) ?? []
        status.sizes = FilterList.allCases.map { UInt32(book.count(of: $0)) }
        // One that cannot be asked now has not begun anew.
        if let hits = try? enforcer.hits(of: book.rules.map(\.counter)), hits.count == book.rules.count {
            lastHits = Dictionary(zip(book.rules.map(\.id), hits), uniquingKeysWith: { one, _ in one })
        }
        status.rules = book.rules.map { rule in
            FilterStatus.Rule(
                id: rule.id, conduct: rule.isLive ? .live : rule.suspension == nil ? .dry : .suspended,
                hits: lastHits[rule.id] ?? FilterCount(), observed: rule.observed)
        }
        status.busy = busy
        return status
    }
}
