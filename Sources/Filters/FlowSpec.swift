package import Addresses
internal import Fingerprints
internal import Packets

/// Rules that BGP carries to routers (RFC 8955; for IPv6 RFC 8956): each a list of components, all of which must hold.
package enum FlowSpec {
    /// Whose text the file is in.
    package enum Announcer: String, CaseIterable, Sendable {
        /// Commands for `gobgp`.
        case gobgp
        /// A `flow` section for a neighbour of ExaBGP.
        case exabgp
    }

    /// The most routes that one fingerprint may become.
    package static let routeLimit = 256
    /// Longest NLRI: 12 bits (RFC 8955, section 4.1).
    package static let lengthLimit = 4095

    package struct Route: Equatable, Sendable {
        package var isIPv4: Bool
        /// In ascending order of their types.
        package var components: [Component]

        /// Length and components, as they stand in MP_REACH_NLRI.
        package var nlri: [UInt8] {
            let body = components.flatMap { $0.bytes(isIPv4: isIPv4) }
            // One byte below 240, else two that begin with 15.
            let length =
                body.count < 240 ? [UInt8(body.count)] : [0xf0 | UInt8(body.count >> 8 & 15), UInt8(body.count & 255)]
            return length + body
        }
    }

    package enum Component: Equatable, Sendable {
        case destination(Prefix)
        case source(Prefix)
        /// A number's type and ways in which it fits: "equal", or between two.
        case numbers(Kind, [ClosedRange<UInt32>])
        /// TCP's flags, each exactly.
        case flags([UInt8])
        /// Bits that are looked at: 2 later, 4 first, 8 last; whether any, or none, must be set.
        case fragment(UInt8, isNot: Bool)
    }

    package enum Kind: UInt8, CaseIterable, Sendable {
        case protocolNumber = 3
        case destinationPort = 5
        case sourcePort = 6
        case icmpType = 7
        case icmpCode = 8
        case length = 10
    }

    static func routes(
        _ patterns: [PacketPattern], _ draft: RuleDraft, _ options: RuleOptions
    ) throws(RuleRefusal) -> [Route] {
        guard !options.targets.isEmpty else {
            throw RuleRefusal("FlowSpec needs a target: without one it would hit all that the routers carry")
        }
        var routes: [Route] = []
        for pattern in patterns {
            for target in options.targets {
                for source in draft.sources.isEmpty ? [nil] : draft.sources.map(Optional.some) {
                    guard let route = route(pattern, target, source) else { continue }
                    guard route.nlri.count - 2 <= lengthLimit else { throw RuleRefusal("longer than FlowSpec allows") }
                    routes.append(route)
                    guard routes.count <= routeLimit else { throw RuleRefusal("more than \(routeLimit) routes") }
                }
            }
        }
        return routes
    }

    private static func route(_ pattern: PacketPattern, _ target: Prefix, _ source: Prefix?) -> Route? {
        let isIPv4 = target.address.isIPv4
        if let source, source.address.isIPv4 != isIPv4 { return nil }
        var components = [Component.destination(target)]
        if let source { components.append(.source(source)) }
        if let number = pattern.protocolNumber {
            guard number != (isIPv4 ? PacketSummary.icmpv6 : PacketSummary.icmp) else { return nil }
            components.append(.numbers(.protocolNumber, [UInt32(number)...UInt32(number)]))
        }
        let sets: [(Kind, Numbers?)] = [
            (.destinationPort, pattern.destinationPorts), (.sourcePort, pattern.sourcePorts),
            (.icmpType, pattern.icmpType), (.icmpCode, pattern.icmpCode),
        ]
        for (kind, numbers) in sets {
            if let numbers { components.append(.numbers(kind, numbers.ranges)) }
        }
        if let flags = pattern.flags { components.append(.flags(flags)) }
        if let length = pattern.length {
            guard let fitting = length.intersection(Numbers([0...65_535])!) else { return nil }
            components.append(.numbers(.length, fitting.ranges))
        }
        if let kinds = pattern.fragments, let component = fragment(kinds) { components.append(component) }
        return Route(isIPv4: isIPv4, components: components)
    }

    /// nil where all kinds fit.
    private static func fragment(_ kinds: Set<PacketSummary.Fragment>) -> Component? {
        switch (kinds.contains(.whole), kinds.contains(.first), kinds.contains(.later)) {
        case (true, false, false): .fragment(2 | 4 | 8, isNot: true)
        case (false, true, false): .fragment(4, isNot: false)
        case (false, false, true): .fragment(2, isNot: false)
        case (false, true, true): .fragment(2 | 4, isNot: false)
        case (true, true, false): .fragment(2, isNot: true)
        case (true, false, true): .fragment(4, isNot: true)
        default: nil
        }
    }

    // ---- Texts.

    static func line(_ route: Route, _ announcer: Announcer, name: String) -> String {
        switch announcer {
        case .gobgp:
            "gobgp global rib add -a \(route.isIPv4 ? "ipv4" : "ipv6")-flowspec match "
                + route.components.map(\.gobgp).joined(separator: " ") + " then discard"
        case .exabgp:
            "route w\(name) { match { "
                + route.components.map { $0.exabgp(isIPv4: route.isIPv4) }.joined(separator: " ")
                + " } then { discard; } }"
        }
    }

    static func file(_ body: [String], _ announcer: Announcer) -> String {
        switch announcer {
        case .gobgp: body.map { $0 + "\n" }.joined()
        case .exabgp: (["flow {"] + body.map { "    \($0)" } + ["}"]).map { $0 + "\n" }.joined()
        }
    }
}

