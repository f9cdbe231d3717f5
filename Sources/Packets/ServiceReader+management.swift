// Protocols that manage machines: time, names, remote control.
extension ServiceReader {
    /// RFC 5905, section 7.3; modes 6 and 7 by RFC 9327 and the reference implementation's ntp_request.h.
    static func ntp(_ payload: RawSpan, _ length: Int) -> Role? {
        let first = payload.byte(0)
        let version = first >> 3 & 7
        guard (1...4).contains(version) else { return nil }
        switch first & 7 {
        case 1, 3: return length >= 48 ? .request : nil
        case 2, 4, 5: return length >= 48 ? .response : nil
        case 6: return length >= 12 ? (payload.byte(1) & 0x80 != 0 ? .response : .request) : nil
        // The first bit is the answer's; shorter ones are taken by no server but sent by scanners.
        case 7: return length >= 4 ? (first & 0x80 != 0 ? .response : .request) : nil
        default: return nil
        }
    }

    /// The content of a BER element (X.690, section 8.1): where it begins, and its length.
    struct Element {
        var start: Int
        var length: Int
        var end: Int { start &+ length }
    }

    /// An element of `tag` at `offset`; nil where there is another one or its length makes no sense.
    static func element(_ payload: RawSpan, _ tag: UInt8, at offset: Int) -> Element? {
        guard payload.holds(2, at: offset), payload.byte(offset) == tag else { return nil }
        let first = payload.byte(offset &+ 1)
        switch first {
        case 0..<0x80: return Element(start: offset &+ 2, length: Int(first))
        case 0x81...0x84:
            let size = Int(first & 0x7f)
            guard payload.holds(size, at: offset &+ 2) else { return nil }
            var length = 0
            for index in 0..<size { length = length << 8 | Int(payload.byte(offset &+ 2 &+ index)) }
            guard length <= 0xffff else { return nil }
            return Element(start: offset &+ 2 &+ size, length: length)
        default: return nil
        }
    }

    /// SNMP of versions 1, 2c and 3 (RFC 1157, section 4; RFC 3416, section 3; RFC 3412, section 6).
    static func snmp(_ payload: RawSpan, _ length: Int) -> Role? {
        guard let message = element(payload, 0x30, at: 0), let version = element(payload, 0x02, at: message.start),
            version.length == 1, message.length >= 8
        else { return nil }
        var tag: UInt8 = 0
        switch payload.byte(version.start) {
        case 0, 1:
            guard let community = element(payload, 0x04, at: version.end), community.end < length else { return nil }
            // Hidden where the capture cut it off.
            guard payload.holds(1, at: community.end) else { return .unknown }
            tag = payload.byte(community.end)
        case 3:
            guard let header = element(payload, 0x30, at: version.end), header.length <= 32,
                let security = element(payload, 0x04, at: header.end)
            else { return nil }
            // Where it is encrypted, it does not say who speaks.
            guard let scoped = element(payload, 0x30, at: security.end),
                let engine = element(payload, 0x04, at: scoped.start),
                let context = element(payload, 0x04, at: engine.end), payload.holds(1, at: context.end)
            else { return .unknown }
            tag = payload.byte(context.end)
        default: return nil
        }
        // get, get-next, set, trap, get-bulk, inform, trap of version 2; response, report.
        switch tag {
        case 0xa0, 0xa1, 0xa3, 0xa4, 0xa5, 0xa6, 0xa7: return .request
        case 0xa2, 0xa8: return .response
        default: return nil
        }
    }

    /// LDAP over UDP (MS-ADTS, section 6.3.3; RFC 4511, section 4.2).
    static func cldap(_ payload: RawSpan, _ length: Int) -> Role? {
        guard let message = element(payload, 0x30, at: 0), let id = element(payload, 0x02, at: message.start),
            (1...4).contains(id.length), payload.holds(1, at: id.end)
        else { return nil }
        // searchRequest; searchResEntry, searchResDone, searchResRef.
        return switch payload.byte(id.end) {
        case 0x63: .request
        case 0x64, 0x65, 0x73: .response
        default: nil
        }
    }

    /// ONC RPC (RFC 5531, section 9): calls to the port mapper, and accepted replies.
    static func rpcbind(_ payload: RawSpan) -> Role? {
        switch payload.four(4) {
        case 0: payload.four(8) == 2 && payload.four(12) == 100_000 ? .request : nil
        case 1: payload.four(8) <= 1 && payload.four(12) == 0 && payload.holds(24, at: 0) ? .response : nil
        default: nil
        }
    }

    /// X Display Manager Control Protocol: version 1, operation, length of the rest.
    static func xdmcp(_ payload: RawSpan, _ length: Int) -> Role? {
        guard payload.two(0) == 1, Int(payload.two(4)) == length &- 6 else { return nil }
        return switch payload.two(2) {
        case 1, 2, 3, 4, 7, 10, 13: .request
        case 5, 6, 8, 9, 11, 12, 14: .response
        default: nil
        }
    }

