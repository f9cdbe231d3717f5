package import Addresses

/// Networks with an entry each, of which the longest that contains an address answers for it: the kernel's map of
/// prefixes, by a dictionary for each length.
package struct PrefixList: Sendable {
    /// By length, of the version's own address.
    private var ipv4: [[Address: FilterMaps.Entry]] = Array(repeating: [:], count: 33)
    private var ipv6: [[Address: FilterMaps.Entry]] = Array(repeating: [:], count: 129)
    /// Networks that are in it. How many there may be is the caller's: the maps have ``EBPF/Map/entries``.
    package private(set) var count = 0

    /// An empty list.
    package init() {}

    /// Whether a network means the same in the kernel's map, where IPv4 lies among IPv6: ::/0 and what else contains
    /// ::ffff:0:0/96 would contain all of IPv4.
    package static func canHold(_ prefix: Prefix) -> Bool {
        guard !prefix.address.isIPv4, prefix.address.high == 0, prefix.length <= 96 else { return true }
        let bits = UInt64(max(0, prefix.length - 64))
        return prefix.address.low != (0xffff << 32) & ~(UInt64.max >> bits)
    }

    /// A network's entry; nil: none. Setting one that ``canHold(_:)`` refuses does nothing.
    package subscript(prefix: Prefix) -> FilterMaps.Entry? {
        get {
            prefix.address.isIPv4 ? ipv4[prefix.length][prefix.address] : ipv6[prefix.length][prefix.address]
        }
        set {
            guard Self.canHold(prefix) else { return }
            let old =
                prefix.address.isIPv4
                ? Self.replace(&ipv4[prefix.length][prefix.address], newValue)
                : Self.replace(&ipv6[prefix.length][prefix.address], newValue)
            count += (newValue == nil ? 0 : 1) - (old == nil ? 0 : 1)
        }
    }

    private static func replace(
        _ entry: inout FilterMaps.Entry?, _ new: FilterMaps.Entry?
    ) -> FilterMaps.Entry? {
        defer { entry = new }
        return entry
    }

    /// The longest network that contains the address, whether or not its time is over.
    package func longest(containing address: Address) -> Prefix? {
        guard count > 0 else { return nil }
        let lists = address.isIPv4 ? ipv4 : ipv6
        for length in lists.indices.reversed()
        where !lists[length].isEmpty && lists[length][address.masked(to: length)] != nil {
            return Prefix(address, length: length)
        }
        return nil
    }

    /// Counts a packet of an address for the network.
    mutating func count(_ frame: RawSpan, of prefix: Prefix) {
        if prefix.address.isIPv4 {
            ipv4[prefix.length][prefix.address]?.add(frame)
        } else {
            ipv6[prefix.length][prefix.address]?.add(frame)
        }
    }
}

extension FilterMaps.Entry {
    mutating func add(_ frame: RawSpan) {
        packets &+= 1
        bytes &+= UInt64(frame.byteCount)
    }
}
