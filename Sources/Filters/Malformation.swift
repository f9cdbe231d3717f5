/// What is wrong with a packet that the filter drops as malformed: the first fault that reading meets.
package enum Malformation: UInt8, Error, CaseIterable, Sendable {
    /// Fewer than the 20 bytes of IPv4 or the 40 of IPv6.
    case headerCutOff
    /// The header's first four bits are not of the version that announced it.
    case wrongVersion
    /// IPv4: an IHL below 5 (RFC 791, section 3.1).
    case shortHeaderLength
    /// IPv4: a total length below that of its header.
    case shortTotalLength
    /// It says that it is longer than the frame, or than the tunnel's packet around it.
    case longerThanCarrier
    /// IPv6: an extension header that does not end before the packet.
    case extensionCutOff
    /// IPv6: more extension headers than ``FrameFacts/extensionLimit``.
    case tooManyExtensions
    /// A source of 127.0.0.0/8 or ::1.
    case loopbackSource
    /// A source of 224.0.0.0/3 or ff00::/8.
    case multicastSource
    /// IPv6 with an address of ::ffff:0:0/96, which stands for IPv4 in programs and never on the wire; a list of IPv4
    /// would take it for one of its own.
    case mappedAddress
    /// It comes from where it goes to.
    case sourceIsDestination
    /// Fewer bytes than the 20 of TCP, 8 of UDP and ICMP, 4 of ICMPv6.
    case transportCutOff
    /// TCP: a data offset below 5 (RFC 9293, section 3.1).
    case shortDataOffset
    /// TCP: a data offset behind the packet's end.
    case longDataOffset
    case synAndFin
    case synAndReset
    /// TCP: none of FIN, SYN, RST, PSH, ACK, URG.
    case noFlags
    /// UDP: a length below that of its header (RFC 768).
    case shortDatagram
    /// UDP: a length behind the packet's end.
    case longDatagram

    /// A short reason in English, for who asks what became of a packet.
    package var text: String {
        switch self {
        case .headerCutOff: "the IP header is cut off"
        case .wrongVersion: "the IP version is not the announced one"
        case .shortHeaderLength: "the IP header says that it is shorter than 20 bytes"
        case .shortTotalLength: "the IP length is shorter than its header"
        case .longerThanCarrier: "the IP length is longer than what came"
        case .extensionCutOff: "an IPv6 extension header is cut off"
        case .tooManyExtensions: "more than \(FrameFacts.extensionLimit) IPv6 extension headers"
        case .loopbackSource: "the source is a loopback address"
        case .multicastSource: "the source is a multicast or reserved address"
        case .mappedAddress: "an IPv6 address that stands for IPv4"
        case .sourceIsDestination: "the source is the destination"
        case .transportCutOff: "the transport header is cut off"
        case .shortDataOffset: "the TCP header says that it is shorter than 20 bytes"
        case .longDataOffset: "the TCP header is longer than the packet"
        case .synAndFin: "TCP with SYN and FIN"
        case .synAndReset: "TCP with SYN and RST"
        case .noFlags: "TCP without flags"
        case .shortDatagram: "the UDP length is shorter than its header"
        case .longDatagram: "the UDP length is longer than the packet"
        }
    }
}
