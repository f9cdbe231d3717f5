// Protocols that carry others: keys, tunnels, files, media.
extension ServiceReader {
    /// IKE (RFC 2408, section 3.1; RFC 7296, section 3.1), on port 4500 behind four zero bytes (RFC 3948, section 2.2).
    static func isakmp(_ payload: RawSpan, _ length: Int) -> Role? {
        // A sign of life (RFC 3948, section 2.3).
        if length == 1, payload.byte(0) == 0xff { return .unknown }
        if payload.four(0) == 0 {
            guard payload.byteCount > 4 else { return nil }
            return isakmp(payload, at: 4, length &- 4)
        }
        return isakmp(payload, at: 0, length)
    }

    /// Without a port to speak for it: the length has to be right.
    static func markedIsakmp(_ payload: RawSpan, _ length: Int) -> Role? {
        guard Int(payload.four(24)) == length else { return nil }
        return isakmp(payload, at: 0, length)
    }

    @inline(__always)
    private static func isakmp(_ payload: RawSpan, at start: Int, _ length: Int) -> Role? {
        guard length >= 28, payload.holds(28, at: start), payload.eight(start) != 0 else { return nil }
        let exchange = payload.byte(start &+ 18)
        switch payload.byte(start &+ 17) {
        case 0x10:
            // ISAKMP's own exchanges, Quick and New Group Mode.
            guard (1...6).contains(exchange) || (32...33).contains(exchange), payload.byte(start &+ 19) & 0xf8 == 0
            else { return nil }
            return payload.eight(start &+ 8) == 0 ? .request : .response
        case 0x20:
            guard (34...44).contains(exchange) else { return nil }
            return payload.byte(start &+ 19) & 0x20 != 0 ? .response : .request
        default: return nil
        }
    }

    /// RFC 8489, section 5; without the cookie (RFC 3489) on its port only.
    static func stun(_ payload: RawSpan, _ length: Int, isPort: Bool) -> Role? {
        guard payload.four(4) == 0x2112_a442 || isPort, payload.holds(8, at: 0), payload.byte(0) & 0xc0 == 0,
            Int(payload.two(2)) &+ 20 == length, length % 4 == 0
        else { return nil }
        return switch payload.two(0) & 0x110 {
        case 0x100, 0x110: .response
        // An indication is answered by nobody.
        case 0x010: .unknown
        default: .request
        }
    }

    /// RFC 7252, section 3.
    static func coap(_ payload: RawSpan, _ length: Int) -> Role? {
        let first = payload.byte(0)
        guard first >> 6 == 1, first & 15 <= 8, length >= 4, payload.holds(2, at: 0) else { return nil }
        switch payload.byte(1) {
        // Empty: a ping is confirmable; what acknowledges or resets answers.
        case 0: return first >> 4 & 3 == 0 ? .request : .response
        case 1...31: return .request
        case 64..<192: return .response
        default: return nil
        }
    }

    /// Long headers of known versions, and version negotiation (RFC 8999; RFC 9000, section 17.2; RFC 9369).
    static func quic(_ payload: RawSpan, _ length: Int, isPort: Bool) -> Role? {
        let first = payload.byte(0)
        guard first & 0x80 != 0, length >= 7, payload.holds(6, at: 0) else { return nil }
        let version = payload.four(1)
        let idLength = payload.byte(5)
        switch version {
        case 0:
            // Only servers say it. Its two connection ids are followed by versions of four bytes.
            let second = 6 &+ Int(idLength)
            let start = second &+ 1 &+ Int(payload.byte(second))
            guard isPort, length > start, (length &- start) % 4 == 0 else { return nil }
            return .response
        case 1, 0x6b33_43cf, 0xff00_0000...0xff00_00ff:
            guard idLength <= 20, first & 0x40 != 0 else { return nil }
            // A Retry is a server's; the number of its type differs in version 2.
            return first >> 4 & 3 == (version == 0x6b33_43cf ? 0 : 3) ? .response : .unknown
        // Google's own versions ("Q046", "T051") and Facebook's.
        case 0x5130_3000...0x5130_3939, 0x5430_3530...0x5430_3539, 0xface_b000...0xface_b0ff:
            return isPort || idLength <= 0x58 ? .unknown : nil
        default: return nil
        }
    }

