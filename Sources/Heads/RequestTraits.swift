/// What a request shows besides who sends it, as a few numbers: what it asks for, in what shape, and which program seems
/// to ask. The score of admission counts them; nothing can be read back from them.
///
/// The numbers are no secrets and no ciphers: who wants the same ones as a browser can have them by sending what a browser
/// sends. Tables that an attacker could fill on purpose key them once more.
package struct RequestTraits: Equatable, Sendable, BitwiseCopyable {
    /// `RouteHash` of the request.
    package var route: UInt64 = 0
    /// Path and query as they were sent, without the marks that networks and letters put on links.
    package var target: UInt64 = 0
    /// Alphabet, length and number of the values that vary, and the kind of a body.
    package var shape: UInt64 = 0
    /// Names of the fields in their order and spelling, without those that come and go with one client.
    package var fields: UInt64 = 0
    /// What the client says it accepts.
    package var accepts: UInt64 = 0
    /// What the agent says it is, without its version.
    package var agent: UInt64 = 0
    /// The program as its connection shows it: JA4, and the settings of HTTP/2. The caller knows them; 0 in clear text.
    package var client: UInt64 = 0
    /// 10, 11, 20.
    package var version: UInt8 = 11
    /// Which of the fields came that a visit in progress brings: see `Sign`.
    package var signs: UInt8 = 0
    /// A query that asks for something.
    package var hasQuery = false
    /// A part of a page: a style sheet, a script, an image, a font.
    package var isAsset = false

    package init() {}

    /// Fields that say that somebody was here before, or wants only a part.
    package enum Sign {
        package static let cookie: UInt8 = 1
        package static let referer: UInt8 = 2
        package static let condition: UInt8 = 4
        package static let range: UInt8 = 8
        package static let freshness: UInt8 = 16
        package static let body: UInt8 = 32
    }
}

extension RequestHead {
    /// The request's traits; `route` is its `RouteHash`. `bytes` are those that the head was read from.
    package func traits(_ bytes: Span<UInt8>, route: UInt64) -> RequestTraits {
        var traits = RequestTraits()
        traits.route = route
        traits.version = UInt8(10 + minorVersion)
        let pathEnd = min(Int(path.start) + pathLength, bytes.count)
        let end = min(path.range.upperBound, bytes.count)
        let segment = bytes.lastSegment(Int(path.start), pathEnd)
        traits.isAsset = bytes.isAsset(segment, pathEnd)
        traits.target = bytes.hash(Slice(Int(path.start), pathEnd), from: UInt64(method.rawValue))
        var shape = ValueShape()
        let unasked = traits.target
        if end > pathEnd { traits.target = shape.readQuery(bytes, pathEnd, end, target: unasked) }
        traits.hasQuery = traits.target != unasked
        if !traits.hasQuery { shape.read(bytes, segment, pathEnd) }
        traits.shape = UInt64(shape.number)
        if framing != .none {
            traits.signs |= RequestTraits.Sign.body
            if case .length(let length) = framing {
                traits.shape |= UInt64(64 - length.leadingZeroBitCount) << 32
            }
        }
        readFields(bytes, into: &traits)
        return traits
    }

    private func readFields(_ bytes: Span<UInt8>, into traits: inout RequestTraits) {
        var names: UInt64 = 0
        var accepts: UInt64 = 0
        for field in fields {
            switch field.id {
            case .cookie: traits.signs |= RequestTraits.Sign.cookie
            case .referer: traits.signs |= RequestTraits.Sign.referer
            case .contentLength, .transferEncoding: break
            case .contentType:
                // Up to the parameters: a boundary is another one each time.
                var close = Int(field.value.start)
                while close < min(field.value.range.upperBound, bytes.count), bytes[close] != UInt8(ascii: ";") {
                    close += 1
                }
                traits.shape ^= bytes.hash(Slice(Int(field.value.start), close), from: 1) << 40
            case .other:
                let sign = bytes.sign(field.name)
                traits.signs |= sign
                if sign == 0 { names = bytes.hash(field.name, from: names) }
                if bytes.holds("accept-encoding", in: field.name) { accepts = bytes.hash(field.value, from: accepts) }
            default:
                if field.id.tellsSource { break }
                names = bytes.hash(field.name, from: names)
                if field.id == .acceptLanguage { accepts = bytes.hash(field.value, from: accepts) }
                if field.id == .userAgent { traits.agent = bytes.agentFamily(field.value) }
            }
        }
        traits.fields = names
        traits.accepts = accepts
    }
}

