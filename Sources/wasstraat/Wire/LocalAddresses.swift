internal import Addresses
internal import Glibc

/// The addresses that this machine has.
enum LocalAddresses {
    /// Those of all interfaces that are up, but for loopback ones: nothing comes in for those by a wire.
    static var now: [Address] {
        var list: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&list) == 0 else { return [] }
        defer { freeifaddrs(list) }
        var found: [Address] = []
        var next = list
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let name = entry.ifa_addr, entry.ifa_flags & UInt32(IFF_LOOPBACK) == 0,
                let address = address(name), !found.contains(address)
            else { continue }
            found.append(address)
        }
        return found
    }

    private static func address(_ name: UnsafeMutablePointer<sockaddr>) -> Address? {
        switch Int32(name.pointee.sa_family) {
        case AF_INET:
            return name.withMemoryRebound(to: sockaddr_in.self, capacity: 1) {
                Address(ipv4: UInt32(bigEndian: $0.pointee.sin_addr.s_addr))
            }
        case AF_INET6:
            return name.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { pointer in
                var bytes = pointer.pointee.sin6_addr
                return withUnsafeBytes(of: &bytes) { raw in
                    let halves = [0, 8].map {
                        UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: $0, as: UInt64.self))
                    }
                    return Address(high: halves[0], low: halves[1])
                }
            }
        default: return nil
        }
    }
}
