// Public, so that other modules have it in place (Documentation/performance.md).
public import Addresses

/// What detection sees of one packet: its innermost IP header, what follows that, and what the payload shows. Plain
/// values of fixed size; the payload itself is not kept.
public struct PacketSummary: Equatable, Sendable, BitwiseCopyable {
    /// When it was seen: nanoseconds since 1970-01-01T00:00:00Z.
    public var time: Int64 = 0
    public var source = Address(high: 0, low: 0)
    public var destination = Address(high: 0, low: 0)
    /// 0 where the protocol has none, and in a later fragment whose first one was not seen.
    public var sourcePort: UInt16 = 0
    public var destinationPort: UInt16 = 0
    /// IP protocol number after all extension headers (6, 17, 1, 58, …).
    public var protocolNumber: UInt8 = 0
    /// TCP: the eight flags CWR ECE URG ACK PSH RST SYN FIN, as on the wire (RFC 9293, section 3.1).
    public var flags: UInt8 = 0
    /// Time to live, or hop limit.
    public var ttl: UInt8 = 0
    public var fragment = Fragment.whole
    /// ICMP and ICMPv6.
    public var icmpType: UInt8 = 0
    public var icmpCode: UInt8 = 0
    public var service = Service.none
    public var role = Role.unknown
    /// The payload shows the service; else it is the port's. TCP segments without payload have no service: a SYN to
    /// port 443 is no TLS. Ports from 10000 on, which clients are given too, count only where no payload was captured.
    public var isPayloadSeen = false
    /// The outermost tunnel that the packet came in.
    public var tunnel = Tunnel.none
    /// Bytes from the IP header on, as the header says (IPv4 total length; IPv6 payload length + 40).
    public var length: UInt32 = 0
    /// Bytes after the transport header (of ICMP: 8 bytes), as the headers say; 0 where there is no transport header.
    /// In fragments: those of the payload that this one carries, at most 65,535 anywhere.
    public var payloadLength: UInt16 = 0
    /// The first bytes of the payload, the first one highest, at most eight; zeros after its end. In a later fragment:
    /// its own first bytes.
    public var payloadPrefix: UInt64 = 0
    /// DNS: the type asked for, and where the name begins in the frame that was read (0: none) in wire format.
    public var dnsType: UInt16 = 0
    public var dnsNameOffset: UInt16 = 0
    /// A hash of the name in lower case; the same in every process.
    public var dnsNameHash: UInt64 = 0
    /// IP id of IPv4, or of the IPv6 fragment header.
    public var identification: UInt32 = 0
    /// It stands for all packets of a flow record: its length is their average, times to live and payloads are unknown.
    public var isAverage = false
    /// Packets that this one stands for: the sampling rate; 1 where all were seen.
    public var weight: UInt32 = 1

    public init() {}

    public enum Fragment: UInt8, CaseIterable, Sendable, BitwiseCopyable { case whole, first, later }

    public enum Tunnel: UInt8, CaseIterable, Sendable, BitwiseCopyable {
        case none, gre, ipip, vxlan, erspan, teredo, mpls
    }

    @inlinable @inline(__always) public static var tcp: UInt8 { 6 }
    @inlinable @inline(__always) public static var udp: UInt8 { 17 }
    @inlinable @inline(__always) public static var icmp: UInt8 { 1 }
    @inlinable @inline(__always) public static var icmpv6: UInt8 { 58 }
}

/// The TCP flags of a summary.
public enum TCPFlag {
    @inlinable @inline(__always) public static var fin: UInt8 { 1 }
    @inlinable @inline(__always) public static var syn: UInt8 { 2 }
    @inlinable @inline(__always) public static var rst: UInt8 { 4 }
    @inlinable @inline(__always) public static var psh: UInt8 { 8 }
    @inlinable @inline(__always) public static var ack: UInt8 { 16 }
    @inlinable @inline(__always) public static var urg: UInt8 { 32 }
    @inlinable @inline(__always) public static var ece: UInt8 { 64 }
    @inlinable @inline(__always) public static var cwr: UInt8 { 128 }

    /// Letters in the order of conditions: "FSRPAUEC"; "-" for none.
    public static func letters(_ flags: UInt8) -> String {
        let letters = zip("FSRPAUEC", 0..<8).filter { flags & (1 << UInt8($0.1)) != 0 }.map { String($0.0) }.joined()
        return letters.isEmpty ? "-" : letters
    }

    /// Reads what `letters` writes; nil for another letter or another order.
    public static func flags(_ letters: some StringProtocol) -> UInt8? {
        guard letters != "-" else { return 0 }
        var flags: UInt8 = 0
        for letter in letters {
            guard let bit = Array("FSRPAUEC").firstIndex(of: letter) else { return nil }
            flags |= 1 << UInt8(bit)
        }
        return Self.letters(flags) == letters ? flags : nil
    }
}
