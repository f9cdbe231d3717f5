internal import Addresses

/// How a log's lines are written.
package enum LogFormat: Equatable, Sendable {
    /// The common or combined format of Apache and nginx, whatever fields follow; `hasHost`: the site stands first.
    case common(hasHost: Bool)
    /// One JSON object in each line: nginx's, Caddy's, Traefik's, Elastic's names, and Wasstraat's own.
    case json
}

/// Why a line is none; a closed set, so that bad lines can be counted by reason.
package enum LogFault: UInt8, Error, CaseIterable, Sendable {
    case empty
    /// More than `LogLines.lineLimit` bytes.
    case tooLong
    /// Neither of the formats.
    case unknownFormat
    case badAddress
    case badTime
    /// No method and target where they should be: a server's note of a connection without a request, or of garbage.
    case badRequest
    case badStatus
    /// A quoted text without its end.
    case unterminated
    case badJSON
    /// Deeper, or more names, than the scanner's limits.
    case overBudget
}

/// Reads one line of an access log. Texts are resolved of their escapes in the line itself, which never grows by it.
enum LogLine {
    /// Longest name of a method.
    private static let methodLimit = 32
    /// Places where the time may begin that are tried: a visitor may have written some into a user's name.
    private static let timeTries = 4

    /// Reads a line of the common or combined format; returns why it is none, or nil.
    static func readCommon(
        _ line: inout [UInt8], hasHost: Bool, into summary: inout RequestSummary
    ) -> LogFault? {
        summary = RequestSummary()
        var index = 0
        if hasHost {
            let end = token(line, index)
            summary.host = host(line, index, end)
            index = end + 1
        }
        let end = token(line, index)
        guard end > index, end < line.count else { return .badAddress }
        guard readSource(line, index, end, into: &summary) else { return .badAddress }
        guard let bracket = readTime(line, from: end, into: &summary) else { return .badTime }
        index = bracket + 1
        guard index + 1 < line.count, line[index] == Octets.space, line[index + 1] == quote else { return .badRequest }
        guard let request = quoted(&line, at: &index) else { return .unterminated }
        guard readRequest(line, request, into: &summary) else { return .badRequest }
        guard readNumber(line, &index, { summary.status = UInt16(clamping: $0) }), summary.status < 1_000 else {
            return .badStatus
        }
        guard readNumber(line, &index, { summary.bytes = $0 }) else { return .badStatus }
        guard index + 1 < line.count, line[index] == Octets.space, line[index + 1] == quote else { return nil }
        guard let referer = quoted(&line, at: &index) else { return .unterminated }
        summary.hasReferer = !isAbsent(line, referer)
        guard index + 1 < line.count, line[index] == Octets.space, line[index + 1] == quote else { return nil }
        guard let agent = quoted(&line, at: &index) else { return .unterminated }
        setAgent(line, agent, into: &summary)
        return nil
    }

    /// Whether the first field is the site and the second the address: so it is where the second is an address, or
    /// where four fields stand before the time and the first is none.
    static func looksHosted(_ line: [UInt8]) -> Bool {
        let first = token(line, 0)
        guard first < line.count else { return false }
        let second = token(line, first + 1)
        return address(line, first + 1, second) != nil
    }

    // MARK: Fields, for both kinds of line.

    static let quote = UInt8(ascii: "\"")
    private static let backslash = UInt8(ascii: "\\")

    /// "-" or nothing.
    static func isAbsent(_ line: [UInt8], _ slice: Slice) -> Bool {
        slice.count == 0 || slice.count == 1 && line[Int(slice.start)] == UInt8(ascii: "-")
    }

    static func setAgent(_ line: [UInt8], _ agent: Slice, into summary: inout RequestSummary) {
        guard !isAbsent(line, agent) else { return }
        summary.agent = agent
        summary.agentHash = RequestSummary.hash(line.span, agent)
    }

