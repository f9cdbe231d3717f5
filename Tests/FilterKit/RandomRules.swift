package import Addresses
package import Filters
package import Fingerprints
internal import Packets

/// Rules that frames of `HostileFrames` meet often: their conditions are drawn from the same few values.
package enum RandomRules {
    /// As many rules, each by its place its own counter. Some are for few targets or sources, some are dry, and some are
    /// over: at or before `now`, or one nanosecond after it.
    package static func rules(
        _ count: Int, at now: UInt64 = 1_000_000_000, _ random: inout Seeded
    ) -> [KernelRule] {
        var rules: [KernelRule] = []
        while rules.count < count {
            let limits = one(in: 6, &random)
            let made = fingerprint(
                conditions(&random).map { ($0.feature, $0.value) }, isSpoofable: !limits,
                networks: limits ? networks(&random) : [])
            var options = RuleOptions()
            options.limitsToNetworks = limits
            guard
                case .success(let result) = KernelRule.make(
                    from: made, targets: one(in: 4, &random) ? targets(&random) : [], counter: UInt32(rules.count),
                    isDry: one(in: 4, &random), at: made.made, clock: now, options: options)
            else { continue }
            var rule = result.rule
            if one(in: 8, &random) { rule.until = [0, now - 1, now, now + 1].randomElement(using: &random)! }
            rules.append(rule)
        }
        return rules
    }

    package static func one(in many: Int, _ random: inout Seeded) -> Bool {
        Int.random(in: 0..<many, using: &random) == 0
    }

    /// One to three networks of destinations that frames go to.
    package static func targets(_ random: inout Seeded) -> [Prefix] {
        prefixes(HostileFrames.destinations4 + HostileFrames.destinations6, &random)
    }

    package static func prefixes(_ addresses: [Address], _ random: inout Seeded) -> [Prefix] {
        (0...Int.random(in: 0...2, using: &random)).map { _ in
            let address = addresses.randomElement(using: &random)!
            let lengths = address.isIPv4 ? [8, 15, 23, 24, 31, 32] : [16, 32, 47, 48, 64, 65, 127, 128]
            return Prefix(address, length: lengths.randomElement(using: &random)!)
        }
    }

    private static func networks(_ random: inout Seeded) -> [(String, Double)] {
        (0...Int.random(in: 0...2, using: &random)).map { _ in
            let all = HostileFrames.sources4 + HostileFrames.sources6
            let address = all.randomElement(using: &random)!
            return (Prefix(address.network, length: address.isIPv4 ? 24 : 48).description, 0.3)
        }
    }

    /// One to four conditions that may hold together.
    package static func conditions(_ random: inout Seeded) -> [Fingerprint.Condition] {
        let features: [Feature]
        var fixed: [(Feature, String)] = []
        switch Int.random(in: 0..<8, using: &random) {
        case 0, 1:
            fixed.append((.protocol, "tcp"))
            features = [.sourcePort, .destinationPort, .flags, .length, .ttl, .fragment, .payload]
        case 2, 3:
            fixed.append((.protocol, "udp"))
            features = [.sourcePort, .destinationPort, .length, .ttl, .fragment, .payload, .dnsName, .dnsType]
        case 4:
            fixed.append((.protocol, ["icmp", "icmpv6"].randomElement(using: &random)!))
            features = [.icmpType, .icmpCode, .length, .ttl, .payload]
        case 5:
            features = [.service, .length, .ttl, .sourcePort, .destinationPort]
        case 6:
            fixed.append((.protocol, ["50", "132", "89", "59", "2"].randomElement(using: &random)!))
            features = [.length, .ttl, .fragment]
        default:
            features = [
                .sourcePort, .destinationPort, .flags, .length, .ttl, .fragment, .payload, .dnsName, .dnsType,
                .icmpType, .icmpCode,
            ]
        }
        let count = Int.random(in: fixed.isEmpty ? 1...3 : 0...3, using: &random)
        let chosen = features.shuffled(using: &random).prefix(count).map { ($0, value(of: $0, &random)) }
        let order = Feature.allCases
        return (fixed + chosen).map { Fingerprint.Condition($0.0, $0.1) }
            .sorted { order.firstIndex(of: $0.feature)! < order.firstIndex(of: $1.feature)! }
    }

    private static func value(of feature: Feature, _ random: inout Seeded) -> String {
        func some<T>(_ values: [T], _ most: Int) -> [T] {
            (0...Int.random(in: 0..<most, using: &random)).map { _ in values.randomElement(using: &random)! }
        }
        func several(_ values: [UInt32], most: UInt32) -> String {
            switch Int.random(in: 0..<4, using: &random) {
            case 0: return Numbers([values.randomElement(using: &random)!].map { $0...$0 })!.text
            // Up to twelve: on both sides of how many a table has.
            case 1: return Numbers(some(values, 12).map { $0...$0 })!.text
            case 2:
                let low = values.randomElement(using: &random)!
                return Numbers([low...min(most, low + UInt32.random(in: 0...200, using: &random))])!.text
            default:
                return Numbers(some(values, 4).map { $0...min(most, $0 + UInt32.random(in: 0...2, using: &random)) })!
                    .text
            }
        }
        switch feature {
        case .sourcePort: return several(HostileFrames.sourcePorts.map { UInt32($0) }, most: 65_535)
        case .destinationPort: return several(HostileFrames.destinationPorts.map { UInt32($0) }, most: 65_535)
        case .flags:
            return Set(some(HostileFrames.flags, 4)).map { TCPFlag.letters($0) }.sorted().joined(separator: ",")
        case .length: return several([20, 28, 29, 40, 48, 60, 64, 80, 100, 576, 1400], most: 65_575)
        case .ttl: return several(HostileFrames.timesToLive.map { UInt32($0) }, most: 255)
        case .fragment: return Set(some(["whole", "first", "later"], 2)).sorted().joined(separator: ",")
        case .icmpType: return several(HostileFrames.icmpTypes.map { UInt32($0) }, most: 255)
        case .icmpCode: return several(HostileFrames.icmpCodes.map { UInt32($0) }, most: 255)
        case .dnsName: return HostileFrames.names.randomElement(using: &random)!
        case .dnsType: return several(HostileFrames.dnsTypes.map { UInt32($0) }, most: 65_535)
        case .service:
            let name = ["dns", "ntp", "ssdp", "snmp", "stun", "quic", "memcached", "cldap"].randomElement(
                using: &random)!
            return name + ["", " request", " response"].randomElement(using: &random)!
        default:
            let bytes = HostileFrames.beginnings.randomElement(using: &random)!
            let digits = Array("0123456789abcdef")
            return String(
                bytes.prefix(Int.random(in: 1...8, using: &random)).flatMap {
                    [digits[Int($0 >> 4)], digits[Int($0 & 15)]]
                })
        }
    }
}
