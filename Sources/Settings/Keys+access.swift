/// Who passes and who does not, whatever the traffic.
extension Keys {
    /// At an organisation, and at a site.
    enum Access {
        static let allow = Key(
            "allow", .list(.prefix, 1...1024), .otherwise("none"),
            "Sources that pass: monitors, offices. They wait behind nobody, are never suspect and never blocked in the "
                + "kernel by a lane, and are counted apart. Together they may hold a quarter more than the origin's limit. "
                + "A site's list goes before its organisation's; of blocks that hold an address the longest one counts."
        )
        static let deny = Key(
            "deny", .list(.prefix, 1...1024), .otherwise("none"), "Sources that are answered with 403, at once.")
    }

    enum Bots {
        static let name = Key(
            "name", .text(.identifier), .required,
            "Name of the crawler in logs and figures. One of a built-in crawler replaces that.")
        static let agent = Key(
            "agent", .text(.token), .required,
            "What its `User-Agent` holds, whatever the case. It says what is to be proven, and proves nothing.")
        static let domains = Key(
            "domains", .list(.text(.serverName), 1...16), .otherwise("none"),
            "Domains that the names of its addresses lie in: the address has such a name, and the name has that address."
        )
        static let ranges = Key(
            "ranges", .list(.prefix, 1...4096), .otherwise("none"), "Its published addresses.")
        static let rangesFile = Key(
            "ranges_file", .text(.path), .otherwise("none"),
            "The same as a file: one address block a line; lines that begin with `#` are passed over.")
        static let rate = Key(
            "rate", .count(1...10_000), .value("5"),
            "Requests a second that it may make at each site as a crawler. Beyond that it is a visitor like any other.")
        static let list = Key(
            "bots",
            .list(
                .section(
                    Section(
                        path: "bots[]",
                        meaning:
                            "A crawler that passes as a known visitor, once it is proven: by its published addresses, "
                            + "or by the name of its address. One that says it is the crawler and is proven not to be is "
                            + "suspect. It needs `domains`, `ranges` or `ranges_file`.",
                        keys: [name, agent, domains, ranges, rangesFile, rate])), 1...32),
            .otherwise("the built-in ones alone"), "Crawlers beside the built-in ones.")
        static let known = Key(
            "known_bots", .flag, .value("true"),
            "Whether the built-in crawlers are proven by name: \(KnownBots.names). The office asks the name server for "
                + "sources that say they are one of them, a few a second.")
        static let nameServer = Key(
            "name_server", .endpoint, .otherwise("the first ones of `/etc/resolv.conf`"),
            "The name server that is asked for crawlers.")
    }
}
