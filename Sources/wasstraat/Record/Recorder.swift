internal import Detection
internal import Exchange
internal import Fingerprints
internal import Incidents
internal import Languages
internal import Logging
internal import Messages
internal import Mitigations
internal import Moments
internal import PublicStatus

/// Follows what the lanes and the probers report, second by second, and puts on record what happened: attacks with their
/// judgement, points and days. It never holds up the lanes: they report into a bounded feed and know nothing of it.
actor Recorder {
    /// Points and samples kept while the register does not take them; then the oldest go.
    static let backlog = 200_000
    /// Seconds between two judgements of an attack, two looks at the days, two savings of the profiles.
    static let judgeTime: Int64 = 5
    static let dayTime: Int64 = 60
    static let profileTime: Int64 = 600
    /// Seconds without excess after which an attack's fingerprint is put on file.
    static let settleTime = 5.0

    /// An attack whose judgement may still change.
    struct Case {
        var attack: DetectedAttack
        var organisation: String
        var service: ServiceKind
        /// What it is on, for people: the site's host name, of a network the organisation's name.
        var title: String
        var judgement: Judgement
        /// What is on record of it, once it is.
        var record: AttackRecord?
        var mitigation: Int64 = 0
        /// When it was filed last what the lanes did.
        var measured: Moment?
        var isFiled = false
    }

    /// Seconds between two filings of that: each stands in the register's chain.
    private static let measurePause = 10.0

    /// Who posts what the system says by itself.
    static let author = "wasstraat"

    /// Seconds without a word from a lane after which it counts as gone.
    static let silence = 3.0

    let records: any Records
    private let folder: StateFolder
    let spool: AttackSpool
    private let signer: (name: String, key: SigningKey)
    /// Fingerprints that are on file, or not fit for it.
    private var shared: Set<String> = []
    let interval: Double
    let logger = Logger(label: "record")
    private(set) var ledgers: [String: SiteLedger] = [:]
    /// When each lane spoke last.
    private var heard: [String: Moment] = [:]
    var cases: [String: Case] = [:]
    /// Numbers of the incidents that go on, by their identifiers.
    private var numbers: [Int64: String] = [:]
    private var days: [String: DayLedger] = [:]
    private var points: [SitePoint] = []
    private var samples: [Sample] = []
    /// What was measured through the lane in the last minutes, for the state of now.
    private var fresh: [String: [Sample]] = [:]
    private var lastSecond: Int64 = 0
    var isFailing = false
    private var listeners: [Int: AsyncStream<[SitePoint]>.Continuation] = [:]
    private var nextListener = 0

    /// - Parameter interval: seconds between two checks of a prober.
    /// - Parameter signer: who vouches for the fingerprints found.
    /// - Parameter spool: the file for what the register does not take; no other recorder has it.
    init(
        records: any Records, folder: StateFolder, signer: (name: String, key: SigningKey), interval: Double,
        spool file: String = "attacks.spool.json"
    ) {
        self.records = records
        self.signer = signer
        self.folder = folder
        spool = AttackSpool(folder: folder, file: file)
        self.interval = interval
    }

    /// Takes up the sites of a configuration: new ones with what was learnt of them, attacks that were going on with the
    /// rest. Sites that are gone are forgotten; their record stays.
    func follow(_ sites: [RecordedSite], now: Moment) async throws {
        let open = try await records.openAttacks()
        for site in sites {
            if let known = ledgers[site.name], known.site == site { continue }
            let learnt = try await records.profile(site: site.name)
            let profile = learnt.flatMap { try? SiteProfile(bytes: $0) } ?? SiteProfile()
            let mine = open.filter { $0.attack.site == site.name && $0.attack.traffic == nil }
            let running = mine.last { !$0.attack.isOver }
            let watch =
                running.map { AttackWatch(resuming: $0.attack, profile: profile) }
                ?? AttackWatch(site: site.name, profile: profile)
            ledgers[site.name] = SiteLedger(site, watch: watch)
            for record in mine {
                let measure = try await measure(of: record.attack)
                // What is settled stays settled: its checks may be gone by now.
                if record.attack.isOver, measure?.status == .ended { continue }
                cases[Self.key(record.attack)] = Case(
                    attack: record.attack, organisation: record.organisation, service: record.service,
                    title: site.host, judgement: record.judgement, record: record,
                    mitigation: measure?.id ?? 0, isFiled: true)
            }
            let midnight = now.day.start
            days[site.name] = DayLedger(
                site: site.name, day: now.day, interval: interval,
                samples: try await records.samples(site: site.name, path: .lane, in: midnight..<max(midnight, now)),
                requests: try await records.days(site: site.name, in: now.day..<now.day + 1).first?.requests ?? 0)
        }
        // What an office before this one could not file goes on from there; the file is cleared once all of it is filed.
        for attack in spool.take() where cases[Self.key(attack)] == nil {
            if !attack.isOver, let ledger = ledgers[attack.site], ledger.watch.attack == nil {
                let watch = AttackWatch(resuming: attack, profile: ledger.watch.profile)
                ledgers[attack.site] = SiteLedger(ledger.site, watch: watch)
            }
            guard let site = ledgers[attack.site]?.site else { continue }
            note(.changed(attack), organisation: site.organisation, service: site.service, title: site.host)
            isFailing = true
        }
        // There is one only the first time.
        if let left = RecordRemainder.take(from: folder, now: now) {
            for (name, remainder) in left.sites { ledgers[name]?.inherit(remainder, made: left.made) }
        }
        let names = Set(sites.map(\.name))
        for name in ledgers.keys where !names.contains(name) { ledgers[name] = nil }
        for name in days.keys where !names.contains(name) { days[name] = nil }
    }

    func hear(_ status: LaneStatus, of lane: String, at moment: Moment) {
        heard[lane] = moment
        for site in status.sites { ledgers[site.name]?.hear(site, of: lane, started: status.started) }
    }

    func hear(_ traffic: LaneTraffic) {
        for site in traffic.sites { ledgers[site.name]?.hear(site.traffic) }
    }

    /// Takes in what the packet filter dropped of sources that are proven hostile, by site.
    func hear(heldBack packets: [String: UInt64]) {
        for (site, count) in packets { ledgers[site]?.hear(heldBack: count) }
    }

    private func forgetSilentLanes(_ now: Moment) {
        for (lane, moment) in heard where now - moment > Self.silence {
            heard[lane] = nil
            for name in ledgers.keys { ledgers[name]?.forget(lane: lane) }
        }
    }

    func take(_ measured: [Sample]) {
        samples += measured
        for sample in measured where sample.path == .lane {
            fresh[sample.site, default: []].append(sample)
            days[sample.site]?.add(sample)
        }
        if samples.count > Self.backlog { samples.removeFirst(samples.count - Self.backlog) }
    }

    /// Once a second. Everything that this second brought is on disk when it returns, or kept for the next try.
    func tick(_ now: Moment) async {
        guard now.seconds != lastSecond else { return }
        lastSecond = now.seconds
        let second = Moment(seconds: now.seconds - 1)
        forgetSilentLanes(now)
        var shown: [SitePoint] = []
        for name in ledgers.keys.sorted() {
            guard let closed = ledgers[name]?.close(second) else { continue }
            if let site = ledgers[name]?.site {
                for event in closed.events {
                    note(event, organisation: site.organisation, service: site.service, title: site.host)
                }
            }
            points += closed.points
            if let point = ledgers[name]?.last { shown.append(point) }
            days[name]?.count(closed.requests)
        }
        if points.count > Self.backlog { points.removeFirst(points.count - Self.backlog) }
        for (number, listener) in listeners {
            if case .terminated = listener.yield(shown) { listeners[number] = nil }
        }
        do {
            try await store(now)
            if isFailing {
                logger.notice("the register takes records again")
                spool.clear()
            }
            isFailing = false
        } catch {
            // Who was told to stop files the rest at the end.
            if Task.isCancelled { return }
            // What could not be filed is kept and tried again each second; it is said once.
            if !isFailing {
                logger.error("the register does not take records; they are kept", metadata: ["reason": "\(error)"])
            }
            isFailing = true
            spool.keep(cases.values.filter { !$0.isFiled }.map(\.attack))
        }
    }

    /// Saves what is learnt; at the end, and now and then.
    func keepProfiles() async {
        for (name, ledger) in ledgers {
            do {
                try await records.keep(profile: ledger.watch.profile.bytes, site: name)
            } catch {
                logger.error("a profile was not saved", metadata: ["site": "\(name)", "reason": "\(error)"])
            }
        }
    }

    // MARK: For those who look

    /// The state of a site as measured through the lane, and since when.
    func state(of site: String, now: Moment) -> ServiceState {
        // Checks that hang are heard of when their time is up; until then what was known last counts.
        let from = now + -max(15, 3 * interval)
        let seen = Availability(fresh[site] ?? [], in: from..<max(from, now), interval: interval)
        return seen.spans.last { $0.state != .unknown }?.state ?? .unknown
    }

    func serves(_ site: String, of organisation: String) -> Bool {
        ledgers[site]?.site.organisation == organisation
    }

    /// When the attack began that goes on at a site of the organisation.
    func attack(on site: String, of organisation: String) -> Moment? {
        serves(site, of: organisation) ? ledgers[site]?.watch.attack?.start : nil
    }

    func incident(of site: String) -> Int64? {
        cases.values.first { $0.attack.site == site && !$0.attack.isOver }?.record?.incident
    }

    /// The number of that incident, as people know it.
    func number(of site: String) async -> String? { incident(of: site).flatMap { numbers[$0] } }

    func seconds() -> AsyncStream<[SitePoint]> {
        let number = nextListener
        nextListener += 1
        let (stream, continuation) = AsyncStream.makeStream(of: [SitePoint].self, bufferingPolicy: .bufferingNewest(5))
        listeners[number] = continuation
        return stream
    }

    func end() {
        for listener in listeners.values { listener.finish() }
    }

    // MARK: What is kept

    func note(_ event: AttackEvent, organisation: String, service: ServiceKind, title: String) {
        let attack = event.attack
        switch event {
        case .opened(let begun):
            var metadata: Logger.Metadata = ["site": "\(begun.site)", "start": "\(begun.start.text)"]
            if let traffic = begun.traffic {
                metadata["peak_pps"] = "\(traffic.peakPackets)"
            } else {
                metadata["peak_rps"] = "\(begun.peakRate)"
            }
            logger.warning("an attack began", metadata: metadata)
        case .changed: break
        case .over(let done):
            logger.notice(
                "an attack is over",
                metadata: ["site": "\(done.site)", "start": "\(done.start.text)", "end": "\(done.end.text)"])
        }
        let key = Self.key(attack)
        let unknown = Judgement(
            of: [], start: attack.start, end: attack.end, isOver: false, interval: interval, now: attack.end)
        var held =
            cases[key]
            ?? Case(attack: attack, organisation: organisation, service: service, title: title, judgement: unknown)
        held.attack = attack
        held.isFiled = false
        cases[key] = held
    }

    func store(_ now: Moment) async throws {
        if !samples.isEmpty {
            let taken = samples
            try await records.add(taken)
            samples.removeFirst(min(taken.count, samples.count))
        }
        if !points.isEmpty {
            let taken = points
            try await records.add(taken)
            points.removeFirst(min(taken.count, points.count))
        }
        for key in cases.keys.sorted() { try await settle(key, now) }
        for name in fresh.keys { fresh[name]?.removeAll { now - $0.at > max(60, 20 * interval) } }
        if now.seconds % Self.dayTime == 0 { try await storeDays(now) }
        if now.seconds % Self.profileTime == 0 { await keepProfiles() }
    }

    private func storeDays(_ now: Moment) async throws {
        for name in days.keys.sorted() {
            for record in days[name]?.close(now) ?? [] { try await records.file(record) }
        }
    }

    /// Files what is left of the sites at the end, and leaves to the next recorder what cannot be filed yet.
    func leave(_ now: Moment) async {
        var remainder = RecordRemainder(made: now, sites: [:])
        for name in ledgers.keys.sorted() {
            guard let end = ledgers[name]?.end(now) else { continue }
            days[name]?.count(end.requests)
            points += end.points
            remainder.sites[name] = end.remainder
        }
        await finish(now)
        do {
            try await storeDays(now)
        } catch {
            logger.error("the days are not on record up to now", metadata: ["reason": "\(error)"])
        }
        do throws(OfficeError) {
            try remainder.keep(in: folder)
        } catch {
            logger.error("what was counted is not left to the next office", metadata: ["reason": "\(error)"])
        }
    }

    /// Judges one attack and files what is new of it.
    private func settle(_ key: String, _ now: Moment) async throws {
        guard var held = cases[key], held.attack.traffic != nil || ledgers[held.attack.site] != nil else { return }
        let isDue = !held.isFiled || now.seconds % Self.judgeTime == 0
        guard isDue else { return }
        let attack = held.attack
        let judgement = try await judge(attack, now)
        let isFirst = held.record == nil
        let isNews = !held.isFiled || judgement != held.judgement
        if isNews {
            held.record = try await records.file(
                attack, organisation: held.organisation, service: held.service, judgement: judgement)
        }
        held.judgement = judgement
        held.isFiled = true
        if let record = held.record {
            let isEnd = attack.isOver && now > attack.end + Judgement.aftermath
            if isFirst { try await open(record, held) }
            let isLater = isNews && held.measured.map { now - $0 >= Self.measurePause } ?? true
            if attack.traffic == nil, isFirst || (isLater || isEnd) && held.mitigation != 0 {
                held.mitigation = try await measure(record, id: held.mitigation, isEnd: isEnd)
                held.measured = now
            }
            if isEnd { try await close(record, held) }
        }
        try await share(held.attack, organisation: held.organisation, now)
        // The actor may have heard more of it while the register was at work.
        if let current = cases[key], current.attack != attack {
            held.attack = current.attack
            held.isFiled = false
        }
        let isDone = held.attack.isOver && now > held.attack.end + Judgement.aftermath && held.isFiled
        cases[key] = isDone ? nil : held
    }

    private func judge(_ attack: DetectedAttack, _ now: Moment) async throws -> Judgement {
        let around = attack.start + -4 * interval..<attack.end + (Judgement.aftermath + 4 * interval)
        // What is being measured now is not known yet.
        let known = now + -2 * interval
        guard let traffic = attack.traffic else {
            let measured = try await records.samples(site: attack.site, path: .lane, in: around)
            return Judgement(
                of: measured, start: attack.start, end: attack.end, isOver: attack.isOver, interval: interval,
                now: known)
        }
        var measured: [[Sample]] = []
        for site in traffic.sites {
            measured.append(try await records.samples(site: site, path: .lane, in: around))
        }
        return Judgement(
            watching: measured, start: attack.start, end: attack.end, isOver: attack.isOver, interval: interval,
            now: known)
    }

    /// Puts the fingerprints of an attack on file, signed, once they have settled.
    private func share(_ attack: DetectedAttack, organisation: String, _ now: Moment) async throws {
        for fingerprint in attack.fingerprints where isSettled(fingerprint, of: attack, now) {
            let id = fingerprint.identifier
            guard !shared.contains(id) else { continue }
            let form: [UInt8]
            do {
                form = try fingerprint.export(signedBy: signer.name, with: signer.key)
            } catch {
                shared.insert(id)
                logger.notice("a fingerprint is not fit to be shared", metadata: ["reason": "\(error)"])
                continue
            }
            // Earlier versions filed the same under the identifier of their form.
            if try await records.fingerprint(id: fingerprint.identifier(as: .one)) == nil {
                try await records.file(
                    StoredFingerprint(
                        id: id, form: form, origin: organisation, isImported: false, isDry: true, filed: now))
            }
            shared.insert(id)
        }
    }

    private func isSettled(_ fingerprint: Fingerprint, of attack: DetectedAttack, _ now: Moment) -> Bool {
        guard attack.traffic != nil else { return now - attack.end >= Self.settleTime }
        // Exports may come a minute apart: a lull says little, so age counts.
        return attack.isOver || fingerprint.evidence.until - fingerprint.evidence.from >= TrafficLedger.firstMeasure
    }

    /// The measure that was filed with an attack.
    private func measure(of attack: DetectedAttack) async throws -> Mitigation? {
        try await records.mitigations(scope: attack.site, in: attack.start..<attack.start + 1)
            .first { $0.kind == .admission && $0.since == attack.start }
    }

    private func open(_ record: AttackRecord, _ held: Case) async throws {
        let attack = record.attack
        let around = attack.start + -86_400..<attack.start + 86_400
        let incidents = try await records.incidents(organisation: record.organisation, in: around, limit: 1_000)
        if let incident = incidents.first(where: { $0.id == record.incident }) {
            numbers[incident.id] = incident.number
        }
        guard record.service == .publicService else { return }
        try await records.add(
            Post(at: attack.detected, author: Self.author, text: words(.started, record, held.title)),
            to: record.incident)
    }

    /// Files what the lanes do by themselves, and what it came to so far. Against what is only watched they do nothing.
    private func measure(_ record: AttackRecord, id: Int64, isEnd: Bool) async throws -> Int64 {
        let attack = record.attack
        let reason =
            isEnd
            ? "the excess ended"
            : "demand exceeded what the origins can take: \(attack.peakRate) requests/s, "
                + "\(Int(attack.usualRate.rounded())) are usual"
        return try await records.file(
            Mitigation(
                id: id, tenant: record.organisation, scope: attack.site, kind: .admission,
                status: isEnd ? .ended : .live, since: attack.start, until: isEnd ? attack.end : nil, reason: reason,
                dropped: attack.refused), incident: record.incident)
    }

    private func close(_ record: AttackRecord, _ held: Case) async throws {
        let attack = record.attack
        guard record.service == .publicService else { return }
        try await records.add(
            Post(at: attack.end + Judgement.aftermath, author: Self.author, text: words(.over, record, held.title)),
            to: record.incident)
    }

    private func words(_ text: PreparedText, _ record: AttackRecord, _ title: String) -> Words {
        text.words(
            PreparedText.Values(
                service: title, start: record.attack.start, end: record.attack.isOver ? record.attack.end : nil,
                outcome: record.judgement.outcome, downtime: record.judgement.downtime?.seconds,
                isWatched: record.attack.traffic != nil))
    }

    static func key(_ attack: DetectedAttack) -> String { "\(attack.site) \(attack.start.milliseconds)" }
}
