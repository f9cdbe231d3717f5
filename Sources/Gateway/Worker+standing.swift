internal import Addresses
internal import Admission
internal import Heads
internal import Messages

/// What is known of a visitor beside his history: the operator's lists, and crawlers that are proven or not.
extension Worker {
    /// What a visitor's agent says, as his connection's record keeps it: the first request's word counts for all.
    enum Claim {
        static let unseen: UInt8 = 0
        static let nothing: UInt8 = 1
        /// And above: the crawler's number.
        static let first: UInt8 = 2
    }

    /// The word of the operator's lists; nil: none. Behind a load balancer whose word on visitors is only passed on, the
    /// balancer is the source.
    func word(_ index: UInt32, _ site: UInt16) -> AccessTable.Word? {
        access.word(of: visitors[index].pointee.source, at: site)
    }

    /// Turns a visitor away whom the operator named.
    func deny(_ index: UInt32, _ site: Site, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        counters[Int(site.index)].denied += 1
        return refuse(index, site, 403, "denied", bytes)
    }

    func standing(_ index: UInt32, _ word: AccessTable.Word?, _ bytes: UnsafeBufferPointer<UInt8>) -> Standing {
        switch word {
        case .allowed: return .allowed
        case .probe: return .probe
        case .denied, nil: break
        }
        let visitor = visitors[index]
        // Who forwards for others shows their agents under his own address.
        guard !visitor.pointee.isTrustedPeer else { return .none }
        if visitor.pointee.claim == Claim.unseen { visitor.pointee.claim = claim(bytes) }
        guard visitor.pointee.claim >= Claim.first else { return .none }
        return judge(Int(visitor.pointee.claim - Claim.first), from: visitor.pointee.source)
    }

    private func claim(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt8 {
        guard let agent = request.first(.userAgent) else { return Claim.nothing }
        let raw = UnsafeRawBufferPointer(bytes)[agent.value.range].prefix(256)
        guard let bot = bots.named(in: UnsafeRawBufferPointer(rebasing: raw)) else { return Claim.nothing }
        return Claim.first + UInt8(bot)
    }

    private func judge(_ bot: Int, from source: Address) -> Standing {
        // A reload may have taken crawlers away since the connection's first request.
        guard bot < bots.bots.count else { return .none }
        switch bots.judge(bot, from: source, at: wallSeconds) {
        case .isTrue: return .bot(UInt8(bot))
        case .isFalse: return .impostor
        case .unknown:
            shared.bots.ask(source, bot: bots.bots[bot].name, at: wallSeconds)
            return .none
        case .unknowable: return .none
        }
    }
}
