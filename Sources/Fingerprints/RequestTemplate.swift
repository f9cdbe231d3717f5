package import Heads

/// What a flood tool's requests have in common where their values vary: the fixed text of a target, and for each
/// varying part its alphabet and how long it is. The value of ``Feature/parameters``.
///
/// The grammar: text stands for itself, `[a-z]{5,12}` for 5 to 12 characters of that alphabet (``Alphabet``), `{5}` for
/// just 5. Before `[`, `]`, `{`, `}` and the backslash stands a backslash; bytes that are no visible ASCII are `\xhh`.
/// A value that begins with "/" is of path and query, one that begins with "^" of a target that does not begin with
/// "/"; any other is of the query, behind the "?": "trefwoord=[a-z]{5,12}&p=[0-9]{1,3}". There is one way to write a
/// template, and no other is read.
package struct RequestTemplate: Hashable, Sendable {
    package enum Scope: Sendable { case query, target }

    package enum Part: Hashable, Sendable {
        case literal([UInt8])
        case run(Alphabet, ClosedRange<Int>)
    }

    package let scope: Scope
    /// No two literals beside each other, none empty.
    package let parts: [Part]

    /// Bytes of a template's text.
    package static let textLimit = 512
    package static let partLimit = 64
    /// Bytes of a varying part.
    package static let runLimit = 8_192

    /// Joins literals; nil where the text would be too long, the parts too many, or a run beyond its limit.
    package init?(scope: Scope, parts: [Part]) {
        var joined: [Part] = []
        for part in parts {
            switch (joined.last, part) {
            case (_, .literal(let bytes)) where bytes.isEmpty: continue
            case (.literal(let before), .literal(let bytes)): joined[joined.count - 1] = .literal(before + bytes)
            case (_, .run(let alphabet, let lengths)):
                guard alphabet.count > 0, lengths.lowerBound >= 0, (1...Self.runLimit).contains(lengths.upperBound)
                else { return nil }
                joined.append(part)
            default: joined.append(part)
            }
        }
        guard (1...Self.partLimit).contains(joined.count) else { return nil }
        self.scope = scope
        self.parts = joined
        if scope == .target, case .run = joined[0] { return nil }
        guard text.utf8.count <= Self.textLimit else { return nil }
    }

    /// Reads the grammar; nil for anything that `text` would not write.
    package init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard (1...Self.textLimit).contains(bytes.count) else { return nil }
        var index = bytes[0] == UInt8(ascii: "^") ? 1 : 0
        var parts: [Part] = []
        var literal: [UInt8] = []
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            switch byte {
            case UInt8(ascii: "\\"):
                guard let escaped = Self.escaped(bytes, &index) else { return nil }
                literal.append(escaped)
            case UInt8(ascii: "["):
                guard let alphabet = Alphabet.read(bytes, &index), let lengths = Self.lengths(bytes, &index) else {
                    return nil
                }
                parts += [.literal(literal), .run(alphabet, lengths)]
                literal = []
            default: literal.append(byte)
            }
        }
        let scope: Scope = bytes[0] == UInt8(ascii: "^") || bytes[0] == UInt8(ascii: "/") ? .target : .query
        guard let template = RequestTemplate(scope: scope, parts: parts + [.literal(literal)]), template.text == text
        else { return nil }
        self = template
    }

    package var text: String {
        var text = ""
        for part in parts {
            switch part {
            case .literal(let bytes): for byte in bytes { text += Self.spelled(byte) }
            case .run(let alphabet, let lengths):
                text += alphabet.text
                text += lengths.count == 1 ? "{\(lengths.lowerBound)}" : "{\(lengths.lowerBound),\(lengths.upperBound)}"
            }
        }
        guard case .literal(let first) = parts[0], let byte = first.first else { return text }
        switch (scope, byte) {
        case (.target, UInt8(ascii: "/")): return text
        case (.target, _): return "^" + text
        // Of a query, what would be taken for a target is escaped.
        case (.query, UInt8(ascii: "/")), (.query, UInt8(ascii: "^")): return "\\" + text
        case (.query, _): return text
        }
    }

    private static func spelled(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: "]"), UInt8(ascii: "{"), UInt8(ascii: "}"), UInt8(ascii: "\\"):
            return "\\" + String(UnicodeScalar(byte))
        case 33...126: return String(UnicodeScalar(byte))
        default: return "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }

    /// What a backslash stands before.
    private static func escaped(_ bytes: [UInt8], _ index: inout Int) -> UInt8? {
        guard index < bytes.count else { return nil }
        let byte = bytes[index]
        index += 1
        guard byte == UInt8(ascii: "x") else { return byte }
        guard index + 2 <= bytes.count,
            let value = UInt8(String(decoding: bytes[index..<index + 2], as: UTF8.self), radix: 16)
        else { return nil }
        index += 2
        return value
    }

    /// "{5}", "{5,12}".
    private static func lengths(_ bytes: [UInt8], _ index: inout Int) -> ClosedRange<Int>? {
        guard index < bytes.count, bytes[index] == UInt8(ascii: "{"),
            let end = bytes[index...].firstIndex(of: UInt8(ascii: "}")), end - index <= 12
        else { return nil }
        let ends = bytes[index + 1..<end].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
        index = end + 1
        let numbers = ends.compactMap { Int(String(decoding: $0, as: UTF8.self)) }
        guard numbers.count == ends.count, (1...2).contains(numbers.count), numbers[0] >= 0,
            numbers[0] <= numbers[numbers.count - 1]
        else { return nil }
        return numbers[0]...numbers[numbers.count - 1]
    }

    // MARK: Comparing.

    /// Steps that one comparison may take before it gives up, and says no: with runs whose end is open to doubt a
    /// hostile template could else take exponential time.
    private static let stepLimit = 4_096

    /// Whether a request's target, or the query of it, is one of the template's.
    package func matches(_ request: RequestSummary, _ line: Span<UInt8>) -> Bool {
        switch scope {
        case .target: return matches(line, Int(request.target.start), request.target.range.upperBound)
        case .query:
            let query = request.query
            return matches(line, Int(query.start), query.range.upperBound)
        }
    }

    /// The same for the bytes from `start` to `end`.
    package func matches(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Bool {
        guard end <= bytes.count, start <= end else { return false }
        var steps = Self.stepLimit
        return matches(bytes, start, end, part: 0, &steps)
    }

    private func matches(_ bytes: Span<UInt8>, _ start: Int, _ end: Int, part first: Int, _ steps: inout Int) -> Bool {
        var index = start
        var part = first
        while part < parts.count {
            steps -= 1
            guard steps > 0 else { return false }
            switch parts[part] {
            case .literal(let text):
                guard end - index >= text.count else { return false }
                var place = 0
                while place < text.count {
                    if bytes[index + place] != text[place] { return false }
                    place += 1
                }
                index += text.count
            case .run(let alphabet, let lengths):
                let most = min(lengths.upperBound, end - index)
                var count = 0
                while count < most, alphabet.contains(bytes[index + count]) { count += 1 }
                guard count >= lengths.lowerBound else { return false }
                if isDecided(alphabet, behind: part) {
                    index += count
                } else {
                    while count >= lengths.lowerBound {
                        if matches(bytes, index + count, end, part: part + 1, &steps) { return true }
                        guard steps > 0 else { return false }
                        count -= 1
                    }
                    return false
                }
            }
            part += 1
        }
        return index == end
    }

    /// Whether a run can only end where its alphabet ends: at the end, or before a text that does not begin like it.
    private func isDecided(_ alphabet: Alphabet, behind part: Int) -> Bool {
        guard part + 1 < parts.count else { return true }
        guard case .literal(let text) = parts[part + 1] else { return false }
        return !alphabet.contains(text[0])
    }
}
