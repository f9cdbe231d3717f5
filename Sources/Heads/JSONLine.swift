/// Reads one JSON object (RFC 8259) as a line of an access log: keeps places, copies nothing, builds no tree. Strings
/// are resolved of their escapes in the line itself.
struct JSONLine {
    /// Objects and lists in each other. Caddy's headers lie three deep.
    private static let depthLimit = 8
    /// Names and members of lists in one line.
    private static let memberLimit = 512

    /// The path of names, as `LogNames` compares them; what is longer than the room is compared with nothing.
    private var name = [UInt8](repeating: 0, count: LogNames.limit)
    private var nameCount = 0
    private let table = LogNames.table
    private var found = [Slice](repeating: .empty, count: LogNames.Field.allCases.count)
    private var ranks = [UInt8](repeating: 0, count: LogNames.Field.allCases.count)
    private var members = 0
    private var index = 0

    /// Reads the line; returns why it is no request, or nil.
    mutating func read(_ line: inout [UInt8], into summary: inout RequestSummary) -> LogFault? {
        summary = RequestSummary()
        for field in 0..<ranks.count { ranks[field] = 0 }
        nameCount = 0
        members = 0
        index = 0
        skipSpace(line)
        guard index < line.count, line[index] == UInt8(ascii: "{") else { return .badJSON }
        if let fault = readValue(&line, depth: 0) { return fault }
        skipSpace(line)
        guard index == line.count else { return .badJSON }
        return conclude(line, &summary)
    }

    private func slice(_ field: LogNames.Field) -> Slice? {
        ranks[field.rawValue] > 0 ? found[field.rawValue] : nil
    }

    private func conclude(_ line: [UInt8], _ summary: inout RequestSummary) -> LogFault? {
        guard let source = slice(.source),
            LogLine.readSource(line, Int(source.start), source.range.upperBound, into: &summary)
        else { return .badAddress }
        guard let time = slice(.time), let moment = Self.time(line, time) else { return .badTime }
        summary.time = moment
        if let host = slice(.host) { summary.host = LogLine.host(line, Int(host.start), host.range.upperBound) }
        if let method = slice(.method), let target = slice(.target), target.count > 0 {
            guard LogLine.readMethod(line, method, into: &summary) else { return .badRequest }
            LogLine.setTarget(line, target, into: &summary)
        } else {
            guard let request = slice(.request), LogLine.readRequest(line, request, into: &summary) else {
                return .badRequest
            }
        }
        if summary.pathLength == summary.target.count {
            // A query that stands elsewhere in the line cannot be shown as part of the target; its length is kept.
            if let length = slice(.queryLength) {
                let count = LogLine.decimal(line, Int(length.start), length.range.upperBound) ?? 0
                summary.hiddenQueryLength = UInt32(clamping: count)
            } else if let query = slice(.query), !LogLine.isAbsent(line, query) {
                summary.hiddenQueryLength = query.count
            }
        }
        if let status = slice(.status) {
            guard let value = LogLine.decimal(line, Int(status.start), status.range.upperBound), value < 1_000 else {
                return .badStatus
            }
            summary.status = UInt16(value)
        }
        if let bytes = slice(.bytes) {
            summary.bytes = LogLine.decimal(line, Int(bytes.start), bytes.range.upperBound) ?? 0
        }
        if let version = slice(.version), version.count > 0 {
            let start = Int(version.start)
            let isNamed = version.count > 5 && line[start + 4] == UInt8(ascii: "/")
            summary.version = LogLine.version(line, isNamed ? start + 5 : start, version.range.upperBound)
        }
        if let agent = slice(.agent) { LogLine.setAgent(line, agent, into: &summary) }
        if let referer = slice(.referer) { summary.hasReferer = !LogLine.isAbsent(line, referer) }
        return nil
    }

    private static func time(_ line: [UInt8], _ slice: Slice) -> Int64? {
        let start = Int(slice.start)
        let end = slice.range.upperBound
        return LogTime.international(line, start, end) ?? LogTime.epoch(line, start, end)
            ?? LogTime.common(line, start, end)
    }

    private mutating func skipSpace(_ line: [UInt8]) {
        while index < line.count {
            switch line[index] {
            case 32, 9, 10, 13: index += 1
            default: return
            }
        }
    }

