internal import Addresses
internal import CLinux

extension HomeAddress {
    /// Begins to connect, from a source's address where there is one: the only place where load opens a connection.
    /// Returns the socket (non-blocking), or -errno.
    func dial(from source: Address?) -> Int32 {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { bytes in
            let to = UnsafeMutableBufferPointer(rebasing: bytes[..<16])
            endpoint.address.write(to: to)
            guard let source else { return linux_connect(to.baseAddress!, endpoint.port, nil) }
            let from = UnsafeMutableBufferPointer(rebasing: bytes[16...])
            source.write(to: from)
            return linux_connect(to.baseAddress!, endpoint.port, from.baseAddress!)
        }
    }
}

extension Address {
    /// Writes the 16 bytes in network order.
    func write(to bytes: UnsafeMutableBufferPointer<UInt8>) {
        for index in 0..<8 {
            bytes[index] = UInt8(truncatingIfNeeded: high >> UInt64(56 - index * 8))
            bytes[index + 8] = UInt8(truncatingIfNeeded: low >> UInt64(56 - index * 8))
        }
    }
}
