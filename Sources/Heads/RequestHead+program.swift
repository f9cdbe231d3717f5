/// Which program seems to ask: the names of its fields, in their order and spelling, without those that come and go with
/// one client. The same names as in ``RequestTraits/fields``.
extension RequestHead {
    /// Bytes of all names together, with the commas between; a longer list is no program's.
    package static let programLimit = 1_024

    package static func isOfProgram(_ field: Field, _ bytes: Span<UInt8>) -> Bool {
        switch field.id {
        case .cookie, .referer, .contentLength, .transferEncoding, .contentType: false
        case .other: bytes.sign(field.name) == 0
        default: !field.id.tellsSource
        }
    }

    /// Writes "Host,User-Agent,Accept" at the end of `text`; writes nothing where that is longer than the limit.
    package func writeProgram(_ bytes: Span<UInt8>, to text: inout [UInt8]) {
        let start = text.count
        for field in fields where Self.isOfProgram(field, bytes) {
            guard text.count - start + Int(field.name.count) < Self.programLimit else {
                text.removeSubrange(start...)
                return
            }
            if text.count > start { text.append(UInt8(ascii: ",")) }
            var index = Int(field.name.start)
            while index < field.name.range.upperBound {
                text.append(bytes[index])
                index += 1
            }
        }
    }

    /// Whether the names are those of `text`.
    package func hasProgram(_ bytes: Span<UInt8>, _ text: [UInt8]) -> Bool {
        var place = 0
        for field in fields where Self.isOfProgram(field, bytes) {
            if place > 0 {
                guard place < text.count, text[place] == UInt8(ascii: ",") else { return false }
                place += 1
            }
            guard text.count - place >= Int(field.name.count) else { return false }
            for index in field.name.range {
                if bytes[index] != text[place] { return false }
                place += 1
            }
        }
        return place == text.count
    }

    /// ``RequestTraits/fields`` of a request with the names of `text`.
    package static func programNumber(_ text: [UInt8]) -> UInt64 {
        let bytes = text.span
        var number: UInt64 = 0
        var start = 0
        while start < bytes.count {
            var end = start
            while end < bytes.count, bytes[end] != UInt8(ascii: ",") { end += 1 }
            number = bytes.hash(Slice(start, end), from: number)
            start = end + 1
        }
        return number
    }
}
