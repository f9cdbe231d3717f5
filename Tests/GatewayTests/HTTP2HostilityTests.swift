import Addresses
import Messages
import Synchronization
import TestKit
import Testing

private typealias F = FrameClient

/// What a visitor tries over HTTP/2 to get at others, or to hold more than its share.
@Suite struct `A hostile visitor over HTTP/2` {
    private static let post = "POST /upload HTTP/1.1\r\nHost: www.example.nl\r\nTransfer-Encoding: chunked\r\n\r\n"

    @Test func `cannot put frames into the connection that takes its place in the queue`() throws {
        let street = try Street {
            $0.limits.queueLength = 1
            $0.limits.queueTime = 8000
        }
        street.origin.answer(
            "/page", with: [.text("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\nhi")])
        let cookie = try #require(try street.get("/page")["set-cookie"])
        let pair = String(cookie.prefix { $0 != ";" })
        // Until one does not reach the origin: that one waits, and gives its place up.
        var busy: [RawClient] = []
        while busy.count < 30 {
            let source = Address(ipv4: 0x7f00_3201 + UInt32(busy.count))
            let client = try street.visitor(from: source)
            try client.send(request("GET /slow/9000 HTTP/1.1", "Host: www.example.nl"))
            busy.append(client)
            guard eventually(within: 300, { street.origin.requests.count > busy.count }) else { break }
        }
        busy.removeLast().socket.end()
        pauseThread(50)
        let count = street.origin.requests.count
        var waiting = try street.visitor(from: Address(ipv4: 0x7f00_3301))
        try waiting.send(Array((Self.post + "40000\r\n").utf8) + [UInt8](repeating: 0x78, count: 256 << 10))
        pauseThread(100)
        #expect(!waiting.socket.hasBytes)
        var client = try F(to: street.clear)
        try client.wait { !$0.others(of: 4).isEmpty }
        try client.socket.send(
            F.frame(1, flags: 5, stream: 1, payload: F.request("/fixed/1", [("cookie", pair)]))
                + F.frame(6, payload: pattern(8)))
        #expect(try client.wait { $0.others(of: 6).contains { $0.flags == 1 } })
        #expect(!client.isClosed && client.others(of: 7).isEmpty)
        #expect(try waiting.readResponse().status == 503)
        #expect(street.origin.requests.count == count)
    }

    @Test func `does not free its origin's slot by a request whole but for END_STREAM`() throws {
        let street = try Street()
        let client = try F(to: street.clear)
        for number in 0..<3 {
            let stream = UInt32(number) * 2 + 1
            try client.ask(stream, "/slow/2500", method: "POST", [("content-length", "1")], ends: false)
            try client.content(stream, [1], ends: false)
        }
        #expect(eventually { street.origin.requests.count == 3 })
        for number in 0..<2 { try client.send(3, stream: UInt32(number) * 2 + 1, payload: F.bytes(8)) }
        // Those given up, and the one that goes on: also after a second.
        pauseThread(1500)
        #expect(street.lane.status { $0.sites[0].inFlight == 3 }.sites[0].inFlight == 3)
        var reading = client
        #expect(try reading.response(5).status == "200")
        #expect(street.lane.status { $0.sites[0].inFlight == 0 }.sites[0].inFlight == 0)
    }

    @Test func `does not shut its window for good by content for what is answered`() throws {
        let street = try Street {
            $0.limits.progressTime = 600
            $0.limits.progressRate = 100
        }
        street.origin.answer(
            "/refuse-body-here",
            with: [
                .text("HTTP/1.1 413 Content Too Large\r\nContent-Length: 5\r\nConnection: close\r\n\r\nlarge"), .close,
            ])
        var client = try F(to: street.clear, settings: [(4, 0)])
        let streams: [UInt32] = [1, 3, 5, 7]
        for stream in streams { try client.ask(stream, "/refuse-body-here", method: "POST", ends: false) }
        #expect(try client.wait { client in streams.allSatisfy { client.responses[$0]?.status == "413" } })
        for stream in streams {
            for _ in 0..<16 { try client.content(stream, pattern(16_384), ends: false) }
        }
        try client.ask(9, "/fixed/5000")
        // Its content was passed over; and it is not excused from taking the answer.
        #expect(try client.wait { $0.window >= (1 << 20) + (3 << 18) })
        #expect(try client.response(9).reset != nil)
        #expect(street.lane.status { $0.sites[0].inFlight == 0 }.sites[0].inFlight == 0)
    }

