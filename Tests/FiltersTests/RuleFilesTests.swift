import Addresses
import FilterKit
import Filters
import Fingerprints
import TestKit
import Testing

/// What each language's file looks like, and that the programs that read it take it.
struct RuleFilesTests {
    static let packets = [
        fingerprint(
            [(.protocol, "udp"), (.sourcePort, "53,5353"), (.length, "100-1500"), (.fragment, "whole,first")],
            coverage: 0.99, kind: "dns-reflection"),
        fingerprint(
            [(.protocol, "tcp"), (.destinationPort, "443"), (.flags, "S,SEC,-"), (.ttl, "50-60,64")], coverage: 0.98),
        fingerprint([(.protocol, "udp"), (.destinationPort, "1024-65535"), (.payload, "17010203")], coverage: 0.97),
        fingerprint([(.icmpType, "3,8-9"), (.icmpCode, "0-4")], coverage: 0.96),
        fingerprint([(.protocol, "udp"), (.fragment, "later")], coverage: 0.95),
        fingerprint([(.dnsName, "www.Example.nl"), (.dnsType, "1,255")], coverage: 0.94),
        fingerprint([(.service, "ntp response"), (.length, "200-65535")], coverage: 0.93),
        fingerprint([(.protocol, "tcp"), (.flags, "A"), (.payload, "474554202f")], coverage: 0.92),
        fingerprint([(.protocol, "50"), (.ttl, "1")], coverage: 0.91),
        fingerprint([(.service, "ssdp response")], coverage: 0.9),
        fingerprint([(.protocol, "udp"), (.length, "40"), (.fragment, "first,later")], coverage: 0.89),
    ]
    static let requests = [
        fingerprint(
            [(.method, "GET"), (.route, "/zoeken?trefwoord&p"), (.parameters, "trefwoord=[a-z]{5,12}&p=[0-9]{1,3}")],
            coverage: 0.9, kind: "http-flood"),
        fingerprint([(.route, "/nieuws/0/0/x"), (.agent, "it's \"a\" $(b) \\ #{}; é")], coverage: 0.8),
        fingerprint([(.parameters, "/nieuws/[0-9]{1,4}"), (.agent, "")], coverage: 0.7),
    ]

    private static func compiled(
        _ fingerprints: [Fingerprint], _ language: RuleLanguage, _ change: (inout RuleOptions) -> Void = { _ in }
    ) -> CompiledRules {
        var options = RuleOptions()
        options.collateralBound = 0.01
        change(&options)
        return Rules.compile(fingerprints, as: language, options: options)
    }

    private static let both: @Sendable (inout RuleOptions) -> Void = {
        $0.targets = [Prefix("192.0.2.0/24")!, Prefix("2001:db8::1/128")!]
    }

