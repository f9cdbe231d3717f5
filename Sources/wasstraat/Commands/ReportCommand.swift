internal import ArgumentParser
internal import Detection
internal import Exchange
internal import Fingerprints
internal import Incidents
internal import Languages
internal import Mitigations
internal import Moments
internal import PublicStatus
internal import Register

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "Answer from the register.",
        subcommands: [Questions.self, Figures.self, Listing.self, Downtime.self, Sealed.self])

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text
        case html
        case json
    }

    struct Shape: ParsableArguments {
        @Option(help: "text, html or json.")
        var format = Format.text

        @Option(help: "nl or en.")
        var language = "en"

        func validate() throws {
            guard Language(rawValue: language) != nil else { throw ValidationError("the language is nl or en") }
        }

        var words: Language { Language(rawValue: language) ?? .en }
    }

    struct Questions: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "questions",
            abstract: "What was it, who claims it, what did citizens notice, how long, how often: for one incident.")

        @OptionGroup var register: RegisterOptions
        @OptionGroup var shape: Shape

        @Argument(help: "The incident's number, such as 2026-7.")
        var incident: String

        func run() async throws {
            try await answering {
                let opened = try await register.open()
                let found = try await find(incident, in: opened.records)
                let now = Moment.now
                let earlier = try await opened.records.incidents(
                    organisation: found.organisation, in: Moment(seconds: 0)..<now, limit: 10_000)
                let backOffice = try await Publisher.backOffice(
                    of: found, sites: opened.configuration.recordedSites, records: opened.records,
                    interval: opened.configuration.interval, now: now)
                let answers = Answers(found, earlier: earlier, backOffice: backOffice, now: now)
                switch shape.format {
                case .text: print(ReportText.text(answers, in: shape.words))
                case .html: print(ReportPage.page(answers, in: shape.words))
                case .json: print(try ReportText.json(answers))
                }
            }
        }
    }

    struct Figures: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "statistics",
            abstract: "How many attacks, how many fended off, how long down: with numbers, coverage and interval.")

        @OptionGroup var register: RegisterOptions
        @OptionGroup var shape: Shape

        @Option(help: "A year; all of the register if left out.")
        var year: Int?

        func run() async throws {
            try await answering {
                let opened = try await register.open()
                let period = try Self.period(year)
                let incidents = try await opened.records.incidents(organisation: nil, in: period, limit: 1_000_000)
                let sites = opened.configuration.recordedSites
                var measured = 0
                for site in sites where site.service == .publicService {
                    let days = try await opened.records.days(
                        site: site.name, in: period.lowerBound.day..<period.upperBound.day)
                    if days.contains(where: { $0.known > 0 }) { measured += 1 }
                }
                let table = Statistics(
                    incidents, in: period,
                    coverage: Statistics.Coverage(
                        organisations: Set(sites.map(\.organisation)).count,
                        services: sites.count { $0.service == .publicService }, servicesMeasured: measured))
                switch shape.format {
                case .text: print(ReportText.text(table, in: shape.words))
                case .html: print(ReportPage.page(table, in: shape.words))
                case .json: print(try ReportText.json(table))
                }
            }
        }

        private static func period(_ year: Int?) throws -> Range<Moment> {
            guard let year else { return Moment(seconds: 0)..<Moment.now + 86_400 }
            guard let first = Day(year: Int64(year), month: 1, day: 1),
                let next = Day(year: Int64(year) + 1, month: 1, day: 1)
            else { throw ValidationError("\(year) is no year from 1970 to 9998") }
            return first.start..<next.start
        }
    }

    struct Listing: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "incidents", abstract: "Lists the latest incidents with their attacks.")

        @OptionGroup var register: RegisterOptions

        @Option(help: "text or json.")
        var format = Format.text

        func validate() throws {
            guard format != .html else { throw ValidationError("the list is text or json") }
        }

        func run() async throws {
            try await answering {
                let opened = try await register.open()
                let all = try await opened.records.incidents(
                    organisation: nil, in: Moment(seconds: 0)..<Moment.now + 86_400, limit: 50)
                guard format == .text else {
                    let known = Set(try await opened.records.fingerprints().map(\.id))
                    return print(try ReportText.json(all.map { ListedIncident($0, known: known) }))
                }
                if all.isEmpty { print("The register holds no incident.") }
                for one in all {
                    let outcome = Phrases.outcome(one.outcome).en + (one.isProvisional ? " (provisional)" : "")
                    print("\(one.number)  \(one.organisation)  \(one.start.text)  \(outcome)")
                    for record in one.watched {
                        guard let traffic = record.attack.traffic else { continue }
                        let state = record.attack.isOver ? "over" : "going on"
                        let done = ReportText.handling(one.handling(of: record))
                        print(
                            "  \(traffic.target)  \(traffic.kinds.joined(separator: ", "))  \(traffic.peak.en) at the peak, "
                                + "\(done), \(state)")
                    }
                    for record in one.attacks {
                        for measure in one.packetMeasures(against: record) {
                            if let line = ReportText.line(measure) { print(line) }
                        }
                    }
                }
            }
        }
    }

    struct Downtime: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "downtime", abstract: "How long a service was down, as measured, with bounds and basis.")

        @OptionGroup var register: RegisterOptions

        @Argument(help: "The site.")
        var site: String

        @Option(help: "lane (as visitors come) or origin (straight at it).")
        var path = "lane"

        @Option(help: "From when, such as 2026-11-23T16:00:00Z.")
        var from: String

        @Option(help: "Until when; now, if left out.")
        var until: String?

        func run() async throws {
            try await answering {
                guard let path = Sample.Path(rawValue: path) else {
                    throw ValidationError("the path is lane or origin")
                }
                guard let from = Moment(from), let until = until.map({ Moment($0) }) ?? Moment.now, from < until else {
                    throw ValidationError("the times are such as 2026-11-23T16:00:00Z, the earlier one first")
                }
                let opened = try await register.open()
                guard opened.configuration.recordedSites.contains(where: { $0.name == site }) else {
                    throw ValidationError("there is no site \(site)")
                }
                let interval = opened.configuration.interval
                let samples = try await opened.records.samples(
                    site: site, path: path, in: from + -4 * interval..<until + 4 * interval)
                let availability = Availability(samples, in: from..<until, interval: interval)
                print(try ReportText.json(MeasuredDowntime(availability)))
            }
        }
    }
}

