internal import Addresses
internal import Messages

/// Lists of sources, and crawlers.
extension SettingsBuilder {
    mutating func access(_ values: Values) -> Settings.Access {
        let access = Settings.Access(
            allow: blocks(values, Keys.Access.allow), deny: blocks(values, Keys.Access.deny))
        let both = Set(access.allow).intersection(access.deny)
        if let first = access.deny.first(where: both.contains) {
            complaints.refuse(values.place(of: Keys.Access.deny), "\(first) is in 'allow' and in 'deny'")
        }
        return access
    }

    /// Blocks of a list, none of which is everyone.
    private mutating func blocks(_ values: Values, _ key: Key) -> [Prefix] {
        values.list(key).compactMap { value in
            guard case .prefix(let prefix) = value.content else { return nil }
            if prefix.length == 0 { complaints.refuse(value.place, "\(prefix) is everyone") }
            return prefix
        }
    }

    /// The built-in crawlers and those of the file, which replace built-in ones of the same name.
    mutating func bots(_ root: Values) -> [Settings.Bot] {
        var bots = root.flag(Keys.Bots.known) == false ? [] : KnownBots.all
        var seen: [String: Place] = [:]
        for values in root.sections(Keys.Bots.list) {
            let bot = bot(values)
            if !bot.name.isEmpty, let first = seen.updateValue(bot.place, forKey: bot.name) {
                complaints.refuse(bot.place, "the crawler '\(bot.name)' is here twice\(also(first))")
            }
            bots.removeAll { $0.name == bot.name }
            bots.append(bot)
        }
        return bots
    }

    private mutating func bot(_ values: Values) -> Settings.Bot {
        var bot = Settings.Bot(name: values.text(Keys.Bots.name) ?? "", agent: values.text(Keys.Bots.agent) ?? "")
        bot.place = values.place
        bot.domains = values.list(Keys.Bots.domains).compactMap { value in
            guard case .text(let domain) = value.content else { return nil }
            return domain
        }
        bot.ranges = blocks(values, Keys.Bots.ranges)
        bot.rangesFile = values.text(Keys.Bots.rangesFile).map(path)
        bot.rate = UInt32(clamping: values.number(Keys.Bots.rate) ?? 5)
        let ways = [Keys.Bots.domains, Keys.Bots.ranges, Keys.Bots.rangesFile]
        if !ways.contains(where: values.has) {
            complaints.refuse(
                values.place,
                "nothing proves that crawler; give 'domains', 'ranges' or 'ranges_file'. Whoever wants can send its agent"
            )
        }
        return bot
    }
}
