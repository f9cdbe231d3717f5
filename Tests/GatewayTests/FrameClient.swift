import Addresses
import Heads
import TestKit

/// A visitor who speaks HTTP/2 frame by frame: it sends what it is told, and gathers what comes by stream. Header blocks
/// of the lane are decoded by the room Heads, whose tests compare it with others.
struct FrameClient {
    struct Frame: CustomStringConvertible {
        var type: UInt8
        var flags: UInt8
        var stream: UInt32
        var payload: [UInt8]

        var description: String { "frame \(type) flags \(flags) stream \(stream), \(payload.count) bytes" }
        /// The first four bytes from `offset` on.
        func number(at offset: Int = 0) -> UInt32 { payload[offset..<offset + 4].reduce(0) { $0 << 8 | UInt32($1) } }
    }

    struct Response {
        var fields: [(name: String, value: String)] = []
        var trailers: [(name: String, value: String)] = []
        /// Statuses of 1xx responses that came before.
        var informational: [String] = []
        var body: [UInt8] = []
        var isEnded = false
        /// The code of RST_STREAM.
        var reset: UInt32?

        var status: String { self[":status"] ?? "" }
        subscript(_ name: String) -> String? { fields.first { $0.name == name }?.value }
    }

    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

    let socket: Socket
    private var pending: [UInt8] = []
    private var decoder = HPACKDecoder()
    private var list = HPACKFields()
    private(set) var responses: [UInt32: Response] = [:]
    /// Frames of the connection itself, and resets, as they came.
    private(set) var others: [Frame] = []
    /// Whether windows are opened again as content comes.
    var opensWindows = true
    /// Whether PING is answered.
    var answersPings = true
    private(set) var isClosed = false
    private(set) var firstBlockByte: UInt8?
    private(set) var lastBlockByte: UInt8?

    /// Connects in clear and says the preface with these settings.
    init(to endpoint: Endpoint, from source: Address? = nil, settings: [(UInt16, UInt32)] = []) throws {
        socket = try Socket(to: endpoint, from: source)
        try socket.send(Self.preface)
        try send(4, payload: Self.settings(settings))
    }

    static func settings(_ settings: [(UInt16, UInt32)]) -> [UInt8] {
        settings.flatMap { name, value in
            [UInt8(name >> 8), UInt8(truncatingIfNeeded: name)] + Self.bytes(value)
        }
    }

