import Glibc
import Logging
import Telemetry
import Testing

struct LogTests {
    private static let noon: @Sendable () -> UTCTime = { UTCTime(nanoseconds: 1_740_830_400_123_000_000) }

    /// What a handler writes to a pipe.
    private func written(_ use: (inout JSONLogHandler) -> Void) -> String {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        var handler = JSONLogHandler(label: "test", level: .trace, descriptor: ends[1], clock: Self.noon)
        use(&handler)
        close(ends[1])
        defer { close(ends[0]) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(ends[0], &chunk, chunk.count), count > 0 { bytes += chunk[..<count] }
        return String(decoding: bytes, as: UTF8.self)
    }

    private func log(_ message: String, _ metadata: Logger.Metadata? = nil) -> String {
        written { handler in
            handler.log(
                event: LogEvent(
                    level: .notice, message: "\(message)", metadata: metadata, source: nil, file: "", function: "",
                    line: 1))
        }
    }

    @Test func `writes a record as one line of JSON`() {
        #expect(
            log("listening", ["port": "443", "a": ["x", "y"], "b": ["k": "v"]])
                == #"{"time":"2025-03-01T12:00:00.123Z","level":"notice","label":"test","message":"listening","#
                + #""a":["x","y"],"b":{"k":"v"},"port":"443"}"# + "\n")
    }

    @Test func `no metadata can pose as one of the fixed fields`() {
        let line = log("m", ["level": "critical", "message": "other"])
        #expect(line.contains(#""_level":"critical","_message":"other""#))
        #expect(line.contains(#""level":"notice""#))
    }

    @Test(arguments: [
        "\"}\n{\"level\":\"critical\"", "\\", "\\\"", "\u{0}\u{1}\u{1f}\u{7f}", "\r\n", "\u{1b}[2J", "\u{85}\u{9b}31m",
        "\u{2028}\u{2029}", "\u{202e}gnp.exe\u{2066}", "é漢😀", "\u{feff}", "",
    ]) func `a hostile text stays inside its string`(text: String) throws {
        for line in [
            log(text), log("m", ["k": "\(text)"]), log("m", [text: "v"]), log("m", ["k": [text: [.string(text)]]]),
        ] {
            #expect(line.hasSuffix("}\n"))
            #expect(line.count { $0.isNewline } == 1)
            for scalar in line.dropLast().unicodeScalars {
                #expect(scalar.value >= 0x20 && !(0x7f..<0xa0).contains(scalar.value))
                #expect(!(0x2028...0x202e).contains(scalar.value) && !(0x2066...0x2069).contains(scalar.value))
            }
            var reader = JSONReader(line)
            let strings = try reader.read()
            // Through an independent reader the text comes back as it was.
            #expect(strings.contains(text))
        }
    }

    @Test func `cuts what is too long and too deep`() {
        let long = log(String(repeating: "é", count: 100_000))
        #expect(long.utf8.count < 9_000)
        #expect(long.hasSuffix("…\"}\n"))
        var deep = Logger.MetadataValue.string("bottom")
        for _ in 0..<10_000 { deep = .array([deep]) }
        #expect(log("m", ["k": deep]).hasSuffix("\"k\":[[[\"…\"]]]}\n"))
        let many = Logger.Metadata(uniqueKeysWithValues: (0..<1_000).map { ("key\($0)", "v") })
        #expect(log("m", many).utf8.count < 2_000)
    }

    @Test func `goes on when nobody reads the log`() {
        var handler = JSONLogHandler(label: "test", descriptor: -1)
        handler[metadataKey: "k"] = "v"
        handler.log(
            event: LogEvent(level: .error, message: "m", metadata: nil, source: nil, file: "", function: "", line: 1))
        #expect(handler[metadataKey: "k"] == "v")
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000Z"), (951_782_399, "2000-02-28T23:59:59.000Z"),
        (951_782_400, "2000-02-29T00:00:00.000Z"), (1_740_787_199, "2025-02-28T23:59:59.000Z"),
        (4_107_542_400, "2100-03-01T00:00:00.000Z"), (-5, "1970-01-01T00:00:00.000Z"),
    ]) func `tells the time in UTC`(seconds: Int64, text: String) {
        #expect(UTCTime(seconds: seconds).description == text)
    }

    @Test func `reads the dates that it writes, and no others`() {
        for day in stride(from: 0, to: 80_000, by: 7) as StrideTo<Int64> {
            #expect(UTCTime.day(ofDate: UTCTime.date(ofDay: day)) == day)
        }
        for text in ["2025-02-30", "2025-13-01", "2025-1-001", "1969-12-31", "2025-03-01x", "", "+025-03-01"] {
            #expect(UTCTime.day(ofDate: text) == nil, "\(text)")
        }
    }

    @Test(
        arguments: [
            (0, 1, "0.0"), (12.345, 1, "12.3"), (-0.05, 1, "-0.1"), (-0.04, 1, "0.0"), (9.96, 1, "10.0"), (3, 0, "3"),
            (1e300, 2, "90000000000000000.00"),
        ] as [(Double, Int, String)]) func `rounds decimals`(value: Double, digits: Int, text: String)
    {
        #expect(Decimals.text(value, digits: digits) == text)
    }
}

/// Just enough of RFC 8259 to read a log line back: every string in it, in order. Throws for anything that is not JSON.
private struct JSONReader {
    struct Broken: Error {}

    private let bytes: [UInt8]
    private var at = 0
    private var strings: [String] = []

    init(_ text: String) { bytes = Array(text.utf8) }

    mutating func read() throws -> [String] {
        try value()
        guard bytes[at...] == [UInt8(ascii: "\n")] else { throw Broken() }
        return strings
    }

    private mutating func take() throws -> UInt8 {
        guard at < bytes.count else { throw Broken() }
        defer { at += 1 }
        return bytes[at]
    }

    private mutating func value() throws {
        switch try take() {
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "{"):
            repeat {
                guard try take() == UInt8(ascii: "\"") else { throw Broken() }
                try string()
                guard try take() == UInt8(ascii: ":") else { throw Broken() }
                try value()
            } while try more(until: UInt8(ascii: "}"))
        case UInt8(ascii: "["):
            repeat { try value() } while try more(until: UInt8(ascii: "]"))
        default: throw Broken()
        }
    }

    private mutating func more(until end: UInt8) throws -> Bool {
        let next = try take()
        guard next == end || next == UInt8(ascii: ",") else { throw Broken() }
        return next != end
    }

    private mutating func string() throws {
        var text: [UInt8] = []
        while true {
            let byte = try take()
            switch byte {
            case UInt8(ascii: "\""):
                strings.append(String(decoding: text, as: UTF8.self))
                return
            case UInt8(ascii: "\\"):
                let escaped = try take()
                switch escaped {
                case UInt8(ascii: "n"): text.append(10)
                case UInt8(ascii: "r"): text.append(13)
                case UInt8(ascii: "t"): text.append(9)
                case UInt8(ascii: "\\"), UInt8(ascii: "\""): text.append(escaped)
                case UInt8(ascii: "u"):
                    let digits = String(decoding: [try take(), try take(), try take(), try take()], as: UTF8.self)
                    guard let code = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(code) else {
                        throw Broken()
                    }
                    text += Array(String(scalar).utf8)
                default: throw Broken()
                }
            case 0..<0x20: throw Broken()
            default: text.append(byte)
            }
        }
    }
}