    private mutating func readValue(_ line: inout [UInt8], depth: Int) -> LogFault? {
        guard depth < Self.depthLimit else { return .overBudget }
        skipSpace(line)
        guard index < line.count else { return .badJSON }
        switch line[index] {
        case UInt8(ascii: "{"): return readMembers(&line, depth: depth, closing: UInt8(ascii: "}"))
        case UInt8(ascii: "["): return readMembers(&line, depth: depth, closing: UInt8(ascii: "]"))
        case LogLine.quote:
            guard let text = readString(&line) else { return .badJSON }
            keep(text)
        default:
            let start = index
            while index < line.count, Self.isPlain(line[index]) { index += 1 }
            guard index > start else { return .badJSON }
            // null is as good as nothing.
            if line[start] != UInt8(ascii: "n") { keep(Slice(start, index)) }
        }
        return nil
    }

    /// Reads an object or a list; the members of a list have its name.
    private mutating func readMembers(_ line: inout [UInt8], depth: Int, closing: UInt8) -> LogFault? {
        index += 1
        skipSpace(line)
        if index < line.count, line[index] == closing {
            index += 1
            return nil
        }
        let outer = nameCount
        while true {
            members += 1
            guard members <= Self.memberLimit else { return .overBudget }
            if closing == UInt8(ascii: "}") {
                skipSpace(line)
                guard index < line.count, line[index] == LogLine.quote, let text = readString(&line) else {
                    return .badJSON
                }
                enter(line, text)
                skipSpace(line)
                guard index < line.count, line[index] == UInt8(ascii: ":") else { return .badJSON }
                index += 1
            }
            if let fault = readValue(&line, depth: depth + 1) { return fault }
            nameCount = outer
            skipSpace(line)
            guard index < line.count else { return .badJSON }
            let byte = line[index]
            index += 1
            if byte == closing { return nil }
            guard byte == UInt8(ascii: ",") else { return .badJSON }
        }
    }

    /// Puts a member's name behind the path.
    private mutating func enter(_ line: [UInt8], _ text: Slice) {
        for place in text.range {
            let byte = Octets.lowered(line[place])
            switch byte {
            case UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "@"): continue
            default:
                // Beyond the limit only the count goes on, so that no such name equals a shorter one.
                if nameCount < LogNames.limit { name[nameCount] = byte }
                nameCount += 1
            }
        }
    }

    private mutating func keep(_ value: Slice) {
        guard nameCount > 0, nameCount <= LogNames.limit, let (field, rank) = LogNames.field(name, nameCount, table),
            rank > ranks[field.rawValue]
        else { return }
        ranks[field.rawValue] = rank
        found[field.rawValue] = value
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"),
            UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
            true
        default: false
        }
    }

    /// Reads a string at the quote; nil where it has no end or an unknown escape.
    private mutating func readString(_ line: inout [UInt8]) -> Slice? {
        let start = index + 1
        var from = start
        while from < line.count, line[from] != LogLine.quote, line[from] != UInt8(ascii: "\\") { from += 1 }
        var to = from
        while from < line.count {
            let byte = line[from]
            from += 1
            if byte == LogLine.quote {
                index = from
                return Slice(start, to)
            }
            guard byte == UInt8(ascii: "\\") else {
                line[to] = byte
                to += 1
                continue
            }
            guard from < line.count else { return nil }
            let escape = line[from]
            from += 1
            switch escape {
            case LogLine.quote, UInt8(ascii: "\\"), UInt8(ascii: "/"): line[to] = escape
            case UInt8(ascii: "b"): line[to] = 8
            case UInt8(ascii: "f"): line[to] = 12
            case UInt8(ascii: "n"): line[to] = 10
            case UInt8(ascii: "r"): line[to] = 13
            case UInt8(ascii: "t"): line[to] = 9
            case UInt8(ascii: "u"):
                guard let value = Self.hex(line, from) else { return nil }
                from += 4
                Self.write(value, &line, &to)
                continue
            default: return nil
            }
            to += 1
        }
        return nil
    }

    private static func hex(_ line: [UInt8], _ start: Int) -> UInt32? {
        guard start + 4 <= line.count else { return nil }
        var value: UInt32 = 0
        for place in start..<start + 4 {
            guard let digit = Octets.hexDigit(line[place]) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }

    /// Below 256 a byte as Wasstraat, nginx and others mean it (they escape bytes, not characters); above, UTF-8. Never
    /// longer than the six bytes of the escape.
    private static func write(_ value: UInt32, _ line: inout [UInt8], _ to: inout Int) {
        switch value {
        case ..<256:
            line[to] = UInt8(value)
            to += 1
        case ..<0x800:
            line[to] = UInt8(0xc0 | value >> 6)
            line[to + 1] = UInt8(0x80 | value & 63)
            to += 2
        default:
            line[to] = UInt8(0xe0 | value >> 12)
            line[to + 1] = UInt8(0x80 | value >> 6 & 63)
            line[to + 2] = UInt8(0x80 | value & 63)
            to += 3
        }
    }
}
