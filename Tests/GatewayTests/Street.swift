import Addresses
import Messages
import TestKit
import Testing

/// A lane of one test's own with one origin behind it. Several listeners, several sites:
/// - `www.example.nl` and `*.wild.example.nl`: in clear only.
/// - `veilig.example.nl` and `ook.example.nl`: two sites with one certificate; `anders.example.nl`: with another one.
struct Street {
    static let host = "www.example.nl"
    static let instance = "teststraat"
    static let local = Address(ipv4: 0x7f00_0001)

    let origin: LoopbackOrigin
    let lane: RunningLane

    /// In clear.
    var clear: Endpoint { lane.endpoints[0] }
    /// In clear, behind a load balancer at 127.0.0.0/8 that speaks the PROXY protocol.
    var behind: Endpoint { lane.endpoints[1] }
    var tls: Endpoint { lane.endpoints[2] }
    /// In clear, also for sites with a certificate.
    var both: Endpoint { lane.endpoints[3] }
    /// TLS behind the PROXY protocol.
    var tlsBehind: Endpoint { lane.endpoints[4] }

    init(
        workers: Int = 1, certificates: Certificates? = nil, _ change: (inout Snapshot) throws -> Void = { _ in }
    ) throws {
        origin = try LoopbackOrigin()
        var snapshot = Self.snapshot(origin: origin.endpoint, certificates)
        try change(&snapshot)
        lane = try RunningLane(snapshot, workers: workers)
    }

    static func snapshot(origin: Endpoint, _ certificates: Certificates? = nil) -> Snapshot {
        var snapshot = Snapshot()
        snapshot.instance = instance
        snapshot.secrets.ticketKeys = [(0..<48).map { UInt8($0) }]
        snapshot.secrets.pseudonymKey = (0..<16).map { UInt8($0 + 1) }
        snapshot.secrets.historyKey = (0..<16).map { UInt8($0 + 2) }
        snapshot.secrets.cookieKeys = [(0..<32).map { UInt8($0 + 3) }]
        let anywhere = Endpoint(local, port: 0)
        snapshot.listeners = [false, false, true, false, true].map { .init(endpoint: anywhere, isTLS: $0) }
        snapshot.listeners[1].proxyPeers = [Prefix(local, length: 8)]
        snapshot.listeners[3].servesClear = true
        snapshot.listeners[4].proxyPeers = [Prefix(local, length: 8)]
        snapshot.sites = [site("www", [host, "*.wild.example.nl"], origin)]
        if let certificates {
            var sites = [
                site("veilig", ["veilig.example.nl"], origin), site("ook", ["ook.example.nl"], origin),
                site("anders", ["anders.example.nl"], origin),
            ]
            for index in sites.indices {
                let certificate = index == 2 ? certificates.other : certificates.shared
                sites[index].certificateChain = certificate.chain
                sites[index].privateKey = certificate.key
            }
            snapshot.sites += sites
        }
        return snapshot
    }

    static func site(_ name: String, _ hosts: [String], _ origins: Endpoint...) -> Snapshot.Site {
        Snapshot.Site(
            name: name, organisation: "voorbeeld", hosts: hosts, origins: origins.map { Snapshot.Origin(endpoint: $0) })
    }

    /// One authority for all tests of this run.
    struct Certificates {
        let authority: TestAuthority
        let shared: TestAuthority.Certificate
        let other: TestAuthority.Certificate

        init() throws {
            authority = try TestAuthority()
            shared = try authority.certificate(for: ["veilig.example.nl", "ook.example.nl"])
            other = try authority.certificate(for: ["anders.example.nl"])
        }
    }

    // MARK: - Asking

    func visitor(from source: Address? = nil, timeout: Int = 5000) throws -> RawClient {
        try RawClient(to: clear, from: source, timeout: timeout)
    }

    /// One request over a connection of its own, and all that came until the lane closed it.
    func exchange(_ text: String, at endpoint: Endpoint? = nil) throws -> String {
        let client = try RawClient(to: endpoint ?? clear)
        try client.send(text)
        var reading = client
        return String(decoding: try reading.readAll(), as: UTF8.self)
    }

    /// One request over a connection of its own, and its response.
    func ask(_ text: String, method: String = "GET", at endpoint: Endpoint? = nil) throws -> HTTPMessage {
        var client = try RawClient(to: endpoint ?? clear)
        try client.send(text)
        return try client.readResponse(to: method)
    }

    func get(_ path: String, fields: [String] = [], from source: Address? = nil) throws -> HTTPMessage {
        var client = try visitor(from: source)
        return try client.get(path, host: Self.host, fields: fields)
    }

    /// What the origin saw of the last request.
    var seen: HTTPMessage? { origin.requests.last?.message }
}

/// A request in one line: its own line, then its fields.
func request(_ line: String, _ fields: String..., body: String = "") -> String {
    ([line] + fields).joined(separator: "\r\n") + "\r\n\r\n" + body
}

/// Bytes that tell their place.
func pattern(_ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
}
