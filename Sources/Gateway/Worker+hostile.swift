internal import Addresses
internal import Admission
internal import Heads
internal import Packets

/// What is told of requests to sites under pressure, so that sources that are proven hostile end in the kernel.
extension Worker {
    /// Bytes of a field that tell agents apart.
    private static let agentLimit = 256

    /// A request that was decided on.
    func watch(
        _ index: UInt32, _ site: Site, _ arrival: Arrival, _ bytes: UnsafeBufferPointer<UInt8>, isSuspect: Bool,
        isRefused: Bool
    ) {
        guard arrival.standing.mayBeHostile else { return }
        watch(
            index, site,
            HostileSources.Sight(
                source: arrival.source, agent: agent(index, bytes, hasTurn: arrival.turn != nil),
                isKnown: arrival.isKnown, isSuspect: isSuspect, isRefused: isRefused))
    }

    /// A request that waited in vain. Its agent was told when it came.
    func watchTurnedAway(_ exchange: UnsafeMutablePointer<Exchange>) {
        guard exchange.pointee.isSuspect else { return }
        watch(
            exchange.pointee.visitor, site(exchange),
            HostileSources.Sight(
                source: exchange.pointee.sourceHash, agent: nil, isKnown: exchange.pointee.isKnown, isSuspect: true,
                isRefused: true))
    }

    /// Behind a load balancer the kernel sees the balancer: what comes that way is never handed over.
    private func watch(_ index: UInt32, _ site: Site, _ sight: HostileSources.Sight) {
        let visitor = visitors[index]
        guard !visitor.pointee.hasPreface, !visitor.pointee.isTrustedPeer else { return }
        shared.hostile.saw(sight, of: visitor.pointee.source.subscriber, at: site, now: instant)
    }

    /// How the program names itself and speaks TLS, its language, and what a site gave it to know it by: what tells people
    /// behind one address apart.
    private func agent(_ index: UInt32, _ bytes: UnsafeBufferPointer<UInt8>, hasTurn: Bool) -> UInt32 {
        var hash = visitors[index].pointee.ja4?.mixed ?? 0
        for field in request.fields where !field.isLookalike {
            switch field.id {
            // A turn is another one for each refusal: it would make many people of one.
            case .cookie where hasTurn: break
            case .userAgent, .acceptLanguage, .cookie:
                let raw = UnsafeRawBufferPointer(bytes)[field.value.range].prefix(Self.agentLimit)
                hash = Self.mix(UnsafeRawBufferPointer(rebasing: raw), into: hash)
            default: break
            }
        }
        return UInt32(truncatingIfNeeded: hash ^ hash >> 32)
    }

    /// Eight bytes at a time: it is done for every request of a flood.
    private static func mix(_ bytes: UnsafeRawBufferPointer, into start: UInt64) -> UInt64 {
        var hash = start ^ UInt64(bytes.count) &* 0x9e37_79b9_7f4a_7c15
        var offset = 0
        while offset < bytes.count {
            var word: UInt64 = 0
            if offset + 8 <= bytes.count {
                word = bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            } else {
                for place in offset..<bytes.count { word = word << 8 | UInt64(bytes[place]) }
            }
            hash = (hash ^ word) &* 0xd6e8_feb8_6659_fd93
            hash ^= hash >> 32
            offset += 8
        }
        return hash
    }
}
