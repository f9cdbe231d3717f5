import Addresses
import Testing

@Suite struct `An address in text` {
    @Test(arguments: [
        // RFC 5952, sections 1 and 4, and RFC 4291, section 2.2.
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:db8::1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8::0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:0db8::1:0:0:1", "2001:db8::1:0:0:1"), ("2001:DB8:0:0:1::1", "2001:db8::1:0:0:1"),
        ("2001:db8:aaaa:bbbb:cccc:dddd:eeee:0001", "2001:db8:aaaa:bbbb:cccc:dddd:eeee:1"),
        ("2001:db8:aaaa:bbbb:cccc:dddd::1", "2001:db8:aaaa:bbbb:cccc:dddd:0:1"),
        ("2001:db8:aaaa:bbbb:cccc:dddd:0:1", "2001:db8:aaaa:bbbb:cccc:dddd:0:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:db8:AAAA::1", "2001:db8:aaaa::1"), ("2001:db8::", "2001:db8::"),
        ("ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"),
        ("2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"), ("FF01:0:0:0:0:0:0:101", "ff01::101"),
        ("0:0:0:0:0:0:0:1", "::1"), ("0:0:0:0:0:0:0:0", "::"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
        ("0:0:0:0:0:0:13.1.68.3", "::d01:4403"), ("::13.1.68.3", "::d01:4403"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        ("1:0:0:2:0:0:0:3", "1:0:0:2::3"), ("1:2:3:4:5:6:198.51.100.7", "1:2:3:4:5:6:c633:6407"),
        ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"), ("fe80:0:0:0:0:0:0:0", "fe80::"),
        // IPv4, and IPv4 in IPv6, which is the same address.
        ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"), ("192.0.2.1", "192.0.2.1"),
        ("::ffff:129.144.52.38", "129.144.52.38"), ("0:0:0:0:0:FFFF:129.144.52.38", "129.144.52.38"),
        ("::ffff:c000:201", "192.0.2.1"),
    ])
    func `is written in one way whatever way it was read`(text: String, canonical: String) throws {
        let address = try #require(Address(text))
        #expect(address.description == canonical)
        #expect(Address(canonical) == address)
        #expect(Address(text: Array(text.utf8).span.bytes) == address)
    }

    @Test(arguments: [
        "", " ", ":", ":::", "1", "1.2.3", "1.2.3.4.5", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.256", "1.2.3.999",
        "01.2.3.4",
        "1.2.3.00", "1.2.3.0x1", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "+1.2.3.4", "1.2.3.1000", "١.2.3.4", "1,2,3,4",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1:2:3:4::5:6:7:8", "1::2::3",
        ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:", "1:", ":1", "::1:", "12345::", "g::", "::-1", "::1%eth0", "[::1]", "::1/64",
        "::1.2.3", "::1.2.3.256", "::1.2.3.4:5", "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "::ffff:1.2.3.04", "::.1.2.3",
        "1:2:3:4:5:1.2.3.4", "::1 ", "0:0:0:0:0:FFFF:129.144.052.38", "::\u{ff41}",
        "0000:0000:0000:0000:0000:ffff:255.255.255.2555", "1:2:3:4:5:6:7::8:9",
    ])
    func `is refused when it is no address`(text: String) {
        #expect(Address(text) == nil)
    }

    @Test func `round trips for any address`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<20_000 {
            var address = Address(high: random.next(), low: random.next())
            // Runs of zero groups are where the text differs.
            for group in 0..<4 {
                if Bool.random() { address.high &= ~(0xffff << UInt64(group * 16)) }
                if Bool.random() { address.low &= ~(0xffff << UInt64(group * 16)) }
            }
            #expect(Address(address.description) == address)
            let old = Address(ipv4: UInt32.random(in: 0...UInt32.max))
            #expect(Address(old.description) == old)
        }
    }

    @Test func `may be 45 bytes long and no longer`() {
        #expect(Address("0000:0000:0000:0000:0000:ffff:255.255.255.255") == Address(ipv4: UInt32.max))
        #expect(Address(String(repeating: "0", count: 46)) == nil)
    }
}

@Suite struct `An address` {
    @Test(arguments: [
        ("192.0.2.255", 24, "192.0.2.0"), ("192.0.2.255", 0, "0.0.0.0"), ("192.0.2.255", 32, "192.0.2.255"),
        ("192.0.2.255", 31, "192.0.2.254"), ("192.0.2.255", -1, "0.0.0.0"), ("192.0.2.255", 33, "192.0.2.255"),
        ("255.255.255.255", 1, "128.0.0.0"), ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 48, "2001:db8:ffff::"),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 64, "2001:db8:ffff:ffff::"),
        ("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 65, "2001:db8:ffff:ffff:8000::"), ("ffff::1", 0, "::"),
        ("ffff::1", 127, "ffff::"), ("ffff::1", 128, "ffff::1"), ("ffff::1", 500, "ffff::1"), ("ffff::1", -5, "::"),
        ("ffff:ffff:ffff:ffff::1", 63, "ffff:ffff:ffff:fffe::"),
    ])
    func `is masked to a length`(text: String, length: Int, expected: String) throws {
        #expect(try #require(Address(text)).masked(to: length) == Address(expected))
    }

