internal import Fingerprints
internal import Packets

extension KernelRule {
    /// Whether a frame of which only so many first bytes are known, and the rest reads as zeros, is as the rule says; nil:
    /// that stands behind them.
    package func matches(_ facts: FrameFacts, in frame: RawSpan, known count: Int) -> Bool? {
        guard isFor(facts) else { return false }
        var isOpen = false
        for pattern in patterns {
            let known = pattern.asked(of: count, facts)
            guard (known ?? pattern).holds(for: facts, in: frame) else { continue }
            guard known != nil else { return true }
            isOpen = true
        }
        return isOpen ? nil : false
    }
}

extension PacketPattern {
    /// What it asks of so many first bytes of a frame, where it asks for more; nil: it asks for no more.
    fileprivate func asked(of count: Int, _ facts: FrameFacts) -> PacketPattern? {
        // A payload that is too short for it is so whatever it holds.
        guard readsPayload, facts.payloadLength >= payloadLength, facts.payloadOffset + facts.payloadLength > count
        else { return nil }
        // A name that goes on behind the cut ends in zeros, and its type, which is never 0, with it.
        guard facts.payloadOffset + payloadLength > count || dnsType != nil && facts.dnsType == 0 else { return nil }
        var known = self
        known.marks.removeAll { facts.payloadOffset + $0.offset >= count }
        known.dnsType = nil
        return known
    }

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
