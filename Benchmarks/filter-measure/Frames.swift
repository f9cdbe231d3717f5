import Addresses

/// Frames that the measurements are made with: IP over Ethernet, lengths right, checksums too where a stack reads them.
enum Frames {
    static func udp(
        source: UInt32, destination: UInt32 = 0x0a63_0102, sourcePort: UInt16 = 7, destinationPort: UInt16 = 9,
        payload: Int = 18, hardware: [UInt8] = [2, 0, 0, 0, 0, 2]
    ) -> [UInt8] {
        let header = bytes(sourcePort) + bytes(destinationPort) + bytes(UInt16(8 + payload)) + [0, 0]
        return ethernet(hardware)
            + ipv4(source, destination, protocolNumber: 17, content: header + [UInt8](repeating: 0x41, count: payload))
    }

    static func tcp(
        source: UInt32, destination: UInt32 = 0x0a63_0102, sourcePort: UInt16 = 40_000, destinationPort: UInt16 = 443,
        flags: UInt8 = 0x10
    ) -> [UInt8] {
        let header =
            bytes(sourcePort) + bytes(destinationPort) + [0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]
        return ethernet([2, 0, 0, 0, 0, 2]) + ipv4(source, destination, protocolNumber: 6, content: header)
            + [UInt8](repeating: 0, count: 6)
    }

    /// From 2001:db8::/32 with these last 64 bits.
    static func udp6(source: UInt64, sourcePort: UInt16 = 7, destinationPort: UInt16 = 9, payload: Int = 18) -> [UInt8]
    {
        let header = bytes(sourcePort) + bytes(destinationPort) + bytes(UInt16(8 + payload)) + [0, 0]
        return ipv6(source, protocolNumber: 17, content: header + [UInt8](repeating: 0x41, count: payload))
    }

    static func tcp6(
        source: UInt64, sourcePort: UInt16 = 40_000, destinationPort: UInt16 = 443, flags: UInt8 = 0x10
    ) -> [UInt8] {
        let header =
            bytes(sourcePort) + bytes(destinationPort) + [0, 0, 0, 1, 0, 0, 0, 1, 0x50, flags, 0xff, 0xff, 0, 0, 0, 0]
        return ipv6(source, protocolNumber: 6, content: header)
    }

    private static func ethernet(_ hardware: [UInt8], type: [UInt8] = [8, 0]) -> [UInt8] {
        hardware + [2, 0, 0, 0, 0, 1] + type
    }

    private static func ipv6(_ source: UInt64, protocolNumber: UInt8, content: [UInt8]) -> [UInt8] {
        let network: [UInt8] = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0]
        var frame = ethernet([2, 0, 0, 0, 0, 2], type: [0x86, 0xdd])
        frame += [0x60, 0, 0, 0] + bytes(UInt16(content.count)) + [protocolNumber, 64]
        frame += network + bytes(UInt32(source >> 32)) + bytes(UInt32(truncatingIfNeeded: source))
        frame += network + [0, 0, 0, 0, 0, 0, 1, 2]
        return frame + content
    }

    private static func bytes(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }

    private static func bytes(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
    }

    private static func ipv4(
        _ source: UInt32, _ destination: UInt32, protocolNumber: UInt8, content: [UInt8]
    ) -> [UInt8] {
        var header =
            [0x45, 0] + bytes(UInt16(20 + content.count)) + [0, 1, 0x40, 0, 64, protocolNumber, 0, 0] + bytes(source)
            + bytes(destination)
        var sum: UInt32 = 0
        for place in stride(from: 0, to: 20, by: 2) { sum += UInt32(header[place]) << 8 | UInt32(header[place + 1]) }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        header.replaceSubrange(10..<12, with: bytes(~UInt16(sum)))
        return header + content
    }
}
