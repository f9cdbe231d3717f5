import Heads
import Testing

private func fault(_ kind: HTTP2Frame.Kind, _ length: Int, _ stream: UInt32, _ flags: HTTP2Frame.Flags = [])
    -> HTTP2Fault?
{
    HTTP2Frame(kind, flags, length: length, stream: stream).fault()
}

private func stream(_ code: HTTP2Code) -> HTTP2Fault { HTTP2Fault(.stream, code) }

private func connection(_ code: HTTP2Code) -> HTTP2Fault { HTTP2Fault(.connection, code) }

private func read(_ bytes: [UInt8], at offset: Int = 0) -> HTTP2Frame? { HTTP2Frame(bytes.span.bytes, at: offset) }

private func content(_ frame: HTTP2Frame, _ payload: [UInt8]) -> Result<HTTP2Frame.Content, HTTP2Fault> {
    Result { () throws(HTTP2Fault) in try frame.content(of: payload.span.bytes) }
}

private func increment(_ frame: HTTP2Frame, _ payload: [UInt8]) -> Result<Int, HTTP2Fault> {
    Result { () throws(HTTP2Fault) in try frame.increment(payload.span.bytes) }
}

@Suite struct `A frame of HTTP/2` {
    @Test func `has nine bytes of head, whose reserved bit is passed over`() {
        let bytes = hex("ff 000102 01 2d 80000003 ff")
        let frame = read(bytes, at: 1)
        #expect(frame == HTTP2Frame(.headers, HTTP2Frame.Flags(rawValue: 0x2d), length: 258, stream: 3))
        #expect(frame?.kind == .headers)
        for offset in 3...12 { #expect(read(bytes, at: offset) == nil) }
        #expect(read(bytes, at: -1) == nil)
    }

    @Test func `is written as it is read`() {
        for kind in HTTP2Frame.Kind.allCases {
            let frame = HTTP2Frame(kind, [.padded, .endsHeaders], length: 0xabcdef, stream: 0x7654_3210)
            var bytes = [UInt8](repeating: 0xff, count: 9)
            bytes.withUnsafeMutableBytes { frame.write(to: $0) }
            #expect(read(bytes) == frame)
        }
    }

    @Test func `belongs to a stream or to the connection, by its type`() {
        for kind in [HTTP2Frame.Kind.data, .headers, .continuation] {
            #expect(fault(kind, 10, 0) == connection(.protocolError))
            #expect(fault(kind, 10, 1) == nil)
        }
        for (kind, length) in [(HTTP2Frame.Kind.settings, 6), (.ping, 8), (.goAway, 8)] {
            #expect(fault(kind, length, 1) == connection(.protocolError))
            #expect(fault(kind, length, 0) == nil)
        }
        #expect(fault(.priority, 5, 0) == connection(.protocolError))
        #expect(fault(.reset, 4, 0) == connection(.protocolError))
        #expect(fault(.windowUpdate, 4, 0) == nil && fault(.windowUpdate, 4, 1) == nil)
        #expect(fault(.pushPromise, 10, 1) == connection(.protocolError))
    }

    @Test func `has the length of its type`() {
        for length in 0...20 {
            #expect(fault(.priority, length, 1) == (length == 5 ? nil : stream(.frameSizeError)))
            #expect(fault(.reset, length, 1) == (length == 4 ? nil : connection(.frameSizeError)))
            #expect(fault(.settings, length, 0) == (length % 6 == 0 ? nil : connection(.frameSizeError)))
            #expect(fault(.settings, length, 0, .acknowledged) == (length == 0 ? nil : connection(.frameSizeError)))
            #expect(fault(.ping, length, 0) == (length == 8 ? nil : connection(.frameSizeError)))
            #expect(fault(.goAway, length, 0) == (length >= 8 ? nil : connection(.frameSizeError)))
            #expect(fault(.windowUpdate, length, 0) == (length == 4 ? nil : connection(.frameSizeError)))
        }
        #expect(fault(.data, 16384, 1) == nil)
        #expect(fault(.data, 16385, 1) == connection(.frameSizeError))
    }

    @Test func `of no known type is passed over, but not without end`() {
        let unknown = read(hex("000005 42 ff 00000000"))
        #expect(unknown?.kind == nil && unknown?.fault() == nil)
        #expect(read(hex("004001 42 ff 00000000"))?.fault() == connection(.frameSizeError))
    }

    @Test func `loses its padding`() {
        let frame = HTTP2Frame(.data, .padded, length: 6, stream: 1)
        for padding in 0...5 {
            #expect(content(frame, [UInt8(padding)] + hex("0102030405")) == .success(.init(range: 1..<6 - padding)))
        }
        #expect(content(frame, [6] + hex("0102030405")) == .failure(connection(.protocolError)))
        #expect(content(frame, []) == .failure(connection(.frameSizeError)))
        #expect(content(HTTP2Frame(.data, length: 3, stream: 1), [9, 9, 9]) == .success(.init(range: 0..<3)))
        // CONTINUATION has no such flag.
        #expect(
            content(HTTP2Frame(.continuation, .padded, length: 2, stream: 1), [9, 9]) == .success(.init(range: 0..<2)))
    }

