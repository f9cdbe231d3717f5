internal import Heads

/// The client's side of one HTTP/2 connection (RFC 9113) that carries one request at a time, as the browser that it was
/// recorded from begins it. What comes goes into the connection's `ResponseReader`, so that nobody else has to know.
///
/// Their fault: `malformed`, and the connection is of no more use. Fine: types and settings that nobody knows.
struct FramedExchange {
    /// Bytes of one frame's payload that are taken; ours says nothing else, so 16384 is what servers may send.
    private static let payloadLimit = HTTP2Frame.payloadLimit
    private static let blockLimit = 64 << 10
    /// Bytes of bodies after which the windows are opened again. Firefox opens 128 KiB for a stream.
    private static let windowStep = 32 << 10

    /// Frames that are to be sent in answer.
    var replies: [UInt8] = []
    private let browser: RecordedBrowser
    private let isSecure: Bool
    private var hasBegun = false
    private var stream: UInt32 = 0
    private var input: [UInt8] = []
    private var block: [UInt8] = []
    private var endsWithBlock = false
    private var decoder = HPACKDecoder()
    private var unopened = 0
    /// The server takes no more requests here.
    private(set) var isLeaving = false

    init(as browser: RecordedBrowser, isSecure: Bool) {
        self.browser = browser
        self.isSecure = isSecure
    }

    // MARK: A request

    /// Puts a request, written as HTTP/1.1 without the empty line, into frames.
    mutating func begin(_ head: [UInt8], cookies: [UInt8], body: [UInt8], into out: inout [UInt8]) {
        if !hasBegun { greet(&out) }
        stream = stream == 0 ? 1 : stream + 2
        let priority = browser.priority
        var block: [UInt8] = []
        write(head, cookies, to: &block)
        let flags: UInt8 = 0x4 | (body.isEmpty ? 0x1 : 0) | (priority == nil ? 0 : 0x20)
        Self.frame(1, flags, block.count + (priority == nil ? 0 : 5), stream, &out)
        if let priority {
            Self.number(priority[0], &out)
            out.append(UInt8(truncatingIfNeeded: priority[1]))
        }
        out += block
        if !body.isEmpty {
            Self.frame(0, 0x1, body.count, stream, &out)
            out += body
        }
    }

    private mutating func greet(_ out: inout [UInt8]) {
        hasBegun = true
        out += "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8
        Self.frame(4, 0, browser.settings.count * 6, 0, &out)
        for setting in browser.settings {
            out += [UInt8(truncatingIfNeeded: setting[0] >> 8), UInt8(truncatingIfNeeded: setting[0])]
            Self.number(setting[1], &out)
        }
        if browser.window > 0 {
            Self.frame(8, 0, 4, 0, &out)
            Self.number(browser.window, &out)
        }
    }

    private func write(_ head: [UInt8], _ cookies: [UInt8], to block: inout [UInt8]) {
        var lines = (head + cookies).split(separator: 10).map { $0.last == 13 ? $0.dropLast() : $0 }[...]
        let words = lines.popFirst()?.split(separator: 32) ?? []
        guard words.count >= 2 else { return }
        var authority: ArraySlice<UInt8> = []
        var fields: [(name: [UInt8], value: ArraySlice<UInt8>)] = []
        for line in lines {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")) else { continue }
            let name = line[..<colon].map { (65...90).contains($0) ? $0 | 0x20 : $0 }
            let value = line[(colon + 1)...].drop { $0 == 32 }
            switch name {
            case _ where name.elementsEqual("host".utf8): authority = value
            case _ where name.elementsEqual("connection".utf8): break
            default: fields.append((name, value))
            }
        }
        for letter in browser.pseudo.utf8 {
            switch letter {
            case UInt8(ascii: "m"): block.append(words[0].elementsEqual("POST".utf8) ? 0x83 : 0x82)
            case UInt8(ascii: "s"): block.append(isSecure ? 0x87 : 0x86)
            case UInt8(ascii: "p"):
                block.append(0x04)
                Self.text(words[1], &block)
            default:
                block.append(0x01)
                Self.text(authority, &block)
            }
        }
        for field in fields {
            block.append(0x00)
            Self.text(field.name[...], &block)
            Self.text(field.value, &block)
        }
    }

