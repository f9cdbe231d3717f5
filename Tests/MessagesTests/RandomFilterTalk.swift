import Addresses
import Fingerprints
import Messages
import Mitigations
import Moments

extension Seeded {
    mutating func moment() -> Moment { Moment(milliseconds: Int64.random(in: 0...4_000_000_000_000, using: &self)) }
    mutating func share() -> Double { Double.random(in: 0...1, using: &self) }
    mutating func optional<Value>(_ make: (inout Seeded) -> Value) -> Value? { flag() ? make(&self) : nil }

    mutating func fingerprint() -> Fingerprint {
        let features = Feature.allCases.filter(\.isOfPacket)
        var conditions = features.filter { _ in flag() }.map { Fingerprint.Condition($0, text(upTo: 40)) }
        if conditions.isEmpty { conditions = [.init(.protocol, "udp")] }
        var evidence = Fingerprint.Evidence(
            coverage: share(), collateral: optional { $0.share() }, attackCount: number(), baselineCount: number(),
            sources: number(), from: moment(), until: moment())
        evidence.bytes = optional {
            .init(
                coverage: $0.share(), collateral: $0.optional { $0.share() }, attackCount: $0.number(),
                baselineCount: $0.number())
        }
        evidence.peakRate = optional { $0.share() * 1e9 }
        evidence.isSpoofable = optional { $0.flag() }
        evidence.networks = list(upTo: 4) { .init(prefix: $0.text(upTo: 30), share: $0.share()) }
        evidence.baseline = optional { $0.text(upTo: 30) }
        return Fingerprint(
            conditions: conditions, kind: optional { $0.text(upTo: 30) }, evidence: evidence, made: moment(),
            expires: moment())
    }

    mutating func note() -> FilterNote {
        FilterNote(tenant: text(upTo: 64), reason: text(upTo: 200), author: author(), site: text(upTo: 100))
    }

    mutating func author() -> FilterNote.Author { .allCases.randomElement(using: &self) ?? .operator }

    mutating func observation() -> FilterRule.Observation {
        let samples = UInt64.random(in: 0...FilterRule.Observation.mostSamples, using: &self)
        return .init(hits: UInt64.random(in: 0...samples, using: &self), samples: samples)
    }

    mutating func rule(id: UInt64? = nil) -> FilterRule {
        var rule = FilterRule(
            id: id ?? number(), note: note(), since: moment(), until: moment(), fingerprint: fingerprint(),
            targets: list(upTo: 3) { $0.prefix() }, counter: number(), isDry: flag())
        rule.isHeld = rule.isDry && flag()
        rule.suspension = optional { $0.text(upTo: 100) }
        rule.observed = observation()
        return rule
    }

    mutating func entry() -> FilterEntry {
        let status = [FilterEntry.Status.live, .dry, .suspended("x"), .ended, .undone].randomElement(using: &self)
        let rule = optional { $0.rule() }
        return FilterEntry(
            id: number(), kind: rule != nil ? .rule : .blocked, prefix: rule == nil ? prefix() : nil, rule: rule,
            note: note(), since: moment(), until: moment(), status: status ?? .live)
    }

    mutating func order() -> FilterOrder {
        let what: FilterOrder.What =
            switch Int.random(in: 0..<4, using: &self) {
            case 0: .block(list(upTo: 20) { $0.prefix() })
            case 1: .allow(list(upTo: 20) { $0.prefix() })
            case 2: .rule(fingerprint(), targets: list(upTo: 4) { $0.prefix() })
            default: .flooded(list(upTo: 20) { $0.address() })
            }
        return FilterOrder(what, note: note(), seconds: number(), isDry: flag())
    }

