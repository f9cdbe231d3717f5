internal import Fingerprints
internal import Packets

extension KernelRule {
    /// Whether what it asks of a frame lies within so many first bytes: of one that is cut there the rest is not known,
    /// and reads as zeros.
    package func isDecided(by count: Int, of facts: FrameFacts) -> Bool {
        patterns.allSatisfy { pattern in
            guard pattern.readsPayload else { return true }
            guard facts.payloadOffset + pattern.payloadLength <= count else { return false }
            // A name that goes on behind the cut ends in zeros, and its type, which is never 0, with it.
            return pattern.dnsType == nil || facts.dnsType != 0
        }
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
