internal import Addresses
internal import Fingerprints
internal import Moments
internal import Packets

/// Rules for Suricata (6 or newer).
enum Suricata {
    /// Rules that one fingerprint may become: each range of numbers beyond a rule's one makes more of them.
    static let ruleLimit = 64

    static func lines(
        _ patterns: [PacketPattern], _ draft: RuleDraft, _ options: RuleOptions, first: UInt32
    ) throws(RuleRefusal) -> [String] {
        var lines: [String] = []
        for pattern in patterns {
            for isIPv4 in [true, false] {
                guard let head = head(pattern, draft, options, isIPv4: isIPv4) else { continue }
                for keywords in try alternatives(pattern, isIPv4: isIPv4) {
                    guard lines.count < ruleLimit else { throw RuleRefusal("more than \(ruleLimit) rules") }
                    let signature = first &+ UInt32(lines.count)
                    lines.append(line(head, keywords, draft, signature))
                }
            }
        }
        return lines
    }

    private static func line(_ head: String, _ keywords: [String], _ draft: RuleDraft, _ signature: UInt32) -> String {
        let evidence = draft.fingerprint.evidence
        let all =
            ["msg:\"wasstraat \(RuleText.kind(draft.fingerprint)) \(draft.id)\""] + keywords
            + [
                "metadata:fingerprint \(draft.id), coverage \(RuleText.percent(evidence.coverage)), "
                    + "collateral \(RuleText.percent(draft.collateral)), expires \(draft.expires.text)",
                "classtype:attempted-dos", "sid:\(signature)", "rev:1",
            ]
        return "drop \(head) (\(all.joined(separator: "; ")); )"
    }

    private static func head(
        _ pattern: PacketPattern, _ draft: RuleDraft, _ options: RuleOptions, isIPv4: Bool
    ) -> String? {
        let name: String
        switch pattern.protocolNumber {
        case PacketSummary.tcp: name = "tcp"
        case PacketSummary.udp: name = "udp"
        case PacketSummary.icmp:
            guard isIPv4 else { return nil }
            name = "icmp"
        case PacketSummary.icmpv6:
            guard !isIPv4 else { return nil }
            name = "icmp"
        default: name = "ip"
        }
        guard let sources = list(draft.sources, isIPv4), let targets = list(options.targets, isIPv4) else { return nil }
        return "\(name) \(sources) \(ports(pattern.sourcePorts)) -> \(targets) \(ports(pattern.destinationPorts))"
    }

    /// nil where none is of that IP version.
    private static func list(_ prefixes: [Prefix], _ isIPv4: Bool) -> String? {
        guard !prefixes.isEmpty else { return isIPv4 ? "0.0.0.0/0" : "::/0" }
        let own = prefixes.filter { $0.address.isIPv4 == isIPv4 }
        return own.isEmpty ? nil : "[\(own.map(\.description).joined(separator: ","))]"
    }

