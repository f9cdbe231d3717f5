import Packets
import TestKit
import Testing

/// A payload that shows its service, and what has to be seen in it.
struct ServiceSample: Sendable, CustomTestStringConvertible {
    var service: Service
    var role: Role
    /// The side that serves.
    var port: UInt16
    var payload: [UInt8]
    /// Marked so well that other ports do not hide it.
    var isMarked = false
    var isTCP = false

    var testDescription: String { "\(service) \(role) of \(payload.count) bytes" }

    private typealias Build = PacketBuilder

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static func hex(_ text: String) -> [UInt8] {
        let digits = Array(text.utf8.filter { $0 != 32 })
        return stride(from: 0, to: digits.count, by: 2).map {
            UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16)!
        }
    }

    private static func zeros(_ count: Int) -> [UInt8] { Array(repeating: 0, count: count) }

    private static let cookie = hex("0102030405060708")

    private static func ike(_ responder: [UInt8], _ version: UInt8, _ exchange: UInt8, _ flags: UInt8) -> [UInt8] {
        cookie + responder + [1, version, exchange, flags, 0, 0, 0, 0, 0, 0, 0, 36] + hex("0000000800000001")
    }

    private static func netbios(_ flags: UInt16) -> [UInt8] {
        hex("1234") + Build.bytes(flags) + hex("0001000000000000 20") + text("CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
            + hex("00 0021 0001")
    }

    private static func snmp(_ version: UInt8, _ tag: UInt8) -> [UInt8] {
        [0x30, 0x26, 2, 1, version, 4, 6] + text("public") + [tag, 0x19]
            + hex("0204 12345678 020100 020100 300b 3009 06052b06010201 0500")
    }

    private static func snmp3(_ tag: UInt8) -> [UInt8] {
        hex("3036 020103 300f 020200aa 020300ffe3 040104 020103 0400 3013 0400 0400") + [tag]
            + hex("0b 020100 020100 020100 3000") + zeros(12)
    }

    private static func cldap(_ tag: UInt8) -> [UInt8] { hex("3084000000 0a 020107") + [tag, 5] + hex("0400 0400 00") }

    private static func quic(_ first: UInt8, _ version: UInt32) -> [UInt8] {
        [first] + Build.bytes(version) + [8] + cookie + [0, 0, 0x44, 0x9e] + zeros(1180)
    }

    private static func dtls(_ type: UInt8) -> [UInt8] { hex("16 fefd 0000 000000000000 0010") + [type] + zeros(15) }

    private static func tls(_ type: UInt8) -> [UInt8] { hex("16 0301 0010") + [type] + zeros(15) }

    private static func memcached(_ words: String) -> [UInt8] { hex("0001 0000 0001 0000") + text(words) }

    private static func bacnet(_ function: UInt8, _ rest: [UInt8]) -> [UInt8] {
        [0x81, function] + Build.bytes(UInt16(rest.count + 4)) + rest
    }

    private static func stun(_ type: UInt16) -> [UInt8] {
        Build.bytes(type) + hex("0008 2112a442") + zeros(12) + hex("80220004 61626364")
    }

    private static func l2tp(_ type: UInt16) -> [UInt8] {
        hex("c802 0014 0000 0000 0000 0000 8008 0000 0000") + Build.bytes(type)
    }

    private static func radius(_ code: UInt8) -> [UInt8] { [code, 1, 0, 20] + zeros(16) }

    private static func probe(_ word: String) -> [UInt8] {
        text(
            "<?xml version=\"1.0\"?><e:Envelope xmlns:d=\"http://schemas.xmlsoap.org/ws/2005/04/discovery\">"
                + "<e:Body><d:\(word)/>"
        )
    }

    private static let ipmi = hex("0600ff07 00 00000000 00000000 09 20")

    private static func marked(_ service: Service, _ port: UInt16, _ request: [UInt8], _ response: [UInt8]) -> [Self] {
        [
            Self(service: service, role: .request, port: port, payload: request, isMarked: true),
            Self(service: service, role: .response, port: port, payload: response, isMarked: true),
        ]
    }

    private static func byPort(_ service: Service, _ port: UInt16, _ request: [UInt8], _ response: [UInt8]) -> [Self] {
        [
            Self(service: service, role: .request, port: port, payload: request),
            Self(service: service, role: .response, port: port, payload: response),
        ]
    }

    private static func overTCP(_ service: Service, _ port: UInt16, _ request: [UInt8], _ response: [UInt8]) -> [Self] {
        [
            Self(service: service, role: .request, port: port, payload: request, isMarked: true, isTCP: true),
            Self(service: service, role: .response, port: port, payload: response, isMarked: true, isTCP: true),
        ]
    }

    private static let names: [Self] =
        marked(.dns, 53, Build.dns("www.Voorbeeld.nl", type: 255), Build.dns("a.nl", isResponse: true, padding: 40))
        + byPort(.mdns, 5353, Build.dns("_http._tcp.local", type: 12), hex("0000 8400 0000 0001 0000 0000") + zeros(20))
        + byPort(.llmnr, 5355, Build.dns("wpad"), Build.dns("wpad", isResponse: true))
        + marked(.netbios, 137, netbios(0), netbios(0x8400))

    private static let management: [Self] =
        byPort(.ntp, 123, hex("23") + zeros(47), hex("24") + zeros(47))
        + byPort(.ntp, 123, hex("1602 0001 00000000 00000000"), hex("1682 0001 00000000 00000000"))
        + marked(.ntp, 123, hex("1700032a") + zeros(4), hex("d700032a 0006 0048") + zeros(432))
        + marked(.snmp, 161, snmp(1, 0xa5), snmp(1, 0xa2)) + marked(.snmp, 161, snmp(0, 0xa0), snmp(0, 0xa2))
        + marked(.snmp, 161, snmp3(0xa0), snmp3(0xa8)) + marked(.cldap, 389, cldap(0x63), cldap(0x64))
        + marked(
            .rpcbind, 111, hex("12345678 00000000 00000002 000186a0 00000002 00000004") + zeros(16),
            hex("12345678 00000001 00000000 00000000 000186a0 00000000")
        ).map { sample in
            var sample = sample
            sample.isMarked = sample.role == .request
            if sample.role == .response { sample.payload.replaceSubrange(16..<20, with: zeros(4)) }
            return sample
        }
        + byPort(.xdmcp, 177, hex("0001 0002 0001 00"), hex("0001 0005 0004 00000000"))
        + byPort(.rip, 520, hex("0101 0000") + zeros(20), hex("0201 0000") + zeros(40))
        + marked(.ipmi, 623, ipmi + hex("18 c8 81 00 38 8e 04 b5"), ipmi + hex("1c c8 81 00 38 00 01 b5"))
        + marked(.ipmi, 623, hex("0600ff06 000011be 80000000"), hex("0600ff06 000011be 40000010") + zeros(16))
        + byPort(.mssql, 1434, hex("03"), hex("050500") + text("Serve"))
        + byPort(.rdp, 3389, hex("ffffffff 0400 0001") + zeros(8), hex("00000001 0400 0005") + zeros(8))
        + byPort(.natpmp, 5351, hex("0000"), hex("0080 0000 00000001 c0000201"))
        + byPort(.ard, 3283, hex("00140000"), hex("0001 03ea") + zeros(1002))
        + byPort(.ubiquiti, 10_001, hex("01000000"), hex("0100 0004 02000102"))
        + byPort(.radius, 1812, radius(1), radius(2))
        + marked(
            .bacnet, 47_808, bacnet(10, hex("0104 0005 010c 0c023fffff 194b")),
            bacnet(10, hex("0100 3001 0c 0c023fffff 194b")))
        + marked(
            .bacnet, 47_808, bacnet(11, hex("0120 ffff 00 ff 1008")),
            bacnet(4, zeros(6) + hex("0120 ffff 00 ff 1000 c4")))

    private static let transports: [Self] =
        marked(.isakmp, 500, ike(zeros(8), 0x10, 2, 0), ike(cookie, 0x10, 2, 0))
        + marked(.isakmp, 500, ike(zeros(8), 0x20, 34, 8), ike(cookie, 0x20, 34, 0x20))
        + byPort(.isakmp, 4500, zeros(4) + ike(zeros(8), 0x20, 34, 8), zeros(4) + ike(cookie, 0x20, 34, 0x20))
        + marked(.stun, 3478, stun(1), stun(0x101))
        + byPort(.coap, 5683, hex("40017d70 bb") + text(".well-known"), hex("60457d70 ff") + text("</a>"))
        + byPort(.quic, 443, quic(0xc3, 1), hex("80 00000000 00 08") + cookie + hex("00000001"))
        + marked(.dtls, 4433, dtls(1), dtls(3))
        + byPort(.tftp, 69, hex("0001") + text("boot\u{0}octet\u{0}"), hex("0003 0001") + zeros(512))
        + byPort(.openvpn, 1194, hex("38") + zeros(13), hex("40") + zeros(25))
        + byPort(.gtp, 2123, hex("3201 0004 00000000 00000000"), hex("3202 0004 00000000 00000000"))
        + byPort(.gtp, 2123, hex("4001 0004 00000000"), hex("4002 0004 00000000"))
        + byPort(.l2tp, 1701, l2tp(1), l2tp(2))

    private static let texts: [Self] =
        marked(
            .ssdp, 1900, text("M-SEARCH * HTTP/1.1\r\nST:ssdp:all\r\n"),
            text("HTTP/1.1 200 OK\r\nST:upnp:rootdevice\r\n"))
        + marked(.sip, 5060, text("OPTIONS sip:100@192.0.2.1 SIP/2.0\r\n"), text("SIP/2.0 404 Not Found\r\n"))
        + marked(.memcached, 11_211, memcached("gets a b c\r\n"), memcached("VALUE a 0 1000\r\n"))
        + marked(.memcached, 11_211, memcached("stats\r\n"), memcached("STAT pid 1\r\n"))
        + marked(.wsDiscovery, 3702, probe("Probe"), probe("ProbeMatches"))
        + marked(.bittorrent, 6881, text("d1:ad2:id20:"), text("d1:rd2:id20:"))
        + marked(.quake, 27_960, hex("ffffffff") + text("getstatus"), hex("ffffffff") + text("statusResponse\n"))
        + marked(
            .steam, 27_015, hex("ffffffff") + text("TSource Engine Query\u{0}"),
            hex("ffffffff") + text("I\u{11}A server"))
        + byPort(.plex, 32_414, text("M-SEARCH * HTTP/1.1\r\n"), text("HTTP/1.0 200 OK\r\nContent-Type: plex"))
        + marked(
            .dvr, 37_810, hex("20000000") + text("DHIP") + zeros(24) + text("{\"method\":\"DHDiscover.search\"}"),
            hex("20000000") + text("DHIP") + zeros(24) + text("{\"params\":{\"deviceInfo\":{}}}"))
        + [
            Self(service: .jenkins, role: .response, port: 33_848, payload: text("<hudson><version>"), isMarked: true),
            Self(service: .chargen, role: .response, port: 19, payload: Array(0x21...0x68) + [13, 10], isMarked: true),
            Self(service: .mitel, role: .response, port: 10_074, payload: text("call.StartBlast 1")),
            Self(service: .sentinel, role: .response, port: 5093, payload: hex("7a0000000000") + zeros(300)),
        ]

    private static let segments: [Self] =
        overTCP(.http, 80, text("GET /zoeken?trefwoord=1 HTTP/1.1\r\n"), text("HTTP/1.1 503 No\r\n"))
        + overTCP(.http, 80, text("POST / HTTP/1.1\r\n"), text("HTTP/1.0 200 OK\r\n"))
        + overTCP(.tls, 443, tls(1), tls(2))
        + overTCP(.sip, 5060, text("INVITE sip:1@a SIP/2.0"), text("SIP/2.0 200 OK"))
        + overTCP(.rdp, 3389, hex("0300 0008 03e0 0000"), hex("0300 0008 03d0 0000"))
        + [
            Self(
                service: .http, role: .request, port: 80, payload: text("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                isMarked: true, isTCP: true),
            Self(service: .dns, role: .request, port: 53, payload: hex("001c") + Build.dns("www.a.nl"), isTCP: true),
            Self(
                service: .dns, role: .response, port: 53,
                payload: hex("0400") + Build.dns("www.a.nl", isResponse: true, padding: 50), isTCP: true),
        ]

    static let all = names + management + transports + texts + segments

    /// The frame between the serving port and another one.
    func frame(port: UInt16? = nil, from source: String = PacketBuilder.source) -> [UInt8] {
        let port = port ?? self.port
        let (from, to) = role == .response ? (port, UInt16(51_234)) : (51_234, port)
        let destination = source == PacketBuilder.source ? PacketBuilder.destination : PacketBuilder.destination6
        return isTCP
            ? Build.tcpFrame(from: source, from, to: destination, to, flags: 0x18, payload)
            : Build.udpFrame(from: source, from, to: destination, to, payload)
    }
}