    @Test func `is not given more window for what is passed over than it used`() throws {
        let street = try Street { $0.sites[0].bodyLimit = 100_000 }
        var client = try F(to: street.clear)
        try client.ask(1, "/upload", method: "POST", [("content-length", "9000000")], ends: false)
        #expect(try client.response(1).status == "413")
        for _ in 0..<60 { try client.content(1, pattern(16_384), ends: false) }
        #expect(try client.ping())
        let used = 60 * 16_384
        #expect(client.window <= (1 << 20) + used)
        #expect(client.window >= (1 << 20) + used - (256 << 10))
    }

    @Test func `rests, however many small frames it sends`() throws {
        let street = try Street { $0.limits.idleTime = 1000 }
        var client = try F(to: street.clear)
        let frame = F.frame(2, stream: 1, payload: [0, 0, 0, 3, 9])
        try client.socket.send((0..<300).flatMap { _ in frame })
        let deadline = ContinuousClock.now + .seconds(5)
        while ContinuousClock.now < deadline, !client.isClosed {
            try? client.socket.send(frame)
            _ = try client.wait(within: 3) { $0.isClosed }
        }
        #expect(client.isClosed)
        #expect(client.others(of: 7).last?.number(at: 4) == 0)
    }

    @Test func `does not hold a response by moving its windows to and fro`() throws {
        let street = try Street {
            $0.limits.progressTime = 600
            $0.limits.progressRate = 100
        }
        var client = try F(to: street.clear, settings: [(4, 70_000)])
        client.opensWindows = false
        let begun = ContinuousClock.now
        func wait(until milliseconds: Int) throws {
            let left = begun + .milliseconds(milliseconds) - .now
            try client.wait(within: max(1, Int(left / .milliseconds(1)))) { $0.isClosed }
        }
        try wait(until: 320)
        try client.ask(1, "/fixed/200000")
        // The connection's clock looks every 640 ms from the start, the stream's from 320 ms on. The one sees a window
        // that is open and a stream's that is not; the other one the opposite.
        for round in 0..<8 where !client.isClosed && client.responses[1]?.reset == nil {
            try wait(until: round * 640 + 500)
            try? client.send(4, payload: F.settings([(4, 60_000)]))
            try? client.send(8, payload: F.bytes(1))
            try wait(until: round * 640 + 800)
            try? client.send(4, payload: F.settings([(4, 70_000)]))
        }
        #expect(client.isClosed || client.responses[1]?.reset != nil)
        #expect(street.lane.status { $0.sites[0].inFlight == 0 }.sites[0].inFlight == 0)
    }

    @Test func `gathers a megabyte over one connection, and the first part of more`() throws {
        let street = try Street { $0.sites[0].mode = .observe }
        var client = try F(to: street.clear)
        for stream in stride(from: 1, to: 61, by: 2) as StrideTo<UInt32> {
            try client.ask(stream, "/upload", method: "POST", [("content-length", "60000")], ends: false)
            try client.content(stream, pattern(4_095), ends: false)
        }
        #expect(try client.ping())
        #expect(street.origin.open == 0)
        for stream in stride(from: 1, to: 61, by: 2) as StrideTo<UInt32> {
            try client.content(stream, pattern(1), ends: false)
        }
        #expect(try client.ping())
        #expect(eventually(within: 3000) { street.origin.open >= 10 })
        pauseThread(100)
        #expect((10...14).contains(street.origin.open), "\(street.origin.open) at the origin")
        #expect(!client.isClosed)
    }

