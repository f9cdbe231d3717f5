internal import Detection
internal import Incidents
internal import Languages
internal import Moments
internal import PublicStatus
internal import StatusPages

/// Puts together what the public may see, from the register and the recorder; it looks at nothing twice that cannot have
/// changed.
struct Publisher {
    /// Incidents shown at most, latest first; the pages link no further back than their 90 days.
    static let limit = 200
    static let days: Int64 = 90

    struct Organisation: Equatable, Sendable {
        var name: String
        var title: String
    }

    private let records: any Records
    private let interval: Double
    /// The washing street's own name, for people.
    private let title = "Wasstraat"
    /// What was made of incidents that are closed and settled.
    private var settled: [String: (Incident, PublicIncident)] = [:]

    init(records: any Records, interval: Double) {
        self.records = records
        self.interval = interval
    }

    /// - Returns: all together, and each organisation by itself.
    mutating func overviews(
        of organisations: [Organisation], sites: [RecordedSite], recorder: Recorder, now: Moment
    ) async throws -> (PublicOverview, [PublicOverview]) {
        let shown = sites.filter { $0.service == .publicService }
        var services: [PublicService] = []
        for site in shown {
            services.append(try await service(site, state: await recorder.state(of: site.name, now: now), now: now))
        }
        let period = now + -Double(Self.days) * 86_400..<now + 1
        var incidents: [PublicIncident] = []
        for incident in try await records.incidents(organisation: nil, in: period, limit: Self.limit)
        where incident.isPublic { incidents.append(try await publish(incident, sites: sites, now: now)) }
        let numbers = Set(incidents.map(\.number))
        settled = settled.filter { numbers.contains($0.key) }
        let basis = basis
        let pages = Dictionary(organisations.map { ($0.name, Self.page(of: $0.name)) }, uniquingKeysWith: { $1 })
        for index in services.indices { services[index].organisation = pages[services[index].organisation] ?? "" }
        for index in incidents.indices { incidents[index].organisation = pages[incidents[index].organisation] ?? "" }
        func overview(_ name: String, _ title: String, _ isIn: (String) -> Bool) -> PublicOverview {
            PublicOverview(
                made: now, name: name, title: title, services: services.filter { isIn($0.organisation) },
                incidents: incidents.filter { isIn($0.organisation) }, basis: basis)
        }
        return (
            overview("", title) { _ in true },
            organisations.map { one in
                overview(Self.page(of: one.name), one.title) { $0 == Self.page(of: one.name) }
            }
        )
    }

    /// An organisation's name as part of a page's address: without dots, and none that a page of ours has.
    private static func page(of name: String) -> String {
        let plain = name.split(separator: ".").joined(separator: "-")
        return plain.isEmpty || StatusPages.reserved.contains(plain) ? plain + "-" : plain
    }

    private var basis: Words {
        let every = Phrases.duration(interval)
        return Words(
            nl:
                "Elke \(every.nl) wordt elke dienst gevraagd om een pagina met een bekend woord. Zonder meting is de stand "
                + "onbekend.",
            en:
                "Every \(every.en) each service is asked for a page with a known word. Without measurement the state is "
                + "unknown.")
    }

    private func service(_ site: RecordedSite, state: ServiceState, now: Moment) async throws -> PublicService {
        let first = now.day + (1 - Self.days)
        let known = try await records.days(site: site.name, in: first..<now.day + 1)
        let byDay = Dictionary(known.map { ($0.day, $0) }, uniquingKeysWith: { $1 })
        let days = (0..<Self.days).map { offset in
            byDay[first + offset].map(PublicDay.init)
                ?? PublicDay(day: first + offset, worst: .unknown, downSeconds: 0, known: 0)
        }
        return PublicService(
            name: site.name, title: site.host, organisation: site.organisation, state: PublicState(state), since: nil,
            days: days)
    }

    private mutating func publish(
        _ incident: Incident, sites: [RecordedSite], now: Moment
    ) async throws -> PublicIncident {
        if let (before, made) = settled[incident.number], before == incident { return made }
        let titles = Dictionary(sites.map { ($0.name, $0.host) }, uniquingKeysWith: { $1 })
        let until = min(now, incident.end + Judgement.aftermath)
        let window = incident.start + -60..<max(until, incident.start + 1)
        let backOffice = try await Self.backOffice(
            of: incident, sites: sites, records: records, interval: interval, now: now)
        var plot: PublicPlot?
        // Of what was only watched there is no series of requests.
        if let site = incident.defended.last(where: { $0.service == .publicService })?.attack.site {
            let measured = try await records.samples(
                site: site, path: .lane,
                in: window.lowerBound + -4 * interval..<window.upperBound + 4 * interval)
            plot = PublicPlot(
                try await records.points(site: site, in: window),
                availability: Availability(measured, in: window, interval: interval), in: window)
        }
        let made = incident.published(titles: titles, backOffice: backOffice, plot: plot, now: now)
        if incident.isOver, now > incident.end + 2 * Judgement.aftermath { settled[incident.number] = (incident, made) }
        return made
    }

    /// What was measured of the organisation's back office during an incident; of several the one that fared worst. nil:
    /// it has none here, or nothing was measured.
    static func backOffice(
        of incident: Incident, sites: [RecordedSite], records: any Records, interval: Double, now: Moment
    ) async throws -> Availability? {
        let window = incident.start..<max(incident.start, min(now, incident.end + Judgement.aftermath))
        var worst: Availability?
        for site in sites where site.organisation == incident.organisation && site.service == .backOffice {
            let measured = try await records.samples(
                site: site.name, path: .lane,
                in: window.lowerBound + -4 * interval..<window.upperBound + 4 * interval)
            guard !measured.isEmpty else { continue }
            let availability = Availability(measured, in: window, interval: interval)
            if availability.downtime.longest >= worst?.downtime.longest ?? 0 { worst = availability }
        }
        return worst
    }
}
