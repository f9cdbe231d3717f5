internal import Messages

/// Every key of the configuration, in one table: the check reads it, and so does the reference page.
enum Keys {
    static let root = Section(
        path: "", meaning: "The top of the file.",
        keys: [
            state, instance, Organisation.list, Listener.list, trustedPeers, Lane.section, Lanes.list, Pages.section,
            Prober.section, Collector.section, Filter.section, Fingerprints.section, Console.section, Metrics.section,
            Retention.section, Limits.section, DiskCache.section, Bots.list, Bots.known, Bots.nameServer,
        ])

    static let state = Key(
        "state", .text(.path), .value("/var/lib/wasstraat"),
        "Folder for what Wasstraat keeps: keys, the access log, the control socket. Only its user may read it.")
    static let instance = Key(
        "instance", .text(.token), .value("wasstraat"),
        "Name of this installation in the field `Via`. Where one Wasstraat stands behind another, give each its own: a "
            + "request that comes back under its own name is taken for a loop.")
    static let trustedPeers = Key(
        "trusted_peers", .list(.prefix, 0...4096), .otherwise("none"),
        "Peers, such as a load balancer in front, whose `Forwarded` and `X-Forwarded-*` fields are kept and added to. "
            + "From all others these fields are removed.")

    enum Organisation {
        static let name = Key(
            "name", .text(.identifier), .required, "Name of the organisation in logs and figures; unique.")
        static let title = Key("title", .text(.title), .otherwise("the name"), "The organisation's name for people.")
        static let sites = Key(
            "sites", .list(.section(Site.section), 1...4096), .required,
            "The organisation's sites; at most 4096 in the whole file.")
        static let networks = Key(
            "networks", .list(.prefix, 1...1024), .otherwise("none: no attack seen in flow exports is filed for it"),
            "The organisation's own address blocks. An attack that the collector sees on one of them is filed as the "
                + "organisation's. No block may overlap one of another organisation.")
        static let share = Key(
            "share", .count(1...100), .value("1"),
            "What the organisation's sites may have of a lane's time, connections and memory, against those of others, "
                + "when these are short. 2: twice as much as 1. While there is enough for all it means nothing.")
        static let list = Key(
            "organisations",
            .list(
                .section(
                    Section(
                        path: "organisations[]",
                        meaning: "An organisation whose sites are protected. Budgets, logs and figures are its own.",
                        keys: [name, title, networks, share, Caps.key, Access.allow, Access.deny, sites])), 1...1024),
            .required,
            "The organisations and their sites.")
    }

    enum Caps {
        static let connections = Key(
            "connections", .count(256...1_000_000), .otherwise("no cap"),
            "Visitors' connections that its sites may have together, in a lane; each core has its part of them. One more "
                + "takes the place of one of its own that rests; where none does it is turned away.")
        static let queue = Key(
            "queue", .count(16...1_000_000), .otherwise("no cap"),
            "Requests that may wait for its sites together, in a lane. Each site can have half of its even part, "
                + "whatever the others have.")
        static let memory = Key(
            "memory", .amount(.size, (4 << 20)...(64 << 30)), .otherwise("no cap"),
            "What may be held of its sites' requests and responses together, in a lane; each core has its part of it. From "
                + "three quarters on small bodies are not awaited before an origin is asked, and who takes slowly holds "
                + "back his origin; at the cap new requests are refused. What is under way goes on.")
        static let processor = Key(
            "processor", .count(5...100), .otherwise("no cap"),
            "Hundredths of each core's time that its sites may take together. Beyond that so many new requests and TLS "
                + "handshakes are refused as it takes, of the sites that take most, strangers before known visitors. What is "
                + "under way goes on, and refusing costs something too.")
        static let key = Key(
            "caps", .section(section), .otherwise("no caps: the shares decide, when something is short"),
            "What the organisation may have at most.")
        static let section = Section(
            path: "organisations[].caps",
            meaning:
                "What an organisation may have at most, however much is free; beside its share. Without need, leave "
                + "it out: a cap holds in quiet times too.",
            keys: [connections, queue, memory, processor])
    }

