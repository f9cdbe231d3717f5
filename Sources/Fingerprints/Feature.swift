/// A feature that a condition can be about. The order of the cases is the order of conditions in a fingerprint.
package enum Feature: String, CaseIterable, Sendable, Codable {
    // ---- Of a request.
    case method
    /// The path without values, as in ``RequestShape/route``.
    case route
    case ja4
    /// What stands in place of values in path and query: `RequestTemplate`'s grammar, "trefwoord=[a-z]{5,12}".
    case parameters
    /// Names of headers in their order and spelling, without those that come and go with one client
    /// (`RequestHead.isOfProgram`): "Host,User-Agent,Accept".
    case headers
    /// HTTP/2 settings in their order: "1:65536;2:0;4:6291456"; or the number that a lane has for how a program speaks
    /// HTTP/2, as it stands in the access log: "8f0c1a9be2d45571".
    case http2
    /// The agent as it says of itself.
    case agent
    /// "none": the source takes none of what a page needs.
    case assets

    // ---- Of a packet.
    /// "tcp", "udp", "icmp", "icmpv6", or another IP protocol's number.
    case `protocol`
    /// Numbers and ranges: "53", "1024-65535", "80,443".
    case sourcePort = "source_port"
    case destinationPort = "destination_port"
    /// The flags that are set, all others clear; alternatives after commas: "S", "SA", "SEC" (``TCPFlag/letters``).
    case flags = "tcp_flags"
    /// Bytes from the IP header on: numbers and ranges.
    case length
    /// Numbers and ranges.
    case ttl
    /// "whole", "first", "later"; alternatives after commas.
    case fragment
    case icmpType = "icmp_type"
    case icmpCode = "icmp_code"
    /// What the payload shows: "dns", "ntp response"; of ``Service`` and ``Role``.
    case service
    /// The name asked for, lower case, without a final dot; "." for the root.
    case dnsName = "dns_name"
    /// Numbers and ranges.
    case dnsType = "dns_type"
    /// The first bytes of the payload, 1-8, in small hexadecimal digits.
    case payload

    package var isOfPacket: Bool {
        switch self {
        case .method, .route, .ja4, .parameters, .headers, .http2, .agent, .assets: false
        default: true
        }
    }
}
