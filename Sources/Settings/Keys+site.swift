extension Keys {
    enum Site {
        static let name = Key(
            "name", .text(.identifier), .otherwise("the first host"),
            "Name of the site in logs and figures; unique over all organisations.")
        static let host = Key(
            "host", .text(.host), .otherwise("or `hosts`"),
            "The host name that visitors ask for, without port; unique over all organisations. "
                + "`\"*.voorbeeld.example\"` (with quotes) covers one more label; a name in full goes before it."
        )
        static let hosts = Key(
            "hosts", .list(.text(.host), 1...4096), .otherwise("or `host`"), "The same for several names.")
        static let certificate = Key(
            "certificate", .text(.path), .otherwise("none: the site is served in clear only"),
            "PEM file with the site's certificate and, after it, the intermediate ones.")
        static let key = Key(
            "key", .text(.path), .otherwise("in the certificate's file, or beside it with the ending .key"),
            "PEM file with the private key of the certificate, without password.")
        static let origin = Key(
            "origin", .text(.origin), .otherwise("or `origins`"),
            "The site's own server, such as `https://192.0.2.10:8443`. A name that has several addresses counts as "
                + "several origins. HTTPS is always verified.")
        static let origins = Key(
            "origins", .list(.text(.origin), 1...16), .otherwise("or `origin`"), "The same for several servers.")
        static let originName = Key(
            "origin_name", .text(.serverName),
            .otherwise("the URL's host; the site's first host where the URL has an address"),
            "The name that HTTPS origins are asked for and that their certificate must hold.")
        static let originAuthority = Key(
            "origin_authority", .text(.path), .otherwise("the authorities that this machine trusts"),
            "PEM file with the only authorities that an HTTPS origin's certificate may come from, or with that "
                + "certificate itself; at most 16.")
        static let mode = Key(
            "mode", .choice(["protect", "observe"]), .value("protect"),
            "`observe` counts what would have been done, and lets every request through.")
        static let score = Key(
            "score", .flag, .value("true"),
            "Whether requests are also judged by what they look like while the site is under pressure. `false`: only the "
                + "limit, the queue, the classes and the fair shares decide.")
        static let service = Key(
            "service", .choice(["public", "back-office"]), .value("public"),
            "Whether the public or the organisation's own staff use it; told apart in all figures.")
        static let sourceLimit = Key(
            "source_limit", .section(SourceLimit.section), .otherwise("no hard limit, only fair shares"),
            "Hard limit on one source.")
        static let bodyLimit = Key(
            "body_limit", .amount(.size, 0...(1 << 40)), .value("16 MiB"),
            "Longest request body, for instance an upload. 0 allows none.")

        static let section = Section(
            path: "organisations[].sites[]",
            meaning:
                "A site. Three lines make one: `host`, `certificate` and `origin`; two where it has no certificate.",
            keys: [
                host, hosts, name, certificate, key, origin, origins, originName, originAuthority, mode, service,
                Check.section, sourceLimit, bodyLimit, score,
            ] + Cache.all + [Access.allow, Access.deny])
    }

    enum SourceLimit {
        static let rate = Key(
            "rate", .count(1...1_000_000), .required, "Requests a second that one source may make, over time.")
        static let burst = Key(
            "burst", .count(1...1_000_000), .otherwise("twice the rate"),
            "Requests that it may make at once before the rate counts.")
        static let section = Section(
            path: "organisations[].sites[].source_limit",
            meaning: "A hard limit on one source (an IPv4 address or an IPv6 /64), also in quiet times. Offices and "
                + "mobile networks share an address among many people: without need, leave it out.",
            keys: [rate, burst])
    }
}
