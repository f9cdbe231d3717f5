// DNS and what shares its format: mDNS (RFC 6762), LLMNR (RFC 4795), and the name service of NetBIOS (RFC 1002).
extension ServiceReader {
    /// Longest name in wire format (RFC 1035, section 2.3.4).
    private static let nameLimit = 255

    /// Reads the header and the first question (RFC 1035, section 4.1), whose name and type it enters.
    ///
    /// - Parameters:
    ///   - isStrict: no port speaks for DNS: one plain question must be there, whole and of an ordinary class.
    ///   - offset: where the message begins in the frame.
    static func dns(
        _ payload: RawSpan, _ length: Int, isStrict: Bool, _ offset: Int, _ packet: inout PacketSummary
    ) -> Role? {
        guard length >= 12, payload.holds(12, at: 0) else { return nil }
        let flags = payload.two(2)
        let role: Role = flags & 0x8000 != 0 ? .response : .request
        let operation = flags >> 11 & 15
        let questions = payload.two(4)
        if isStrict {
            // Query, nothing reserved set, one question; a question brings no answers.
            guard operation == 0, flags & 0x40 == 0, questions == 1, length >= 17 else { return nil }
            if role == .request {
                guard payload.four(6) == 0, payload.two(10) <= 2, flags & 0xf == 0 else { return nil }
            }
        } else {
            // Many questions are asked by mDNS only; an operation beyond 6 is none (IANA, DNS OpCodes).
            guard operation <= 6, questions <= 256, questions != 0 || role == .response else { return nil }
        }
        guard questions > 0 else { return role }
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        var place = 12
        while true {
            // Cut off when captured: the rest stands, the name is not known. Shorter than promised: no DNS.
            guard payload.holds(1, at: place) else { return !isStrict && payload.byteCount < length ? role : nil }
            let size = Int(payload.byte(place))
            place &+= 1
            guard size > 0 else { break }
            // Nothing stands before the first question that it could point to.
            guard size <= 63, place &+ size &- 12 < nameLimit else { return nil }
            if place > 13 { hash = DNSName.mixed(hash, UInt8(ascii: ".")) }
            for index in place..<place &+ size { hash = DNSName.mixed(hash, payload.byte(index)) }
            place &+= size
        }
        if place == 13 { hash = DNSName.mixed(hash, UInt8(ascii: ".")) }
        guard payload.holds(4, at: place) else { return !isStrict && payload.byteCount < length ? role : nil }
        let type = payload.two(place)
        if isStrict {
            // IN or ANY (RFC 1035, section 3.2.4 and 3.2.5), and a type that is one.
            let classValue = payload.two(place &+ 2)
            guard type != 0, classValue == 1 || classValue == 255 else { return nil }
        }
        packet.dnsType = type
        packet.dnsNameOffset = UInt16(exactly: offset &+ 12) ?? 0
        packet.dnsNameHash = hash
        return role
    }

    /// A name of 16 bytes as 32 letters (RFC 1002, section 4.2.1), in the question or, in answers, in the first record.
    static func netbios(_ payload: RawSpan) -> Role? {
        guard payload.byte(12) == 32, payload.holds(46, at: 0), payload.byte(45) == 0 else { return nil }
        for index in 13..<45 where !(0x41...0x50).contains(payload.byte(index)) { return nil }
        return payload.byte(2) & 0x80 != 0 ? .response : .request
    }
}

extension DNSName {
    /// One more byte of the text in the hash.
    @inline(__always)
    static func mixed(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        let isUpper = byte &- 65 < 26
        return (hash ^ UInt64(isUpper ? byte | 0x20 : byte)) &* 0x100_0000_01b3
    }
}