    private static func ports(_ numbers: Numbers?) -> String {
        guard let numbers else { return "any" }
        let texts = numbers.ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound):\($0.upperBound)" }
        return texts.count == 1 ? texts[0] : "[\(texts.joined(separator: ","))]"
    }

    /// Keywords of each rule: every choice of one range from each set of numbers.
    private static func alternatives(_ pattern: PacketPattern, isIPv4: Bool) throws(RuleRefusal) -> [[String]] {
        var all: [[String]] = [[]]
        func choose(_ texts: [String]) throws(RuleRefusal) {
            guard all.count * texts.count <= ruleLimit else { throw RuleRefusal("more than \(ruleLimit) rules") }
            all = all.flatMap { before in texts.map { before + [$0] } }
        }
        if let number = pattern.protocolNumber,
            ![PacketSummary.tcp, PacketSummary.udp, PacketSummary.icmp, PacketSummary.icmpv6].contains(number)
        {
            try choose(["ip_proto:\(number)"])
        }
        if let flags = pattern.flags { try choose(flags.map { "flags:\(letters($0))" }) }
        if let types = pattern.icmpType { try choose(types.ranges.map { "itype:\(open($0))" }) }
        if let codes = pattern.icmpCode { try choose(codes.ranges.map { "icode:\(open($0))" }) }
        if let ttl = pattern.ttl {
            try choose(
                ttl.ranges.map { $0.count == 1 ? "ttl:\($0.lowerBound)" : "ttl:\($0.lowerBound)-\($0.upperBound)" })
        }
        try choose(payload(pattern.marks))
        if let length = pattern.length {
            // The header's own field, in a buffer that ends what looks at the payload: so it comes last.
            guard let own = isIPv4 ? length : length.lowered(by: 40) else { return [] }
            try choose(
                own.ranges.map { range in
                    let (buffer, place) = isIPv4 ? ("ipv4.hdr", 2) : ("ipv6.hdr", 4)
                    return "\(buffer); byte_test:2,>=,\(range.lowerBound),\(place); "
                        + "byte_test:2,<=,\(range.upperBound),\(place)"
                })
        }
        return all.map { $0.filter { !$0.isEmpty } }
    }

    private static func payload(_ marks: [PacketPattern.Mark]) -> [String] {
        var words: [String] = []
        var index = 0
        while index < marks.count {
            let mark = marks[index]
            guard mark.mask == 0xff || mark.mask == 0xdf else {
                // What the mask leaves is shifted down by the mask's zeros.
                let value = mark.value >> UInt8(mark.mask.trailingZeroBitCount & 7)
                words.append("byte_test:1,=,\(value),\(mark.offset),bitmask 0x\(RuleText.hexadecimal(mark.mask))")
                index += 1
                continue
            }
            // A mask of 0xdf is a letter of either case; "nocase" is for the whole text, so runs are of one mask.
            var end = index + 1
            while end < marks.count, marks[end].mask == mark.mask, marks[end].offset == marks[end - 1].offset + 1 {
                end += 1
            }
            let bytes = marks[index..<end].map { RuleText.hexadecimal($0.value) }.joined(separator: " ")
            words.append(
                "content:\"|\(bytes)|\"; offset:\(mark.offset); depth:\(end - index)"
                    + (mark.mask == 0xdf ? "; nocase" : ""))
            index = end
        }
        return [words.joined(separator: "; ")]
    }

    /// Exclusive ends, as these keywords have them.
    private static func open(_ range: ClosedRange<UInt32>) -> String {
        if range.count == 1 { return "\(range.lowerBound)" }
        return range.lowerBound == 0 ? "<\(range.upperBound + 1)" : "\(range.lowerBound - 1)<>\(range.upperBound + 1)"
    }

    private static func letters(_ flags: UInt8) -> String {
        flags == 0 ? "0" : TCPFlag.letters(flags)
    }

    // ---- Requests in clear.

    static func line(
        ofRequests draft: RuleDraft, _ options: RuleOptions, _ signature: UInt32
    ) throws(RuleRefusal) -> String {
        var words: [String] = []
        func add(_ buffer: String, _ expression: String) {
            // The slash ends an expression here.
            let inner = expression.split(separator: "/", omittingEmptySubsequences: false).joined(separator: "\\x2f")
            words.append("\(buffer); pcre:\"/\(inner)/\"")
        }
        if let host = options.host { add("http.host", "^\(RequestPattern.literal(host.lowercased().utf8))$") }
        for condition in draft.conditions {
            let value = condition.value
            switch condition.feature {
            case .method: add("http.method", try RequestPattern.exactly(value))
            case .route: add("http.uri.raw", try RequestPattern.route(value))
            case .parameters: add("http.uri.raw", try RequestPattern.parameters(value))
            case .agent: add("http.user_agent", try RequestPattern.exactly(value))
            default: throw RuleRefusal("Suricata cannot say \(condition.feature.rawValue)")
            }
        }
        func side(_ prefixes: [Prefix]) -> String {
            prefixes.isEmpty ? "any" : "[\(prefixes.map(\.description).joined(separator: ","))]"
        }
        let head = "http \(side(draft.sources)) any -> \(side(options.targets)) any"
        return line(head, ["flow:to_server,established"] + words, draft, signature)
    }
}
