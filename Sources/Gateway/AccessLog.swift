internal import Admission
internal import Glibc
internal import Packets

/// One JSON line for each request, gathered and written in large pieces. The source stands there as a keyed pseudonym
/// whose key changes daily; of the query only its length, for what people search is theirs.
struct AccessLog {
    private static let limit = 64 << 10
    private let ink = Ink(capacity: 80 << 10)
    private var stamp: [UInt8] = []
    private var descriptor: Int32 = -1
    /// Pieces of up to `limit` bytes that could not be written.
    private(set) var lost: UInt64 = 0

    struct Line {
        /// The site's name, which needs no escape.
        var site: [UInt8]
        var source: UInt64
        var isTLS: Bool
        var isHTTP2: Bool
        /// How the visitor's program speaks HTTP/2.
        var agent: UInt64
        /// How the visitor's program speaks TLS.
        var ja4: JA4?
        var method: UnsafeRawBufferPointer
        var path: UnsafeRawBufferPointer
        var queryLength: Int
        var status: UInt16
        var bytesIn: UInt64
        var bytesOut: UInt64
        var visitorClass: VisitorClass
        var decision: StaticString
        /// The rule that marked the request; 0: none.
        var rule: UInt64
        var waitedMilliseconds: UInt64
        /// Nanoseconds from the request's head to the origin's first byte; 0: there was none.
        var firstByte: UInt64
        var total: UInt64
        var milliseconds: Int
    }

    mutating func setTime(seconds: UInt64) { stamp = CalendarTime(seconds: seconds).stamp }

    /// Goes on in another file; what was gathered goes into the old one.
    mutating func setDescriptor(_ new: Int32) {
        flush()
        if descriptor >= 0 { close(descriptor) }
        descriptor = new
    }

    mutating func write(_ line: Line) {
        guard descriptor >= 0 else { return }
        ink.write("{\"time\":\"")
        ink.write(stamp)
        ink.write(".")
        ink.write(UInt8(48 + line.milliseconds / 100))
        ink.write(UInt8(48 + line.milliseconds / 10 % 10))
        ink.write(UInt8(48 + line.milliseconds % 10))
        ink.write("Z\",\"site\":\"")
        ink.write(line.site)
        ink.write("\",\"source\":\"")
        ink.write(hexadecimal: line.source, digits: 16)
        ink.write(line.isTLS ? "\",\"tls\":true" : "\",\"tls\":false")
        ink.write(line.isHTTP2 ? ",\"protocol\":\"h2\"" : ",\"protocol\":\"http/1.1\"")
        if line.agent != 0 {
            ink.write(",\"h2\":\"")
            ink.write(hexadecimal: line.agent, digits: 16)
            ink.write("\"")
        }
        if let ja4 = line.ja4 {
            ink.write(",\"ja4\":\"")
            ja4.forEachCharacter { ink.write($0) }
            ink.write("\"")
        }
        ink.write(",\"method\":\"")
        escape(line.method)
        ink.write("\",\"path\":\"")
        escape(line.path)
        ink.write("\",\"query_length\":")
        ink.write(decimal: UInt64(line.queryLength))
        ink.write(",\"status\":")
        ink.write(decimal: UInt64(line.status))
        ink.write(",\"bytes_in\":")
        ink.write(decimal: line.bytesIn)
        ink.write(",\"bytes_out\":")
        ink.write(decimal: line.bytesOut)
        ink.write(",\"class\":\"")
        switch line.visitorClass {
        case .known: ink.write("known")
        case .unknown: ink.write("unknown")
        case .suspect: ink.write("suspect")
        }
        ink.write("\",\"decision\":\"")
        ink.write(line.decision)
        if line.rule != 0 {
            ink.write("\",\"rule\":\"")
            ink.write(hexadecimal: line.rule, digits: 16)
        }
        ink.write("\",\"waited_ms\":")
        ink.write(decimal: line.waitedMilliseconds)
        ink.write(",\"first_byte_us\":")
        ink.write(decimal: line.firstByte / 1000)
        ink.write(",\"total_us\":")
        ink.write(decimal: line.total / 1000)
        ink.write("}\n")
        if ink.count >= Self.limit { flush() }
    }

    mutating func flush() {
        guard ink.count > 0 else { return }
        var rest = ink.bytes
        while descriptor >= 0, rest.count > 0 {
            let written = Glibc.write(descriptor, rest.baseAddress, rest.count)
            guard written > 0 else {
                // A full disk must not stop the lane; the loss is counted, and told to the office.
                lost += 1
                break
            }
            rest = UnsafeRawBufferPointer(rebasing: rest[written...])
        }
        ink.clear()
    }

    private mutating func escape(_ bytes: UnsafeRawBufferPointer) {
        var isPlain = true
        for byte in bytes where byte < 32 || byte > 126 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") {
            isPlain = false
        }
        guard !isPlain else { return ink.write(bytes) }
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                ink.write(UInt8(ascii: "\\"))
                ink.write(byte)
            case 32...126: ink.write(byte)
            default:
                ink.write("\\u00")
                ink.write(hexadecimal: UInt64(byte), digits: 2)
            }
        }
    }
}
