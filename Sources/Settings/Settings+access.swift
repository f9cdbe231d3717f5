package import Addresses
internal import Messages

extension Settings {
    /// Sources that pass and sources that are turned away.
    package struct Access: Equatable, Sendable {
        package var allow: [Prefix] = []
        package var deny: [Prefix] = []

        package init(allow: [Prefix] = [], deny: [Prefix] = []) {
            self.allow = allow
            self.deny = deny
        }
    }

    /// A crawler, and how it is proven.
    package struct Bot: Equatable, Sendable {
        /// Unique.
        package var name: String
        package var agent: String
        /// Lower-case.
        package var domains: [String] = []
        package var ranges: [Prefix] = []
        /// A file with more of them; nil: none.
        package var rangesFile: String?
        /// Requests a second at each site.
        package var rate: UInt32 = 5
        package var place = Place()

        package init(name: String, agent: String, domains: [String] = []) {
            self.name = name
            self.agent = agent
            self.domains = domains
        }
    }
}

extension Settings.Access {
    /// A site's own and its organisation's as one. Where both name the same block the site's word counts.
    func under(_ organisation: Self) -> Self {
        let own = Set(allow + deny)
        return Self(
            allow: allow + organisation.allow.filter { !own.contains($0) },
            deny: deny + organisation.deny.filter { !own.contains($0) })
    }
}

extension Settings.Bot {
    /// Bytes of a file with ranges: some 30 a line.
    private static let fileLimit = 256 << 10

    func compile(_ files: some Files, _ complaints: inout Complaints) -> Snapshot.Bot {
        var bot = Snapshot.Bot(name: name, agent: agent)
        bot.rate = rate
        bot.hasDomains = !domains.isEmpty
        bot.ranges = ranges
        if let rangesFile { bot.ranges += read(rangesFile, files, &complaints) }
        if bot.ranges.count > Snapshot.botRangeLimit {
            complaints.refuse(
                place, "the crawler '\(name)' has \(bot.ranges.count) address blocks; at most \(Snapshot.botRangeLimit)"
            )
        }
        return bot
    }

    private func read(_ path: String, _ files: some Files, _ complaints: inout Complaints) -> [Prefix] {
        let bytes: [UInt8]
        do throws(FileTrouble) {
            bytes = try files.read(path, limit: Self.fileLimit).bytes
        } catch {
            complaints.refuse(place, error.reason(for: path))
            return []
        }
        var ranges: [Prefix] = []
        for (number, line) in bytes.split(separator: 10, omittingEmptySubsequences: false).enumerated() {
            let text = String(decoding: line, as: UTF8.self).filter { $0 != " " && $0 != "\t" && $0 != "\r" }
            guard !text.isEmpty, !text.hasPrefix("#") else { continue }
            guard let prefix = Prefix(text), prefix.length > 0 else {
                complaints.refuse(
                    place,
                    "line \(number + 1) of \(shownPath(path)) is no address block: \(shown(String(text.prefix(60))))")
                return []
            }
            ranges.append(prefix)
        }
        if ranges.isEmpty { complaints.refuse(place, "the file \(shownPath(path)) holds no address block") }
        return ranges
    }
}