    @Test func `loses its priority, and never depends on itself`() {
        let frame = HTTP2Frame(.headers, [.hasPriority, .padded], length: 9, stream: 5)
        #expect(content(frame, hex("01 80000003 ff 8286 00")) == .success(.init(range: 6..<8)))
        #expect(
            content(frame, hex("00 80000005 ff 828684"))
                == .success(.init(range: 6..<9, fault: stream(.protocolError))))
        for length in 0..<6 {
            #expect(
                content(frame, Array(hex("00 80000003 ff").prefix(length))) == .failure(connection(.frameSizeError)))
        }
        let priority = HTTP2Frame(.priority, length: 5, stream: 5)
        #expect(priority.priorityFault(hex("80000005 00").span.bytes) == stream(.protocolError))
        #expect(priority.priorityFault(hex("80000004 00").span.bytes) == nil)
    }

    @Test func `opens a window by something`() {
        let whole = HTTP2Frame(.windowUpdate, length: 4, stream: 0)
        let part = HTTP2Frame(.windowUpdate, length: 4, stream: 1)
        #expect(increment(whole, hex("ffffffff")) == .success(0x7fff_ffff))
        #expect(increment(whole, hex("80000000")) == .failure(connection(.protocolError)))
        #expect(increment(part, hex("00000000")) == .failure(stream(.protocolError)))
        #expect(increment(part, hex("000001")) == .failure(connection(.frameSizeError)))
    }
}

@Suite struct `A peer's settings` {
    private func read(_ text: String) -> (HTTP2Settings, HTTP2Fault?) {
        var settings = HTTP2Settings()
        let fault = settings.read(hex(text).span.bytes)
        return (settings, fault)
    }

    @Test func `are what it said last, and unknown ones nothing`() {
        let (settings, fault) = read(
            "000100000000 0003 00000064 0004 00001000 0004 7fffffff 0005 00ffffff 0006 00002000 abcd ffffffff")
        #expect(fault == nil)
        #expect(settings.headerTableSize == 0 && settings.maxConcurrentStreams == 100)
        #expect(settings.initialWindow == 0x7fff_ffff && settings.payloadLimit == 0xff_ffff)
        #expect(settings.headerListSize == 8192)
        #expect(read("").0 == HTTP2Settings())
    }

    @Test(arguments: [
        ("0002 00000002", HTTP2Code.protocolError), ("0004 80000000", .flowControlError),
        ("0005 00003fff", .protocolError), ("0005 01000000", .protocolError), ("0008 00000002", .protocolError),
        ("0009 00000002", .protocolError), ("0001 000000", .frameSizeError),
    ])
    func `have bounds`(text: String, code: HTTP2Code) {
        #expect(read("0002 00000001" + text).1 == connection(code))
    }

    @Test func `are read as they are written`() {
        for name in HTTP2Settings.Name.allCases where name != .payloadLimit {
            var bytes = [UInt8](repeating: 0, count: 6)
            bytes.withUnsafeMutableBytes { HTTP2Settings.write(name, 1, to: $0) }
            #expect(bytes == [0, UInt8(name.rawValue), 0, 0, 0, 1])
        }
    }
}