    static func bytes(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> UInt32($0)) }
    }

    static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, payload: [UInt8] = []) -> [UInt8] {
        Array(bytes(UInt32(payload.count)).dropFirst()) + [type, flags] + bytes(stream) + payload
    }

    /// Fields as literals that no table keeps, each shorter than 127 bytes; longer values in their long form.
    static func block(_ fields: [(String, String)]) -> [UInt8] {
        fields.flatMap { name, value in [0] + text(name) + text(value) }
    }

    private static func text(_ text: String) -> [UInt8] {
        var length = text.utf8.count
        guard length >= 127 else { return [UInt8(length)] + Array(text.utf8) }
        var bytes: [UInt8] = [127]
        length -= 127
        while length >= 128 {
            bytes.append(UInt8(length & 127 | 128))
            length >>= 7
        }
        return bytes + [UInt8(length)] + Array(text.utf8)
    }

    static func request(
        _ path: String, method: String = "GET", host: String = Street.host, _ fields: [(String, String)] = []
    ) -> [UInt8] {
        block([(":method", method), (":scheme", "http"), (":authority", host), (":path", path)] + fields)
    }

    func send(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, payload: [UInt8] = []) throws {
        try socket.send(Self.frame(type, flags: flags, stream: stream, payload: payload))
    }

    /// HEADERS of a request; `ends`: without content.
    func ask(
        _ stream: UInt32, _ path: String, method: String = "GET", host: String = Street.host,
        _ fields: [(String, String)] = [], ends: Bool = true
    ) throws {
        try send(
            1, flags: ends ? 5 : 4, stream: stream, payload: Self.request(path, method: method, host: host, fields))
    }

    func content(_ stream: UInt32, _ bytes: [UInt8], ends: Bool) throws {
        try send(0, flags: ends ? 1 : 0, stream: stream, payload: bytes)
    }

    /// Takes what comes until `wanted` holds. False where it does not in time, or the connection ends before.
    @discardableResult
    mutating func wait(within milliseconds: Int = 5000, until wanted: (Self) -> Bool) throws -> Bool {
        let deadline = ContinuousClock.now + .milliseconds(milliseconds)
        while !wanted(self) {
            let left = deadline - .now
            guard left > .zero, !isClosed else { return false }
            let wait = Int(left.components.seconds * 1000 + left.components.attoseconds / 1_000_000_000_000_000) + 1
            do throws(TestKitError) {
                let bytes = try socket.receive(within: wait)
                isClosed = bytes.isEmpty
                pending += bytes
            } catch .timedOut {
                return wanted(self)
            } catch {
                isClosed = true
            }
            try takeFrames()
        }
        return true
    }

    /// A request and its whole response.
    mutating func get(
        _ stream: UInt32, _ path: String, host: String = Street.host, _ fields: [(String, String)] = []
    ) throws -> Response {
        try ask(stream, path, host: host, fields)
        return try response(stream)
    }

    mutating func response(_ stream: UInt32, within milliseconds: Int = 5000) throws -> Response {
        try wait(within: milliseconds) { $0.responses[stream]?.isEnded == true || $0.responses[stream]?.reset != nil }
        guard let response = responses[stream] else { throw TestKitError.timedOut("a response on stream \(stream)") }
        return response
    }

    /// The code of the connection's GOAWAY, once it came and the connection ended.
    mutating func ending(within milliseconds: Int = 5000) throws -> UInt32? {
        try wait(within: milliseconds) { $0.isClosed }
        return others.last { $0.type == 7 }?.number(at: 4)
    }

    /// The lane's answer to a PING, behind which all stands that it said to what came before.
    @discardableResult
    mutating func ping(within milliseconds: Int = 5000) throws -> Bool {
        let before = others(of: 6).count
        try send(6, payload: [UInt8](repeating: 7, count: 8))
        return try wait(within: milliseconds) { $0.others(of: 6).count > before }
    }

    /// What the lane lets be sent over the connection in all.
    var window: Int { others(of: 8).filter { $0.stream == 0 }.reduce(65_535) { $0 + Int($1.number()) } }

    func others(of type: UInt8) -> [Frame] { others.filter { $0.type == type } }

    private mutating func takeFrames() throws {
        while pending.count >= 9 {
            let length = pending[..<3].reduce(0) { $0 << 8 | Int($1) }
            guard pending.count >= 9 + length else { return }
            let stream = pending[5..<9].reduce(0) { $0 << 8 | UInt32($1) }
            let frame = Frame(
                type: pending[3], flags: pending[4], stream: stream, payload: Array(pending[9..<9 + length]))
            pending.removeFirst(9 + length)
            try take(frame)
        }
    }

    private mutating func take(_ frame: Frame) throws {
        switch frame.type {
        case 0:
            responses[frame.stream, default: Response()].body += frame.payload
            if opensWindows, !frame.payload.isEmpty, !isClosed {
                let size = Self.bytes(UInt32(frame.payload.count))
                try? send(8, payload: size)
                if frame.flags & 1 == 0 { try? send(8, stream: frame.stream, payload: size) }
            }
        case 1: try takeHeaders(frame)
        case 3: responses[frame.stream, default: Response()].reset = frame.number()
        case 4 where frame.flags == 0:
            try? send(4, flags: 1)
            others.append(frame)
        case 6 where frame.flags == 0:
            if answersPings { try? send(6, flags: 1, payload: frame.payload) }
        default: others.append(frame)
        }
        if frame.type < 2, frame.flags & 1 != 0 { responses[frame.stream, default: Response()].isEnded = true }
    }

    private mutating func takeHeaders(_ frame: Frame) throws {
        if firstBlockByte == nil { firstBlockByte = frame.payload.first }
        lastBlockByte = frame.payload.first
        guard frame.flags & 4 != 0 else { throw TestKitError.malformed("a header block in pieces") }
        let fault = frame.payload.withUnsafeBytes { decoder.decode($0.bytes, into: &list) }
        guard fault == nil else { throw TestKitError.malformed("a header block: \(fault!)") }
        let fields = list.entries.map { entry in
            (
                name: String(decoding: list.bytes[entry.name.range], as: UTF8.self),
                value: String(decoding: list.bytes[entry.value.range], as: UTF8.self)
            )
        }
        var response = responses[frame.stream] ?? Response()
        if let status = fields.first(where: { $0.name == ":status" })?.value {
            if status.hasPrefix("1") { response.informational.append(status) } else { response.fields = fields }
        } else {
            response.trailers = fields
        }
        responses[frame.stream] = response
    }
}
