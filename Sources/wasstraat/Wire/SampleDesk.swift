internal import Addresses
internal import Detection
internal import Glibc
internal import Logging
internal import Messages
internal import Mitigations
internal import Moments
internal import Settings

/// The filter's samples through detection, and what the filter is told of them: floods of SYN, and what its rules hit of
/// ordinary traffic. Confined to the thread of its service, which it may block.
final class SampleDesk {
    /// Milliseconds of one wait, so that a stop is seen soon, and between two tries to reach the filter.
    private static let patience: Int64 = 100
    private static let dialTime: Int64 = 500
    /// Milliseconds into a second at which the one before is judged: its samples have come by then.
    private static let lateness: Int64 = 60
    /// Milliseconds between two looks at the machine's addresses, and at rules whose ids are the same.
    private static let addressTime: Int64 = 10_000
    private static let ruleTime: Int64 = 30_000

    private let service: SampleService
    private let logger = Logger(label: "samples")
    private var stream: SampleStream?
    private var line: FilterLine?
    private var nextDial: Int64 = 0
    private var floods = FloodOrders()
    private var rules: [OrdinarySamples.Measured] = []
    private var ruleIDs: [UInt64] = []
    private var nextRules: Int64 = 0
    private var own: [Address] = []
    private var nextAddresses: Int64 = 0
    /// Why an order was refused, as it was said last.
    private var trouble: String?

    init(_ service: SampleService) { self.service = service }

    /// Works until it is told to stop; begins anew when what it watches changes.
    func run() throws {
        while !service.bell.isStopped {
            let configuration = service.current.now.configuration
            guard let filter = configuration.filter, filter.detects else {
                service.report.update { $0.wire = nil }
                service.bell.wait(milliseconds: 1_000)
                continue
            }
            service.report.update { $0.wire = OfficeReport.Wire() }
            try watch(configuration, filter)
        }
    }

    private func watch(_ configuration: OfficeConfiguration, _ filter: Settings.Filter) throws {
        let networks = configuration.servedNetworks
        let profile = try configuration.collector?.baseline.map { try ToolFile.profile($0) } ?? .shipped
        var watch = WireWatch(profile: profile, targets: networks.watched, readsTunnels: filter.tunnels)
        logger.notice("samples are looked at", metadata: ["networks": "\(networks.watched.count)"])
        var second = Moment.now.seconds
        while !service.bell.isStopped {
            dial()
            let clock = Moment.now.milliseconds
            let due = (second + 1) * 1_000 + Self.lateness
            receive(within: min(Self.patience, max(0, due - clock)), &watch)
            let now = Moment.now
            // A clock that was put back is followed.
            guard now.milliseconds >= due || now.seconds < second else { continue }
            second = now.seconds
            weigh(&watch)
            tell(watch.second(at: now), &watch, networks, at: now)
            let next = service.current.now.configuration
            guard next.filter?.detects == true, next.servedNetworks == networks else { break }
        }
    }

    private func dial() {
        guard stream == nil || line == nil, Clock.monotonic >= nextDial else { return }
        nextDial = Clock.monotonic + Self.dialTime
        stream = stream ?? SampleStream(socket: service.folder.filterSocket)
        if stream != nil { line = line ?? FilterLine(socket: service.folder.filterSocket) }
        ruleIDs = []
        nextRules = 0
    }

    private func receive(within milliseconds: Int64, _ watch: inout WireWatch) {
        guard let stream else { return service.bell.wait(milliseconds: milliseconds) }
        let clock = SampleClock.now
        var came: [FilterSamples] = []
        if !stream.receive(within: milliseconds, { came.append($0) }) { self.stream = nil }
        for samples in came { watch.take(samples, at: clock) }
    }

