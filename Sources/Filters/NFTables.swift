internal import Addresses
package import Fingerprints
internal import Packets

/// A file for `nft -f` that replaces the table of the same name and drops what the rules match, counted. Its chain comes
/// before fragments are joined, and before connections are tracked.
package enum NFTables {
    /// What packets are looked for: the beginning of a line, to which counter and verdict are added.
    package struct Match: Equatable, Sendable {
        /// Each is of one IP version.
        package var isIPv4: Bool
        package var text: String
    }

    /// What nftables has to look for to find the packets of a fingerprint, for a table of the caller's own; any of the
    /// matches is enough. It is the same as in the file of ``Rules/compile(_:as:options:)``, held against the bound by
    /// itself, and refused where that would be refused.
    package static func matches(
        of fingerprint: Fingerprint, options: RuleOptions
    ) -> Result<[Match], RuleRefusal> {
        if let reason = Rules.misuse(options) { return .failure(RuleRefusal(reason)) }
        let draft: RuleDraft
        switch RuleDraft.make(fingerprint, language: .nftables, options: options) {
        case .failure(let refusal): return .failure(refusal)
        case .success(let made): draft = made
        }
        if let hit = draft.collateral, hit > options.collateralBound {
            return .failure(
                RuleRefusal(
                    "hits \(RuleText.percent(hit)) of normal traffic: above the bound of "
                        + RuleText.percent(options.collateralBound)))
        }
        let patterns = fingerprint.isOfPackets ? PacketPattern.patterns(draft.tests) : []
        guard !patterns.isEmpty else {
            return .failure(RuleRefusal("no single packet can meet its conditions together"))
        }
        let found = matches(patterns, draft, options)
        guard !found.isEmpty else { return .failure(RuleRefusal("nothing of it is of the target's IP version")) }
        return .success(found)
    }

    static func file(_ body: [String], _ options: RuleOptions) -> String {
        let family = options.interface == nil ? "inet" : "netdev"
        let hook =
            options.interface.map { "type filter hook ingress device \"\($0)\" priority -500" }
            ?? "type filter hook prerouting priority -450"
        var lines = [
            "# Lengths are of packets as they come off the wire: generic receive offload must be off for that interface.",
            "table \(family) wasstraat", "delete table \(family) wasstraat", "table \(family) wasstraat {",
            "    chain fingerprints {", "        \(hook); policy accept;",
        ]
        lines += body.map { "        \($0)" }
        lines += ["    }", "}"]
        return lines.map { $0 + "\n" }.joined()
    }

    static func lines(_ patterns: [PacketPattern], _ draft: RuleDraft, _ options: RuleOptions) -> [String] {
        matches(patterns, draft, options).map { "\($0.text) counter drop comment \"\(RuleText.summary(draft))\"" }
    }

    static func matches(_ patterns: [PacketPattern], _ draft: RuleDraft, _ options: RuleOptions) -> [Match] {
        patterns.flatMap { wanted in
            var pattern = wanted
            // The kernel's short way to transport headers (seen in Linux 6.18) reads a later fragment's content as one.
            if pattern.readsTransport, pattern.fragments == nil { pattern.fragments = [.whole, .first] }
            return ([(pattern, true)] + byFragment(pattern).map { ($0, false) }).compactMap { pattern, isIPv4 in
                match(pattern, isIPv4: isIPv4, targets: options.targets, sources: draft.sources).map {
                    Match(isIPv4: isIPv4, text: $0)
                }
            }
        }
    }

    private static func byFragment(_ pattern: PacketPattern) -> [PacketPattern] {
        guard let kinds = pattern.fragments, kinds.count == 2 else { return [pattern] }
        return PacketSummary.Fragment.allCases.filter(kinds.contains).map {
            var one = pattern
            one.fragments = [$0]
            return one
        }
    }

    /// The expressions of one IP version; nil where the pattern is not of it.
    private static func match(
        _ pattern: PacketPattern, isIPv4: Bool, targets: [Prefix], sources: [Prefix]
    ) -> String? {
        var words = [isIPv4 ? "meta protocol ip" : "meta protocol ip6"]
        let header = isIPv4 ? "ip" : "ip6"
        for (name, prefixes) in [("saddr", sources), ("daddr", targets)] where !prefixes.isEmpty {
            let own = prefixes.filter { $0.address.isIPv4 == isIPv4 }
            guard !own.isEmpty else { return nil }
            words.append("\(header) \(name) { \(merged(own).map(\.description).joined(separator: ", ")) }")
        }
        if let number = pattern.protocolNumber {
            if number == PacketSummary.icmp && !isIPv4 || number == PacketSummary.icmpv6 && isIPv4 { return nil }
            words.append("meta l4proto \(number)")
        }
        if let length = pattern.length {
            guard let own = isIPv4 ? length.intersection(Numbers([0...65_535])!) : length.lowered(by: 40) else {
                return nil
            }
            guard let fitting = own.intersection(Numbers([0...65_535])!) else { return nil }
            words.append("\(header) length \(set(fitting))")
        }
        if let ttl = pattern.ttl { words.append("\(isIPv4 ? "ip ttl" : "ip6 hoplimit") \(set(ttl))") }
        let transport = transport(pattern, isIPv4: isIPv4)
        guard let kinds = pattern.fragments, kinds.count < 3 else { return (words + transport).joined(separator: " ") }
        guard let words = fragments(kinds, isIPv4: isIPv4).map({ words + [$0] }) else { return nil }
        return (words + transport).joined(separator: " ")
    }

    /// nft refuses prefixes of one set that lie in each other.
    private static func merged(_ prefixes: [Prefix]) -> [Prefix] {
        var kept: [Prefix] = []
        for prefix in prefixes.sorted(by: { $0.length < $1.length }) {
            if !kept.contains(where: { $0.contains(prefix.address) }) { kept.append(prefix) }
        }
        return kept
    }

    private static func fragments(_ kinds: Set<PacketSummary.Fragment>, isIPv4: Bool) -> String? {
        // IPv4: 13 bits of offset, before them the bit that says that more follow. Every two of the three kinds have a
        // test of their own. IPv6 comes with one kind a line.
        switch (kinds.contains(.whole), kinds.contains(.first), kinds.contains(.later)) {
        case (true, false, false): isIPv4 ? "ip frag-off & 0x3fff == 0" : "exthdr frag missing"
        case (false, true, false):
            isIPv4 ? "ip frag-off & 0x3fff == 0x2000" : "frag frag-off 0 frag more-fragments 1"
        case (false, false, true): isIPv4 ? "ip frag-off & 0x1fff != 0" : "frag frag-off != 0"
        case (false, true, true): isIPv4 ? "ip frag-off & 0x3fff != 0" : nil
        case (true, true, false): isIPv4 ? "ip frag-off & 0x1fff == 0" : nil
        case (true, false, true): isIPv4 ? "ip frag-off & 0x3fff != 0x2000" : nil
        default: nil
        }
    }

    private static func transport(_ pattern: PacketPattern, isIPv4: Bool) -> [String] {
        var words: [String] = []
        let number = pattern.protocolNumber ?? 0
        let name = number == PacketSummary.tcp ? "tcp" : "udp"
        if let ports = pattern.sourcePorts { words.append("\(name) sport \(set(ports))") }
        if let ports = pattern.destinationPorts { words.append("\(name) dport \(set(ports))") }
        if let flags = pattern.flags {
            words.append("@th,104,8 { \(flags.map(String.init).joined(separator: ", ")) }")
        }
        let icmp = isIPv4 ? "icmp" : "icmpv6"
        if let types = pattern.icmpType { words.append("\(icmp) type \(set(types))") }
        if let codes = pattern.icmpCode { words.append("\(icmp) code \(set(codes))") }
        guard pattern.readsPayload else { return words }
        if number == PacketSummary.udp { words.append("udp length >= \(8 + pattern.payloadLength)") }
        if number == PacketSummary.tcp {
            // Short frames are filled up behind the packet.
            let header = isIPv4 ? 40 : 20
            words.append("\(isIPv4 ? "ip" : "ip6") length >= \(header + pattern.payloadLength)")
        }
        return words + payload(pattern.marks, isInner: number == PacketSummary.tcp)
    }

    /// Runs of neighbouring bytes, at most sixteen in one expression: the most that fits a register. TCP's payload begins
    /// after a header of any length: the kernel's inner base (Linux 5.16) knows where.
    private static func payload(_ marks: [PacketPattern.Mark], isInner: Bool) -> [String] {
        var words: [String] = []
        var index = 0
        while index < marks.count {
            var end = index + 1
            while end < marks.count, end - index < 16, marks[end].offset == marks[end - 1].offset + 1 { end += 1 }
            let run = marks[index..<end]
            let mask = run.map { RuleText.hexadecimal($0.mask) }.joined()
            let value = run.map { RuleText.hexadecimal($0.value) }.joined()
            let place = isInner ? "@ih,\(8 * run.first!.offset)" : "@th,\(64 + 8 * run.first!.offset)"
            let masked = run.allSatisfy { $0.mask == 255 } ? "" : "& 0x\(mask) "
            words.append("\(place),\(8 * run.count) \(masked)== 0x\(value)")
            index = end
        }
        return words
    }

    private static func set(_ numbers: Numbers) -> String {
        let texts = numbers.ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }
        return texts.count == 1 ? texts[0] : "{ \(texts.joined(separator: ", ")) }"
    }
}
