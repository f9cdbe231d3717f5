/// An IP address of either version, 16 bytes, IPv4 as ::ffff:a.b.c.d (RFC 4291, section 2.5.5.2).
public struct Address: Hashable, Sendable, BitwiseCopyable {
    /// The first 64 bits, in host order.
    public var high: UInt64
    /// The last 64 bits, in host order.
    public var low: UInt64

    @inlinable
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// An IPv4 address from its 32 bits in host order.
    @inlinable
    public init(ipv4: UInt32) {
        self.init(high: 0, low: 0xffff_0000_0000 | UInt64(ipv4))
    }

    @inlinable
    public var isIPv4: Bool { high == 0 && low >> 32 == 0xffff }

    /// The 32 bits of an IPv4 address in host order; meaningless for IPv6.
    @inlinable
    public var ipv4: UInt32 { UInt32(truncatingIfNeeded: low) }

    /// 127.0.0.0/8 or ::1.
    public var isLoopback: Bool { isIPv4 ? ipv4 >> 24 == 127 : high == 0 && low == 1 }

    /// The address with all bits after `length` cleared; `length` counts from the start of the version's own address
    /// (0...32 or 0...128) and is cut off to that range.
    @inlinable
    public func masked(to length: Int) -> Address {
        if isIPv4 {
            let bits = max(0, min(32, length))
            return Address(ipv4: bits == 0 ? 0 : ipv4 & (UInt32.max << UInt32(32 - bits)))
        }
        let bits = max(0, min(128, length))
        if bits <= 64 {
            return Address(high: bits == 0 ? 0 : high & (UInt64.max << UInt64(64 - bits)), low: 0)
        }
        return Address(high: high, low: low & (UInt64.max << UInt64(128 - bits)))
    }

    /// What one subscriber holds: the IPv4 address itself, or the IPv6 /64.
    @inlinable
    public var subscriber: Address { isIPv4 ? self : Address(high: high, low: 0) }

    /// What one network of subscribers holds: the IPv4 /24, or the IPv6 /48.
    @inlinable
    public var network: Address { masked(to: isIPv4 ? 24 : 48) }

    /// What one provider holds, or a part of it: the IPv4 /16, or the IPv6 /32.
    @inlinable
    public var region: Address { masked(to: isIPv4 ? 16 : 32) }
}

extension Address: CustomStringConvertible {
    /// Dotted decimal, or RFC 5952 text.
    public var description: String {
        if isIPv4 { return "\(ipv4 >> 24).\(ipv4 >> 16 & 255).\(ipv4 >> 8 & 255).\(ipv4 & 255)" }
        let groups = [high, low].flatMap { half in
            stride(from: 48, through: 0, by: -16).map { UInt16(truncatingIfNeeded: half >> UInt64($0)) }
        }
        // The longest run of two or more zero groups, the first of equals, becomes "::" (RFC 5952, section 4.2).
        var best = 0..<0
        var start = 0
        while start < 8 {
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > max(1, best.count) { best = start..<end }
            start = max(end, start + 1)
        }
        func text(_ part: ArraySlice<UInt16>) -> String { part.map { String($0, radix: 16) }.joined(separator: ":") }
        if best.isEmpty { return text(groups[...]) }
        return text(groups[..<best.lowerBound]) + "::" + text(groups[best.upperBound...])
    }
}
