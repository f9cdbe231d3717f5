internal import Fingerprints
internal import Packets

// In which order patterns are asked: those that a port's table leads to first, those that every packet meets last. The
// program and the model share it, for of several rules that match the first live one is what the packet ends in.
extension PacketPattern {
    /// The most ports of one pattern that a table leads to; more of them are asked like a range.
    static let singlePortLimit = 8

    /// The source ports where each is named by itself, ascending, at most ``singlePortLimit``, and the protocol is TCP or
    /// UDP; else nil. Ports that touch are a range and not named by themselves ("53-54").
    var singleSourcePorts: [UInt16]? { singlePorts(sourcePorts) }

    /// The same of destination ports.
    var singleDestinationPorts: [UInt16]? { singlePorts(destinationPorts) }

    /// Where it stands among the patterns of all rules: 0 single source ports, 1 single destination ports, 2 a protocol,
    /// 3 anything else.
    var rank: Int {
        if singleSourcePorts != nil { return 0 }
        if singleDestinationPorts != nil { return 1 }
        return protocolNumber == nil ? 3 : 2
    }

    private func singlePorts(_ numbers: Numbers?) -> [UInt16]? {
        guard protocolNumber == PacketSummary.tcp || protocolNumber == PacketSummary.udp, let numbers,
            numbers.ranges.count <= Self.singlePortLimit, numbers.ranges.allSatisfy({ $0.count == 1 })
        else { return nil }
        // What is no port matches nothing, and has no place in a table.
        let ports = numbers.ranges.compactMap { UInt16(exactly: $0.lowerBound) }
        return ports.count == numbers.ranges.count ? ports : nil
    }
}

/// A pattern's place in a set of rules.
struct PatternPlace: Hashable, Sendable {
    /// Among the rules, as they were given.
    let rule: Int
    /// Among the rule's patterns.
    let pattern: Int

    /// All patterns of the rules in the order that they are asked in: by rank, then rule, then pattern.
    static func ordered(_ rules: [KernelRule]) -> [PatternPlace] {
        var byRank: [[PatternPlace]] = [[], [], [], []]
        for (rule, one) in rules.enumerated() {
            for (pattern, each) in one.patterns.enumerated() {
                byRank[each.rank].append(PatternPlace(rule: rule, pattern: pattern))
            }
        }
        return byRank.flatMap(\.self)
    }
}
