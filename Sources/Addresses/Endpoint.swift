/// An address and a port: where something listens or is reached.
package struct Endpoint: Hashable, Sendable, CustomStringConvertible {
    package var address: Address
    package var port: UInt16

    package init(_ address: Address, port: UInt16) {
        self.address = address
        self.port = port
    }

    /// Reads "192.0.2.1:443" or "[2001:db8::1]:443"; nil for anything else. Port 0 is allowed: it asks the kernel.
    package init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        var host = text[..<colon]
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let port = UInt16(digits)
        else { return nil }
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard let address = Address(host) else { return nil }
        self.init(address, port: port)
    }

    package var description: String { address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)" }
}
