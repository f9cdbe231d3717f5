extension Keys {
    enum Filter {
        static let interface = Key(
            "interface", .text(.interface), .required,
            "The network interface at which packets come in, such as `eth0`.")
        static let sampling = Key(
            "sampling", .count(0...1_000_000), .value("1024"),
            "One frame in so many has its first bytes copied out, for detection and `wasstraat filter samples`. 0: none."
        )
        static let tunnels = Key(
            "tunnels", .flag, .value("false"),
            "Whether packets inside tunnels (GRE, IP in IP) are judged too. It costs each packet some time.")
        static let malformed = Key(
            "malformed", .choice(["off", "dry", "live"]), .value("live"),
            "What becomes of packets whose headers contradict each other, or that no system sends. `off`: they pass. "
                + "`dry`: they pass and are counted. `live`: they are dropped.")
        static let rules = Key(
            "rules", .choice(["off", "dry", "live"]), .value("dry"),
            "What becomes of the fingerprints of attacks that samples and the collector show on the organisations' "
                + "`networks`. `off`: nothing. `dry`: rules that count what they would drop. `live`: rules that drop, where it is "
                + "measured that they hit no more than 0.1 % of ordinary traffic; the others count.")
        static let sources = Key(
            "sources", .choice(["off", "dry", "live"]), .value("dry"),
            "What becomes of sources that a lane has proven hostile: refused again and again while their site is under "
                + "pressure, and no sign of a visitor. `off`: nothing. `dry`: they are counted in the kernel. `live`: "
                + "their packets are dropped there.")
        static let blockTime = Key(
            "block_time", .amount(.time, 60_000...86_400_000), .value("10 min"),
            "How long such a source is blocked for. It doubles each time that one is proven again after its end, up to "
                + "2 h, or to this time where that is longer.")
        static let detection = Key(
            "detection", .flag, .value("true"),
            "Whether the samples are looked at for attacks on the organisations' `networks`, for the record, the rules and "
                + "the cookies, and whether rules are measured on ordinary samples, so that one that hits too many stops."
        )
        static let cookies = Key(
            "cookies", .choice(["off", "auto"]), .value("auto"),
            "Whether SYN to an address of this machine are answered with cookies while `detection` sees a flood of them "
                + "there. It ends within about a minute after the flood.")
        static let sourceBudget = Key(
            "source_budget",
            .section(Budget.section("source_budget", "one source (an IPv4 address or an IPv6 /64) sends")),
            .otherwise("none"), "Drops what one source sends beyond this.")
        static let destinationBudget = Key(
            "destination_budget", .section(Budget.section("destination_budget", "one address gets")),
            .otherwise("none"), "Drops what one address gets beyond this.")
        static let section = Key(
            "filter",
            .section(
                Section(
                    path: "filter",
                    meaning: "The filter of packets in the kernel, a process of its own (`wasstraat-filter`) that the "
                        + "office starts, or finds running. Where rights are missing nothing is filtered, and all else "
                        + "goes on. It filters on while the office or its process is gone.",
                    keys: [
                        interface, sampling, tunnels, malformed, rules, sources, blockTime, detection, cookies,
                        sourceBudget, destinationBudget,
                    ])),
            .otherwise("none: no packet is filtered"), "Filters packets in the kernel.")
    }

    /// Packets and bytes that pass, of or to one address.
    enum Budget {
        static let packets = Key("packets", .count(1...1_000_000_000), .required, "Packets a second.")
        static let bytes = Key("bytes", .amount(.size, 1024...(1 << 39)), .required, "Bytes a second.")
        static let conduct = Key(
            "conduct", .choice(["dry", "live"]), .value("live"),
            "`dry`: what is beyond passes and is counted. `live`: it is dropped.")

        static func section(_ name: String, _ whose: String) -> Section {
            Section(
                path: "filter.\(name)",
                meaning: "What \(whose) at most, over time; a second's worth may come at once.",
                keys: [packets, bytes, conduct])
        }
    }
}
