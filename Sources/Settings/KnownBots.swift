/// Crawlers whose operators say by which names their addresses are to be recognised, as of the year below. One that
/// publishes addresses alone (DuckDuckBot), or no way at all, is not here: name it in the configuration.
enum KnownBots {
    /// Looked at in 2026: the pages "verify Googlebot", "verify Bingbot", "About Applebot", of Yandex "check if a robot
    /// belongs to Yandex", of Baidu "Baiduspider", and the names of the Internet Archive's machines.
    static let all: [Settings.Bot] = [
        bot("googlebot", "Googlebot", ["googlebot.com", "google.com"]),
        bot("bingbot", "bingbot", ["search.msn.com"]),
        bot("applebot", "Applebot", ["applebot.apple.com"]),
        bot("yandexbot", "YandexBot", ["yandex.ru", "yandex.net", "yandex.com"]),
        bot("baiduspider", "Baiduspider", ["baidu.com", "baidu.jp"]),
        bot("archive.org", "archive.org_bot", ["archive.org"]),
    ]

    static var names: String { all.map { "`\($0.name)`" }.joined(separator: ", ") }

    private static func bot(_ name: String, _ agent: String, _ domains: [String]) -> Settings.Bot {
        Settings.Bot(name: name, agent: agent, domains: domains)
    }
}
