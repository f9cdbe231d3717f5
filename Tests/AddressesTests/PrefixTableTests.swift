import Addresses
import Testing

@Suite struct `A table of address blocks` {
    private static func table(_ texts: [String]) throws -> PrefixTable {
        PrefixTable(try texts.enumerated().map { (try #require(Prefix($1)), UInt16($0)) })
    }

    private static func value(_ table: PrefixTable, _ text: String) throws -> UInt16? {
        table.value(of: try #require(Address(text)))
    }

    @Test func `finds the longest block that holds an address`() throws {
        let table = try Self.table([
            "192.0.2.0/24", "192.0.2.128/25", "192.0.2.130/32", "198.51.100.7/32", "2001:db8::/32", "2001:db8:1::/48",
            "2001:db8:1::1/128",
        ])
        for (address, expected) in [
            ("192.0.1.255", nil), ("192.0.2.0", 0), ("192.0.2.127", 0), ("192.0.2.128", 1), ("192.0.2.129", 1),
            ("192.0.2.130", 2), ("192.0.2.131", 1), ("192.0.2.255", 1), ("192.0.3.0", nil), ("198.51.100.6", nil),
            ("198.51.100.7", 3), ("198.51.100.8", nil), ("2001:db7:ffff::", nil), ("2001:db8::", 4),
            ("2001:db8:0:ffff::", 4), ("2001:db8:1::", 5), ("2001:db8:1::1", 6), ("2001:db8:1::2", 5),
            ("2001:db8:2::", 4), ("2001:db9::", nil), ("::1", nil),
        ] as [(String, UInt16?)] {
            #expect(try Self.value(table, address) == expected, "\(address)")
        }
        #expect(!table.isEmpty && PrefixTable([]).isEmpty)
        #expect(try Self.value(PrefixTable([]), "192.0.2.1") == nil)
    }

    @Test func `keeps the two versions apart, to both ends of each`() throws {
        let table = try Self.table(["0.0.0.0/0", "::/0", "255.255.255.255/32", "ffff::/16"])
        for (address, expected) in [
            ("0.0.0.0", 0), ("255.255.255.254", 0), ("255.255.255.255", 2), ("::", 1), ("::1", 1), ("fffe::", 1),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 3),
        ] as [(String, UInt16)] {
            #expect(try Self.value(table, address) == expected, "\(address)")
        }
        let six = try Self.table(["::/0"])
        #expect(try Self.value(six, "192.0.2.1") == nil)
    }

    @Test func `has the later of two that are the same`() throws {
        let table = try Self.table(["192.0.2.0/24", "192.0.2.0/24"])
        #expect(try Self.value(table, "192.0.2.9") == 1)
    }

    /// Against a look at every block, over blocks that lie close together.
    @Test(arguments: 0..<20) func `finds what a look at every block finds`(seed: UInt64) {
        var state = seed &* 0x9e37_79b9_7f4a_7c15 | 1
        func next(_ bound: UInt64) -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state % bound
        }
        func address() -> Address {
            next(2) == 0
                ? Address(ipv4: 0xc000_0200 | UInt32(next(256)))
                : Address(high: 0x2001_0db8_0000_0000 | next(8), low: next(2) == 0 ? next(16) : next(.max))
        }
        var blocks: [Prefix: UInt16] = [:]
        for value in 0..<UInt16(next(60)) {
            let address = address()
            blocks[Prefix(address, length: address.isIPv4 ? 22 + Int(next(11)) : 56 + Int(next(73)))] = value
        }
        let table = PrefixTable(blocks.map { ($0, $1) })
        for _ in 0..<2_000 {
            let address = address()
            let longest = blocks.filter { $0.key.contains(address) }.max { $0.key.length < $1.key.length }
            #expect(table.value(of: address) == longest?.value)
        }
    }

    @Test func `costs tens of nanoseconds`() {
        let blocks = (0..<4_096).map { (Prefix(Address(ipv4: UInt32($0) << 16), length: 24), UInt16($0)) }
        let table = PrefixTable(blocks)
        let none = PrefixTable([])
        for (name, table) in [("4,096 blocks", table), ("none", none)] {
            var found = 0
            let clock = ContinuousClock()
            let took = clock.measure {
                for number in 0..<1_000_000 where table.value(of: Address(ipv4: UInt32(number) &* 2_654_435_761)) != nil
                {
                    found += 1
                }
            }
            print("look-up in a table of \(name): \(took / 1_000_000) (\(found) found)")
        }
    }
}
