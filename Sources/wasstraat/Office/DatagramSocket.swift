internal import Addresses
internal import Glibc

/// UDP sockets that are connected to one place.
enum DatagramSocket {
    /// Non-blocking; nil where the kernel has no way there.
    static func connect(to endpoint: Endpoint) -> Descriptor? {
        let family = endpoint.address.isIPv4 ? AF_INET : AF_INET6
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let opened = Glibc.socket(family, kind, 0)
        guard opened >= 0 else { return nil }
        let descriptor = Descriptor(opened)
        let status: Int32
        if endpoint.address.isIPv4 {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = endpoint.port.bigEndian
            address.sin_addr.s_addr = endpoint.address.ipv4.bigEndian
            status = connect(opened, &address, MemoryLayout<sockaddr_in>.size)
        } else {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = endpoint.port.bigEndian
            withUnsafeMutableBytes(of: &address.sin6_addr) { raw in
                raw.storeBytes(of: endpoint.address.high.bigEndian, as: UInt64.self)
                raw.storeBytes(of: endpoint.address.low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            status = connect(opened, &address, MemoryLayout<sockaddr_in6>.size)
        }
        return status == 0 ? descriptor : nil
    }

    private static func connect(_ socket: Int32, _ address: UnsafeRawPointer, _ size: Int) -> Int32 {
        Glibc.connect(socket, address.assumingMemoryBound(to: sockaddr.self), socklen_t(size))
    }

    /// From which of this machine's addresses a connection to a place would come, as the kernel's routes are now; nothing
    /// is sent. nil: there is no way there.
    static func source(towards endpoint: Endpoint) -> Address? {
        guard let socket = connect(to: endpoint) else { return nil }
        // Room for either family; the family says which it is.
        var storage = sockaddr_in6()
        var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let status = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket.number, $0, &size) }
        }
        guard status == 0 else { return nil }
        let isSix = storage.sin6_family == sa_family_t(AF_INET6)
        return withUnsafeBytes(of: storage) { raw in
            guard isSix else {
                return Address(ipv4: UInt32(bigEndian: raw.loadUnaligned(fromByteOffset: 4, as: UInt32.self)))
            }
            let halves = [8, 16].map { UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: $0, as: UInt64.self)) }
            return Address(high: halves[0], low: halves[1])
        }
    }
}