extension FlowSpec.Component {
    private var type: UInt8 {
        switch self {
        case .destination: 1
        case .source: 2
        case .numbers(let kind, _): kind.rawValue
        case .flags: 9
        case .fragment: 12
        }
    }

    /// A list of operators and values; the last has the end bit.
    private func list(_ items: [(code: UInt8, value: UInt32)]) -> [UInt8] {
        var bytes = [type]
        for (place, item) in items.enumerated() {
            let size = item.value < 1 << 8 ? 0 : item.value < 1 << 16 ? 1 : 2
            bytes.append(item.code | UInt8(size) << 4 | (place == items.count - 1 ? 0x80 : 0))
            for shift in stride(from: (1 << size) * 8 - 8, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: item.value >> UInt32(shift)))
            }
        }
        return bytes
    }

    /// Equal to one number, or from the first to the last.
    private static func items(_ range: ClosedRange<UInt32>) -> [(code: UInt8, value: UInt32)] {
        if range.count == 1 { return [(code: UInt8(1), value: range.lowerBound)] }
        return [(code: UInt8(3), value: range.lowerBound), (code: UInt8(0x45), value: range.upperBound)]
    }

    fileprivate func bytes(isIPv4: Bool) -> [UInt8] {
        switch self {
        case .destination(let prefix), .source(let prefix):
            let whole =
                isIPv4
                ? [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: prefix.address.ipv4 >> UInt32($0)) }
                : [prefix.address.high, prefix.address.low].flatMap { half in
                    stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: half >> $0) }
                }
            // IPv6 has an offset between length and bits (RFC 8956, section 3.1).
            let head = isIPv4 ? [type, UInt8(prefix.length)] : [type, UInt8(prefix.length), 0]
            return head + whole.prefix((prefix.length + 7) / 8)
        case .numbers(_, let ranges):
            return list(ranges.flatMap(Self.items))
        case .flags(let sets):
            // A match means at least these bits, so the others are asked to be clear.
            return list(
                sets.flatMap { flags -> [(code: UInt8, value: UInt32)] in
                    let clear = (code: UInt8(flags == 0 ? 2 : 0x42), value: UInt32(~flags))
                    if flags == 0 { return [clear] }
                    return [(1, UInt32(flags))] + (flags == 255 ? [] : [clear])
                })
        case .fragment(let bits, let isNot):
            return list([(isNot ? 2 : 0, UInt32(bits))])
        }
    }

    private static func texts(_ ranges: [ClosedRange<UInt32>], equal: String) -> [String] {
        ranges.map { $0.count == 1 ? "\(equal)\($0.lowerBound)" : ">=\($0.lowerBound)&<=\($0.upperBound)" }
    }

    private static func fragmentText(_ bits: UInt8, isNot: Bool) -> String {
        let names = [(UInt8(2), "is-fragment"), (4, "first-fragment"), (8, "last-fragment")]
        return (isNot ? "!" : "") + names.filter { bits & $0.0 != 0 }.map(\.1).joined(separator: "+")
    }

    fileprivate var gobgp: String {
        switch self {
        case .destination(let prefix): "destination \(prefix)"
        case .source(let prefix): "source \(prefix)"
        case .numbers(let kind, let ranges):
            "\(kind.name) '\(Self.texts(ranges, equal: "==").joined(separator: " "))'"
        case .flags(let sets):
            "tcp-flags '"
                + sets.map { flags in
                    let clear = "!" + TCPFlag.letters(~flags)
                    return flags == 0
                        ? clear : "=" + TCPFlag.letters(flags) + (flags == 255 ? "" : "&" + clear)
                }.joined(separator: " ") + "'"
        case .fragment(let bits, let isNot): "fragment '\(Self.fragmentText(bits, isNot: isNot))'"
        }
    }

    fileprivate func exabgp(isIPv4: Bool) -> String {
        func names(_ flags: UInt8) -> String {
            let all = ["fin", "syn", "rst", "push", "ack", "urgent", "ece", "cwr"]
            return all.indices.filter { flags & 1 << UInt8($0) != 0 }.map { all[$0] }.joined(separator: "+")
        }
        switch self {
        case .destination(let prefix): return "destination \(prefix)\(isIPv4 ? "" : "/0");"
        case .source(let prefix): return "source \(prefix)\(isIPv4 ? "" : "/0");"
        case .numbers(let kind, let ranges):
            let name = kind == .protocolNumber && !isIPv4 ? "next-header" : kind.name
            return "\(name) [ \(Self.texts(ranges, equal: "=").joined(separator: " ")) ];"
        case .flags(let sets):
            let texts = sets.map { flags in
                let clear = "!" + names(~flags)
                return flags == 0 ? clear : "=" + names(flags) + (flags == 255 ? "" : "&" + clear)
            }
            return "tcp-flags [ \(texts.joined(separator: " ")) ];"
        case .fragment(let bits, let isNot): return "fragment [ \(Self.fragmentText(bits, isNot: isNot)) ];"
        }
    }
}

extension FlowSpec.Kind {
    fileprivate var name: String {
        switch self {
        case .protocolNumber: "protocol"
        case .destinationPort: "destination-port"
        case .sourcePort: "source-port"
        case .icmpType: "icmp-type"
        case .icmpCode: "icmp-code"
        case .length: "packet-length"
        }
    }
}