/// The characters of a request's values: classes, the longest length, how many there are, and whether one mixes letters
/// and digits as words and numbers do not.
private struct ValueShape {
    private var classes: UInt32 = 0
    private var longest = 0
    private var count = 0

    private enum Class {
        static let lower: UInt32 = 1
        static let upper: UInt32 = 2
        static let digit: UInt32 = 4
        static let encoded: UInt32 = 8
        static let other: UInt32 = 16
        static let mixed: UInt32 = 32
    }

    var number: UInt32 {
        let length = UInt32(Int.bitWidth - longest.leadingZeroBitCount)
        return classes | min(length, 15) << 8 | UInt32(min(count, 15)) << 12
    }

    /// Reads the values; returns the target's number with what is asked for by them.
    mutating func readQuery(_ bytes: Span<UInt8>, _ start: Int, _ end: Int, target: UInt64) -> UInt64 {
        var target = target
        var index = start + 1
        while index < end {
            var close = index
            var value = index
            while close < end, bytes[close] != UInt8(ascii: "&") {
                if bytes[close] == UInt8(ascii: "="), value == index { value = close + 1 }
                close += 1
            }
            if value == index || !bytes.isLinkMark(Slice(index, value - 1)) {
                read(bytes, value, close)
                target = bytes.hash(Slice(index, close), from: target)
            }
            index = close + 1
        }
        return target
    }

    mutating func read(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) {
        guard end > start else { return }
        count += 1
        longest = max(longest, end - start)
        // Of a run of letters and digits: the class before, and how often letters and digits took turns.
        var before: UInt32 = 0
        var turns = 0
        var index = start
        while index < end {
            let byte = bytes[index]
            index += 1
            let found: UInt32
            switch byte {
            case 97...122: found = Class.lower
            case 65...90: found = Class.upper
            case 48...57: found = Class.digit
            case UInt8(ascii: "%"):
                found = Class.encoded
                index += 2
            default: found = Class.other
            }
            classes |= found
            if found >= Class.encoded {
                turns = 0
            } else {
                if before == Class.lower, found == Class.upper { classes |= Class.mixed }
                if before != 0, before < Class.encoded, (before == Class.digit) != (found == Class.digit) {
                    turns += 1
                    if turns == 2 { classes |= Class.mixed }
                }
            }
            before = found
        }
    }
}

extension Span<UInt8> {
    /// A number for some bytes, eight at a time, that goes on from another.
    func hash(_ slice: Slice, from seed: UInt64) -> UInt64 {
        let end = Swift.min(slice.range.upperBound, count)
        var index = Int(slice.start)
        var hash = (seed ^ UInt64(slice.count)) &* 0x9e37_79b9_7f4a_7c15
        while index + 8 <= end {
            // Any eight bytes are a number; the bounds are checked.
            let word = bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            hash = (hash ^ word) &* 0xd6e8_feb8_6659_fd93
            hash ^= hash >> 32
            index += 8
        }
        while index < end {
            hash = (hash ^ UInt64(self[index])) &* 0x100_0000_01b3
            index += 1
        }
        hash ^= hash >> 29
        return hash &* 0xd6e8_feb8_6659_fd93
    }

