internal import Fingerprints
internal import Packets

extension KernelRule {
    /// Whether a frame of which only so many first bytes are known, and the rest reads as zeros, is as the rule says; nil:
    /// that stands behind them.
    package func matches(_ facts: FrameFacts, in frame: RawSpan, known count: Int) -> Bool? {
        if matches(facts, in: frame) { return true }
        guard isFor(facts) else { return false }
        let isOpen = patterns.contains { pattern in
            var head = pattern
            (head.marks, head.dnsType) = ([], nil)
            guard pattern.readsPayload, facts.hasTransport, head.holds(for: facts, in: frame) else { return false }
            // A name that goes on behind the cut ends in zeros, and its type, which is never 0, with it.
            return facts.payloadOffset + pattern.payloadLength > count || pattern.dnsType != nil && facts.dnsType == 0
        }
        return isOpen ? nil : false
    }
}

extension PacketPattern {
    /// Whether a packet is as the pattern says.
    func holds(for facts: FrameFacts, in frame: RawSpan) -> Bool {
        if let protocolNumber, protocolNumber != facts.protocolNumber { return false }
        if let length, !length.contains(facts.length) { return false }
        if let ttl, !ttl.contains(UInt32(facts.ttl)) { return false }
        if let fragments, !fragments.contains(facts.fragment) { return false }
        guard readsTransport else { return true }
        guard facts.hasTransport else { return false }
        if let sourcePorts, !sourcePorts.contains(UInt32(facts.sourcePort)) { return false }
        if let destinationPorts, !destinationPorts.contains(UInt32(facts.destinationPort)) { return false }
        if let flags, !flags.contains(facts.flags) { return false }
        if let icmpType, !icmpType.contains(UInt32(facts.icmpType)) { return false }
        if let icmpCode, !icmpCode.contains(UInt32(facts.icmpCode)) { return false }
        guard readsPayload else { return true }
        // Marks ascend, so that each of them lies before this.
        guard facts.payloadLength >= payloadLength else { return false }
        for mark in marks where frame.octet(at: facts.payloadOffset + mark.offset) & mark.mask != mark.value {
            return false
        }
        guard let dnsType else { return true }
        return facts.dnsType.map { dnsType.contains(UInt32($0)) } ?? false
    }
}
