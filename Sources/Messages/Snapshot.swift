package import Addresses

/// All that the lane needs to know, checked and resolved by the office; sent over the control socket and kept on disk,
/// so that the lane can start without the office.
package struct Snapshot: Equatable, Sendable {
    /// Counts up with every change; the lane answers with the generation that it has in force.
    package var generation: UInt64 = 1
    /// Names this installation in Via (RFC 9110, section 7.6.3), which also breaks loops; 1-32 token characters.
    package var instance = "wasstraat"
    /// The processor cores that workers are pinned to, one worker each; empty: one worker per core that the process may
    /// use, not pinned.
    package var cores: [UInt16] = []
    package var limits = Limits()
    package var listeners: [Listener] = []
    /// Peers (such as a load balancer) whose Forwarded and X-Forwarded-* fields are kept and added to.
    package var trustedPeers: [Prefix] = []
    package var sites: [Site] = []
    /// The host that serves the public pages, outside every site's budget; nil: none.
    package var pages: PagesHost?
    package var secrets = Secrets()
    /// Seconds after which a visitor who did not come back is a stranger again, at the latest.
    package var historyTime: UInt32 = 30 * 86_400
    /// Crawlers that may be proven; a crawler's number is its place.
    package var bots: [Bot] = []
    /// Where responses are kept on disk too; nil: nowhere.
    package var cacheFolder: CacheFolder?

    package init() {}

    /// A place where visitors connect. Its sockets travel beside the snapshot, one per worker, in the same order.
    package struct Listener: Equatable, Sendable {
        package var endpoint: Endpoint
        package var isTLS: Bool
        /// Peers that must begin each connection with a PROXY protocol header (v1 or v2); others must not send one.
        package var proxyPeers: [Prefix] = []
        /// Whether a site that has a certificate is served here in clear too, rather than redirected to HTTPS.
        package var servesClear = false
        /// Whether HTTP/2 is spoken with who asks for it: by ALPN under TLS, in clear by its preface.
        package var speaksHTTP2 = true

        package init(endpoint: Endpoint, isTLS: Bool) {
            self.endpoint = endpoint
            self.isTLS = isTLS
        }
    }

    /// What an organisation may have in the lane at most, however much is free; nil: no cap.
    package struct Caps: Equatable, Sendable {
        /// Visitors' connections.
        package var connections: UInt32?
        /// Requests that wait.
        package var queue: UInt32?
        /// Bytes of heads, bodies and responses that are held.
        package var memory: UInt64?
        /// Hundredths of each worker's time.
        package var processor: UInt32?

        package init() {}
    }

    package struct Site: Equatable, Sendable {
        /// Unique over all organisations; 1-64 of a-z, 0-9, "-" and ".".
        package var name: String
        package var organisation: String
        /// A service of the public or of the back office: measured and told apart from day one.
        package var service = Service.publicService
        /// Lower-case host names, without port; "*.example.nl" covers one more label.
        package var hosts: [String]
        /// Certificate chain and private key, PEM; empty where the site is served in clear only.
        package var certificateChain: [UInt8] = []
        package var privateKey: [UInt8] = []
        package var origins: [Origin]
        package var mode = Mode.protect
        /// Requests per second that one source may make, and how many at once; nil: no fixed limit, only the fair one.
        package var sourceLimit: SourceLimit?
        /// Longest request body in bytes; 0: none allowed.
        package var bodyLimit: UInt64 = 16 << 20
        /// Requests are judged by what they look like under pressure.
        package var isScored = true
        /// What its organisation may have of what is short in the lane, against others: 1 ... 100.
        package var share: UInt8 = 1
        /// All sites of one organisation say the same.
        package var caps = Caps()
        package var cache = Caching()
        /// Sources that pass, and sources that are turned away; of blocks that hold an address the longest one counts.
        package var allow: [Prefix] = []
        package var deny: [Prefix] = []

        package init(name: String, organisation: String, hosts: [String], origins: [Origin]) {
            self.name = name
            self.organisation = organisation
            self.hosts = hosts
            self.origins = origins
        }
    }

    /// A host of our own whose files come from the office (`Pages`).
    package struct PagesHost: Equatable, Sendable {
        /// Lower-case host names, without port; none of them is a site's.
        package var hosts: [String]
        /// Certificate chain and private key, PEM; empty where it is served in clear only.
        package var certificateChain: [UInt8] = []
        package var privateKey: [UInt8] = []

        package init(hosts: [String]) { self.hosts = hosts }
    }

    package enum Service: UInt8, Sendable, CaseIterable {
        case publicService = 0
        case backOffice = 1
    }

    package enum Mode: UInt8, Sendable, CaseIterable {
        /// Decides and acts.
        case protect = 0
        /// Decides and counts, and lets every request through.
        case observe = 1
    }

    package struct SourceLimit: Equatable, Sendable {
        /// Requests per second, over time.
        package var rate: UInt32
        /// Requests at once before the rate counts.
        package var burst: UInt32

        package init(rate: UInt32, burst: UInt32) {
            self.rate = rate
            self.burst = burst
        }
    }

    package struct Origin: Equatable, Sendable {
        package var endpoint: Endpoint
        /// Whether to speak TLS with the origin; it is always verified.
        package var isTLS = false
        /// The name to ask for (SNI) and to verify in the origin's certificate.
        package var serverName = ""
        /// PEM of the only authorities accepted; empty: those of the system, in `systemAuthorities`.
        package var authorities: [UInt8] = []

        package init(endpoint: Endpoint) {
            self.endpoint = endpoint
        }
    }

    /// Every bound of the lane in one place. Times are milliseconds.
    package struct Limits: Equatable, Sendable {
        /// Bytes of request line and header fields together.
        package var headBytes: UInt32 = 16 << 10
        /// Bytes of the request target alone; more is answered with 414.
        package var targetBytes: UInt32 = 8 << 10
        /// Header fields in one request.
        package var headFields: UInt32 = 100
        /// Visitor connections in one lane, over all workers; a source may hold an eighth of what is free.
        package var connections: UInt32 = 20_000
        /// Connections that the lane keeps ready to one origin, in one worker.
        package var idleOriginConnections: UInt32 = 128
        /// Longest time from accept, or from the first byte of a later request, to the end of a request's head; a TLS
        /// handshake has as much before, half of it for the ClientHello.
        package var headTime: UInt32 = 10_000
        /// Longest silence while a request's body comes in, and while a visitor takes a response.
        package var progressTime: UInt32 = 15_000
        /// Slowest pace of a body, up or down, in bytes a second over `progressTime`.
        package var progressRate: UInt32 = 500
        /// How long a kept connection may rest between requests.
        package var idleTime: UInt32 = 60_000
        /// How long connecting to an origin may take, TLS included.
        package var connectTime: UInt32 = 3_000
        /// How long an origin may take to begin its response.
        package var originTime: UInt32 = 60_000
        /// How long a tunnel (WebSocket) may rest.
        package var tunnelTime: UInt32 = 300_000
        /// How long a request may wait in a site's queue.
        package var queueTime: UInt32 = 2_000
        /// Requests that may wait in one site's queue.
        package var queueLength: UInt32 = 256
        /// How long drained connections may take to finish.
        package var drainTime: UInt32 = 30_000
        /// Bytes of responses that one lane keeps, over all sites and workers.
        package var cacheMemory: UInt32 = 64 << 20

        package init() {}
    }

    /// Keys that the lane needs; made by the office, kept in its state folder, never logged.
    package struct Secrets: Equatable, Sendable {
        /// Session ticket keys, 48 bytes each, the first one in use, the others only to read older tickets.
        package var ticketKeys: [[UInt8]] = []
        /// Turns a source address into its pseudonym in logs; 16 bytes, another one each day.
        package var pseudonymKey: [UInt8] = []
        /// Hashes sources in the history and the tables; 16 bytes, kept as long as the history.
        package var historyKey: [UInt8] = []
        /// Sign the sites' cookies; 32 bytes each, the first one in use, the others to accept what they signed.
        package var cookieKeys: [[UInt8]] = []

        package init() {}
    }
}
