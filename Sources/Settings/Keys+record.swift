extension Keys {
    enum Pages {
        static let host = Key(
            "host", .text(.host), .otherwise("or `hosts`"),
            "The host name of the public pages, without port; no site has it, and it is no wildcard.")
        static let hosts = Key(
            "hosts", .list(.text(.host), 1...16), .otherwise("or `host`"), "The same for several names.")
        static let certificate = Key(
            "certificate", .text(.path), .otherwise("none: the pages are served in clear only"),
            "PEM file with the certificate and, after it, the intermediate ones.")
        static let key = Key(
            "key", .text(.path), .otherwise("in the certificate's file, or beside it with the ending .key"),
            "PEM file with the private key of the certificate, without password.")
        static let address = Key(
            "address", .text(.address),
            .otherwise("`https://` and the first host; `http://` where there is no certificate"),
            "Where people reach the pages, as links and feeds say it.")
        static let section = Key(
            "pages",
            .section(
                Section(
                    path: "pages",
                    meaning: "The public status pages. Every lane serves them from memory, outside every site's "
                        + "budget, also while the office is gone.", keys: [host, hosts, certificate, key, address])),
            .otherwise("none: the pages are written to the state folder only"), "The public status pages.")
    }

    enum Prober {
        static let enabled = Key("enabled", .flag, .value("true"), "Whether the office measures by itself.")
        static let name = Key(
            "name", .text(.identifier), .value("office"), "Name of this vantage point in the basis of a judgement.")
        static let network = Key(
            "network", .text(.title), .value("own"),
            "The network it measures from, in the words of the basis. Vantage points in one network count as one.")
        static let interval = Key(
            "interval", .amount(.time, 1_000...300_000), .value("5 s"), "From one check of a site to the next.")
        static let timeout = Key(
            "timeout", .amount(.time, 1_000...60_000), .value("10 s"),
            "How long the whole page may take; a later one is a failure.")
        static let authority = Key(
            "authority", .text(.path), .otherwise("only the authorities that this machine trusts"),
            "PEM file with authorities that are trusted too when a site is checked as visitors see it; for a site whose "
                + "certificate comes from an authority of one's own.")
        static let section = Key(
            "prober",
            .section(
                Section(
                    path: "prober",
                    meaning: "Checks of every site, through its lanes and straight at its origins, on which the record "
                        + "of availability rests.", keys: [enabled, name, network, interval, timeout, authority])),
            .otherwise("as below"), "Measures whether the sites can be used.")
    }

    enum Collector {
        static let listen = Key(
            "listen", .endpoint, .required,
            "Where routers send flow exports to, over UDP. Whoever can send here can make up traffic: let a packet "
                + "filter pass your exporters only.")
        static let baseline = Key(
            "baseline", .text(.path), .otherwise("the profile of ordinary traffic that is shipped"),
            "What is normal: a profile, made by `wasstraat profile`.")
        static let section = Key(
            "collector",
            .section(
                Section(
                    path: "collector",
                    meaning: "Flow exports (NetFlow 5 and 9, IPFIX, sFlow 5), in which the office finds attacks on the "
                        + "organisations' `networks` and files them. It only watches.", keys: [listen, baseline])),
            .otherwise("none: the office receives no flow exports"), "Receives flow exports.")
    }

    enum Check {
        static let path = Key(
            "path", .text(.target), .value("/"), "The page that is asked for; one that is cheap for the origin.")
        static let word = Key(
            "word", .text(.title), .otherwise("none: only the status counts"),
            "A text that the right page holds and no error page does.")
        static let status = Key("status", .count(200...599), .value("200"), "The status that the page has.")
        static let section = Key(
            "check",
            .section(
                Section(
                    path: "organisations[].sites[].check",
                    meaning: "What the prober asks a site for, and by what it knows the answer.",
                    keys: [path, word, status])), .otherwise("as below"), "How the prober checks the site.")
    }

    enum Console {
        static let listen = Key(
            "listen", .endpointOrOff, .value("127.0.0.1:9465"),
            "Where the console for operators is served, in clear: for a browser on this machine, or over a tunnel "
                + "(SSH) to it.")
        static let session = Key(
            "session", .amount(.time, 300_000...604_800_000), .value("8 h"),
            "How long someone stays signed in.")
        static let factor = Key(
            "second_factor", .choice(["optional", "required"]), .value("optional"),
            "Whether all accounts must have a second factor (an app's code, TOTP): who has none can then do nothing but set "
                + "one up.")
        static let section = Key(
            "console",
            .section(Section(path: "console", meaning: "The console for operators.", keys: [listen, session, factor])),
            .otherwise("as below"), "The console for operators.")
    }
}
