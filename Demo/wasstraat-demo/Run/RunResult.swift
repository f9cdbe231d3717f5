internal import FoundationEssentials
internal import Load

/// The figures of a run, for machines. Field names are those of the issue that asked for them; times are RFC 3339.
struct RunResult: Encodable {
    struct Group: Encodable {
        /// Clicks judged.
        var requests: Int
        /// The share that succeeded, 0...1; null where nobody clicked.
        var success: Double?

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(requests, forKey: .requests)
            try container.encode(success, forKey: .success)
        }

        enum CodingKeys: String, CodingKey { case requests, success }
    }

    struct Phase: Encodable {
        var known: Group
        var unknown: Group
        var p50_ms: Double?
        var p95_ms: Double?
        var p99_ms: Double?
        /// HTTP requests that visitors sent, assets included.
        var sent: Int
        var refused: Int
        var errors: Int
        var late: Int
        var seconds: Double
        /// From the first click to ten seconds after the last one, when it is judged.
        var start = ""
        var end = ""
        /// Seconds of processor time that the load tool itself used.
        var load_cpu_seconds = 0.0
        /// How late the load tool sent the latest click; it is in the visitors' times.
        var load_lag_ms = 0.0
        var flood: Flood?

        init(_ tally: Tally, sent: Int, seconds: Double, flood: Flood?) {
            known = Group(requests: tally.count(.known), success: tally.success(.known))
            unknown = Group(requests: tally.count(.unknown), success: tally.success(.unknown))
            let percentiles = tally.percentiles([50, 95, 99])
            p50_ms = percentiles?[0]
            p95_ms = percentiles?[1]
            p99_ms = percentiles?[2]
            self.sent = sent
            self.seconds = seconds
            self.flood = flood
            refused = tally.failures[Tally.Failure.refused.rawValue]
            errors = tally.failures[Tally.Failure.error.rawValue]
            late = tally.failures[Tally.Failure.late.rawValue]
        }
    }

    /// The processor cores of the lane and of everything else.
    struct Cores: Encodable {
        var lane: UInt16
        var load: UInt16
    }

    struct Gateway: Encodable {
        var peak_rss_bytes: Int
        var cpu_seconds: Double
    }

    struct Flood: Encodable {
        var offered = 0
        var reached = 0
        var sources = 0
        var start = ""
        var end = ""
        /// How late the latest request was sent.
        var lag_ms = 0.0

        /// Less than nine tenths of what was offered reached the server: the run proves nothing.
        var isVoid: Bool { Double(reached) < 0.9 * Double(offered) }
    }

    /// What Wasstraat's own register holds of the run.
    struct Register: Encodable {
        struct Attack: Encodable {
            var site: String
            var start: String
            var end: String
            var peak_rps: Double
            var outcome: String
        }

        /// As the prober measured it, in the phase of the name; null: too little was measured.
        struct Downtime: Encodable {
            var direct: Double?
            var through: Double?

            func encode(to encoder: any Encoder) throws {
                var container = encoder.container(keyedBy: CodingKeys.self)
                try container.encode(direct, forKey: .direct)
                try container.encode(through, forKey: .through)
            }

            enum CodingKeys: String, CodingKey { case direct, through }
        }

        var attacks: [Attack] = []
        var downtime_seconds = Downtime()
    }

    var scenario: String
    var seconds: Int
    var origin_searches_per_second: Double
    /// Null where the machine lets the demonstration use one core only.
    var cores: Cores?
    var quiet: Phase?
    var direct: Phase?
    var through: Phase?
    var gateway: Gateway?
    /// Of the run through Wasstraat.
    var flood: Flood?
    var register: Register?
    var void = false

    /// A machine's form: two spaces, keys in order.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        return String(decoding: try encoder.encode(self), as: UTF8.self) + "\n"
    }
}
