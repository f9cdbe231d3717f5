internal import Addresses
internal import CLinux
internal import Glibc
internal import Load

/// The made-up municipality's server: one process, one thread, epoll, HTTP/1.1 in clear.
final class OriginServer {
    private final class Connection {
        let place: Int
        var socket: Int32 = -1
        var generation: UInt32 = 0
        var input: [UInt8] = []
        var output: [UInt8] = []
        var sent = 0
        /// A request of it has a slot or stands in the line.
        var isWaiting = false
        var closes = false
        var wantsWrite = false

        init(place: Int) { self.place = place }
    }

    private let listener: Int32
    private let epoll: Int32
    private var connections: [Connection] = []
    private var free: [Int] = []
    private var slots = Slots()
    private var search: SearchWork
    private let pages: [String: [UInt8]]
    private let style = Array(Waterdam.style.utf8)
    private let image = Array(Waterdam.image.utf8)
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
    private static let listenerMark = UInt64.max

    init(at endpoint: Endpoint) throws(DemoError) {
        let listener = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { bytes in
            endpoint.address.store(to: bytes)
            return linux_listen(bytes.baseAddress!, endpoint.port, 4_096, 0)
        }
        guard listener >= 0 else { throw DemoError("the origin cannot listen on \(endpoint): error \(-listener)") }
        self.listener = listener
        var pages: [String: [UInt8]] = [:]
        for page in Waterdam.pages { pages[page.path] = Array(Waterdam.html(page).utf8) }
        self.pages = pages
        search = SearchWork(text: pages.values.flatMap { $0 })
        epoll = epoll_create1(0o2000000)
        var event = epoll_event()
        event.events = linux_epoll_in
        event.data.u64 = Self.listenerMark
        epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event)
        signal(SIGPIPE, SIG_IGN)
    }

    /// Serves until the process is ended.
    func run() -> Never {
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        while true {
            var wait: Int32 = 1_000
            if slots.hasWork {
                wait = 0
            } else if let due = slots.due {
                let now = Clock.now()
                wait = due <= now ? 0 : Int32(min(1_000, (due - now + 999_999) / 1_000_000))
            }
            let count = epoll_wait(epoll, &events, Int32(events.count), wait)
            for event in events[..<max(0, Int(count))] {
                if event.data.u64 == Self.listenerMark {
                    accept()
                    continue
                }
                let connection = connections[Int(event.data.u64 & 0xffff_ffff)]
                guard connection.generation == UInt32(event.data.u64 >> 32), connection.socket >= 0 else { continue }
                if connection.wantsWrite { write(connection) }
                if connection.socket >= 0 { read(connection) }
            }
            if slots.hasWork { slots.work(&search) }
            while let job = slots.finished(at: Clock.now()) { finish(job) }
        }
    }

    private func accept() {
        // Some at a time: the slots' work goes on in between.
        for _ in 0..<64 {
            let socket = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { peer in
                var port: UInt16 = 0
                return linux_accept(listener, peer.baseAddress!, &port)
            }
            guard socket >= 0 else { return }
            let connection: Connection
            if let place = free.popLast() {
                connection = connections[place]
            } else {
                connection = Connection(place: connections.count)
                connections.append(connection)
            }
            connection.socket = socket
            watch(connection, write: false, operation: EPOLL_CTL_ADD)
        }
    }

    private func watch(_ connection: Connection, write: Bool, operation: Int32 = EPOLL_CTL_MOD) {
        connection.wantsWrite = write
        var event = epoll_event()
        event.events = write ? linux_epoll_in | linux_epoll_out : linux_epoll_in
        event.data.u64 = UInt64(connection.generation) << 32 | UInt64(connection.place)
        epoll_ctl(epoll, operation, connection.socket, &event)
    }

    private func close(_ connection: Connection) {
        Glibc.close(connection.socket)
        connection.socket = -1
        connection.generation &+= 1
        connection.input.removeAll()
        connection.output.removeAll()
        connection.sent = 0
        connection.isWaiting = false
        connection.closes = false
        free.append(connection.place)
    }

    private func read(_ connection: Connection) {
        let count = recv(connection.socket, buffer.baseAddress, buffer.count, 0)
        if count < 0 {
            if errno != EAGAIN, errno != EINTR { close(connection) }
            return
        }
        // As most servers, it does not take a job back whose visitor has gone.
        guard count > 0 else { return close(connection) }
        connection.input.append(contentsOf: buffer[..<count])
        guard connection.input.count <= OriginRequest.headLimit + 2 * OriginRequest.bodyLimit else {
            return close(connection)
        }
        serve(connection)
    }

    /// Answers what has come in, one request after the other.
    private func serve(_ connection: Connection) {
        while !connection.isWaiting, !connection.closes, !connection.input.isEmpty {
            switch OriginRequest.read(connection.input[...]) {
            case .unfinished: return
            case .malformed:
                connection.closes = true
                respond(connection, 400, "text/plain", Array("Onjuist verzoek.\n".utf8), isHead: false)
            case .request(let request, let length):
                connection.input.removeFirst(length)
                if !request.keepsAlive { connection.closes = true }
                answer(request, on: connection)
            }
        }
    }

    private func answer(_ request: OriginRequest, on connection: Connection) {
        let isSearch = request.path == "/zoeken"
        if isSearch || pages[request.path] != nil {
            let job = Slots.Job(
                connection: connection.place, generation: connection.generation, request: request, isSearch: isSearch)
            if slots.take(job, at: Clock.now()) {
                connection.isWaiting = true
            } else {
                respond(connection, 503, "text/plain", Array("Het is te druk.\n".utf8), isHead: request.isHead)
            }
            return
        }
        switch request.path {
        case "/stijl.css": respond(connection, 200, "text/css", style, isHead: request.isHead)
        case "/wapen.svg": respond(connection, 200, "image/svg+xml", image, isHead: request.isHead)
        case "/health": respond(connection, 200, "text/plain", Array("ok\n".utf8), isHead: request.isHead)
        default: respond(connection, 404, "text/plain", Array("Niet gevonden.\n".utf8), isHead: request.isHead)
        }
    }

    private func finish(_ job: Slots.Job) {
        let connection = connections[job.connection]
        guard connection.generation == job.generation, connection.socket >= 0 else { return }
        connection.isWaiting = false
        let html: [UInt8]
        if job.isSearch {
            let words = job.request.field("q")
            let found = words.isEmpty ? [] : Waterdam.pages.filter { Self.holds($0, words) }
            html = Array(Waterdam.results(for: words, found: found).utf8)
        } else {
            html = pages[job.request.path] ?? []
        }
        respond(connection, 200, "text/html; charset=utf-8", html, isHead: job.request.isHead)
        if connection.socket >= 0 { serve(connection) }
    }

    private static func holds(_ page: Waterdam.Page, _ words: String) -> Bool {
        let words = words.lowercased()
        return page.title.lowercased().contains(words) || page.paragraphs.contains { $0.lowercased().contains(words) }
    }

    private func respond(_ connection: Connection, _ status: Int, _ type: String, _ body: [UInt8], isHead: Bool) {
        let reason = [200: "OK", 400: "Bad Request", 404: "Not Found", 503: "Service Unavailable"][status] ?? ""
        let caching = type.hasPrefix("text/css") || type.hasPrefix("image") ? "public, max-age=86400" : "no-store"
        connection.output +=
            """
            HTTP/1.1 \(status) \(reason)\r
            Content-Type: \(type)\r
            Content-Length: \(body.count)\r
            Cache-Control: \(caching)\r
            Connection: \(connection.closes ? "close" : "keep-alive")\r
            \r\n
            """.utf8
        if !isHead { connection.output += body }
        write(connection)
    }

    private func write(_ connection: Connection) {
        while connection.sent < connection.output.count {
            let count = connection.output.withUnsafeBytes { bytes in
                send(
                    connection.socket, bytes.baseAddress! + connection.sent, bytes.count - connection.sent,
                    Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else {
                if errno == EAGAIN {
                    if !connection.wantsWrite { watch(connection, write: true) }
                } else {
                    close(connection)
                }
                return
            }
            connection.sent += count
        }
        connection.output.removeAll(keepingCapacity: true)
        connection.sent = 0
        if connection.closes { return close(connection) }
        if connection.wantsWrite { watch(connection, write: false) }
    }
}

extension Address {
    /// Writes the 16 bytes in network order.
    func store(to bytes: UnsafeMutableBufferPointer<UInt8>) {
        for index in 0..<8 {
            bytes[index] = UInt8(truncatingIfNeeded: high >> UInt64(56 - index * 8))
            bytes[index + 8] = UInt8(truncatingIfNeeded: low >> UInt64(56 - index * 8))
        }
    }
}
