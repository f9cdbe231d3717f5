internal import Addresses
internal import CLinux
internal import Glibc
internal import Load

/// What the origin serves.
struct OriginOrder: Decodable {
    struct Answer: Decodable {
        /// The page's path without its query; one that ends in `*` stands for all that begin so.
        var path: String
        var type: String
        var word: String
        var bytes: Int
        /// Milliseconds that one of the places is taken.
        var milliseconds: Double
        /// Cache-Control; empty: the field is not sent.
        var caching: String
        /// Answers set a cookie where the request has none.
        var setsCookie: Bool
    }

    /// Requests that it works on at once; the others stand in line.
    var places: Int
    var line: Int
    var answers: [Answer]
}

/// An origin that saturates: so many places, each taken for a while by each request, and a line before them. It uses next to
/// no processor time itself, so that the figures are those of what stands in front of it.
final class SiegeOrigin {
    private final class Connection {
        var socket: Int32 = -1
        var generation: UInt32 = 0
        var input: [UInt8] = []
        var output: [UInt8] = []
        var sent = 0
        var isWaiting = false
        var closes = false
    }

    private struct Job {
        var place: Int
        var generation: UInt32
        var answer: Int?
        var hasCookie: Bool
        var until: UInt64 = 0
    }

    private static let headLimit = 64 << 10
    private static let listenerMark = UInt64.max
    private let order: OriginOrder
    private let bodies: [[UInt8]]
    private let listener: Int32
    private let epoll: Int32
    private var connections: [Connection] = []
    private var free: [Int] = []
    private var running: [Job] = []
    private var line: [Job] = []
    private var lineStart = 0
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)

    init(at home: HomeAddress, _ order: OriginOrder) throws(SiegeError) {
        self.order = order
        bodies = order.answers.map { answer in
            let text = "<!doctype html><html lang=\"nl\"><title>\(answer.word)</title><p>\(answer.word)</p>\n"
            var body = Array((answer.type.hasPrefix("text/html") ? text : answer.word).utf8)
            if body.count < answer.bytes { body += [UInt8](repeating: 46, count: answer.bytes - body.count) }
            return body
        }
        let listener = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { bytes in
            let address = home.endpoint.address
            for index in 0..<8 {
                bytes[index] = UInt8(truncatingIfNeeded: address.high >> UInt64(56 - index * 8))
                bytes[index + 8] = UInt8(truncatingIfNeeded: address.low >> UInt64(56 - index * 8))
            }
            return linux_listen(bytes.baseAddress!, home.endpoint.port, 4_096, 0)
        }
        guard listener >= 0 else { throw SiegeError("the origin cannot listen on \(home): error \(-listener)") }
        self.listener = listener
        epoll = epoll_create1(0o2000000)
        signal(SIGPIPE, SIG_IGN)
        watch(listener, Self.listenerMark, EPOLL_CTL_ADD, write: false)
    }

    /// Serves until the process is ended.
    func run() -> Never {
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        while true {
            var wait: Int32 = 1_000
            if let due = running.map(\.until).min() {
                let now = Clock.now()
                wait = due <= now ? 0 : Int32(min(1_000, (due - now + 999_999) / 1_000_000))
            }
            let count = epoll_wait(epoll, &events, Int32(events.count), wait)
            for event in events[..<max(0, Int(count))] {
                if event.data.u64 == Self.listenerMark {
                    accept()
                    continue
                }
                let place = Int(event.data.u64 & 0xffff_ffff)
                guard connections[place].generation == UInt32(event.data.u64 >> 32) else { continue }
                if connections[place].sent < connections[place].output.count { write(place) }
                if connections[place].socket >= 0 { read(place) }
            }
            finish()
        }
    }

    private func watch(_ socket: Int32, _ mark: UInt64, _ operation: Int32, write: Bool) {
        var event = epoll_event()
        event.events = write ? linux_epoll_in | linux_epoll_out : linux_epoll_in
        event.data.u64 = mark
        epoll_ctl(epoll, operation, socket, &event)
    }

    private func mark(_ place: Int) -> UInt64 { UInt64(connections[place].generation) << 32 | UInt64(place) }

    private func accept() {
        for _ in 0..<64 {
            let socket = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 16) { peer in
                var port: UInt16 = 0
                return linux_accept(listener, peer.baseAddress!, &port)
            }
            guard socket >= 0 else { return }
            let place = free.popLast() ?? connections.count
            if place == connections.count { connections.append(Connection()) }
            connections[place].socket = socket
            watch(socket, mark(place), EPOLL_CTL_ADD, write: false)
        }
    }

    private func close(_ place: Int) {
        let connection = connections[place]
        Glibc.close(connection.socket)
        connection.socket = -1
        connection.generation &+= 1
        connection.input = []
        connection.output = []
        connection.sent = 0
        connection.isWaiting = false
        connection.closes = false
        free.append(place)
    }

    private func read(_ place: Int) {
        let count = recv(connections[place].socket, buffer.baseAddress, buffer.count, 0)
        if count < 0 {
            if errno != EAGAIN, errno != EINTR { close(place) }
            return
        }
        // As most servers, it does not take a job back whose visitor has gone.
        guard count > 0 else { return close(place) }
        connections[place].input += buffer[..<count]
        guard connections[place].input.count <= Self.headLimit else { return close(place) }
        serve(place)
    }

    /// Takes the next request, if it is whole and the one before is answered.
    private func serve(_ place: Int) {
        let connection = connections[place]
        guard connection.socket >= 0, !connection.isWaiting, let request = OriginHead(connection.input) else { return }
        guard connection.input.count >= request.length else { return }
        connection.input.removeFirst(request.length)
        connection.closes = !request.keepsAlive
        connection.isWaiting = true
        let answer = order.answers.firstIndex { answer in
            answer.path.hasSuffix("*")
                ? request.path.hasPrefix(answer.path.dropLast()) : request.path == answer.path
        }
        let job = Job(place: place, generation: connection.generation, answer: answer, hasCookie: request.hasCookie)
        if running.count < order.places {
            start(job)
        } else if line.count - lineStart < order.line {
            line.append(job)
        } else {
            respond(place, status: "503 Service Unavailable", fields: "Content-Type: text/plain\r\n", body: [])
        }
    }

    private func start(_ job: Job) {
        var job = job
        // A page that is not there costs as much as one that is.
        let milliseconds = order.answers[job.answer ?? 0].milliseconds
        job.until = Clock.now() + UInt64(milliseconds * 1e6)
        running.append(job)
    }

    private func finish() {
        let now = Clock.now()
        while let index = running.firstIndex(where: { $0.until <= now }) {
            let job = running.remove(at: index)
            if lineStart < line.count {
                start(line[lineStart])
                lineStart += 1
                if lineStart > 1_024 {
                    line.removeFirst(lineStart)
                    lineStart = 0
                }
            }
            guard connections[job.place].generation == job.generation else { continue }
            guard let number = job.answer else {
                respond(job.place, status: "404 Not Found", fields: "Content-Type: text/plain\r\n", body: [])
                continue
            }
            let answer = order.answers[number]
            var fields = "Content-Type: \(answer.type)\r\n"
            if !answer.caching.isEmpty { fields += "Cache-Control: \(answer.caching)\r\n" }
            if answer.setsCookie, !job.hasCookie { fields += "Set-Cookie: sessie=\(now); Path=/; HttpOnly\r\n" }
            respond(job.place, status: "200 OK", fields: fields, body: bodies[number])
        }
    }

    private func respond(_ place: Int, status: String, fields: String, body: [UInt8]) {
        let connection = connections[place]
        connection.isWaiting = false
        connection.output = Array("HTTP/1.1 \(status)\r\n\(fields)Content-Length: \(body.count)\r\n\r\n".utf8)
        connection.output += body
        connection.sent = 0
        write(place)
        if connections[place].socket >= 0 { serve(place) }
    }

    private func write(_ place: Int) {
        let connection = connections[place]
        while connection.sent < connection.output.count {
            let count = connection.output.withUnsafeBytes {
                send(
                    connection.socket, $0.baseAddress! + connection.sent, $0.count - connection.sent,
                    Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else {
                if errno != EAGAIN { return close(place) }
                return watch(connection.socket, mark(place), EPOLL_CTL_MOD, write: true)
            }
            connection.sent += count
        }
        connection.output = []
        connection.sent = 0
        if connection.closes { return close(place) }
        watch(connection.socket, mark(place), EPOLL_CTL_MOD, write: false)
    }
}

/// The little that the origin needs of a request; what stands in front of it has been strict already.
struct OriginHead {
    var path: String
    var length: Int
    var keepsAlive = true
    var hasCookie = false

    /// nil: not all of the head is there.
    init?(_ bytes: [UInt8]) {
        var end = 3
        while end < bytes.count, !(bytes[end] == 10 && bytes[end - 2] == 10) { end += 1 }
        guard end < bytes.count else { return nil }
        length = end + 1
        let lines = String(decoding: bytes[..<end], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count == 3 else {
            path = ""
            keepsAlive = false
            return
        }
        path = String(words[1].prefix { $0 != "?" })
        if words[2] == "HTTP/1.0" { keepsAlive = false }
        for line in lines.dropFirst() {
            let lower = line.lowercased()
            if lower.hasPrefix("content-length:") {
                length += Int(lower.dropFirst(15).filter { $0 != " " }) ?? 0
            } else if lower == "connection: close" {
                keepsAlive = false
            } else if lower.hasPrefix("cookie:") {
                hasCookie = lower.contains("sessie=")
            }
        }
    }
}
