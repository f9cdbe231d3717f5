package import Bytes

/// What one lane says of itself, every half second. All counters count up from the lane's start; a lane that starts
/// anew starts at zero, which readers see by `started`.
package struct LaneStatus: Equatable, Sendable {
    /// When the lane's process started: nanoseconds since 1970.
    package var started: UInt64 = 0
    /// The generation of the snapshot in force.
    package var generation: UInt64 = 0
    package var connections = Connections()
    package var disk = DiskStatus()
    package var sites: [SiteStatus] = []

    package init() {}

    package struct Connections: Equatable, Sendable {
        /// Open now.
        package var open: UInt64 = 0
        package var accepted: UInt64 = 0
        /// Closed right after accept: their source, or the lane, held its share already.
        package var refused: UInt64 = 0
        package var handshakes: UInt64 = 0
        package var resumed: UInt64 = 0
        package var failedHandshakes: UInt64 = 0
        /// Closed because a phase took too long.
        package var timedOut: UInt64 = 0
        /// Requests and prefaces refused as malformed, by status, and with no site: 400, 408, 414, 421, 431, 501, 505.
        package var malformed: UInt64 = 0
        /// A PROXY header that was missing or broken.
        package var badPreface: UInt64 = 0
        /// Requests answered from the public pages, redirects and refusals too.
        package var pages: UInt64 = 0
        /// Connections that spoke HTTP/2, and the requests that came over them.
        package var http2: UInt64 = 0
        package var streams: UInt64 = 0
        /// HTTP/2 connections that were read more slowly for a while, or ended, because of what they did beside asking:
        /// resets, pings, settings, empty frames.
        package var slowed: UInt64 = 0
        package var abusive: UInt64 = 0
        package var tls = TLSStatus()
        /// Connections that rested, closed to make room for those of others.
        package var closedForOthers: UInt64 = 0

        package init() {}
    }
}

/// The counters and the state of one site in one lane.
package struct SiteStatus: Equatable, Sendable {
    package var name = ""
    package var organisation = ""
    package var isObserving = false
    /// Whether demand exceeds what the origins can take.
    package var isUnderPressure = false
    /// Requests that the origins may hold at once, in hundredths.
    package var limit: UInt64 = 0
    package var inFlight: UInt64 = 0
    package var waiting: UInt64 = 0
    /// Origins that answer, and all.
    package var healthyOrigins: UInt64 = 0
    package var origins: UInt64 = 0
    /// Requests that were suspect for their score alone, not for what their source asked for.
    package var unlike: UInt64 = 0
    /// Waiting pages sent, redirects that ask for a cookie, requests that came with a turn and had to wait, and those of
    /// them that asked more than a turn is good for.
    package var waitingPages: UInt64 = 0
    package var cookieProofs: UInt64 = 0
    package var turnsReturned: UInt64 = 0
    package var turnsOverused: UInt64 = 0
    package var classes: [ClassStatus] = Array(repeating: ClassStatus(), count: 3)
    /// Responses sent, by the first digit of their status: 1xx ... 5xx, those of the origin and our own together.
    package var responses: [UInt64] = Array(repeating: 0, count: 5)
    /// Origins that could not be reached, broke off, or took too long: 502 and 504.
    package var originFailures: UInt64 = 0
    /// Requests refused with 400, 408, 413, 414, 417, 421, 431, 501 or 505.
    package var badRequests: UInt64 = 0
    package var bytesIn: UInt64 = 0
    package var bytesOut: UInt64 = 0
    /// Time to first byte of the origins: how many ended in each bucket, from 1 ms, each twice the one before; the last
    /// holds all longer ones.
    package var firstByte: [UInt64] = Array(repeating: 0, count: 16)
    /// Visitors' connections and bytes of memory that the site holds in the lane now.
    package var connections: UInt64 = 0
    package var memory: UInt64 = 0
    /// The workers' time that went into the site.
    package var processorMicroseconds: UInt64 = 0
    /// Requests and connections turned away because the site had more than its share of what was short; such requests
    /// are among the refused, too.
    package var budgetRefused: UInt64 = 0
    package var budgetClosed: UInt64 = 0
    /// The same because its organisation had all that it may have at most: requests that could not wait or be served, and
    /// connections.
    package var capRefused: UInt64 = 0
    package var capClosed: UInt64 = 0
    package var cache = CacheStatus()
    package var access = AccessCounts()

    package init() {}
}

