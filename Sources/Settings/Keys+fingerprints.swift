extension Keys {
    enum Fingerprints {
        static let rules = Key(
            "rules", .choice(["off", "dry", "live"]), .value("live"),
            "What becomes of them. `off`: nothing. `dry`: rules that count what they would mark. `live`: rules that mark "
                + "where the site's profile has enough history and says that they would have hit no more than 0.1 % of "
                + "its requests; the others count.")
        static let history = Key(
            "history", .count(300...1_000_000_000), .value("100000"),
            "Requests that a site's profile must have learnt before a rule marks there; a day of them is enough too.")
        static let section = Key(
            "fingerprints",
            .section(
                Section(
                    path: "fingerprints",
                    meaning:
                        "Rules on requests that detection makes of an attack while it goes on: which program, which "
                        + "target. What one matches goes last while not all fit, and passes when all do; a known visitor is "
                        + "never marked. They end by themselves.",
                    keys: [rules, history])), .otherwise("as below"), "Rules on requests against attacks.")
    }
}

extension Settings {
    /// What becomes of fingerprints of requests.
    package struct Fingerprints: Equatable, Sendable {
        package var rules = Filter.Rules.live
        /// Requests that a profile must have learnt before a rule acts.
        package var history: UInt64 = 100_000

        package init() {}
    }
}

extension SettingsBuilder {
    func fingerprints(_ values: Values) -> Settings.Fingerprints {
        var fingerprints = Settings.Fingerprints()
        fingerprints.rules = values.text(Keys.Fingerprints.rules).flatMap(Settings.Filter.Rules.init) ?? .live
        fingerprints.history = values.number(Keys.Fingerprints.history) ?? fingerprints.history
        return fingerprints
    }
}
