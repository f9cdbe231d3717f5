/// A request as the made-up origin needs it. It stands behind Wasstraat or takes the flood itself: it is strict where that
/// costs nothing, and simple.
struct OriginRequest {
    enum Reading {
        case unfinished
        case request(OriginRequest, length: Int)
        case malformed
    }

    static let headLimit = 32 << 10
    static let bodyLimit = 64 << 10

    var path: String
    var query: String
    var isHead: Bool
    var keepsAlive: Bool

    /// Reads the first request in the bytes, with its body.
    static func read(_ bytes: ArraySlice<UInt8>) -> Reading {
        guard let headEnd = endOfHead(bytes) else {
            return bytes.count > headLimit ? .malformed : .unfinished
        }
        let lines = String(decoding: bytes[bytes.startIndex..<headEnd], as: UTF8.self).split(
            separator: "\r\n", omittingEmptySubsequences: true)
        let words = lines.first?.split(separator: " ", omittingEmptySubsequences: false) ?? []
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0",
            ["GET", "HEAD", "POST"].contains(words[0]), words[1].hasPrefix("/")
        else { return .malformed }
        var keepsAlive = words[2] == "HTTP/1.1"
        var length = 0
        var isChunked = false
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { return .malformed }
            let value = line[line.index(after: colon)...].drop { $0 == " " || $0 == "\t" }
            switch line[..<colon].lowercased() {
            case "content-length":
                guard let number = Int(value), (0...bodyLimit).contains(number) else { return .malformed }
                length = number
            case "transfer-encoding": isChunked = true
            case "connection":
                let option = value.lowercased()
                if option == "close" { keepsAlive = false }
                if option == "keep-alive" { keepsAlive = true }
            default: break
            }
        }
        var end = headEnd + length
        if isChunked {
            guard let after = endOfChunks(bytes[headEnd...]) else {
                return bytes.count > headLimit + bodyLimit ? .malformed : .unfinished
            }
            end = after
        }
        guard end <= bytes.endIndex else { return .unfinished }
        let target = words[1].split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let request = OriginRequest(
            path: String(target[0]), query: target.count > 1 ? String(target[1]) : "", isHead: words[0] == "HEAD",
            keepsAlive: keepsAlive)
        return .request(request, length: end - bytes.startIndex)
    }

    /// The value of a field of the query, decoded.
    func field(_ name: String) -> String {
        for pair in query.split(separator: "&") where pair.hasPrefix("\(name)=") {
            return Self.decoded(pair.utf8.dropFirst(name.utf8.count + 1))
        }
        return ""
    }

    private static func endOfHead(_ bytes: ArraySlice<UInt8>) -> Int? {
        var at = bytes.startIndex
        while let end = bytes[at...].firstIndex(of: 10) {
            if end >= bytes.startIndex + 3, bytes[end - 1] == 13, bytes[end - 2] == 10 { return end + 1 }
            at = end + 1
        }
        return nil
    }

    /// Where a chunked body ends; nil: not yet, or not in order.
    private static func endOfChunks(_ bytes: ArraySlice<UInt8>) -> Int? {
        var at = bytes.startIndex
        while let end = bytes[at...].firstIndex(of: 10) {
            let digits = bytes[at..<end].prefix { $0 != 13 && $0 != UInt8(ascii: ";") }
            guard let size = Int(String(decoding: digits, as: UTF8.self), radix: 16), (0...bodyLimit).contains(size)
            else { return nil }
            if size == 0 {
                // Trailers, then an empty line.
                return endOfHead(bytes[(end - 1)...])
            }
            at = end + 1 + size + 2
            guard at <= bytes.endIndex else { return nil }
        }
        return nil
    }

    private static func decoded(_ bytes: some Collection<UInt8>) -> String {
        var out: [UInt8] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                out.append(value)
                rest = rest.dropFirst(2)
            } else {
                out.append(byte == UInt8(ascii: "+") ? 32 : byte)
            }
        }
        return String(decoding: out, as: UTF8.self)
    }
}
