import CLinux
import CoreMetrics
import Glibc
import Synchronization
import Telemetry
import Testing

struct MetricsTests {
    private func text(_ registry: MetricsRegistry) -> String { String(decoding: registry.text().bytes, as: UTF8.self) }

    @Test func `writes counters, gauges and histograms`() {
        let registry = MetricsRegistry(help: ["requests_total": "All \\ of\nthem."], bounds: [0.1, 1])
        let counter = Counter(label: "requests_total", dimensions: [("site", "a")], factory: registry)
        counter.increment(by: 3)
        counter.increment()
        let gauge = Meter(label: "open.now", factory: registry)
        gauge.set(7)
        gauge.decrement(by: 1.5)
        let timer = Timer(label: "wait_seconds", factory: registry)
        timer.recordMilliseconds(100)
        timer.recordMilliseconds(500)
        timer.recordSeconds(30)
        #expect(
            text(registry) == """
                # HELP open_now open_now
                # TYPE open_now gauge
                open_now 5.5
                # HELP requests_total All \\\\ of\\nthem.
                # TYPE requests_total counter
                requests_total{site="a"} 4
                # HELP wait_seconds wait_seconds
                # TYPE wait_seconds histogram
                wait_seconds_bucket{le="0.1"} 1
                wait_seconds_bucket{le="1"} 2
                wait_seconds_bucket{le="+Inf"} 3
                wait_seconds_sum 30.6
                wait_seconds_count 3
                # HELP wasstraat_metrics_dropped_total Series that were not kept: too many, or of two kinds.
                # TYPE wasstraat_metrics_dropped_total counter
                wasstraat_metrics_dropped_total 0

                """)
    }

    @Test func `a hostile label stays inside its quotes`() {
        var text = MetricsText()
        text.family("1bad name\n", .gauge, help: "x\ny 1")
        text.sample(UInt64(1), [("la\"bel", "a\"} 9\nb\\c")])
        #expect(
            String(decoding: text.bytes, as: UTF8.self)
                == "# HELP _1bad_name_ x\\ny 1\n# TYPE _1bad_name_ gauge\n_1bad_name_{la_bel=\"a\\\"} 9\\nb\\\\c\"} 1\n"
        )
    }

    @Test func `keeps no more series than it was given room for`() {
        let registry = MetricsRegistry(seriesLimit: 2)
        for number in 0..<10 { Counter(label: "n", dimensions: [("n", "\(number)")], factory: registry).increment() }
        Counter(label: "n", dimensions: [("n", "1")], factory: registry).increment()
        // The same name as another kind is not kept either.
        Meter(label: "n", factory: registry).set(1)
        let text = text(registry)
        #expect(text.contains("n{n=\"1\"} 2\n"))
        #expect(!text.contains("n{n=\"2\"}"))
        #expect(text.hasSuffix("wasstraat_metrics_dropped_total 9\n"))
    }

    @Test func `counts from many threads`() async {
        let registry = MetricsRegistry(bounds: [1])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let counter = Counter(label: "c", factory: registry)
                    let gauge = Meter(label: "g", factory: registry)
                    let recorder = Recorder(label: "r", factory: registry)
                    for _ in 0..<1_000 {
                        counter.increment()
                        gauge.increment()
                        recorder.record(2)
                    }
                }
            }
        }
        let text = text(registry)
        #expect(text.contains("\nc 4000\n"))
        #expect(text.contains("\ng 4000\n"))
        #expect(text.contains("\nr_bucket{le=\"+Inf\"} 4000\nr_sum 8000\n"))
    }
}

