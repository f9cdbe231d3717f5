import Addresses
import Glibc
import Messages
import Synchronization
import TestKit
import Testing

/// One site in a storm and five quiet ones, of six organisations, on one worker: whatever the storm is made of, the others
/// are served, each time. How fast they are then is printed beside how fast they are in quiet, second by second in turn;
/// it is not judged here, where the storm's own program takes the processor from all.
@Suite(.serialized) struct `A flood of one tenant's site` {
    /// `WASSTRAAT_MEASURE`: rounds of quiet and storm. The lane has core 0 then, and the storm's program comes after all
    /// others: run it with the highest priority.
    static let rounds = getenv("WASSTRAAT_MEASURE").flatMap { Int(String(cString: $0)) }

    enum Storm: String, CaseIterable, Sendable {
        case connections = "new connections"
        case requests = "requests over kept connections"
        case streams = "streams of HTTP/2"
        case readers = "slow readers"
        case idlers = "connections that rest"
    }

    private static func host(_ number: Int) -> String { "site\(number).example.nl" }

    @Test(arguments: Storm.allCases) func `costs the others nothing`(_ storm: Storm) throws {
        let stormy = try Self.stormyOrigin()
        let street = try Street { snapshot in
            let quiet = snapshot.sites[0].origins[0].endpoint
            snapshot.sites = (0..<6).map { number in
                var site = Street.site("site\(number)", [Self.host(number)], number == 0 ? stormy.endpoint : quiet)
                site.organisation = "org\(number)"
                return site
            }
            snapshot.limits.connections = 4000
            if Self.rounds != nil { snapshot.cores = [0] }
        }
        stormy.answer("/big", with: [.send(Self.big)])
        // One request each, so that the lane knows the way.
        for number in 1...5 {
            var visit = Visit(street.clear, number)
            #expect(visit.run() != nil)
        }
        var (quiet, stormed) = (Timings(), Timings())
        for _ in 0..<(Self.rounds ?? 2) {
            quiet.add(try measure(street))
            let generator = try Generator(storm, at: street.clear, host: Self.host(0))
            pauseThread(500)
            stormed.add(try measure(street))
            generator.stop()
        }
        let status = street.lane.status { $0.sites.first?.processorMicroseconds ?? 0 > 0 }
        let site = try #require(status.sites.first)
        print(
            "\(storm.rawValue): quiet \(quiet), storm \(stormed), ratio of p99 \(stormed.ratio(to: quiet)); the storm: "
                + "\(site.responses.reduce(0, +)) responses, \(site.budgetRefused) requests and \(site.budgetClosed) "
                + "connections over budget, \(status.connections.closedForOthers) closed for others, "
                + "\(site.processorMicroseconds / 1000) ms")
        #expect(stormed.failed == 0 && quiet.failed == 0)
        #expect(stormed.count > 100)
        // The storm reached its site, and what it holds is counted as the site's.
        #expect(site.processorMicroseconds > 0)
        #expect(status.sites.dropFirst().allSatisfy { $0.budgetRefused == 0 && $0.budgetClosed == 0 })
        stormy.stop()
    }

    /// Where it is measured, its threads come after others too.
    private static func stormyOrigin() throws -> LoopbackOrigin {
        guard rounds != nil else { return try LoopbackOrigin() }
        let made = Made()
        let thread = try TestThread {
            nice(25)
            let origin = try? LoopbackOrigin()
            made.origin.withLock { $0 = origin }
        }
        thread.join()
        return try #require(made.origin.withLock { $0 })
    }

    private final class Made: Sendable {
        let origin = Mutex<LoopbackOrigin?>(nil)
    }

    private static let big: [UInt8] =
        Array("HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n".utf8) + pattern(8 << 20)

    /// Visits in turn to the five quiet sites, each over a connection of its own or a kept one, for a second or two.
    private func measure(_ street: Street) throws -> Timings {
        var timings = Timings()
        var kept = (1...5).map { Visit(street.clear, $0) }
        let end = ContinuousClock.now + .milliseconds(Self.rounds == nil ? 1500 : 3000)
        var turn = 0
        while ContinuousClock.now < end {
            turn += 1
            let number = turn % 5
            let begun = ContinuousClock.now
            var isServed = kept[number].run() != nil
            if turn % 4 == 0 {
                var fresh = Visit(street.clear, number + 1)
                isServed = fresh.run() != nil && isServed
            }
            if isServed { timings.took(ContinuousClock.now - begun) } else { timings.failed += 1 }
            usleep(2000)
        }
        return timings
    }

    /// A visitor of a quiet site.
    private struct Visit {
        let endpoint: Endpoint
        let number: Int
        private var client: RawClient?

        init(_ endpoint: Endpoint, _ number: Int) {
            self.endpoint = endpoint
            self.number = number
        }

        /// The page, over the connection that is kept where there is one; nil: there was none.
        mutating func run() -> HTTPMessage? {
            let source = Address(ipv4: 0x7f00_5000 + UInt32(number))
            do {
                var client = try self.client ?? RawClient(to: endpoint, from: source)
                let page = try client.get("/fixed/1000", host: host(number))
                self.client = client
                return page.status == 200 && page.body.count == 1000 ? page : nil
            } catch {
                client = nil
                return nil
            }
        }
    }

    private struct Timings: CustomStringConvertible {
        private var microseconds: [Int64] = []
        var failed = 0
        var count: Int { microseconds.count }

        mutating func took(_ duration: Duration) {
            let (seconds, attoseconds) = duration.components
            microseconds.append(seconds * 1_000_000 + attoseconds / 1_000_000_000_000)
        }

        mutating func add(_ other: Timings) {
            microseconds += other.microseconds
            failed += other.failed
        }