    /// RFC 2453, section 3.6.
    static func rip(_ payload: RawSpan, _ length: Int) -> Role? {
        guard (1...2).contains(payload.byte(1)), payload.two(2) == 0, length >= 4, length % 20 == 4 else { return nil }
        return switch payload.byte(0) {
        case 1: .request
        case 2: .response
        default: nil
        }
    }

    /// RMCP of version 1.0 (IPMI 2.0, section 13.1.3), without acknowledgement, with ASF or IPMI inside.
    static func ipmi(_ payload: RawSpan) -> Role? {
        switch payload.four(0) {
        case 0x0600_ff06:
            // ASF: presence ping and pong.
            guard payload.four(4) == 4542 else { return nil }
            return payload.byte(8) == 0x40 ? .response : .request
        case 0x0600_ff07:
            // Without authentication: network functions of answers are odd.
            guard payload.byte(4) == 0, payload.holds(16, at: 0) else { return .unknown }
            return payload.byte(15) >> 2 & 1 == 1 ? .response : .request
        default: return nil
        }
    }

    /// SQL Server Resolution Protocol (MC-SQLR, section 2.2).
    static func mssql(_ payload: RawSpan, _ length: Int) -> Role? {
        switch payload.byte(0) {
        case 2, 3: length == 1 ? .request : nil
        case 4: length <= 34 && length > 1 ? .request : nil
        case 5: payload.holds(3, at: 0) && Int(payload.two(1).byteSwapped) == length &- 3 ? .response : nil
        case 15: .request
        default: nil
        }
    }

    /// The start of a connection (MS-RDPEUDP, section 2.2.2.1): flags SYN, then SYN and ACK.
    static func rdp(_ payload: RawSpan) -> Role? {
        guard payload.holds(8, at: 0) else { return nil }
        let flags = payload.two(6)
        if payload.four(0) == UInt32.max, flags & 5 == 1 { return .request }
        return flags & 5 == 5 ? .response : nil
    }

    /// NAT-PMP (RFC 6886, section 3) and PCP (RFC 6887, section 7).
    static func natpmp(_ payload: RawSpan, _ length: Int) -> Role? {
        let operation = payload.byte(1)
        switch payload.byte(0) {
        case 0:
            guard operation & 0x7f <= 2 else { return nil }
            return operation & 0x80 != 0
                ? (length >= 8 ? .response : nil) : length == 2 || length == 12 ? .request : nil
        case 2:
            guard length >= 24, operation & 0x7f <= 3 else { return nil }
            return operation & 0x80 != 0 ? .response : .request
        default: return nil
        }
    }

    /// Apple Remote Desktop: the query and the long description of the machine.
    static func ard(_ payload: RawSpan, _ length: Int) -> Role? {
        if payload.four(0) == 0x0014_0000 { return .request }
        return payload.two(0) == 1 && Int(payload.two(2)) <= length && length >= 64 ? .response : nil
    }

    /// Ubiquiti's discovery: version, command, length of the fields.
    static func ubiquiti(_ payload: RawSpan, _ length: Int) -> Role? {
        guard (1...2).contains(payload.byte(0)), payload.holds(4, at: 0), Int(payload.two(2)) == length &- 4 else {
            return nil
        }
        return length == 4 ? .request : .response
    }

    /// RFC 2865, section 3; codes of IANA's "RADIUS Packet Type Codes".
    static func radius(_ payload: RawSpan, _ length: Int) -> Role? {
        guard Int(payload.two(2)) == length, (20...4096).contains(length) else { return nil }
        return switch payload.byte(0) {
        case 1, 4, 12, 40, 43: .request
        case 2, 3, 5, 11, 13, 41, 42, 44, 45: .response
        default: nil
        }
    }

    /// BACnet/IP (ASHRAE 135, annex J and clauses 6 and 20): who speaks stands in the APDU, behind addresses that may
    /// be left out.
    static func bacnet(_ payload: RawSpan, _ length: Int) -> Role? {
        guard payload.byte(0) == 0x81, Int(payload.two(2)) == length, payload.holds(4, at: 0) else { return nil }
        var place = 4
        switch payload.byte(1) {
        case 0, 3, 7: return .response
        case 1, 2, 5, 6, 8: return .request
        // A forwarded message names its first sender.
        case 4: place = 10
        case 9...11: break
        default: return nil
        }
        guard payload.byte(place) == 1 else { return nil }
        let control = payload.byte(place &+ 1)
        place &+= 2
        let hasDestination = control & 0x20 != 0
        if hasDestination { place &+= 3 &+ Int(payload.byte(place &+ 2)) }
        if control & 0x08 != 0 { place &+= 3 &+ Int(payload.byte(place &+ 2)) }
        if hasDestination { place &+= 1 }
        guard control & 0x80 == 0, payload.holds(2, at: place) else { return .unknown }
        return switch payload.byte(place) >> 4 {
        case 0: .request
        // I-Am and I-Have answer.
        case 1: payload.byte(place &+ 1) <= 1 ? .response : .request
        case 2...7: .response
        default: nil
        }
    }
}