/// A real server on a real socket.
@Suite(.timeLimit(.minutes(5))) struct MetricsServerTests {
    private static let loopback: [UInt8] = Array(repeating: 0, count: 10) + [0xff, 0xff, 127, 0, 0, 1]

    private func withServer(
        _ change: (inout MetricsServer) -> Void = { _ in }, _ body: (UInt16) async throws -> Void
    ) async throws {
        let listener = linux_listen(Self.loopback, 0, 64, 0)
        try #require(listener >= 0)
        let port = UInt16(linux_bound_port(listener))
        var server = MetricsServer(listener: listener) {
            var text = MetricsText()
            text.family("up", .gauge, help: "Up.")
            text.sample(UInt64(1))
            return text
        }
        change(&server)
        try await withThrowingTaskGroup(of: Void.self) { [server] group in
            group.addTask { try await server.run() }
            try await body(port)
            group.cancelAll()
        }
    }

    /// Waits, 30 s at most, without holding a thread: the server starts on the same ones.
    private func wait(for socket: Int32, _ events: Int32) async throws -> Bool {
        for _ in 0..<6_000 {
            var watched = [pollfd(fd: socket, events: Int16(events), revents: 0)]
            if poll(&watched, 1, 0) > 0 { return true }
            try await Task.sleep(for: .milliseconds(5))
        }
        return false
    }

    private func connect(_ port: UInt16) async throws -> Int32 {
        let socket = linux_connect(Self.loopback, port, nil)
        try #require(socket >= 0)
        let isConnected = try await wait(for: socket, POLLOUT)
        try #require(isConnected)
        return socket
    }

    /// What the server says until it ends the connection; nil when it does not.
    private func ask(_ port: UInt16, _ request: String) async throws -> String? {
        let socket = try await connect(port)
        defer { close(socket) }
        write(socket, request, request.utf8.count)
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while try await wait(for: socket, POLLIN) {
            let count = read(socket, &chunk, chunk.count)
            guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
            bytes += chunk[..<count]
        }
        return nil
    }

    @Test func `answers what it serves and refuses everything else`() async throws {
        try await withServer { port in
            let page = try #require(try await ask(port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"))
            #expect(page.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(page.contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"))
            #expect(page.hasSuffix("\r\n\r\n# HELP up Up.\n# TYPE up gauge\nup 1\n"))
            let head = try #require(try await ask(port, "HEAD /metrics?x=1 HTTP/1.1\r\nHost: x\r\n\r\n"))
            #expect(head.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(head.contains("Content-Length: 35\r\n"))
            #expect(head.hasSuffix("\r\n\r\n"))
            for path in ["/", "/metrics/", "/metricsx", "/../metrics"] {
                #expect(
                    try await ask(port, "GET \(path) HTTP/1.1\r\nHost: x\r\n\r\n")?.hasPrefix("HTTP/1.1 404 ") == true)
            }
            let post = try #require(
                try await ask(port, "POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"))
            #expect(post.hasPrefix("HTTP/1.1 405 "))
            #expect(post.contains("Allow: GET, HEAD\r\n"))
            #expect(try await ask(port, "\u{16}\u{3}\u{1}nonsense\r\n\r\n")?.contains(" 200 ") == false)
        }
    }

    @Test func `cuts off a head that is too long`() async throws {
        try await withServer { port in
            let request = "GET /metrics HTTP/1.1\r\nX: " + String(repeating: "a", count: 20_000)
            let answer = try await ask(port, request)
            #expect(answer != nil)
            #expect(answer?.contains(" 200 ") == false)
        }
    }

    @Test func `lets no one hold a connection`() async throws {
        try await withServer({ $0.timeLimit = 200 }) { port in
            let answer = try await ask(port, "GET /metr")
            #expect(answer != nil)
        }
    }

    @Test func `has room for so many at once and no more`() async throws {
        // None is cut off for its time before the third has come, however busy the machine is.
        try await withServer({
            $0.connectionLimit = 2
            $0.timeLimit = 600_000
        }) { port in
            let held = [try await connect(port), try await connect(port)]
            // On a busy machine the server may take in the third before it has counted the second.
            var refused = false
            for _ in 0..<100 where !refused {
                refused = try await ask(port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")?.contains(" 200 ") != true
                if !refused { try await Task.sleep(for: .milliseconds(20)) }
            }
            #expect(refused)
            for socket in held { close(socket) }
            var served = false
            for _ in 0..<100 where !served {
                served = try await ask(port, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")?.contains(" 200 ") == true
                if !served { try await Task.sleep(for: .milliseconds(20)) }
            }
            #expect(served)
        }
    }
}