    @Test func `holds back a few origins where many are held back`() throws {
        let street = try Street { $0.sites[0].mode = .observe }
        let clients = try (0..<3).map { _ in try F(to: street.clear, settings: [(4, 0)]) }
        for index in clients.indices {
            for number in 0..<100 { try clients[index].ask(UInt32(number) * 2 + 1, "/fixed/200000") }
        }
        // 256 are held back, and as many over each connection as are not too many.
        #expect(street.lane.status(within: 8000) { $0.connections.timedOut >= 20 }.connections.timedOut >= 20)
        #expect(street.origin.open >= 200)
        // One that has but one goes on.
        var other = try F(to: street.clear, settings: [(4, 0)])
        try other.ask(1, "/fixed/2000000")
        try other.wait(within: 500) { _ in false }
        #expect(other.responses[1]?.reset == nil)
        // They hold on all the while.
        #expect(clients.allSatisfy { !$0.isClosed })
    }

    @Test func `does not have the worker for itself by asking faster than it is refused`() throws {
        let street = try Street { $0.sites[0].sourceLimit = Snapshot.SourceLimit(rate: 1, burst: 1) }
        let client = try F(to: street.clear, from: Address(ipv4: 0x7f00_3401), settings: [(4, 0)])
        let flood = try Flood(over: client.socket)
        defer { flood.stop() }
        var slowest = Duration.zero
        for number in 0..<15 {
            let begun = ContinuousClock.now
            let source = Address(ipv4: 0x7f00_3501 + UInt32(number))
            #expect(try street.get("/fixed/1", from: source).status == 200)
            slowest = max(slowest, .now - begun)
            pauseThread(30)
        }
        #expect(slowest < .seconds(2), "\(slowest)")
        #expect(street.lane.status { $0.sites[0].responses[3] > 1000 }.sites[0].responses[3] > 1000)
    }
}

/// Requests without end over a socket, and all answers thrown away.
private final class Flood: Sendable {
    private let isOver = Atomic(false)
    private let socket: Socket
    private let threads = Mutex<[TestThread]>([])

    init(over socket: Socket) throws {
        self.socket = socket
        let sender = try TestThread { [self] in
            var stream: UInt32 = 1
            let block = FrameClient.request("/fixed/1")
            while !isOver.load(ordering: .relaxed), stream < 0x7000_0000 {
                var bytes: [UInt8] = []
                for _ in 0..<2000 {
                    bytes += FrameClient.frame(1, flags: 5, stream: stream, payload: block)
                    stream += 2
                }
                do { try socket.send(bytes) } catch { return }
            }
        }
        let reader = try TestThread {
            while let bytes = try? socket.receive(atMost: 1 << 20), !bytes.isEmpty {}
        }
        threads.withLock { $0 = [sender, reader] }
    }

    func stop() {
        isOver.store(true, ordering: .relaxed)
        socket.end()
        for thread in threads.withLock({ $0 }) { thread.join() }
    }
}

/// What went wrong between well-meaning programs.
@Suite struct `Well-meant HTTP/2` {
    @Test func `is not a fault where it crosses our GOAWAY`() throws {
        let street = try Street()
        var client = try F(to: street.clear)
        try client.ask(1, "/slow/900")
        #expect(eventually { street.origin.requests.count == 1 })
        try street.lane.drain()
        try client.wait { $0.others(of: 7).count == 2 }
        try client.ask(3, "/upload", method: "POST", ends: false)
        try client.send(8, stream: 3, payload: F.bytes(1000))
        try client.content(3, pattern(100), ends: false)
        try client.send(3, stream: 3, payload: F.bytes(8))
        #expect(try client.response(1).status == "200")
        #expect(try client.ending() == 0)
        #expect(client.others(of: 7).map { $0.number() } == [0x7fff_ffff, 1])
    }

