internal import CYaml

/// The words for text that is no YAML.
extension YAMLComposer {
    /// What the usual cause is, by the words of the parser.
    private static let hints = [
        "found character that cannot start any token":
            "YAML indents with spaces, not tabs; a text that begins with one of @ ` % & * ! needs quotes",
        "did not find expected alphabetic or numeric character":
            "a text that begins with * or & needs quotes, like \"*.example.nl\"",
        "mapping values are not allowed in this context":
            "is the line above indented as it should be, and is there a space after each colon?",
        "did not find expected key": "are the lines of this group indented alike?",
        "did not find expected '-' indicator": "are the lines of this list indented alike?",
        "could not find expected ':'": "is a colon, or a space after it, missing?",
        "found unexpected end of stream": "is a quote or bracket not closed?",
        "did not find expected ',' or ']'": "is a bracket not closed?",
        "did not find expected ',' or '}'": "is a bracket not closed?",
    ]

    func problem(in text: UnsafeBufferPointer<UInt8>) -> String {
        let words = parser.pointee.problem.map { String(cString: $0) } ?? "cannot be read"
        var reason = "this is no YAML: \(words)"
        if let context = parser.pointee.context.map({ String(cString: $0) }) {
            reason += " \(context) that begins on line \(parser.pointee.context_mark.line + 1)"
        }
        let line = Mark(parser.pointee.problem_mark).line
        if Self.line(line, of: text).contains("::") {
            return reason + "; an IPv6 address stands between quotes, like \"[::]:443\""
        }
        return reason + (Self.hints[words].map { "; " + $0 } ?? "")
    }

    func problemMark(in text: UnsafeBufferPointer<UInt8>) -> Mark {
        guard parser.pointee.error == YAML_READER_ERROR else { return Mark(parser.pointee.problem_mark) }
        return Self.mark(of: Int(parser.pointee.problem_offset), in: text)
    }

    /// Line and column of a byte.
    static func mark(of offset: Int, in bytes: some Collection<UInt8>) -> Mark {
        var mark = Mark(line: 1, column: 1)
        for byte in bytes.prefix(max(0, offset)) {
            if byte == UInt8(ascii: "\n") {
                mark = Mark(line: mark.line + 1, column: 1)
            } else if byte & 0xC0 != 0x80 {
                mark.column += 1
            }
        }
        return mark
    }

    private static func line(_ number: Int, of text: UnsafeBufferPointer<UInt8>) -> String {
        let lines = text.split(separator: UInt8(ascii: "\n"), maxSplits: number, omittingEmptySubsequences: false)
        return number <= lines.count && number > 0 ? String(decoding: lines[number - 1], as: UTF8.self) : ""
    }

    /// Bytes before the first one that is not UTF-8; nil where all are.
    static func firstInvalidUTF8(_ bytes: [UInt8]) -> Int? {
        guard String(validating: bytes, as: UTF8.self) == nil else { return nil }
        var decoder = UTF8()
        var iterator = bytes.makeIterator()
        var offset = 0
        while case .scalarValue(let scalar) = decoder.decode(&iterator) { offset += UTF8.width(scalar) }
        return offset
    }
}
