/// An address block: an address and how many of its leading bits count.
package struct Prefix: Hashable, Sendable, CustomStringConvertible {
    /// The first address of the block; the bits after `length` are zero.
    package let address: Address
    /// Leading bits that count: 0...32 for IPv4, 0...128 for IPv6.
    package let length: Int

    /// Clears the bits after `length`, and cuts `length` off to the version's range.
    package init(_ address: Address, length: Int) {
        self.address = address.masked(to: length)
        self.length = max(0, min(address.isIPv4 ? 32 : 128, length))
    }

    /// Reads "192.0.2.0/24", "2001:db8::/32" or a bare address; nil when bits after the length are set.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, let address = Address(first) else { return nil }
        let whole = address.isIPv4 ? 32 : 128
        guard parts.count == 2 else {
            self.init(address, length: whole)
            return
        }
        // Digits alone: Int would take a sign, and a leading zero reads as octal elsewhere.
        let digits = parts[1].utf8
        guard (1...3).contains(digits.count), digits.allSatisfy({ (48...57).contains($0) }),
            digits.count == 1 || digits.first != 48, let length = Int(parts[1]), (0...whole).contains(length),
            address.masked(to: length) == address
        else { return nil }
        self.init(address, length: length)
    }

    package func contains(_ other: Address) -> Bool {
        other.isIPv4 == address.isIPv4 && other.masked(to: length) == address
    }

    /// Whether all of the other block is in this one.
    package func contains(_ other: Prefix) -> Bool { other.length >= length && contains(other.address) }

    /// Whether they have an address in common: one is part of the other.
    package func overlaps(_ other: Prefix) -> Bool { contains(other) || other.contains(self) }

    package var description: String { "\(address)/\(length)" }
}