    mutating func request() -> FilterRequest {
        switch Int.random(in: 0..<13, using: &self) {
        case 0: .status
        case 10: .tallies
        case 11: .letIn(prefix())
        case 1: .remove(id: number())
        case 2: .removePrefix(.allCases.randomElement(using: &self) ?? .blocked, prefix())
        case 3: .explain(address())
        case 4: .explainEntry(id: number())
        case 5: .list(.rule, from: number(), count: UInt32.random(in: 0...1_000, using: &self))
        case 6: .conduct(rule: number(), isDry: flag(), by: author())
        case 7: .samples(number())
        case 8:
            .observed(list(upTo: 5) { .init(rule: $0.number(), hits: 3, samples: 3 + UInt64($0.number(UInt32.self))) })
        case 9: .rates(to: list(upTo: 5) { $0.address() }, from: list(upTo: 5) { $0.address() })
        default: .add(order())
        }
    }

    mutating func count() -> FilterCount { FilterCount(packets: number(), bytes: number()) }

    mutating func status() -> FilterStatus {
        var status = FilterStatus(since: moment())
        status.interface = text(upTo: 15)
        status.conduct.mode = .allCases.randomElement(using: &self) ?? .none
        status.conduct.missing = list(upTo: 3) { $0.text(upTo: 60) }
        status.conduct.generation = number()
        status.conduct.samples = number()
        status.conduct.lost = number()
        status.counts = list(upTo: 17) { $0.count() }
        status.options = list(upTo: 9) { $0.text(upTo: 20) }
        status.sizes = list(upTo: 4) { $0.number() }
        status.rules = list(upTo: 3) {
            .init(
                id: $0.number(), conduct: FilterStatus.Rule.Conduct.allCases.randomElement(using: &$0)!,
                hits: $0.count(), observed: $0.observation())
        }
        status.busy = list(upTo: 3) {
            .init(prefix: $0.prefix(), isTarget: $0.flag(), packetsPerSecond: $0.number())
        }
        return status
    }

    mutating func reply() -> FilterReply {
        switch Int.random(in: 0..<7, using: &self) {
        case 5: .tallies(tallies())
        case 0: .done(ids: list(upTo: 9) { $0.number() }, refused: number(), reason: text(upTo: 90))
        case 1: .refused(code: text(upTo: 20), reason: text(upTo: 90))
        case 2: .status(status())
        case 3: .entries(list(upTo: 4) { $0.entry() })
        case 4:
            .rates(
                FilterRates(
                    milliseconds: number(), targets: list(upTo: 5) { $0.number() },
                    sources: list(upTo: 5) { $0.number() }))
        default: .lines(list(upTo: 4) { $0.text(upTo: 90) })
        }
    }

    mutating func owner() -> TallyTable.Owner {
        TallyTable.Owner(
            tenant: text(upTo: 60), site: text(upTo: 60), cause: TallyTable.Cause.allCases.randomElement(using: &self)!)
    }

    mutating func tallies() -> FilterTallies {
        FilterTallies(
            list(upTo: 4) {
                FilterTally(
                    number: $0.number(), owner: $0.owner(), entries: $0.number(), live: $0.number(), until: $0.moment(),
                    dropped: $0.count(), beside: $0.count())
            }, isCounted: flag())
    }

    mutating func samples() -> FilterSamples {
        FilterSamples(
            list(upTo: 4) { FilterSample(clock: $0.number(), length: $0.number(), bytes: $0.bytes(upTo: 128)) },
            rate: UInt32.random(in: 1 ... .max, using: &self))
    }

    /// A book as it is stored, without holes.
    mutating func book() -> StoredBook {
        let notes: [FilterNote?] = [note(), nil, note()]
        var id: UInt64 = 0
        let records = FilterList.allCases.map { _ in
            list(upTo: 12) { random in
                id += 1
                return FilterRecord(
                    prefix: random.prefix(), id: id, since: random.number(), until: random.number(),
                    note: random.flag() ? 0 : 2, isDry: random.flag())
            }
        }
        let rules = list(upTo: 3) { random in
            id += 1
            return random.rule(id: id)
        }
        return StoredBook(
            saved: moment(), nextID: id + 1, key: number(), notes: notes, records: records, rules: rules,
            tallies: list(upTo: 3) {
                .init(owner: $0.owner(), until: $0.number())
            })
    }
}
