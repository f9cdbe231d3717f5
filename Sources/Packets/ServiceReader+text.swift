// Protocols that speak in words.
extension ServiceReader {
    /// HTTP/1 (RFC 9112) and the preface of HTTP/2 (RFC 9113, section 3.4).
    static func http(_ payload: RawSpan) -> Role? {
        if payload.has("HTTP/1.") { return .response }
        if payload.has("PRI * HTTP/2.0\r\n") { return .request }
        let isMethod =
            switch payload.byte(0) {
            case UInt8(ascii: "G"): payload.has("GET ")
            case UInt8(ascii: "P"):
                payload.has("POST ") || payload.has("PUT ") || payload.has("PATCH ") || payload.has("PROPFIND ")
            case UInt8(ascii: "H"): payload.has("HEAD ")
            case UInt8(ascii: "D"): payload.has("DELETE ")
            case UInt8(ascii: "O"): payload.has("OPTIONS ") && !payload.has("sip", at: 8)
            case UInt8(ascii: "C"): payload.has("CONNECT ")
            case UInt8(ascii: "T"): payload.has("TRACE ")
            default: false
            }
        return isMethod ? .request : nil
    }

    /// UPnP's discovery (UPnP Device Architecture 2.0, section 1): HTTP in datagrams. Some devices answer from any
    /// port.
    static func ssdp(_ payload: RawSpan) -> Role? {
        if payload.has("M-SEARCH * HTTP/1.") || payload.has("NOTIFY * HTTP/1.") { return .request }
        return payload.has("HTTP/1.1 200") || payload.has("HTTP/1.0 200") ? .response : nil
    }

    /// Plex's own kind of discovery, which looks like SSDP on other ports.
    static func plex(_ payload: RawSpan) -> Role? {
        if payload.has("M-SEARCH ") { return .request }
        return payload.has("HTTP/1.") ? .response : nil
    }

    /// RFC 3261, section 7.
    static func sip(_ payload: RawSpan) -> Role? {
        if payload.has("SIP/2.0 ") { return .response }
        let isMethod =
            switch payload.byte(0) {
            case UInt8(ascii: "A"): payload.has("ACK sip")
            case UInt8(ascii: "B"): payload.has("BYE sip")
            case UInt8(ascii: "C"): payload.has("CANCEL sip")
            case UInt8(ascii: "I"): payload.has("INVITE sip") || payload.has("INFO sip")
            case UInt8(ascii: "M"): payload.has("MESSAGE sip")
            case UInt8(ascii: "N"): payload.has("NOTIFY sip")
            case UInt8(ascii: "O"): payload.has("OPTIONS sip")
            case UInt8(ascii: "P"): payload.has("PUBLISH sip") || payload.has("PRACK sip")
            case UInt8(ascii: "R"): payload.has("REGISTER sip") || payload.has("REFER sip")
            case UInt8(ascii: "S"): payload.has("SUBSCRIBE sip")
            case UInt8(ascii: "U"): payload.has("UPDATE sip")
            default: false
            }
        return isMethod ? .request : nil
    }

    /// memcached over UDP: a header of 8 bytes (doc/protocol.txt, "UDP protocol"), then words. The later datagrams of
    /// an answer have only the header.
    static func memcached(_ payload: RawSpan, isPort: Bool) -> Role? {
        // Sequence number, number of datagrams, reserved.
        let sequence = payload.two(2)
        guard payload.two(6) == 0, sequence < payload.two(4), payload.byteCount > 8 else { return nil }
        switch payload.byte(8) {
        case UInt8(ascii: "g"): if payload.has("get ", at: 8) || payload.has("gets ", at: 8) { return .request }
        case UInt8(ascii: "s"): if payload.has("stats", at: 8) || payload.has("set ", at: 8) { return .request }
        case UInt8(ascii: "v"): if payload.has("version", at: 8) { return .request }
        case UInt8(ascii: "V"): if payload.has("VALUE ", at: 8) || payload.has("VERSION ", at: 8) { return .response }
        case UInt8(ascii: "S"):
            if payload.has("STAT ", at: 8) || payload.has("STORED", at: 8) || payload.has("SERVER_ERROR", at: 8) {
                return .response
            }
        case UInt8(ascii: "E"): if payload.has("END\r\n", at: 8) || payload.has("ERROR", at: 8) { return .response }
        case UInt8(ascii: "C"): if payload.has("CLIENT_ERROR", at: 8) { return .response }
        case UInt8(ascii: "N"): if payload.has("NOT_", at: 8) { return .response }
        default: break
        }
        return isPort && sequence > 0 ? .unknown : nil
    }

