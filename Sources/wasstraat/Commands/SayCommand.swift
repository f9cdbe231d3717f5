internal import ArgumentParser
internal import Detection
internal import Incidents
internal import Languages
internal import Moments
internal import PublicStatus
internal import Register

struct SayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "say", abstract: "Tell the public how an incident goes; it is on the pages within seconds.",
        discussion: """
            Say it with a prepared text (--prepared KEY; without a text the prepared ones are listed), or in your own words \
            in both languages (--nl and --en), which also replace the words of a prepared text.
            """)

    @OptionGroup var register: RegisterOptions

    @Argument(help: "The incident's number, such as 2026-7.")
    var incident: String

    @Option(help: "A prepared text, by its key.")
    var prepared: String?

    @Option(help: "The message in Dutch.")
    var nl: String?

    @Option(help: "The message in English.")
    var en: String?

    func run() async throws {
        try await answering {
            let opened = try await register.open()
            let found = try await find(incident, in: opened.records)
            let titles = Dictionary(
                opened.configuration.recordedSites.map { ($0.name, $0.host) }, uniquingKeysWith: { $1 })
            let values = found.values(titles: titles)
            let base = try prepared.map { try Self.text($0, values) }
            guard let dutch = nl ?? base?.nl, let english = en ?? base?.en else {
                for text in PreparedText.allCases {
                    let words = text.words(values)
                    print("\(text.rawValue)\n  nl: \(words.nl)\n  en: \(words.en)")
                }
                throw ValidationError("say it with --prepared KEY, or with --nl and --en")
            }
            try await opened.records.add(
                Post(at: .now, author: "command line", text: Words(nl: dutch, en: english)), to: found.id)
            print("Said on incident \(found.number)")
        }
    }

    private static func text(_ key: String, _ values: PreparedText.Values) throws -> Words {
        guard let text = PreparedText(rawValue: key) else {
            let keys = PreparedText.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("there is no prepared text \(key); there are: \(keys)")
        }
        return text.words(values)
    }
}

extension Incident {
    /// What a prepared text may tell of it.
    fileprivate func values(titles: [String: String]) -> PreparedText.Values {
        let shown = defended.first { $0.service == .publicService } ?? defended.first
        let goals = goals(titles: titles)
        return PreparedText.Values(
            service: shown.map { titles[$0.attack.site] ?? $0.attack.site } ?? goals.joined(separator: ", "),
            start: start, end: isOver ? end : nil, outcome: outcome, downtime: downtime(.publicService)?.seconds,
            isWatched: shown == nil)
    }
}