    /// Whether a parameter only tells where a link was found: its value is another one for each, and asks for nothing.
    fileprivate func isLinkMark(_ name: Slice) -> Bool {
        switch name.count {
        case 5: holds("gclid", in: name) || holds("dclid", in: name) || holds("yclid", in: name)
        case 6:
            holds("fbclid", in: name) || holds("gbraid", in: name) || holds("wbraid", in: name)
                || holds("igshid", in: name) || holds("ttclid", in: name) || holds("twclid", in: name)
                || holds("mc_cid", in: name) || holds("mc_eid", in: name)
        case 7: holds("msclkid", in: name)
        case 8...: holds("utm_", in: Slice(Int(name.start), Int(name.start) + 4))
        default: false
        }
    }

    /// Where the last segment of the path at `start..<end` that is not empty begins.
    fileprivate func lastSegment(_ start: Int, _ end: Int) -> Int {
        var index = end
        while index > start, index == end || self[index - 1] != UInt8(ascii: "/") { index -= 1 }
        return index
    }

    /// Whether a path's last segment ends like a file that pages are made of.
    fileprivate func isAsset(_ start: Int, _ end: Int) -> Bool {
        var dot = end
        while dot > start, self[dot - 1] != UInt8(ascii: "."), end - dot < 6 { dot -= 1 }
        guard dot > start, self[dot - 1] == UInt8(ascii: ".") else { return false }
        let name = Slice(dot, end)
        switch end - dot {
        case 2: return holds("js", in: name)
        case 3:
            return holds("css", in: name) || holds("png", in: name) || holds("jpg", in: name) || holds("svg", in: name)
                || holds("gif", in: name) || holds("ico", in: name) || holds("mjs", in: name) || holds("ttf", in: name)
        case 4:
            return holds("webp", in: name) || holds("jpeg", in: name) || holds("woff", in: name)
                || holds("avif", in: name)
        case 5: return holds("woff2", in: name)
        default: return false
        }
    }

    /// What the name of a field says of a visit in progress; 0: nothing.
    func sign(_ name: Slice) -> UInt8 {
        switch name.count {
        case 5: holds("range", in: name) ? RequestTraits.Sign.range : 0
        case 6: holds("pragma", in: name) ? RequestTraits.Sign.freshness : 0
        case 8: holds("if-range", in: name) ? RequestTraits.Sign.condition : 0
        case 13:
            holds("if-none-match", in: name)
                ? RequestTraits.Sign.condition : holds("cache-control", in: name) ? RequestTraits.Sign.freshness : 0
        case 17: holds("if-modified-since", in: name) ? RequestTraits.Sign.condition : 0
        default: 0
        }
    }

    /// A number for what an agent says it is: the browsers named in it, or the first product of another program.
    fileprivate func agentFamily(_ value: Slice) -> UInt64 {
        let end = Swift.min(value.range.upperBound, count)
        var index = Int(value.start)
        var families: UInt64 = 0
        var first = Int(value.start)
        while first < end, self[first] != UInt8(ascii: "/"), self[first] != UInt8(ascii: " ") { first += 1 }
        let product = Slice(index, first)
        guard holds("mozilla", in: product) else { return hash(product, from: 2) }
        while index < end {
            // At the start of a word.
            var close = index
            while close < end, self[close] != UInt8(ascii: " "), self[close] != UInt8(ascii: "/") { close += 1 }
            let word = Slice(index, close)
            switch word.count {
            case 3: families |= holds("edg", in: word) ? 4 : holds("opr", in: word) ? 16 : 0
            case 5: families |= holds("crios", in: word) ? 64 : holds("fxios", in: word) ? 128 : 0
            case 6:
                families |=
                    holds("chrome", in: word) ? 2 : holds("safari", in: word) ? 8 : holds("mobile", in: word) ? 32 : 0
            case 7: families |= holds("firefox", in: word) ? 1 : holds("version", in: word) ? 256 : 0
            default: break
            }
            while close < end, self[close] != UInt8(ascii: " ") { close += 1 }
            index = close + 1
        }
        return families + 1
    }
}
