/// An access log, read line by line from pieces of whatever size. The format is recognised from the first lines; a bad
/// line is counted and told, and stops nothing. Memory is bounded by the pieces and `lineLimit`.
package struct LogLines: Sendable {
    /// Bytes in a line. Servers refuse targets of more than 8 KiB; escaped they may be four times that.
    package static let lineLimit = 64 << 10
    /// Bad lines that are told by number.
    package static let faultLimit = 20

    /// The line that was read last, its escapes resolved: what the places in `summary` are places in.
    package private(set) var text: [UInt8] = []
    package private(set) var summary = RequestSummary()
    /// Nil until a line was understood.
    package private(set) var format: LogFormat?
    /// Lines so far, bad ones among them; empty lines count, and are not bad.
    package private(set) var lines: UInt64 = 0
    package private(set) var badLines: UInt64 = 0
    /// The first bad lines.
    package private(set) var faults: [Fault] = []
    /// Bad lines by `LogFault`'s raw value.
    package private(set) var faultCounts = [UInt64](repeating: 0, count: LogFault.allCases.count)

    package struct Fault: Equatable, Sendable {
        /// From 1.
        package var line: UInt64
        package var reason: LogFault

        package init(line: UInt64, reason: LogFault) {
            self.line = line
            self.reason = reason
        }
    }

    private var pending: [UInt8] = []
    private var position = 0
    /// The rest of a line that was too long is passed over.
    private var isSkipping = false
    private var hasEnded = false
    private var json = JSONLine()

    package init(format: LogFormat? = nil) { self.format = format }

    /// Gives the next piece of the log. Whoever reads all lines before the next piece keeps memory at a piece and a
    /// line.
    package mutating func append(_ bytes: RawSpan) {
        if position > 0 {
            pending.removeSubrange(..<position)
            position = 0
        }
        bytes.withUnsafeBytes { pending.append(contentsOf: $0) }
    }

    /// There is no more: what stands behind the last line's end is a line too.
    package mutating func end() { hasEnded = true }

    /// Reads up to the next good line; false where more bytes are needed, or the log has ended.
    package mutating func next() -> Bool {
        while takeLine() {
            lines += 1
            if text.last == 13 { text.removeLast() }
            guard !text.isEmpty else { continue }
            if let fault = read() {
                note(fault)
            } else {
                return true
            }
        }
        return false
    }

    private mutating func note(_ fault: LogFault) {
        badLines += 1
        faultCounts[Int(fault.rawValue)] += 1
        if faults.count < Self.faultLimit { faults.append(Fault(line: lines, reason: fault)) }
    }

    /// Moves the next line into `text`; false where there is no whole one.
    private mutating func takeLine() -> Bool {
        while true {
            let start = position
            let end = Self.lineEnd(pending.span, from: start)
            guard end < pending.count || hasEnded && end > start else {
                if pending.count - start > Self.lineLimit {
                    if !isSkipping {
                        isSkipping = true
                        lines += 1
                        note(.tooLong)
                    }
                    pending.removeAll(keepingCapacity: true)
                    position = 0
                }
                return false
            }
            position = min(end + 1, pending.count)
            if isSkipping {
                isSkipping = false
                continue
            }
            guard end - start <= Self.lineLimit else {
                lines += 1
                note(.tooLong)
                continue
            }
            text.removeAll(keepingCapacity: true)
            text.append(contentsOf: pending[start..<end])
            return true
        }
    }

    private static func lineEnd(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] != Octets.lineFeed { index += 1 }
        return index
    }

    private mutating func read() -> LogFault? {
        switch format {
        case .json: return json.read(&text, into: &summary)
        case .common(let hasHost): return LogLine.readCommon(&text, hasHost: hasHost, into: &summary)
        case nil: return recognise()
        }
    }

    /// Tries the formats on a line; the first that understands it is the log's.
    private mutating func recognise() -> LogFault? {
        if text[0] == UInt8(ascii: "{") {
            let fault = json.read(&text, into: &summary)
            if fault == nil { format = .json }
            return fault
        }
        let hasHost = LogLine.looksHosted(text)
        guard let fault = LogLine.readCommon(&text, hasHost: hasHost, into: &summary) else {
            format = .common(hasHost: hasHost)
            return nil
        }
        // Without a time in brackets it was never such a line.
        return fault == .badTime || fault == .badAddress ? .unknownFormat : fault
    }
}