        func quantile(_ part: Double) -> Int64 {
            let sorted = microseconds.sorted()
            return sorted.isEmpty ? 0 : sorted[min(sorted.count - 1, Int(Double(sorted.count) * part))]
        }

        func ratio(to other: Timings) -> String {
            let hundredths = quantile(0.99) * 100 / max(1, other.quantile(0.99))
            return "\(hundredths / 100).\(hundredths % 100 / 10)\(hundredths % 10)"
        }

        var description: String { "p50 \(quantile(0.5)) us p99 \(quantile(0.99)) us of \(count)" }
    }
}

/// A storm at one site, from threads that send as fast as they can.
private final class Generator: Sendable {
    private typealias Storm = `A flood of one tenant's site`.Storm
    private let isOver = Atomic(false)
    private let sockets = Mutex<[Socket]>([])
    private let threads = Mutex<[TestThread]>([])

    init(_ storm: `A flood of one tenant's site`.Storm, at endpoint: Endpoint, host: String) throws {
        var started: [TestThread] = []
        for number in 0..<2 as Range<UInt32> {
            started.append(
                try TestThread { [self] in
                    if `A flood of one tenant's site`.rounds != nil { nice(25) }
                    switch storm {
                    case .connections: connect(endpoint, host, number)
                    case .requests: ask(endpoint, host, number)
                    case .streams: openStreams(endpoint, host, number)
                    case .readers: readNothing(endpoint, host, number)
                    case .idlers: rest(endpoint, host, number)
                    }
                })
        }
        threads.withLock { $0 = started }
    }

    func stop() {
        isOver.store(true, ordering: .relaxed)
        for socket in sockets.withLock({ $0 }) { socket.end() }
        for thread in threads.withLock({ $0 }) { thread.join() }
    }

    private var goesOn: Bool { !isOver.load(ordering: .relaxed) }

    /// One of some thousand sources in forty networks.
    private func source(_ number: UInt32) -> Address {
        Address(ipv4: 0x7f00_6000 + (number % 40) << 8 + 1 + number / 40 % 250)
    }

    private func open(_ endpoint: Endpoint, _ number: UInt32) -> Socket? {
        guard let socket = try? Socket(to: endpoint, from: source(number)) else { return nil }
        sockets.withLock { $0.append(socket) }
        return socket
    }

    private func connect(_ endpoint: Endpoint, _ host: String, _ number: UInt32) {
        let text = request("GET /fixed/1?\(number) HTTP/1.1", "Host: \(host)", "Connection: close")
        var turn = number
        while goesOn {
            turn &+= 2
            guard let socket = try? Socket(to: endpoint, from: source(turn)) else { continue }
            do {
                try socket.send(text)
                while try !socket.receive(within: 2000).isEmpty {}
            } catch {}
        }
    }

    /// Eight connections of fifty requests each, sent again as soon as all fifty are answered.
    private func ask(_ endpoint: Endpoint, _ host: String, _ number: UInt32) {
        let many = Array(
            String(repeating: request("GET /fixed/1?\(number) HTTP/1.1", "Host: \(host)"), count: 50).utf8)
        var clients: [(socket: Socket, answers: Int)] = []
        while goesOn {
            while goesOn, clients.count < 8, let socket = open(endpoint, number + 2 * UInt32(clients.count)) {
                clients.append((socket, 50))
            }
            for index in clients.indices.reversed() {
                do {
                    if clients[index].answers >= 50 {
                        clients[index].answers = 0
                        try clients[index].socket.send(many)
                    }
                    let bytes = try clients[index].socket.receive(within: 5)
                    if bytes.isEmpty { clients.remove(at: index) } else { clients[index].answers += heads(bytes) }
                } catch TestKitError.timedOut {
                    continue
                } catch {
                    clients.remove(at: index)
                }
            }
        }
    }

    /// Responses that begin in these bytes.
    private func heads(_ bytes: [UInt8]) -> Int {
        let mark = Array("HTTP/1.1 ".utf8)
        var count = 0
        for index in bytes.indices.dropLast(8) where bytes[index] == mark[0] && bytes[index + 4] == mark[4] {
            count += 1
        }
        return count
    }

    /// More streams at once than there may be, over one connection after the other.
    private func openStreams(_ endpoint: Endpoint, _ host: String, _ number: UInt32) {
        let block = FrameClient.request("/fixed/1", host: host)
        var turn = number
        while goesOn {
            turn &+= 2
            guard let socket = try? Socket(to: endpoint, from: source(turn)) else { continue }
            do {
                try socket.send(FrameClient.preface + FrameClient.frame(4))
                var stream: UInt32 = 1
                while goesOn, stream < 0x7000_0000 {
                    var bytes: [UInt8] = []
                    for _ in 0..<60 {
                        bytes += FrameClient.frame(1, flags: 5, stream: stream, payload: block)
                        stream += 2
                    }
                    try socket.send(bytes)
                    if try socket.receive(atMost: 1 << 20, within: 2000).isEmpty { break }
                }
            } catch {}
        }
    }

    private func readNothing(_ endpoint: Endpoint, _ host: String, _ number: UInt32) {
        let text = request("GET /big HTTP/1.1", "Host: \(host)")
        var turn = number
        while goesOn {
            turn &+= 2
            if turn < 400 { try? open(endpoint, turn)?.send(text) }
            usleep(2000)
        }
    }

    private func rest(_ endpoint: Endpoint, _ host: String, _ number: UInt32) {
        let text = request("GET /fixed/1 HTTP/1.1", "Host: \(host)")
        var turn = number
        while goesOn {
            turn &+= 2
            // Some say whom they want, others nothing at all.
            if turn < 4000, let socket = open(endpoint, turn), turn % 3 > 0 { try? socket.send(text) }
            usleep(500)
        }
    }
}
