package import Addresses

/// A client that sends exactly the bytes it is given, and reads what comes back.
package struct RawClient: Sendable {
    package let socket: Socket
    private var reader: HTTPReader

    package init(
        to endpoint: Endpoint, from source: Address? = nil, timeout milliseconds: Int = 20_000
    ) throws(TestKitError) {
        socket = try Socket(to: endpoint, from: source, within: milliseconds)
        reader = HTTPReader(socket)
        reader.timeout = milliseconds
    }

    package func send(_ text: String) throws(TestKitError) { try socket.send(text) }
    package func send(_ bytes: [UInt8]) throws(TestKitError) { try socket.send(bytes) }

    /// Sends piece by piece with a pause after each, as a slow or hostile client does.
    package func send(_ bytes: [UInt8], pieces size: Int, pause milliseconds: Int) throws(TestKitError) {
        for start in stride(from: 0, to: bytes.count, by: size) {
            try socket.send(Array(bytes[start..<min(bytes.count, start + size)]))
            pauseThread(milliseconds)
        }
    }

    /// The next response, 1xx ones before it collected in `informational`.
    ///
    /// - Parameter method: of the request it answers; HEAD has no body.
    package mutating func readResponse(to method: String = "GET") throws(TestKitError) -> HTTPMessage {
        var earlier: [HTTPMessage] = []
        while true {
            guard var message = try reader.readHead() else { throw .closed("a response") }
            guard message.status >= 100 else { throw .malformed(message.startLine) }
            if message.status < 200, message.status != 101 {
                earlier.append(message)
                continue
            }
            message.informational = earlier
            if method != "HEAD", message.status >= 200, message.status != 204, message.status != 304 {
                try reader.readBody(of: &message, untilClose: true)
            }
            return message
        }
    }

    /// A request with Host and nothing else, and its response.
    package mutating func get(_ path: String, host: String, fields: [String] = []) throws(TestKitError) -> HTTPMessage {
        let lines = ["GET \(path) HTTP/1.1", "Host: \(host)"] + fields
        try send(lines.joined(separator: "\r\n") + "\r\n\r\n")
        return try readResponse()
    }

    /// Exactly so many bytes, for tunnels.
    package mutating func readBytes(_ count: Int) throws(TestKitError) -> [UInt8] { try reader.readBytes(count) }

    /// All that comes until the other side closes.
    package mutating func readAll() throws(TestKitError) -> [UInt8] { try reader.readAll() }

    /// Whether the other side ends the connection in time, with an ordinary end or a reset; bytes before it are passed
    /// over.
    package func isClosed(within milliseconds: Int) -> Bool {
        let deadline = Milliseconds.now + milliseconds
        while true {
            do throws(TestKitError) {
                if try socket.receive(within: deadline.left).isEmpty { return true }
            } catch .system {
                return true
            } catch {
                return false
            }
        }
    }
}