    @Test func `knows its version, its subscriber and its network`() throws {
        let old = try #require(Address("198.51.100.7"))
        #expect(old.isIPv4)
        #expect(old.ipv4 == 0xc633_6407)
        #expect(old.subscriber == old)
        #expect(old.network == Address("198.51.100.0"))
        let new = try #require(Address("2001:db8:1:2:3:4:5:6"))
        #expect(!new.isIPv4)
        #expect(new.subscriber == Address("2001:db8:1:2::"))
        #expect(new.network == Address("2001:db8:1::"))
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.255.255.255", true), ("126.255.255.255", false), ("128.0.0.0", false), ("::1", true),
        ("::2", false), ("::", false), ("::7f00:1", false), ("::ffff:127.0.0.1", true),
    ])
    func `knows loopback`(text: String, isLoopback: Bool) throws {
        #expect(try #require(Address(text)).isLoopback == isLoopback)
    }
}

@Suite struct `A prefix` {
    @Test(arguments: [
        ("192.0.2.0/24", "192.0.2.0/24"), ("192.0.2.1", "192.0.2.1/32"), ("0.0.0.0/0", "0.0.0.0/0"), ("::/0", "::/0"),
        ("2001:db8::/32", "2001:db8::/32"), ("::1", "::1/128"),
    ])
    func `round trips`(text: String, canonical: String) throws {
        let prefix = try #require(Prefix(text))
        #expect(prefix.description == canonical)
        #expect(Prefix(canonical) == prefix)
    }

    @Test(arguments: [
        "", "/", "192.0.2.0/", "/24", "192.0.2.1/24", "192.0.2.0/33", "10.0.0.0/08", "192.0.2.0/-1", "192.0.2.0/+24",
        "192.0.2.0/24/1",
        "192.0.2.0/ 24", "2001:db8::1/64", "::/129", "::/0064", "nonsense/8", "192.0.2.0/0x8",
    ])
    func `is refused when it is none`(text: String) {
        #expect(Prefix(text) == nil)
    }

    @Test func `clears the bits behind its length`() throws {
        let prefix = Prefix(try #require(Address("192.0.2.255")), length: 25)
        #expect(prefix.description == "192.0.2.128/25")
        #expect(Prefix(try #require(Address("192.0.2.255")), length: 40).length == 32)
        #expect(Prefix(try #require(Address("::1")), length: -3).length == 0)
    }

    @Test(arguments: [
        ("192.0.2.0/24", "192.0.2.0", true), ("192.0.2.0/24", "192.0.2.255", true),
        ("192.0.2.0/24", "192.0.3.0", false),
        ("192.0.2.0/24", "192.0.1.255", false), ("0.0.0.0/0", "203.0.113.9", true), ("0.0.0.0/0", "2001:db8::1", false),
        ("::/0", "2001:db8::1", true), ("::/0", "192.0.2.1", false), ("::/96", "192.0.2.1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/32", "2001:db9::", false),
        ("2001:db8:0:8000::/49", "2001:db8:0:8001::", true), ("2001:db8:0:8000::/49", "2001:db8:0:7fff::", false),
        ("::1/128", "::1", true), ("::1/128", "::2", false),
    ])
    func `contains what shares its bits and its version`(prefix: String, address: String, expected: Bool) throws {
        #expect(try #require(Prefix(prefix)).contains(try #require(Address(address))) == expected)
    }

    @Test(arguments: [
        ("192.0.2.0/24", "192.0.2.64/26", true, true), ("192.0.2.64/26", "192.0.2.0/24", false, true),
        ("192.0.2.0/24", "192.0.2.0/24", true, true), ("192.0.2.0/25", "192.0.2.128/25", false, false),
        ("2001:db8::/32", "2001:db8:1::/48", true, true), ("::/0", "192.0.2.0/24", false, false),
    ])
    func `a block is in another or not`(one: String, other: String, isIn: Bool, overlap: Bool) throws {
        let (one, other) = (try #require(Prefix(one)), try #require(Prefix(other)))
        #expect(one.contains(other) == isIn && one.overlaps(other) == overlap && other.overlaps(one) == overlap)
    }
}

@Suite struct `An endpoint` {
    @Test(arguments: ["192.0.2.1:443", "0.0.0.0:0", "[2001:db8::1]:65535", "[::]:80", "127.0.0.1:1"])
    func `round trips`(text: String) throws {
        #expect(try #require(Endpoint(text)).description == text)
    }

    @Test(arguments: [
        "", ":", ":80", "192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:-1", "192.0.2.1:+1", "192.0.2.1: 80",
        "192.0.2.1:80 ", "192.0.2.1:000080", "2001:db8::1:80", "[2001:db8::1]", "[2001:db8::1]80", "[192.0.2.1]:80",
        "[]:80",
        "[::1:80", "::1]:80", "[[::1]]:80", "example.nl:80", "192.0.2.1:８０", "[::1%lo]:80",
    ])
    func `is refused when it is none`(text: String) {
        #expect(Endpoint(text) == nil)
    }
}