    /// The usual pattern (RFC 864): printable characters in the order of ASCII, each line one further.
    static func chargen(_ payload: RawSpan) -> Role? {
        guard payload.holds(16, at: 0) else { return nil }
        for index in 0..<15 {
            let byte = payload.byte(index)
            let next = payload.byte(index &+ 1)
            guard (0x20...0x7e).contains(byte), next == byte &+ 1 || byte == 0x7e && (0x20...0x21).contains(next) else {
                return nil
            }
        }
        return .response
    }

    /// SOAP over UDP (WS-Discovery 1.1, section 4).
    static func wsDiscovery(_ payload: RawSpan, isPort: Bool) -> Role? {
        guard payload.byte(0) == UInt8(ascii: "<") else { return nil }
        if payload.contains("Matches", within: searchLimit) {
            return isPort || payload.contains("discovery", within: searchLimit) ? .response : nil
        }
        guard isPort || payload.contains("ws/2005/04/discovery", within: searchLimit) else { return nil }
        return payload.contains("Probe", within: searchLimit) ? .request : .unknown
    }

    static func jenkins(_ payload: RawSpan) -> Role? { payload.has("<hudson>") ? .response : nil }

    /// Dahua's discovery of recorders and cameras: JSON behind a header of 32 bytes.
    static func dvr(_ payload: RawSpan) -> Role? {
        // "DHIP" as a number: this check runs for every payload that nothing else knows.
        guard payload.four(4) == 0x4448_4950 else { return nil }
        if payload.contains("DHDiscover.search", within: searchLimit) { return .request }
        return payload.contains("deviceInfo", within: searchLimit) ? .response : .unknown
    }

    /// BitTorrent's hash table (BEP 5), uTP's first packet (BEP 29).
    static func bittorrent(_ payload: RawSpan, _ length: Int) -> Role? {
        if payload.has("d1:ad2:id20:") { return .request }
        if payload.has("d1:rd2:id20:") || payload.has("d1:eli") || payload.has("d2:ip") { return .response }
        // A SYN of version 1: no difference of times yet, and nothing acknowledged.
        guard payload.two(0) == 0x4100, length == 20, payload.four(8) == 0, payload.four(16) == 0x1_0000 else {
            return nil
        }
        return .request
    }

    /// Quake 3 and what came of it: four bytes of ones, then a word.
    static func quake(_ payload: RawSpan) -> Role? {
        guard payload.four(0) == UInt32.max else { return nil }
        if payload.has("statusResponse", at: 4) || payload.has("infoResponse", at: 4) || payload.has("print\n", at: 4)
            || payload.has("challengeResponse", at: 4) || payload.has("getserversResponse", at: 4)
        {
            return .response
        }
        let isRequest =
            payload.has("getstatus", at: 4) || payload.has("getinfo", at: 4) || payload.has("getchallenge", at: 4)
            || payload.has("getservers", at: 4) || payload.has("connect", at: 4) || payload.has("rcon ", at: 4)
            || payload.has("status", at: 4)
        return isRequest ? .request : nil
    }

    /// Valve's server queries ("A2S"): four bytes of ones, then a letter.
    static func steam(_ payload: RawSpan) -> Role? {
        // A split answer begins with -2 instead.
        if payload.four(0) == 0xffff_fffe { return .response }
        guard payload.four(0) == UInt32.max else { return nil }
        return switch payload.byte(4) {
        case UInt8(ascii: "T"), UInt8(ascii: "U"), UInt8(ascii: "V"), UInt8(ascii: "W"), UInt8(ascii: "i"): .request
        case UInt8(ascii: "I"), UInt8(ascii: "D"), UInt8(ascii: "E"), UInt8(ascii: "A"), UInt8(ascii: "m"),
            UInt8(ascii: "j"):
            .response
        default: nil
        }
    }
}