    private static func text(_ bytes: ArraySlice<UInt8>, _ out: inout [UInt8]) {
        var rest = bytes.count
        if rest < 127 {
            out.append(UInt8(rest))
        } else {
            out.append(127)
            rest -= 127
            while rest >= 128 {
                out.append(UInt8(rest & 127 | 128))
                rest >>= 7
            }
            out.append(UInt8(rest))
        }
        out += bytes
    }

    private static func frame(_ type: UInt8, _ flags: UInt8, _ length: Int, _ stream: UInt32, _ out: inout [UInt8]) {
        out += [UInt8(length >> 16 & 255), UInt8(length >> 8 & 255), UInt8(length & 255), type, flags]
        number(stream, &out)
    }

    private static func number(_ value: UInt32, _ out: inout [UInt8]) {
        for shift in [24, 16, 8, 0] { out.append(UInt8(truncatingIfNeeded: value >> UInt32(shift))) }
    }

    // MARK: What comes

    /// Takes bytes of the server; `fields` is the place to decode in, one for all connections.
    mutating func feed(
        _ bytes: UnsafeRawBufferPointer, into reader: inout ResponseReader, fields: inout HPACKFields
    ) -> ResponseReader.Progress {
        input += bytes
        var at = 0
        var progress = ResponseReader.Progress.unfinished
        while input.count - at >= HTTP2Frame.headSize, progress == .unfinished {
            let length = Int(input[at]) << 16 | Int(input[at + 1]) << 8 | Int(input[at + 2])
            guard length <= Self.payloadLimit else { return .malformed }
            guard input.count - at >= HTTP2Frame.headSize + length else { break }
            let start = at + HTTP2Frame.headSize
            let place = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(input[at + 5 + $1]) } & 0x7fff_ffff
            progress = take(
                type: input[at + 3], flags: input[at + 4], place, start..<start + length, &reader, &fields)
            at = start + length
        }
        input.removeFirst(at)
        return progress
    }

    private mutating func take(
        type: UInt8, flags: UInt8, _ place: UInt32, _ range: Range<Int>, _ reader: inout ResponseReader,
        _ fields: inout HPACKFields
    ) -> ResponseReader.Progress {
        var content = range
        if type <= 1, flags & 0x8 != 0 {
            guard let padding = input[range].first, Int(padding) < range.count else { return .malformed }
            content = range.lowerBound + 1..<range.upperBound - Int(padding)
        }
        switch type {
        case 0:
            open(range.count, place)
            guard place == stream else { return .unfinished }
            reader.takeBody(input[content])
            return flags & 0x1 != 0 ? .complete : .unfinished
        case 1, 9:
            if type == 1 {
                block = []
                endsWithBlock = flags & 0x1 != 0
                if flags & 0x20 != 0 { content = min(content.lowerBound + 5, content.upperBound)..<content.upperBound }
            }
            block += input[content]
            guard block.count <= Self.blockLimit else { return .malformed }
            guard flags & 0x4 != 0 else { return .unfinished }
            let whole = block
            guard decoder.decode(whole.span.bytes, into: &fields) == nil else { return .malformed }
            guard place == stream else { return .unfinished }
            guard reader.takeFields(fields) else { return .malformed }
            return endsWithBlock ? .complete : .unfinished
        case 3: return place == stream ? .malformed : .unfinished
        case 4:
            if flags & 0x1 == 0 { Self.frame(4, 0x1, 0, 0, &replies) }
        case 6:
            if flags & 0x1 == 0 {
                Self.frame(6, 0x1, range.count, 0, &replies)
                replies += input[range]
            }
        case 7: isLeaving = true
        default: break
        }
        return .unfinished
    }

    /// Gives back the room that a body has taken, for the stream and for the connection.
    private mutating func open(_ count: Int, _ place: UInt32) {
        unopened += count
        guard unopened >= Self.windowStep else { return }
        for window in [0, place] {
            Self.frame(8, 0, 4, window, &replies)
            Self.number(UInt32(unopened), &replies)
        }
        unopened = 0
    }
}
