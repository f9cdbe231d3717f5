/// A request or response as a plain reader sees it, kept simple: it is no part of what is tested. Used by the raw client
/// and by the loopback origin.
package struct HTTPMessage: Sendable {
    /// "GET / HTTP/1.1" or "HTTP/1.1 200 OK".
    package var startLine = ""
    package var fields: [(name: String, value: String)] = []
    /// The content, taken out of the chunked coding.
    package var body: [UInt8] = []
    /// Sizes of the chunks as they came, where it was chunked.
    package var chunks: [Int] = []
    package var trailers: [(name: String, value: String)] = []
    /// Start line and fields exactly as they came, with the empty line.
    package var rawHead: [UInt8] = []
    /// 1xx responses that came before.
    package var informational: [HTTPMessage] = []

    package init() {}

    package var bodyText: String { String(decoding: body, as: UTF8.self) }
    package var headText: String { String(decoding: rawHead, as: UTF8.self) }

    /// The status of a response, 0 for anything else.
    package var status: Int {
        let words = startLine.split(separator: " ", omittingEmptySubsequences: false)
        return words.count >= 2 && startLine.hasPrefix("HTTP/") ? Int(words[1]) ?? 0 : 0
    }

    /// Method and target of a request.
    package var method: String { startLine.split(separator: " ").first.map(String.init) ?? "" }
    package var target: String {
        let words = startLine.split(separator: " ")
        return words.count == 3 ? String(words[1]) : ""
    }

    /// The values of all fields of that name, in order.
    package func values(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }

    /// The value of the one field of that name; nil where there is none or more than one.
    package subscript(_ name: String) -> String? {
        let values = values(name)
        return values.count == 1 ? values[0] : nil
    }
}

/// Reads messages from a socket, keeping what came too early.
package struct HTTPReader: Sendable {
    package let socket: Socket
    /// Bytes received and not yet part of a message.
    package private(set) var pending: [UInt8] = []
    /// For one wait, not for a whole message.
    package var timeout = 5000

    package init(_ socket: Socket) { self.socket = socket }

    /// The next message's head; nil when the stream ends before its first byte.
    package mutating func readHead() throws(TestKitError) -> HTTPMessage? {
        let end: [UInt8] = [13, 10, 13, 10]
        var searched = 0
        while true {
            if let place = Self.find(end, in: pending, from: searched) {
                return try Self.parse(take(place + 4))
            }
            searched = max(0, pending.count - 3)
            guard pending.count <= 1 << 20 else { throw .malformed("a head over 1 MiB") }
            guard try fill() else {
                if pending.isEmpty { return nil }
                throw .closed("the end of a head")
            }
        }
    }

    /// Reads the body of the message whose head was read.
    package mutating func readBody(of message: inout HTTPMessage, untilClose: Bool) throws(TestKitError) {
        if message.values("transfer-encoding").last?.lowercased() == "chunked" {
            try readChunks(of: &message)
        } else if let length = message.values("content-length").first {
            guard let count = Int(length) else { throw .malformed("Content-Length \(length)") }
            message.body = try readBytes(count)
        } else if untilClose {
            message.body = try readAll()
        }
    }

    /// Exactly so many bytes.
    package mutating func readBytes(_ count: Int) throws(TestKitError) -> [UInt8] {
        while pending.count < count {
            guard try fill() else { throw .closed("\(count) bytes; \(pending.count) came") }
        }
        return take(count)
    }

    /// All until the other side closes.
    package mutating func readAll() throws(TestKitError) -> [UInt8] {
        while try fill() {}
        return take(pending.count)
    }

    private mutating func readChunks(of message: inout HTTPMessage) throws(TestKitError) {
        while true {
            let line = try readLine()
            guard let size = Int(line.prefix { $0 != ";" }, radix: 16) else { throw .malformed("chunk size \(line)") }
            if size == 0 { break }
            message.chunks.append(size)
            message.body += try readBytes(size)
            guard try readBytes(2) == [13, 10] else { throw .malformed("the end of a chunk") }
        }
        while true {
            let line = try readLine()
            if line.isEmpty { return }
            message.trailers.append(try Self.field(line))
        }
    }

    private mutating func readLine() throws(TestKitError) -> String {
        while true {
            if let place = Self.find([13, 10], in: pending, from: 0) {
                let line = take(place + 2)
                return String(decoding: line.dropLast(2), as: UTF8.self)
            }
            guard pending.count <= 1 << 16, try fill() else { throw .closed("the end of a line") }
        }
    }

    /// Adds what comes next; false at the end of the stream.
    private mutating func fill() throws(TestKitError) -> Bool {
        let bytes = try socket.receive(within: timeout)
        pending += bytes
        return !bytes.isEmpty
    }

    private mutating func take(_ count: Int) -> [UInt8] {
        let taken = Array(pending[..<count])
        pending.removeFirst(count)
        return taken
    }

    private static func find(_ pattern: [UInt8], in bytes: [UInt8], from start: Int) -> Int? {
        guard bytes.count >= pattern.count else { return nil }
        var index = start
        while index + pattern.count <= bytes.count {
            if bytes[index] == pattern[0], bytes[index..<index + pattern.count].elementsEqual(pattern) { return index }
            index += 1
        }
        return nil
    }

    static func parse(_ head: [UInt8]) throws(TestKitError) -> HTTPMessage {
        var message = HTTPMessage()
        message.rawHead = head
        // Bytes, for "\r\n" is one Character.
        var lines: [String] = []
        var start = 0
        while let end = find([13, 10], in: head, from: start) {
            lines.append(String(decoding: head[start..<end], as: UTF8.self))
            start = end + 2
        }
        message.startLine = lines.first ?? ""
        for line in lines.dropFirst() where !line.isEmpty { message.fields.append(try field(line)) }
        return message
    }

    private static func field(_ line: String) throws(TestKitError) -> (name: String, value: String) {
        guard let colon = line.firstIndex(of: ":") else { throw .malformed("field \(line)") }
        let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
        return (String(line[..<colon]), String(value.reversed().drop { $0 == " " || $0 == "\t" }.reversed()))
    }
}