extension ReportCommand {
    struct Sealed: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sealed",
            abstract: "Open the sealed part of an incident: the networks that the requests came from.",
            discussion: """
                Source networks are personal data. Each reading goes on record with its reason, in the register's audit \
                log.
                """)

        @OptionGroup var register: RegisterOptions

        @Argument(help: "The incident's number, such as 2026-7.")
        var incident: String

        @Option(help: "Why it is read; goes on record.")
        var reason: String

        @Option(help: "Who reads it; goes on record.")
        var by: String

        func validate() throws {
            guard reason.count >= 10, !by.isEmpty else {
                throw ValidationError("say who reads it, and why in at least 10 characters")
            }
        }

        func run() async throws {
            try await answering {
                let opened = try await register.open()
                let found = try await find(incident, in: opened.records)
                for record in found.attacks {
                    print("\(record.attack.site)  \(record.attack.start.text)")
                    for network in try await opened.records.unseal(attack: record.id, reason: reason, by: by) {
                        print("  \(network.name)  \(network.count)")
                    }
                }
            }
        }
    }
}

private struct MeasuredDowntime: Encodable {
    /// nil where less than four fifths of the time was measured.
    var downtime: Judgement.Downtime?
    var degradedSeconds: Double
    var known: Double
    var basis: Judgement.Basis

    init(_ availability: Availability) {
        downtime = availability.known < Judgement.knownLimit ? nil : availability.downtime
        degradedSeconds = availability.seconds(.degraded)
        known = availability.known
        basis = availability.basis
    }
}