    @Test func `that begins while the lane drains is served, and told to go`() throws {
        let street = try Street()
        // Keeps the lane from ending meanwhile.
        var busy = try street.visitor()
        try busy.send(request("GET /slow/1500 HTTP/1.1", "Host: www.example.nl"))
        var late = try RawClient(to: street.behind)
        try late.send("PROXY TCP4 192.0.2.7")
        #expect(eventually { street.origin.requests.count == 1 })
        pauseThread(50)
        try street.lane.drain()
        pauseThread(200)
        try late.send(
            Array(" 198.51.100.1 49152 80\r\n".utf8) + F.preface + F.frame(4)
                + F.frame(1, flags: 5, stream: 1, payload: F.request("/fixed/1")))
        let bytes = try late.readAll()
        for last: UInt32 in [0x7fff_ffff, 1] {
            let goAway = F.frame(7, payload: F.bytes(last) + F.bytes(0))
            #expect(bytes.indices.contains { bytes[$0...].starts(with: goAway) })
        }
        #expect(try busy.readResponse().status == 200)
        #expect(street.origin.requests.count == 2)
    }

    @Test func `may be cut in the middle of a frame while its answers are not taken`() throws {
        let street = try Street { $0.limits.headTime = 1000 }
        street.lane.setSendBuffer(16 << 10)
        var client = try F(to: street.clear, settings: [(4, 20_000_000)])
        client.socket.setReceiveBuffer(16 << 10)
        try client.send(8, payload: F.bytes(20_000_000))
        try client.wait { $0.others(of: 4).count == 2 }
        let ping = F.frame(6, payload: pattern(8))
        try client.socket.send(
            F.frame(1, flags: 5, stream: 1, payload: F.request("/fixed/3000000")) + ping[..<5])
        pauseThread(2500)
        try client.socket.send(Array(ping[5...]))
        client.opensWindows = false
        let response = try client.response(1, within: 10_000)
        #expect(response.body.count == 3_000_000)
        #expect(try client.wait { !$0.others(of: 6).isEmpty })
    }

    @Test func `gets content once where the origin's trailers are too many`() throws {
        let street = try Street()
        let trailers = (0..<70).map { "X-\($0): y\r\n" }.joined()
        street.origin.answer(
            "/trailers",
            with: [
                .text(
                    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + trailers + "\r\n")
            ])
        var client = try F(to: street.clear)
        let response = try client.get(1, "/trailers")
        #expect(String(decoding: response.body, as: UTF8.self) == "hello")
        #expect(response.isEnded && response.trailers.isEmpty)
    }

    @Test func `may send the trailers of many refused uploads`() throws {
        let street = try Street { $0.sites[0].bodyLimit = 1000 }
        var client = try F(to: street.clear)
        for number in 0..<60 {
            try client.ask(
                UInt32(number) * 2 + 1, "/upload", method: "POST", [("content-length", "100000")], ends: false)
        }
        #expect(try client.response(119).status == "413")
        for number in 0..<60 {
            try client.send(1, flags: 5, stream: UInt32(number) * 2 + 1, payload: F.block([("x-sum", "7")]))
        }
        #expect(try client.get(121, "/fixed/1").status == "200")
    }

    @Test func `that gives up its table meanwhile is told so by trailers too`() throws {
        let street = try Street()
        var client = try F(to: street.clear, settings: [(4, 100)])
        client.opensWindows = false
        try client.ask(1, "/chunked/5/1000")
        try client.wait(within: 300) { _ in false }
        #expect(client.responses[1]?.body.count == 100)
        try client.send(4, payload: F.settings([(1, 0)]))
        #expect(try client.ping())
        try client.send(8, stream: 1, payload: F.bytes(10_000))
        #expect(try client.response(1).trailers.map(\.value) == ["5"])
        #expect(client.lastBlockByte == 0x20)
    }

    @Test func `is told no length of what has no content`() throws {
        let street = try Street()
        street.origin.answer("/none", with: [.text("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nX-A: b\r\n\r\n")])
        var client = try F(to: street.clear)
        let response = try client.get(1, "/none")
        #expect(response.status == "204" && response["x-a"] == "b")
        #expect(response["content-length"] == nil)
    }
}