    /// An address, with or without a port; a name, or a pseudonym in its place, is taken as such.
    static func readSource(_ line: [UInt8], _ start: Int, _ end: Int, into summary: inout RequestSummary) -> Bool {
        guard end > start, end - start <= 255 else { return false }
        if let address = address(line, start, end) {
            summary.source = address
            return true
        }
        for index in start..<end where line[index] <= 32 || line[index] == UInt8(ascii: "{") { return false }
        summary.source = Address(high: RequestSummary.hash(line.span, Slice(start, end)), low: 0)
        summary.isPseudonym = true
        return true
    }

    /// "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]:80"; nil for anything else.
    private static func address(_ line: [UInt8], _ start: Int, _ end: Int) -> Address? {
        guard end > start, end <= line.count, end - start <= Address.textLimit + 8 else { return nil }
        if line[start] == UInt8(ascii: "[") {
            var close = start + 1
            while close < end, line[close] != UInt8(ascii: "]") { close += 1 }
            return Address(text: line.span.bytes.extracting(start + 1..<close))
        }
        if let address = Address(text: line.span.bytes.extracting(start..<end)) { return address }
        var colon = start
        while colon < end, line[colon] != UInt8(ascii: ":") { colon += 1 }
        guard colon < end else { return nil }
        return Address(text: line.span.bytes.extracting(start..<colon))
    }

    /// The site without a port.
    static func host(_ line: [UInt8], _ start: Int, _ end: Int) -> Slice {
        guard end > start, line[start] != UInt8(ascii: "[") else { return Slice(start, end) }
        var colon = end
        while colon > start, Octets.isDigit(line[colon - 1]) { colon -= 1 }
        guard colon > start, line[colon - 1] == UInt8(ascii: ":") else {
            return end - start == 1 && line[start] == UInt8(ascii: "-") ? .empty : Slice(start, end)
        }
        return Slice(start, colon - 1)
    }

    /// "GET /path?query HTTP/1.1"; the version may be missing. What stands between method and version is the target,
    /// spaces and all: that is what was sent.
    static func readRequest(_ line: [UInt8], _ request: Slice, into summary: inout RequestSummary) -> Bool {
        let start = Int(request.start)
        let end = request.range.upperBound
        let gap = token(line, start, end)
        guard readMethod(line, Slice(start, gap), into: &summary), gap + 1 < end else { return false }
        var stop = end
        var space = end - 1
        while space > gap, line[space] != Octets.space { space -= 1 }
        if space > gap, end - space >= 7, line[space + 1] == UInt8(ascii: "H"), line[space + 5] == UInt8(ascii: "/") {
            summary.version = version(line, space + 6, end)
            stop = space
        }
        guard stop > gap + 1 else { return false }
        setTarget(line, Slice(gap + 1, stop), into: &summary)
        return true
    }

    static func readMethod(_ line: [UInt8], _ name: Slice, into summary: inout RequestSummary) -> Bool {
        guard name.count >= 1, name.count <= methodLimit else { return false }
        for index in name.range where !Octets.isToken(line[index]) { return false }
        summary.methodName = name
        summary.method = RequestHead.method(line.span, name)
        return true
    }

    /// "1.1", "2.0", "2", "3".
    static func version(_ line: [UInt8], _ start: Int, _ end: Int) -> UInt8 {
        guard start < end, Octets.isDigit(line[start]) else { return 0 }
        let minor = start + 2 < end && Octets.isDigit(line[start + 2]) ? line[start + 2] - 48 : 0
        return (line[start] - 48) * 10 + minor
    }

    /// Sets target and path; of an absolute form the host too, where the log has no other.
    static func setTarget(_ line: [UInt8], _ target: Slice, into summary: inout RequestSummary) {
        var start = Int(target.start)
        let end = target.range.upperBound
        if target.count >= 8, line[start] | 32 == UInt8(ascii: "h") {
            let scheme = line[start + 4] == UInt8(ascii: ":") ? 7 : line[start + 5] == UInt8(ascii: ":") ? 8 : 0
            if scheme > 0, line[start + scheme - 1] == UInt8(ascii: "/"), line[start + scheme - 2] == UInt8(ascii: "/")
            {
                var slash = start + scheme
                while slash < end, line[slash] != UInt8(ascii: "/"), line[slash] != UInt8(ascii: "?") { slash += 1 }
                if summary.host.count == 0 { summary.host = host(line, start + scheme, slash) }
                start = slash
            }
        }
        summary.target = Slice(start, end)
        var mark = start
        while mark < end, line[mark] != UInt8(ascii: "?") { mark += 1 }
        summary.pathLength = UInt32(mark - start)
    }

