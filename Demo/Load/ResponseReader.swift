/// Reads one HTTP/1.1 response from bytes as they come (RFC 9112, sections 4 to 7): status, Content-Length or chunked
/// body, complete or not. A parser of its own, so that a fault in the gateway's cannot hide itself here.
///
/// Their fault: `malformed`, and the connection is of no more use. Fine: responses with a 1xx status, passed over.
package struct ResponseReader: Sendable {
    package enum Progress: Equatable, Sendable {
        case unfinished, complete, malformed
    }

    private enum Phase: Equatable {
        case head, fixed(Int), chunkSize, chunk(Int), chunkEnd, trailers, untilEnd, done
    }

    /// Bytes of a head, or of a chunk's line. Servers send a few hundred.
    package static let headLimit = 32 << 10
    /// Bytes of a body that are kept to be looked at; the rest is counted only.
    package static let bodyLimit = 256 << 10

    /// 0 until the head has come.
    package internal(set) var status = 0
    /// The server lets the connection be used again.
    package private(set) var keepsAlive = true
    package private(set) var bodyCount = 0
    package private(set) var body: [UInt8] = []
    /// The values of Set-Cookie, where wanted.
    package internal(set) var cookies: [[UInt8]] = []
    /// Where the head sends its reader; kept with the cookies.
    package internal(set) var location: [UInt8] = []
    package internal(set) var retryAfter: Int?
    package internal(set) var refresh: Refresh?
    /// Any byte of a response has come.
    package internal(set) var hasBegun = false

    private var phase = Phase.head
    private var line: [UInt8] = []
    private var isHead = false
    private var keepsBody = false
    private(set) var keepsCookies = false

    package init() {}

    /// Makes ready for the next response, keeping the memory.
    package mutating func begin(isHead: Bool, keepsBody: Bool, keepsCookies: Bool) {
        status = 0
        keepsAlive = true
        bodyCount = 0
        body.removeAll(keepingCapacity: true)
        if !cookies.isEmpty { cookies = [] }
        if !location.isEmpty { location = [] }
        retryAfter = nil
        refresh = nil
        hasBegun = false
        phase = .head
        line.removeAll(keepingCapacity: true)
        self.isHead = isHead
        self.keepsBody = keepsBody
        self.keepsCookies = keepsCookies
    }

    package mutating func feed(_ bytes: UnsafeRawBufferPointer) -> Progress {
        var at = 0
        if !bytes.isEmpty { hasBegun = true }
        while at < bytes.count {
            switch phase {
            case .head:
                guard takeHead(bytes, &at) else { return .malformed }
            case .fixed(let left):
                let part = min(left, bytes.count - at)
                keep(bytes, at, part)
                at += part
                phase = part == left ? .done : .fixed(left - part)
            case .chunk(let left):
                let part = min(left, bytes.count - at)
                keep(bytes, at, part)
                at += part
                phase = part == left ? .chunkEnd : .chunk(left - part)
            case .untilEnd:
                keep(bytes, at, bytes.count - at)
                at = bytes.count
            case .chunkSize, .chunkEnd, .trailers:
                guard takeLine(bytes, &at) else { return .malformed }
            case .done:
                // Bytes that nobody asked for.
                return .malformed
            }
        }
        return phase == .done ? .complete : .unfinished
    }

    /// The connection has ended: complete only where the end is what ends the body.
    package mutating func end() -> Progress {
        if phase == .untilEnd { phase = .done }
        return phase == .done ? .complete : .malformed
    }

    mutating func keep(_ bytes: UnsafeRawBufferPointer, _ at: Int, _ count: Int) {
        bodyCount += count
        guard keepsBody, body.count < Self.bodyLimit else { return }
        body.append(contentsOf: bytes[at..<at + count])
    }

    /// Collects the head; false: malformed.
    private mutating func takeHead(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) -> Bool {
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            line.append(byte)
            guard line.count <= Self.headLimit else { return false }
            if byte == 10, line.count >= 4, line[line.count - 2] == 13, line[line.count - 3] == 10,
                line[line.count - 4] == 13
            {
                return readHead()
            }
        }
        return true
    }

    private mutating func readHead() -> Bool {
        defer { line.removeAll(keepingCapacity: true) }
        // "HTTP/1.1 200 "
        guard line.count > 13, line.starts(with: "HTTP/1.".utf8), line[8] == 32, line[12] == 32 || line[12] == 13,
            let status = Self.number(line[9..<12], radix: 10), (100...599).contains(status)
        else { return false }
        if status < 200 { return status != 101 }
        self.status = status
        keepsAlive = line[7] == UInt8(ascii: "1")
        var length: Int?
        var isChunked = false
        var start = (line.firstIndex(of: 10) ?? 0) + 1
        while start + 2 < line.count {
            guard let end = line[start...].firstIndex(of: 10), line[end - 1] == 13,
                let colon = line[start..<end].firstIndex(of: UInt8(ascii: ":")), colon > start
            else { return false }
            let name = line[start..<colon]
            var value = line[(colon + 1)..<(end - 1)]
            while let first = value.first, first == 32 || first == 9 { value.removeFirst() }
            while let last = value.last, last == 32 || last == 9 { value.removeLast() }
            start = end + 1
            if Self.same(name, "content-length") {
                guard let number = Self.number(value, radix: 10), length == nil || length == number else {
                    return false
                }
                length = number
            } else if Self.same(name, "transfer-encoding") {
                guard Self.same(value, "chunked"), !isChunked else { return false }
                isChunked = true
            } else if Self.same(name, "connection") {
                if Self.same(value, "close") { keepsAlive = false }
            } else {
                takeDirection(name, value)
            }
        }
        guard !(isChunked && length != nil) else { return false }
        if isHead || status == 204 || status == 304 || length == 0 {
            phase = .done
        } else if isChunked {
            phase = .chunkSize
        } else if let length {
            phase = .fixed(length)
        } else {
            phase = .untilEnd
            keepsAlive = false
        }
        return true
    }

    /// Collects one line of the chunked form and acts on it; false: malformed.
    private mutating func takeLine(_ bytes: UnsafeRawBufferPointer, _ at: inout Int) -> Bool {
        while at < bytes.count {
            let byte = bytes[at]
            at += 1
            line.append(byte)
            guard line.count <= Self.headLimit else { return false }
            guard byte == 10 else { continue }
            guard line.count >= 2, line[line.count - 2] == 13 else { return false }
            defer { line.removeAll(keepingCapacity: true) }
            let content = line.dropLast(2)
            switch phase {
            case .chunkSize:
                guard let size = Self.number(content.prefix { $0 != UInt8(ascii: ";") }, radix: 16) else {
                    return false
                }
                phase = size == 0 ? .trailers : .chunk(size)
            case .chunkEnd:
                guard content.isEmpty else { return false }
                phase = .chunkSize
            default:
                if content.isEmpty { phase = .done }
            }
            return true
        }
        return true
    }

    static func same(_ bytes: ArraySlice<UInt8>, _ text: StaticString) -> Bool {
        guard bytes.count == text.utf8CodeUnitCount else { return false }
        var index = bytes.startIndex
        for offset in 0..<text.utf8CodeUnitCount {
            let byte = bytes[index]
            let lower = (65...90).contains(byte) ? byte | 0x20 : byte
            if lower != text.utf8Start[offset] { return false }
            index += 1
        }
        return true
    }

    /// Digits only, at most ten, no sign.
    static func number(_ digits: some Collection<UInt8>, radix: Int) -> Int? {
        guard (1...10).contains(digits.count) else { return nil }
        var value = 0
        for digit in digits {
            switch digit {
            case 48...57: value = value * radix + Int(digit - 48)
            case 65...70 where radix == 16: value = value * radix + Int(digit - 55)
            case 97...102 where radix == 16: value = value * radix + Int(digit - 87)
            default: return nil
            }
        }
        return value
    }
}