    /// Asks the sketch how much came to those who were seen in the samples.
    private func weigh(_ watch: inout WireWatch) {
        let (targets, sources) = watch.busiest(FilterTalk.rateLimit)
        guard case .rates(let rates) = ask(.rates(to: targets, from: sources)), rates.milliseconds > 0,
            rates.targets.count == targets.count, rates.sources.count == sources.count
        else { return }
        watch.weigh(
            Dictionary(zip(targets, rates.targets), uniquingKeysWith: { one, _ in one }),
            from: Dictionary(zip(sources, rates.sources), uniquingKeysWith: { one, _ in one }))
    }

    private func tell(
        _ second: TrafficSecond, _ watch: inout WireWatch, _ networks: ServedNetworks, at now: Moment
    ) {
        service.feed.tell(second)
        answer(second, networks, at: now)
        learnRules()
        let observed = watch.measure(rules)
        // Also of none, while samples can come: the filter says where nobody looks.
        if !rules.isEmpty, stream != nil { _ = ask(.observed(observed)) }
        let (samples, unread, ordinary) = (watch.samples, watch.unread, watch.ordinary.count)
        let attacks = second.attacks.count { $0.state != .suspected && $0.state != .ended }
        service.report.update {
            $0.wire?.isUp = stream != nil && line != nil
            $0.wire?.samples = samples
            $0.wire?.unread = unread
            $0.wire?.ordinary = ordinary
            $0.wire?.attacks = attacks
            $0.wire?.flooded = floods.addresses.count
        }
    }

    // ---- Cookies.

    private func answer(_ second: TrafficSecond, _ networks: ServedNetworks, at now: Moment) {
        let isWanted = service.current.now.configuration.filter?.cookies ?? false
        if Clock.monotonic >= nextAddresses {
            nextAddresses = Clock.monotonic + Self.addressTime
            own = LocalAddresses.now
        }
        let change = floods.observe(
            isWanted && canAnswer ? second.attacks : [], own: own,
            parts: { networks.parts(of: $0) }, at: now)
        if !change.begun.isEmpty {
            logger.warning(
                "a flood of SYN: they are answered with cookies", metadata: ["addresses": "\(Self.text(change.begun))"])
        }
        if !change.over.isEmpty {
            logger.notice(
                "no flood of SYN any more: cookies end within a minute",
                metadata: ["addresses": "\(Self.text(change.over))"])
        }
        for order in floods.orders(at: now) {
            switch ask(.add(order)) {
            case .done: floods.done(order, at: now)
            case .refused(_, let reason):
                // Tried again at its time, and said once.
                floods.done(order, at: now)
                if trouble != reason {
                    logger.error("the filter refused cookies", metadata: ["reason": "\(reason)"])
                }
                trouble = reason
            default: return
            }
        }
    }

    /// nftables and a filter without rights send none.
    private var canAnswer: Bool {
        guard let mode = service.report.current.filter?.status?.conduct.mode else { return false }
        return mode == .native || mode == .generic
    }

    private static func text(_ addresses: [Address]) -> String {
        addresses.prefix(8).map(\.description).joined(separator: ", ")
            + (addresses.count > 8 ? " and \(addresses.count - 8) more" : "")
    }

    // ---- Rules.

    /// Asks for the rules where the filter's status shows others, and now and then: a rule that was measured anew keeps its
    /// id.
    private func learnRules() {
        guard let status = service.report.current.filter?.status else { return }
        let ids = status.rules.map(\.id)
        guard ids != ruleIDs || Clock.monotonic >= nextRules else { return }
        guard let entries = FilterLine.rules(ask) else { return }
        let time = FilterTime(wall: .now, clock: 1)
        rules = entries.compactMap { entry in
            guard case .success(let rule)? = entry.rule?.kernelRule(at: time) else { return nil }
            return OrdinarySamples.Measured(id: entry.id, rule: rule)
        }
        ruleIDs = ids
        nextRules = Clock.monotonic + Self.ruleTime
    }

    /// Asks; lets go of a line that brings no answer.
    private func ask(_ request: FilterRequest) -> FilterReply? {
        guard let reply = line?.ask(request) else {
            line = nil
            return nil
        }
        return reply
    }
}