    /// DTLS 1.0 to 1.2 (RFC 6347, section 4.1); 1.3 looks like it until keys are there.
    static func dtls(_ payload: RawSpan, _ length: Int) -> Role? {
        guard (0x14...0x17).contains(payload.byte(0)), payload.holds(13, at: 0),
            Int(payload.two(11)) &+ 13 <= length
        else { return nil }
        switch payload.two(1) {
        case 0xfeff, 0xfefd, 0x0100: break
        default: return nil
        }
        // In clear only before the first change of keys.
        guard payload.byte(0) == 0x16, payload.two(3) == 0 else { return .unknown }
        switch payload.byte(13) {
        case 1: return .request
        // HelloRequest, ServerHello, HelloVerifyRequest, ServerKeyExchange, CertificateRequest, ServerHelloDone.
        case 0, 2, 3, 12, 13, 14: return .response
        default: return .unknown
        }
    }

    /// TFTP (RFC 1350, section 5; RFC 2347): a request shows itself; the rest needs the port.
    static func tftp(_ payload: RawSpan, isPort: Bool) -> Role? {
        switch payload.two(0) {
        case 1, 2:
            // A printable file name, then the mode.
            var place = 2
            while place < 256, (0x20...0x7e).contains(payload.byte(place)) { place &+= 1 }
            guard place > 2, payload.holds(1, at: place), payload.byte(place) == 0 else { return nil }
            let mode = payload.byte(place &+ 1) | 0x20
            return [UInt8(ascii: "o"), UInt8(ascii: "n"), UInt8(ascii: "m")].contains(mode) ? .request : nil
        case 3, 5, 6: return isPort ? .response : nil
        case 4: return isPort ? .request : nil
        default: return nil
        }
    }

    /// The first packets of a session by their operation (OpenVPN's doc/doc_protocol): resets of client and server.
    static func openvpn(_ payload: RawSpan, _ length: Int) -> Role? {
        guard length >= 14 else { return nil }
        return switch payload.byte(0) >> 3 {
        case 1, 7, 10: .request
        case 2, 8: .response
        case 3, 4, 5, 6, 9, 11: .unknown
        default: nil
        }
    }

    /// GTP (3GPP TS 29.060, section 6; TS 29.281; TS 29.274, section 5): echoes say who speaks.
    static func gtp(_ payload: RawSpan, _ length: Int) -> Role? {
        let header =
            switch payload.byte(0) >> 4 {
            case 3: 8
            case 4, 5: 4
            default: 0
            }
        guard header > 0, payload.holds(4, at: 0), Int(payload.two(2)) &+ header == length else { return nil }
        return switch payload.byte(1) {
        case 1: .request
        case 2: .response
        default: .unknown
        }
    }

    /// L2TP version 2 (RFC 2661, section 3.1), and of its control messages the type.
    static func l2tp(_ payload: RawSpan, _ length: Int) -> Role? {
        let flags = payload.two(0)
        guard flags & 0x000f == 2, flags & 0x34f0 == 0 else { return nil }
        guard flags & 0x8000 != 0 else { return .unknown }
        // Control messages have a length and sequence numbers.
        guard flags & 0x4800 == 0x4800, Int(payload.two(2)) == length, length >= 12 else { return nil }
        guard length >= 20, payload.two(14) == 0, payload.two(16) == 0 else { return .unknown }
        return switch payload.two(18) {
        case 1, 3, 7, 9, 10, 12: .request
        case 2, 8, 11: .response
        default: .unknown
        }
    }
}