    // MARK: Scanning.

    /// Where the token that begins at `start` ends: at a space, or at the end.
    private static func token(_ line: [UInt8], _ start: Int, _ end: Int? = nil) -> Int {
        let end = end ?? line.count
        var index = start
        while index < end, line[index] != Octets.space { index += 1 }
        return index
    }

    /// Finds " [time]" and returns where the "]" is.
    private static func readTime(_ line: [UInt8], from start: Int, into summary: inout RequestSummary) -> Int? {
        var index = start
        var tries = 0
        while index + 1 < line.count, tries < timeTries {
            guard line[index] == Octets.space, line[index + 1] == UInt8(ascii: "[") else {
                index += 1
                continue
            }
            tries += 1
            let first = index + 2
            var close = first
            while close < line.count, close - first < 40, line[close] != UInt8(ascii: "]") { close += 1 }
            if close < line.count, line[close] == UInt8(ascii: "]"),
                let time = LogTime.common(line, first, close) ?? LogTime.international(line, first, close)
            {
                summary.time = time
                return close
            }
            index += 2
        }
        return nil
    }

    /// Reads ` "text"` at `index` and goes behind it; resolves \" \\ \xhh \t \n \r \b \v \f in place. Other characters
    /// behind a backslash stay with it.
    private static func quoted(_ line: inout [UInt8], at index: inout Int) -> Slice? {
        let start = index + 2
        var from = start
        while from < line.count, line[from] != quote, line[from] != backslash { from += 1 }
        var to = from
        while from < line.count {
            let byte = line[from]
            if byte == quote {
                index = from + 1
                return Slice(start, to)
            }
            guard byte == backslash, from + 1 < line.count else {
                line[to] = byte
                to += 1
                from += 1
                continue
            }
            let next = line[from + 1]
            from += 2
            switch next {
            case quote, backslash: line[to] = next
            case UInt8(ascii: "t"): line[to] = 9
            case UInt8(ascii: "n"): line[to] = 10
            case UInt8(ascii: "r"): line[to] = 13
            case UInt8(ascii: "b"): line[to] = 8
            case UInt8(ascii: "v"): line[to] = 11
            case UInt8(ascii: "f"): line[to] = 12
            case UInt8(ascii: "x"):
                if from + 1 < line.count, let high = Octets.hexDigit(line[from]),
                    let low = Octets.hexDigit(line[from + 1])
                {
                    line[to] = high << 4 | low
                    from += 2
                } else {
                    line[to] = backslash
                    line[to + 1] = next
                    to += 1
                }
            default:
                line[to] = backslash
                line[to + 1] = next
                to += 1
            }
            to += 1
        }
        return nil
    }

    /// Reads " 200" or " -" (0) at `index`; false for anything else.
    private static func readNumber(_ line: [UInt8], _ index: inout Int, _ set: (UInt64) -> Void) -> Bool {
        guard index + 1 < line.count, line[index] == Octets.space else { return false }
        let end = token(line, index + 1)
        if end - index == 2, line[index + 1] == UInt8(ascii: "-") {
            set(0)
            index = end
            return true
        }
        guard let value = decimal(line, index + 1, end) else { return false }
        set(value)
        index = end
        return true
    }

    /// 1 to 19 digits.
    static func decimal(_ line: [UInt8], _ start: Int, _ end: Int) -> UInt64? {
        guard (1...19).contains(end - start), end <= line.count else { return nil }
        var value: UInt64 = 0
        for index in start..<end {
            guard Octets.isDigit(line[index]) else { return nil }
            value = value &* 10 &+ UInt64(line[index] - 48)
        }
        return value
    }
}