    @Test func `an nftables file`() {
        let text = Self.compiled([Self.packets[0]], .nftables) { $0.interface = "eth0" }.text
        let id = Rules.id(Self.packets[0])
        let comment = "counter drop comment \"\(id) covers 99.0000% hits 0.0100% until 2026-11-23T13:00:00Z\""
        #expect(
            text == """
                # Lengths are of packets as they come off the wire: generic receive offload must be off for that interface.
                table netdev wasstraat
                delete table netdev wasstraat
                table netdev wasstraat {
                    chain fingerprints {
                        type filter hook ingress device "eth0" priority -500; policy accept;
                        # dns-reflection: protocol, source_port, length, fragment
                        # \(id) covers 99.0000% hits 0.0100% until 2026-11-23T13:00:00Z
                        meta protocol ip meta l4proto 17 ip length 100-1500 ip frag-off & 0x1fff == 0 \
                udp sport { 53, 5353 } \(comment)
                        meta protocol ip6 meta l4proto 17 ip6 length 60-1460 exthdr frag missing \
                udp sport { 53, 5353 } \(comment)
                        meta protocol ip6 meta l4proto 17 ip6 length 60-1460 frag frag-off 0 frag more-fragments 1 \
                udp sport { 53, 5353 } \(comment)
                    }
                }

                """)
    }

    @Test(.needs(tool: "nft"), .needs(tool: "unshare"), .needsRoot, arguments: [nil, "lo"])
    func `nft takes the file`(interface: String?) throws {
        let compiled = Self.compiled(Self.packets, .nftables) {
            Self.both(&$0)
            $0.interface = interface
        }
        #expect(compiled.rules.count == Self.packets.count, "\(compiled.refused.map(\.reason))")
        try Tool.run(["unshare", "-n", "nft", "-c", "-f", "-"], input: Array(compiled.text.utf8))
    }

    @Test func `FlowSpec's text and bytes`() throws {
        let one = fingerprint([
            (.protocol, "tcp"), (.sourcePort, "80,1024-65535"), (.flags, "SA"), (.fragment, "whole"),
        ])
        let gobgp = Self.compiled([one], .flowspec) {
            Self.both(&$0)
            $0.isCommented = false
        }
        let match = "protocol '==6' source-port '==80 >=1024&<=65535' tcp-flags '=SA&!FRPUEC' "
        let whole = "fragment '!is-fragment+first-fragment+last-fragment' then discard"
        #expect(
            gobgp.text == """
                gobgp global rib add -a ipv4-flowspec match destination 192.0.2.0/24 \(match)\(whole)
                gobgp global rib add -a ipv6-flowspec match destination 2001:db8::1/128 \(match)\(whole)

                """)
        let parts: [UInt8] = [
            3, 0x81, 6, 6, 0x01, 80, 0x13, 4, 0, 0xd5, 255, 255, 9, 0x01, 0x12, 0xc2, 0xed, 12, 0x82, 14,
        ]
        let destination6: [UInt8] = [1, 128, 0, 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        #expect(
            gobgp.rules[0].routes.map(\.nlri) == [
                [UInt8(5 + parts.count), 1, 24, 192, 0, 2] + parts,
                [UInt8(19 + parts.count)] + destination6 + parts,
            ])
        let exabgp = Self.compiled([one], .flowspec) {
            $0.targets = [Prefix("2001:db8::/32")!]
            $0.announcer = .exabgp
            $0.isCommented = false
        }
        #expect(
            exabgp.text == """
                flow {
                    route w\(Rules.id(one)) { match { destination 2001:db8::/32/0; next-header [ =6 ]; \
                source-port [ =80 >=1024&<=65535 ]; tcp-flags [ =syn+ack&!fin+rst+push+urgent+ece+cwr ]; \
                fragment [ !is-fragment+first-fragment+last-fragment ]; } then { discard; } }
                }

                """)
    }

    private static let routed = packets.filter {
        $0.conditions.allSatisfy { ![.ttl, .payload, .dnsName, .dnsType, .service].contains($0.feature) }
    }

    @Test(.needs(tool: "exabgp"))
    func `ExaBGP takes the routes`() throws {
        let compiled = Self.compiled(Self.routed, .flowspec) {
            Self.both(&$0)
            $0.announcer = .exabgp
        }
        #expect(compiled.rules.count == Self.routed.count && compiled.rules.count >= 3)
        let folder = try TemporaryFolder()
        let text = """
            neighbor 127.0.0.1 {
                router-id 127.0.0.1; local-address 127.0.0.1; local-as 64500; peer-as 64501;
                family { ipv4 flow; ipv6 flow; }
            \(compiled.text)}

            """
        let path = try folder.write(text, to: "exabgp.conf")
        try Tool.run(["exabgp", "--test", path])
    }

    @Test(.needs(tool: "gobgpd"), .needs(tool: "gobgp"), .needs(tool: "ip"), .needs(tool: "unshare"), .needsRoot)
    func `GoBGP takes the routes and has our bytes' values`() throws {
        let compiled = Self.compiled(Self.routed, .flowspec, Self.both)
        let script = """
            set -e
            ip link set lo up
            folder=$(mktemp -d)
            trap 'kill $daemon; rm -r "$folder"' EXIT
            printf '[global.config]\\n  as = 64500\\n  router-id = "127.0.0.1"\\n  port = -1\\n' > "$folder/g.toml"
            gobgpd -f "$folder/g.toml" -t toml --api-hosts 127.0.0.1:50199 > "$folder/log" 2>&1 & daemon=$!
            for wait in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
                gobgp -p 50199 global > "$folder/out" 2>&1 && break; sleep 0.2
            done
            gobgp() { command gobgp -p 50199 "$@"; }
            \(compiled.text)
            gobgp global rib -a ipv4-flowspec | grep -c '^[*]>'
            gobgp global rib -a ipv6-flowspec | grep -c '^[*]>'
            """
        let output = try Tool.run(["unshare", "-n", "bash", "-c", script])
        let routes = compiled.rules.flatMap(\.routes)
        let expected = [true, false].map { isIPv4 in "\(routes.filter { $0.isIPv4 == isIPv4 }.count)" }
        #expect(output.split(separator: "\n").map(String.init) == expected)
    }

    @Test func `a Suricata rule`() {
        let one = fingerprint(
            [(.protocol, "udp"), (.sourcePort, "53"), (.length, "100-1500"), (.payload, "1701")], kind: "dns-reflection"
        )
        let text = Self.compiled([one], .suricata) {
            $0.isCommented = false
            $0.targets = [Prefix("192.0.2.1/32")!]
        }.text
        let id = Rules.id(one)
        #expect(
            text == """
                drop udp 0.0.0.0/0 53 -> [192.0.2.1/32] any (msg:"wasstraat dns-reflection \(id)"; \
                content:"|17 01|"; offset:0; depth:2; ipv4.hdr; byte_test:2,>=,100,2; byte_test:2,<=,1500,2; \
                metadata:fingerprint \(id), coverage 95.0000%, collateral 0.0100%, expires 2026-11-23T13:00:00Z; \
                classtype:attempted-dos; sid:9400000; rev:1; )

                """)
    }

    @Test func `every Suricata rule has the grammar of one`() throws {
        let compiled = Self.compiled(Self.packets + Self.requests, .suricata, Self.both)
        var numbers: Set<Substring> = []
        let lines = compiled.rules.flatMap(\.lines)
        #expect(compiled.rules.count >= 8)
        let head = /drop (tcp|udp|icmp|ip|http) \S+ \S+ -> \S+ \S+ \((.*) \)/
        for line in lines {
            let match = try #require(line.wholeMatch(of: head), "\(line)")
            for option in match.2.split(separator: "; ") {
                #expect(option.wholeMatch(of: /[a-z0-9_.]+(:("[^";]*"|[^";]*))?;?/) != nil, "\(option)")
            }
            let number = try #require(line.firstMatch(of: /sid:([0-9]+);/)).1
            #expect(numbers.insert(number).inserted)
        }
    }

    @Test(.needs(tool: "suricata"))
    func `Suricata takes the rules`() throws {
        let compiled = Self.compiled(Self.packets + Self.requests, .suricata, Self.both)
        let folder = try TemporaryFolder()
        let rules = try folder.write(compiled.text, to: "wasstraat.rules")
        try Tool.run(["suricata", "-T", "-l", folder.path, "-S", rules])
    }

    @Test func `HAProxy's lines`() {
        let text = Self.compiled([Self.requests[0]], .haproxy) { $0.isCommented = false }.text
        #expect(
            text == """
                acl wasstraat_0_0 method -m reg '^GET$'
                acl wasstraat_0_1 pathq -m reg '^/zoeken\\x3ftrefwoord=[^&]*&p=[^&]*$'
                acl wasstraat_0_2 pathq -m reg '^[^?]*\\x3ftrefwoord=[a-z]{5,12}&p=[0-9]{1,3}$'
                http-request deny deny_status 429 if wasstraat_0_0 wasstraat_0_1 wasstraat_0_2

                """)
    }

    @Test func `nginx's lines`() {
        let text = Self.compiled([Self.requests[2]], .nginx) { $0.isCommented = false }.text
        #expect(
            text == """
                map $request_uri $wasstraat_0_0 { default 0; "~^/nieuws/[0-9]{1,4}$" 1; }
                map $http_user_agent $wasstraat_0_1 { default 0; "" 1; }
                map "${wasstraat_0_0}${wasstraat_0_1}" $wasstraat_0 { default 0; "11" 429; }
                map "${wasstraat_0}" $wasstraat { default 0; "~429" 429; "~444" 444; }
                # In the server block:
                #     if ($wasstraat = 429) { return 429; }
                #     if ($wasstraat = 444) { return 444; }

                """)
    }
}
