internal import Glibc

/// Builds packets in memory, layer by layer: each function takes what it carries and returns itself with it.
///
///     PacketBuilder.ethernet(PacketBuilder.ipv4(17, PacketBuilder.udp(53, 4000, answer), from: "192.0.2.1"))
///
/// Lengths and the checksum of IPv4 are right; other checksums are zero. Nothing is checked: a wrong packet is made by
/// giving wrong values.
package enum PacketBuilder {
    /// Where packets come from and go to unless told otherwise.
    package static let source = "192.0.2.1"
    package static let destination = "198.51.100.2"
    package static let source6 = "2001:db8::1"
    package static let destination6 = "2001:db8:2::2"

    /// The 4 or 16 bytes of an address in text; the test fails to run for anything else.
    package static func address(_ text: String) -> [UInt8] {
        var four = in_addr()
        if inet_pton(AF_INET, text, &four) == 1 { return withUnsafeBytes(of: &four) { [UInt8]($0) } }
        var sixteen = in6_addr()
        precondition(inet_pton(AF_INET6, text, &sixteen) == 1, "no address: \(text)")
        return withUnsafeBytes(of: &sixteen) { [UInt8]($0) }
    }

    package static func bytes(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }

    package static func bytes(_ value: UInt32) -> [UInt8] {
        bytes(UInt16(value >> 16)) + bytes(UInt16(value & 0xffff))
    }

    // MARK: Whole frames

    /// A UDP datagram in IPv4 or IPv6, by the form of the addresses, in Ethernet.
    package static func udpFrame(
        from source: String = source, _ sourcePort: UInt16, to destination: String = destination,
        _ destinationPort: UInt16, _ payload: [UInt8] = [], ttl: UInt8 = 64
    ) -> [UInt8] {
        frame(17, udp(sourcePort, destinationPort, payload), from: source, to: destination, ttl: ttl)
    }

    /// A TCP segment in IPv4 or IPv6, by the form of the addresses, in Ethernet.
    package static func tcpFrame(
        from source: String = source, _ sourcePort: UInt16, to destination: String = destination,
        _ destinationPort: UInt16, flags: UInt8 = 0x10, _ payload: [UInt8] = [], ttl: UInt8 = 64
    ) -> [UInt8] {
        let segment = tcp(sourcePort, destinationPort, flags: flags, payload)
        return frame(6, segment, from: source, to: destination, ttl: ttl)
    }

    /// Any protocol in IPv4 or IPv6, by the form of the addresses, in Ethernet.
    package static func frame(
        _ protocolNumber: UInt8, _ payload: [UInt8], from source: String = source,
        to destination: String = destination, ttl: UInt8 = 64
    ) -> [UInt8] {
        source.utf8.contains(UInt8(ascii: ":"))
            ? ethernet(ipv6(protocolNumber, payload, from: source, to: destination, hopLimit: ttl), type: 0x86dd)
            : ethernet(ipv4(protocolNumber, payload, from: source, to: destination, ttl: ttl))
    }

    // MARK: Link

    /// - Parameter tags: VLAN tags from the outside in: the type that announces each, and its number.
    package static func ethernet(
        _ payload: [UInt8], type: UInt16 = 0x0800, tags: [(type: UInt16, id: UInt16)] = []
    ) -> [UInt8] {
        var frame: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1]
        for tag in tags { frame += bytes(tag.type) + bytes(tag.id) }
        return frame + bytes(type) + payload
    }

    /// Linux cooked capture, version 1 (link type 113).
    package static func cooked(_ payload: [UInt8], type: UInt16 = 0x0800) -> [UInt8] {
        [0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0] + bytes(type) + payload
    }

    /// Linux cooked capture, version 2 (link type 276).
    package static func cooked2(_ payload: [UInt8], type: UInt16 = 0x0800) -> [UInt8] {
        bytes(type) + [0, 0, 0, 0, 0, 3, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0] + payload
    }

    /// A stack of MPLS labels, the last one marked as the bottom.
    package static func mpls(_ labels: [UInt32], _ payload: [UInt8]) -> [UInt8] {
        var stack: [UInt8] = []
        for (index, label) in labels.enumerated() {
            stack += bytes(label << 12 | (index == labels.count - 1 ? 0x100 : 0) | 64)
        }
        return stack + payload
    }

    // MARK: Network

    /// - Parameters:
    ///   - offset: of a fragment, in bytes; a multiple of 8.
    ///   - options: a multiple of four bytes.
    package static func ipv4(
        _ protocolNumber: UInt8, _ payload: [UInt8], from source: String = source,
        to destination: String = destination, ttl: UInt8 = 64, id: UInt16 = 7, offset: Int = 0,
        hasMore: Bool = false, options: [UInt8] = []
    ) -> [UInt8] {
        let headerLength = 20 + options.count
        var header: [UInt8] = [0x40 | UInt8(headerLength / 4), 0]
        header += bytes(UInt16(truncatingIfNeeded: headerLength + payload.count)) + bytes(id)
        header += bytes(UInt16(offset / 8) | (hasMore ? 0x2000 : 0)) + [ttl, protocolNumber, 0, 0]
        header += address(source) + address(destination) + options
        var sum: UInt32 = 0
        for index in stride(from: 0, to: header.count, by: 2) {
            sum += UInt32(header[index]) << 8 | UInt32(header[index + 1])
        }
        while sum > 0xffff { sum = sum >> 16 + sum & 0xffff }
        header.replaceSubrange(10..<12, with: bytes(~UInt16(sum)))
        return header + payload
    }

    package static func ipv6(
        _ next: UInt8, _ payload: [UInt8], from source: String = source6, to destination: String = destination6,
        hopLimit: UInt8 = 64
    ) -> [UInt8] {
        [0x60, 0, 0, 0] + bytes(UInt16(truncatingIfNeeded: payload.count)) + [next, hopLimit] + address(source)
            + address(destination) + payload
    }

    /// A hop-by-hop, routing or destination options header of `8 * units` bytes before what it carries.
    package static func extensionHeader(next: UInt8, units: Int = 1, _ payload: [UInt8]) -> [UInt8] {
        [next, UInt8(units - 1)] + [1, UInt8(units * 8 - 4)] + [UInt8](repeating: 0, count: units * 8 - 4) + payload
    }

    /// The fragment header of IPv6; `offset` in bytes, a multiple of 8.
    package static func fragmentHeader(
        next: UInt8, id: UInt32 = 9, offset: Int = 0, hasMore: Bool = false, _ payload: [UInt8]
    ) -> [UInt8] {
        [next, 0] + bytes(UInt16(offset) | (hasMore ? 1 : 0)) + bytes(id) + payload
    }

    /// An authentication header with 12 bytes of proof (RFC 4302).
    package static func authenticationHeader(next: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [next, 4, 0, 0] + bytes(UInt32(1)) + bytes(UInt32(2)) + [UInt8](repeating: 0xaa, count: 12) + payload
    }

    // MARK: Tunnels

    /// GRE (RFC 2784, RFC 2890); a field that is nil is left out.
    package static func gre(
        _ type: UInt16, checksum: UInt16? = nil, key: UInt32? = nil, sequence: UInt32? = nil, _ payload: [UInt8]
    ) -> [UInt8] {
        let flags: UInt8 = (checksum == nil ? 0 : 0x80) | (key == nil ? 0 : 0x20) | (sequence == nil ? 0 : 0x10)
        var header: [UInt8] = [flags, 0] + bytes(type)
        if let checksum { header += bytes(checksum) + [0, 0] }
        if let key { header += bytes(key) }
        if let sequence { header += bytes(sequence) }
        return header + payload
    }

    /// VXLAN around an Ethernet frame (RFC 7348): to stand in UDP to port 4789.
    package static func vxlan(_ frame: [UInt8]) -> [UInt8] { [8, 0, 0, 0, 0, 0, 7, 0] + frame }

    // MARK: Transport

    package static func udp(_ sourcePort: UInt16, _ destinationPort: UInt16, _ payload: [UInt8] = []) -> [UInt8] {
        bytes(sourcePort) + bytes(destinationPort) + bytes(UInt16(truncatingIfNeeded: 8 + payload.count)) + [0, 0]
            + payload
    }

    /// - Parameter options: a multiple of four bytes.
    package static func tcp(
        _ sourcePort: UInt16, _ destinationPort: UInt16, flags: UInt8 = 0x10, options: [UInt8] = [],
        _ payload: [UInt8] = []
    ) -> [UInt8] {
        bytes(sourcePort) + bytes(destinationPort) + bytes(UInt32(1000)) + bytes(UInt32(flags & 0x10 == 0 ? 0 : 2000))
            + [UInt8((20 + options.count) / 4) << 4, flags, 0xfa, 0xf0, 0, 0, 0, 0] + options + payload
    }

    /// ICMP or ICMPv6: its four bytes after the checksum are zero.
    package static func icmp(_ type: UInt8, _ code: UInt8 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        [type, code, 0, 0, 0, 0, 0, 0] + payload
    }

    // MARK: DNS

    /// A DNS message with one question of class IN and no records, padded with `padding` zero bytes.
    package static func dns(
        _ name: String, type: UInt16 = 1, isResponse: Bool = false, id: UInt16 = 0x1234, padding: Int = 0
    ) -> [UInt8] {
        bytes(id) + bytes(isResponse ? UInt16(0x8180) : 0x0100) + [0, 1, 0, 0, 0, 0, 0, 0] + dnsName(name)
            + bytes(type) + [0, 1] + [UInt8](repeating: 0, count: padding)
    }

    /// A name in wire format; "" or "." is the root.
    package static func dnsName(_ name: String) -> [UInt8] {
        name.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }
}
