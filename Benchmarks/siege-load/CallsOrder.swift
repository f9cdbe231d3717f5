internal import Addresses
internal import Load

/// Slow clients, and callers that are gone at once.
enum CallsOrder {
    struct SlowReport: Encodable {
        var opened: Int
        var ended: Int
        var peak: Int
        /// Seconds from the start to the first that the server ended.
        var firstEndSeconds: Double?
        var cpuSeconds: Double
    }

    struct Report: Encodable {
        var offered: Int
        var reached: Int
        var done: Int
        var behind: Int
        var statuses: [Int]
        var cpuSeconds: Double
    }

    static func slow(_ order: LoadOrder) throws {
        let kinds = (order.kinds ?? []).compactMap { SlowClients.Kind(rawValue: $0) }
        guard !kinds.isEmpty, kinds.count == order.kinds?.count else { throw SiegeError("no such slow client") }
        var plan = order.plan()
        let bounds = try order.limits()
        let clients = try SlowClients(
            kinds, from: plan.deal(order.sources ?? 100, perNetwork: order.perNetwork ?? 5), to: order.home(),
            authority: order.name(), count: order.count ?? 100, bounds: bounds, seed: order.seed ?? 1)
        wait(until: order.begin)
        clients.run(until: order.end)
        try say(
            SlowReport(
                opened: clients.opened, ended: clients.ended, peak: clients.peak,
                firstEndSeconds: clients.endedAt > order.begin ? Double(clients.endedAt - order.begin) / 1e9 : nil,
                cpuSeconds: processorSeconds()))
    }

    static func call(_ order: LoadOrder) throws {
        let home = try order.home()
        let bounds = try order.limits()
        let recorded = try order.recorded()
        let errand: Callers.Errand
        switch order.kinds?.first {
        case "connect": errand = .connect
        case "hello":
            guard let bytes = recorded.first?.helloBytes, !bytes.isEmpty else { throw SiegeError("no ClientHello") }
            errand = .say(bytes)
        case "handshake": errand = .handshake
        case "ask":
            errand = .ask(
                Array(
                    """
                    GET \(order.path ?? "/") HTTP/1.1\r
                    Host: \(try order.name())\r
                    User-Agent: Mozilla/5.0\r
                    Accept: */*\r
                    Connection: close\r
                    \r

                    """.utf8))
        default: throw SiegeError("no such call")
        }
        let addresses: (Int) -> Address
        if home.endpoint.address.isIPv4 {
            var plan = order.plan()
            let dealt = plan.deal(order.sources ?? 1_000, perNetwork: order.perNetwork ?? 5)
            addresses = { dealt[$0 % dealt.count] }
        } else {
            addresses = scattered
        }
        let callers = Callers(
            errand, to: home, tls: try order.client(recorded), concurrent: order.concurrent ?? 256, bounds: bounds,
            address: addresses)
        try callers.run(
            rate: order.rate ?? 100, count: order.count ?? bounds.requests, start: order.begin, until: order.end)
        try say(
            Report(
                offered: callers.offered, reached: callers.reached, done: callers.done, behind: callers.behind,
                statuses: callers.statuses, cpuSeconds: processorSeconds()))
    }

    /// The n-th of 2^48 IPv6 networks of 64 bits in fd99::/16, far from the one before; no two are the same.
    private static func scattered(_ index: Int) -> Address {
        let mixed = UInt64(index) &* 0x9e37_79b9_7f4b & 0xffff_ffff_ffff
        return Address(high: 0xfd99 << 48 | mixed, low: 1)
    }

    private static func wait(until moment: UInt64) {
        while Clock.now() < moment { pause() }
    }
}
