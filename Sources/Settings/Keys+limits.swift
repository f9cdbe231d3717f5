internal import Messages

extension Keys.Limits {
    /// One bound: the key in the file and the field of the snapshot that it sets.
    struct Bound: Sendable {
        var key: Key
        var field: any WritableKeyPath<Snapshot.Limits, UInt32> & Sendable
    }

    static let headBytes = size(
        "head_bytes", \.headBytes, 1 << 10...64 << 10, "Bytes of request line and header fields together.")
    static let targetBytes = size(
        "target_bytes", \.targetBytes, 256...64 << 10,
        "Bytes of the request target alone; at most `head_bytes`, and no more than that by default. More is answered "
            + "with 414."
    )

    static let all = [
        headBytes, targetBytes,
        count("head_fields", \.headFields, 10...1000, "Header fields in one request."),
        count(
            "connections", \.connections, 1...1_000_000,
            "Visitors' connections in all. One source may hold an eighth of what is free."),
        count(
            "idle_origin_connections", \.idleOriginConnections, 0...1024,
            "Connections kept ready to one origin, in one worker."),
        time(
            "head_time", \.headTime, 100...600_000,
            "From the connection, or from the first byte of a later request, to the end of the request's head. A TLS "
                + "handshake has as much before, half of it for the ClientHello."),
        time(
            "progress_time", \.progressTime, 100...3_600_000,
            "Longest silence while a request's body comes in, and while a visitor takes a response."),
        bound(
            "progress_rate", \.progressRate, .amount(.pace, 0...1 << 20), .pace,
            "Slowest pace of a body, up or down, over `progress_time`. 0 B/s: no such bound."),
        time("idle_time", \.idleTime, 100...3_600_000, "How long a connection may rest between requests."),
        time("connect_time", \.connectTime, 100...60_000, "How long connecting to an origin may take, TLS included."),
        time("origin_time", \.originTime, 100...3_600_000, "How long an origin may take to begin its response."),
        time("tunnel_time", \.tunnelTime, 100...86_400_000, "How long a tunnel (WebSocket) may rest."),
        time("queue_time", \.queueTime, 0...60_000, "How long a request may wait in a site's queue."),
        count("queue_length", \.queueLength, 0...65_536, "Requests that may wait in one site's queue."),
        time("drain_time", \.drainTime, 0...3_600_000, "How long connections may take to finish when the lane ends."),
        size(
            "cache_memory", \.cacheMemory, 0...2 << 30,
            "Bytes of responses that a lane keeps, over all its sites; when it is used up, each site has the same share. "
                + "0 B: none are kept."),
    ]

    private typealias Field = any WritableKeyPath<Snapshot.Limits, UInt32> & Sendable

    private static func size(
        _ name: String, _ field: Field, _ range: ClosedRange<UInt64>, _ meaning: String
    ) -> Bound { bound(name, field, .amount(.size, range), .size, meaning) }

    private static func time(
        _ name: String, _ field: Field, _ range: ClosedRange<UInt64>, _ meaning: String
    ) -> Bound { bound(name, field, .amount(.time, range), .time, meaning) }

    private static func count(
        _ name: String, _ field: Field, _ range: ClosedRange<UInt64>, _ meaning: String
    ) -> Bound { bound(name, field, .count(range), nil, meaning) }

    /// The default is the snapshot's own, put in the words of the file.
    private static func bound(
        _ name: String, _ field: Field, _ form: Form, _ units: Units?, _ meaning: String
    ) -> Bound {
        let usual = UInt64(Snapshot.Limits()[keyPath: field])
        return Bound(key: Key(name, form, .value(units?.text(usual) ?? "\(usual)"), meaning), field: field)
    }
}
