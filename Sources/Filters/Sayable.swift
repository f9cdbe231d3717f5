internal import Fingerprints
internal import Packets

/// What a language can say, and what it says otherwise.
enum Sayable {
    /// Why a test on packets cannot be said; nil where it can.
    static func reason(against test: PacketTest, beside all: [PacketTest], in language: RuleLanguage) -> String? {
        switch test {
        case .protocolNumber(let number):
            // The fingerprint speaks of the innermost packet; a filter sees the outermost.
            return [4, 41, 47, 137].contains(number) ? "it would hit all that comes in such tunnels" : nil
        case .sourcePort, .destinationPort:
            return onlyLater(all) ? "later fragments carry no ports" : nil
        case .flags, .icmpType, .icmpCode:
            return onlyLater(all) ? "later fragments carry no header of their protocol" : nil
        case .length: return nil
        case .ttl: return language == .flowspec ? "FlowSpec has no component for it" : nil
        case .fragment: return language == .suricata ? "fragments are joined before rules see them" : nil
        case .payload:
            if language == .flowspec { return "FlowSpec does not look into payloads" }
            return onlyLater(all) ? "later fragments begin in the middle of a payload" : nil
        case .service(let service, let role):
            if ServiceMark.alternatives(of: service, role: role).isEmpty {
                return "it shows in a connection, or on any port, not in one packet's header"
            }
            if all.contains(.protocolNumber(PacketSummary.tcp)) { return "over TCP it shows in a connection" }
            if language == .flowspec, ServiceMark.needsPayload(service, role) {
                return "FlowSpec does not look into payloads"
            }
            return nil
        case .dnsName:
            return language == .flowspec ? "FlowSpec does not look into payloads" : nil
        case .dnsType(let numbers):
            if language == .flowspec { return "FlowSpec does not look into payloads" }
            let isNamed = all.contains { if case .dnsName = $0 { true } else { false } }
            if isNamed {
                let count = numbers.ranges.reduce(UInt64(0)) { $0 + UInt64($1.upperBound - $1.lowerBound) + 1 }
                return count > UInt64(PacketPattern.typeLimit) ? "more than \(PacketPattern.typeLimit) types" : nil
            }
            return language == .bpf ? nil : "the type stands after a name of unknown length"
        }
    }

    /// Why a condition on requests cannot be said; nil where it can.
    static func reason(
        against condition: Fingerprint.Condition, beside all: [Fingerprint.Condition], in language: RuleLanguage
    ) -> String? {
        switch condition.feature {
        case .method, .route, .parameters, .agent:
            return nil
        case .headers:
            return language == .haproxy ? nil : "it does not see the order of headers"
        case .ja4: return "it does not see TLS fingerprints"
        case .http2: return "it does not see HTTP/2 settings"
        case .assets: return "it does not follow a source from request to request"
        default: return "no condition on requests"
        }
    }

    /// What a rule hits otherwise than the fingerprint, where it does so by its nature.
    static func difference(_ test: PacketTest) -> String? {
        switch test {
        case .service(let service, let role):
            ServiceMark.needsPayload(service, role)
                ? "said by the service's port and the mark of its first bytes: what only looks like it is hit too"
                : "said by the service's port over UDP: what only uses that port is hit too"
        case .dnsName, .dnsType:
            "said by port 53 over UDP and the bytes at the question's place: what only looks like it is hit too"
        case .sourcePort, .destinationPort:
            "later fragments carry no ports and are not hit"
        default: nil
        }
    }

    /// Whether every packet or request that passes `one` passes `other`.
    static func implies(_ one: Fingerprint.Condition, _ other: Fingerprint.Condition) -> Bool {
        guard one.feature == other.feature, let narrow = PacketTest(one), let wide = PacketTest(other) else {
            return false
        }
        switch (narrow, wide) {
        case (.sourcePort(let left), .sourcePort(let right)), (.destinationPort(let left), .destinationPort(let right)),
            (.length(let left), .length(let right)), (.ttl(let left), .ttl(let right)),
            (.icmpType(let left), .icmpType(let right)), (.icmpCode(let left), .icmpCode(let right)),
            (.dnsType(let left), .dnsType(let right)):
            return left.isSubset(of: right)
        case (.flags(let left), .flags(let right)): return left.isSubset(of: right)
        case (.fragment(let left), .fragment(let right)): return left.isSubset(of: right)
        case (.service(let left, _), .service(let right, let role)): return left == right && role == .unknown
        case (.payload(let left), .payload(let right)): return left.starts(with: right)
        default: return narrow == wide
        }
    }

    private static func onlyLater(_ all: [PacketTest]) -> Bool {
        all.contains(.fragment([.later]))
    }
}
