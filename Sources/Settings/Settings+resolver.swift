package import Addresses
internal import Glibc

extension Settings {
    /// Asks the system, that is its hosts file and its name servers, for the addresses of a name, in the order that the
    /// system prefers. Blocks, for about ten seconds at worst with usual resolver settings.
    package static func systemResolver(_ name: String) -> Result<[Address], Unresolved> {
        var hints = addrinfo()
        hints.ai_family = AF_UNSPEC
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        // No IPv6 addresses where this machine has no IPv6.
        hints.ai_flags = AI_ADDRCONFIG
        var first: UnsafeMutablePointer<addrinfo>?
        let code = getaddrinfo(name, nil, &hints, &first)
        guard code == 0 else {
            return .failure(Unresolved(gai_strerror(code).map { String(cString: $0) } ?? "error \(code)"))
        }
        defer { freeaddrinfo(first) }
        var addresses: [Address] = []
        var next = first
        while let entry = next?.pointee {
            if let address = entry.ai_addr.flatMap({ Address($0, family: entry.ai_family) }),
                !addresses.contains(address)
            {
                addresses.append(address)
            }
            next = entry.ai_next
        }
        return .success(addresses)
    }
}

extension Address {
    fileprivate init?(_ pointer: UnsafeMutablePointer<sockaddr>, family: Int32) {
        switch family {
        case AF_INET:
            // The family says which structure the system put there.
            let address = UnsafeRawPointer(pointer).loadUnaligned(as: sockaddr_in.self)
            self.init(ipv4: UInt32(bigEndian: address.sin_addr.s_addr))
        case AF_INET6:
            let address = UnsafeRawPointer(pointer).loadUnaligned(as: sockaddr_in6.self)
            // A link-local address means nothing without its interface, which an endpoint has no field for.
            guard address.sin6_scope_id == 0 else { return nil }
            let words = withUnsafeBytes(of: address.sin6_addr) { raw in
                [0, 8].map { UInt64(bigEndian: raw.loadUnaligned(fromByteOffset: $0, as: UInt64.self)) }
            }
            self.init(high: words[0], low: words[1])
        default:
            return nil
        }
    }
}
