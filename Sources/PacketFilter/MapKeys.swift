package import Addresses

/// An address as it is a key: 16 bytes in network order.
package struct AddressKey: Hashable, Sendable, BitwiseCopyable {
    private var high: UInt64
    private var low: UInt64

    package init(_ address: Address) {
        high = address.high.bigEndian
        low = address.low.bigEndian
    }

    package var address: Address { Address(high: UInt64(bigEndian: high), low: UInt64(bigEndian: low)) }
}

/// A network as it is a key of a map of prefixes: how many of the 16 bytes' bits count, and the bytes.
package struct NetworkKey: Hashable, Sendable, BitwiseCopyable {
    private var length: UInt32
    // Numbers of 64 bits would leave a gap before them.
    private var words: (UInt32, UInt32, UInt32, UInt32)

    package init(_ prefix: Prefix) {
        let (high, low) = (prefix.address.high, prefix.address.low)
        length = UInt32(prefix.address.isIPv4 ? 96 + prefix.length : prefix.length)
        words = (
            UInt32(high >> 32).bigEndian, UInt32(truncatingIfNeeded: high).bigEndian,
            UInt32(low >> 32).bigEndian, UInt32(truncatingIfNeeded: low).bigEndian
        )
    }

    package var prefix: Prefix {
        let high = UInt64(UInt32(bigEndian: words.0)) << 32 | UInt64(UInt32(bigEndian: words.1))
        let low = UInt64(UInt32(bigEndian: words.2)) << 32 | UInt64(UInt32(bigEndian: words.3))
        let address = Address(high: high, low: low)
        return Prefix(address, length: address.isIPv4 ? Int(length) - 96 : Int(length))
    }

    package static func == (one: NetworkKey, other: NetworkKey) -> Bool {
        one.length == other.length && one.words == other.words
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(length)
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
