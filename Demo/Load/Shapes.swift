internal import FoundationEssentials

/// Request shapes of an attack tool: templates whose `$_N` stands for a random text of the N-th kind (0-based).
///
/// The file's form is `{"randoms": [{digit, upper, lower, min, max}], "requests": [{type, method, path, body_bytes}]}`.
/// Entries that are no HTTP request (tcp, udp, slow connections) are counted and left out; http2 entries are sent over
/// HTTP/1.1.
package struct Shapes: Sendable {
    package enum Refusal: Error, Equatable, Sendable {
        case unreadable(String)
        /// No entry is an HTTP request.
        case empty
        /// A kind of random text without characters, or longer than `randomLimit`.
        case random(Int)
    }

    package static let randomLimit = 64
    package static let pathLimit = 2_048
    package static let bodyLimit = 16 << 10

    private struct File: Decodable {
        struct Random: Decodable {
            var digit, upper, lower: Bool
            var min, max: Int
        }
        struct Request: Decodable {
            var type, method, path: String
            var bodyBytes: Int?

            enum CodingKeys: String, CodingKey {
                case type, method, path
                case bodyBytes = "body_bytes"
            }
        }
        var randoms: [Random]
        var requests: [Request]
    }

    private struct Random: Sendable {
        var characters: [UInt8]
        var lengths: ClosedRange<Int>
    }

    private enum Part: Sendable {
        case text([UInt8])
        case random(Int)
    }

    private struct Request: Sendable {
        var method: [UInt8]
        var path: [Part]
        var bodyBytes: Int
    }

    private var randoms: [Random] = []
    private var requests: [Request] = []
    /// Entries that are no HTTP request.
    package private(set) var skipped = 0
    package var count: Int { requests.count }

    /// Reads the file's text.
    package init(json: [UInt8]) throws(Refusal) {
        let file: File
        do {
            file = try JSONDecoder().decode(File.self, from: Data(json))
        } catch {
            throw .unreadable("\(error)")
        }
        for (index, entry) in file.randoms.enumerated() {
            var characters: [UInt8] = []
            if entry.digit { characters += "0123456789".utf8 }
            if entry.upper { characters += "ABCDEFGHIJKLMNOPQRSTUVWXYZ".utf8 }
            if entry.lower { characters += "abcdefghijklmnopqrstuvwxyz".utf8 }
            guard !characters.isEmpty, entry.min >= 0, entry.min <= entry.max, entry.max <= Self.randomLimit else {
                throw .random(index)
            }
            randoms.append(Random(characters: characters, lengths: entry.min...entry.max))
        }
        for entry in file.requests {
            guard ["http", "http2", "http3"].contains(entry.type), ["GET", "POST"].contains(entry.method),
                entry.path.utf8.count <= Self.pathLimit
            else {
                skipped += 1
                continue
            }
            requests.append(
                Request(
                    method: Array(entry.method.utf8), path: Self.parts(of: entry.path, randoms: randoms.count),
                    bodyBytes: entry.method == "POST" ? max(0, min(entry.bodyBytes ?? 0, Self.bodyLimit)) : 0))
        }
        guard !requests.isEmpty else { throw .empty }
    }

    /// One request of a shape taken at random: its line without the version, and its body.
    package func make(_ random: inout Seeded) -> (line: [UInt8], body: [UInt8]) {
        let request = requests[random.below(requests.count)]
        var line = request.method + [32]
        for part in request.path {
            switch part {
            case .text(let bytes): line += bytes
            case .random(let index):
                let kind = randoms[index]
                for _ in 0..<Int.random(in: kind.lengths, using: &random) {
                    line.append(kind.characters[random.below(kind.characters.count)])
                }
            }
        }
        var body: [UInt8] = []
        if request.bodyBytes > 0 {
            body = Array("naam=".utf8.prefix(request.bodyBytes))
            while body.count < request.bodyBytes { body.append(UInt8(97 + random.below(26))) }
        }
        return (line, body)
    }

    /// Splits a path at its `$_N`. A number beyond the kinds there are gives back its last digits: "$_12" of ten kinds is
    /// kind 1 and "2".
    private static func parts(of path: String, randoms: Int) -> [Part] {
        var parts: [Part] = []
        var text: [UInt8] = path.hasPrefix("/") ? [] : [UInt8(ascii: "/")]
        let bytes = Array(path.utf8.prefix { $0 != UInt8(ascii: "#") })
        var at = 0
        while at < bytes.count {
            if bytes[at] == UInt8(ascii: "$"), at + 2 < bytes.count, bytes[at + 1] == UInt8(ascii: "_") {
                var index: Int?
                var end = at + 2
                while end < bytes.count, (48...57).contains(bytes[end]) {
                    let longer = (index ?? 0) * 10 + Int(bytes[end] - 48)
                    guard longer < randoms else { break }
                    index = longer
                    end += 1
                }
                if let index {
                    if !text.isEmpty { parts.append(.text(text)) }
                    text = []
                    parts.append(.random(index))
                    at = end
                    continue
                }
            }
            if (33...126).contains(bytes[at]) {
                text.append(bytes[at])
            } else {
                text += percentEncoded(bytes[at])
            }
            at += 1
        }
        if !text.isEmpty { parts.append(.text(text)) }
        return parts
    }

    static func percentEncoded(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }
}