    enum Listener {
        static let listen = Key(
            "listen", .endpoint, .required,
            "Where visitors connect. Put an IPv6 address between quotes: `\"[::]:443\"`. Each may be used once.")
        static let tls = Key("tls", .flag, .otherwise("true for port 443"), "Whether visitors speak TLS here.")
        static let proxyProtocolFrom = Key(
            "proxy_protocol_from", .list(.prefix, 0...4096), .otherwise("none"),
            "Peers that begin each connection with a PROXY protocol header (version 1 or 2), which names the visitor. "
                + "They must send one; all others must not.")
        static let clear = Key(
            "clear", .choice(["redirect", "serve"]), .value("redirect"),
            "On a listener without TLS: what a site that has a certificate does. `redirect` sends visitors to HTTPS, "
                + "`serve` serves them here too.")
        static let http2 = Key(
            "http2", .flag, .value("true"),
            "Whether HTTP/2 is spoken with visitors who ask for it: under TLS in the handshake, in clear by the first "
                + "bytes they send.")
        static let list = Key(
            "listeners", form(at: "listeners[]"),
            .otherwise("0.0.0.0:443 and [::]:443 with TLS, 0.0.0.0:80 and [::]:80 in clear"), "Where visitors connect.")

        static func form(at path: String) -> Form {
            .list(
                .section(
                    Section(
                        path: path, meaning: "A place where visitors connect.",
                        keys: [listen, tls, proxyProtocolFrom, clear, http2])), 1...64)
        }
    }

    enum Metrics {
        static let listen = Key(
            "listen", .endpointOrOff, .value("127.0.0.1:9464"),
            "Where `/metrics` is served, in the Prometheus text format and without access control.")
        static let section = Key(
            "metrics", .section(Section(path: "metrics", meaning: "Figures for a monitoring system.", keys: [listen])),
            .otherwise("as below"), "Figures for a monitoring system.")
    }

    enum Lane {
        static let cores = Key(
            "cores", .list(.count(0...1023), 1...1024), .otherwise("all that the process may use, not pinned"),
            "Processor cores for the workers, one pinned worker each, such as `[0, 1]`.")
        static let section = Key(
            "lane",
            .section(Section(path: "lane", meaning: "The process that carries the visitors' traffic.", keys: [cores])),
            .otherwise("as below"), "The process that carries the traffic.")
    }

    enum Lanes {
        static let name = Key(
            "name", .text(.identifier), .required, "Name of the lane in logs, figures and the state folder; unique.")
        static let listeners = Key(
            "listeners", Listener.form(at: "lanes[].listeners[]"), .required,
            "Where visitors of this lane connect; no endpoint is in two lanes.")
        static let organisations = Key(
            "organisations", .list(.text(.identifier), 1...1024), .otherwise("all"),
            "The organisations whose sites are served here; each organisation needs a lane.")
        static let list = Key(
            "lanes",
            .list(
                .section(
                    Section(
                        path: "lanes[]",
                        meaning: "A process that carries traffic, beside others: what ends one of them does not touch "
                            + "the others. Each serves the organisations that it names.",
                        keys: [name, listeners, Lane.cores, organisations])), 1...16),
            .otherwise("one, with `listeners` and `lane` as given, for all organisations"),
            "Several processes that carry traffic, in place of `listeners` and `lane`.")
    }

    enum Retention {
        static let accessLog = Key(
            "access_log", .amount(.time, 86_400_000...315_360_000_000), .value("7 days"),
            "How long access logs are kept, in whole days. Visitors are in them under a pseudonym that changes daily.")
        static let history = Key(
            "history", .amount(.time, 3_600_000...31_536_000_000), .value("30 days"),
            "How long a source counts as known after its last visit. Kept as hashes under a key, never as addresses.")
        static let samples = Key(
            "samples", .amount(.time, 8 * day...3_650 * day), .value("100 days"),
            "How long single checks by the prober are kept, about 35,000 a day for each site. What each day came to is "
                + "kept for good.")
        static let points = Key(
            "points", .amount(.time, 8 * day...3_650 * day), .value("400 days"),
            "How long the series of figures for plots are kept: a minute each, a second each during an attack.")
        static let sealed = Key(
            "sealed", .amount(.time, day...3_650 * day), .value("1096 days"),
            "How long the sealed part of an incident is kept, which holds source addresses. The Dutch government "
                + "baseline asks for three years (BIO2, 5.28.01).")
        private static let day: UInt64 = 86_400_000
        static let section = Key(
            "retention",
            .section(
                Section(
                    path: "retention", meaning: "How long data is kept. What is older is deleted.",
                    keys: [accessLog, history, samples, points, sealed])),
            .otherwise("as below"), "How long data is kept.")
    }

    enum Limits {
        static let section = Key(
            "limits",
            .section(
                Section(
                    path: "limits",
                    meaning: "Bounds that hold for every visitor and origin. The defaults suit most sites; protection "
                        + "under attack does not depend on them.",
                    keys: all.map(\.key))), .otherwise("as below"), "Bounds for visitors and origins.")
    }
}