/// What happened to the requests of one visitor class; in `observe`, `queued` and `refused` say what would have been done.
package struct ClassStatus: Equatable, Sendable {
    package var requests: UInt64 = 0
    /// Passed to an origin, at once or after waiting.
    package var admitted: UInt64 = 0
    /// Made to wait.
    package var queued: UInt64 = 0
    /// Answered with 503 or 429.
    package var refused: UInt64 = 0
    /// Gone before their turn came.
    package var abandoned: UInt64 = 0
    /// Time waited by those that were queued and then admitted, in microseconds, summed.
    package var waitedMicroseconds: UInt64 = 0

    package init() {}
}

extension LaneStatus: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(started)
        writer.write(generation)
        connections.write(to: &writer)
        disk.write(to: &writer)
        writer.writeList(sites) { $0.write(to: &$1) }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        started = try reader.readUInt64()
        generation = try reader.readUInt64()
        connections = try Connections(reading: &reader)
        disk = try DiskStatus(reading: &reader)
        sites = try reader.readList { reader throws(Malformed) in try SiteStatus(reading: &reader) }
    }
}

extension LaneStatus.Connections: Message {
    private static let fields: [any WritableKeyPath<Self, UInt64> & Sendable] = [
        \.open, \.accepted, \.refused, \.handshakes, \.resumed, \.failedHandshakes, \.timedOut, \.malformed,
        \.badPreface, \.pages, \.http2, \.streams, \.slowed, \.abusive, \.closedForOthers,
    ]

    package func write(to writer: inout ByteWriter) {
        for field in Self.fields { writer.write(self[keyPath: field]) }
        tls.write(to: &writer)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        for field in Self.fields { self[keyPath: field] = try reader.readUInt64() }
        tls = try TLSStatus(reading: &reader)
    }
}

extension SiteStatus: Message {
    private static let fields: [any WritableKeyPath<Self, UInt64> & Sendable] = [
        \.limit, \.inFlight, \.waiting, \.healthyOrigins, \.origins, \.originFailures, \.badRequests, \.bytesIn,
        \.bytesOut, \.unlike, \.connections, \.memory, \.processorMicroseconds, \.budgetRefused, \.budgetClosed,
        \.capRefused, \.capClosed, \.waitingPages, \.cookieProofs, \.turnsReturned, \.turnsOverused,
    ]

    package func write(to writer: inout ByteWriter) {
        writer.writeText(name)
        writer.writeText(organisation)
        writer.write(isObserving)
        writer.write(isUnderPressure)
        for field in Self.fields { writer.write(self[keyPath: field]) }
        writer.writeList(classes) { $0.write(to: &$1) }
        writer.writeList(responses) { $1.write($0) }
        writer.writeList(firstByte) { $1.write($0) }
        cache.write(to: &writer)
        access.write(to: &writer)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        name = try reader.readText()
        organisation = try reader.readText()
        isObserving = try reader.readBool()
        isUnderPressure = try reader.readBool()
        for field in Self.fields { self[keyPath: field] = try reader.readUInt64() }
        classes = try reader.readList(limit: 3) { reader throws(Malformed) in try ClassStatus(reading: &reader) }
        responses = try reader.readList(limit: 5) { reader throws(Malformed) in try reader.readUInt64() }
        firstByte = try reader.readList(limit: 16) { reader throws(Malformed) in try reader.readUInt64() }
        guard classes.count == 3, responses.count == 5, firstByte.count == 16 else { throw reader.malformed(.invalid) }
        cache = try CacheStatus(reading: &reader)
        access = try AccessCounts(reading: &reader)
    }
}

extension ClassStatus: Figures {
    package static let fields: [any WritableKeyPath<Self, UInt64> & Sendable] = [
        \.requests, \.admitted, \.queued, \.refused, \.abandoned, \.waitedMicroseconds,
    ]
}
