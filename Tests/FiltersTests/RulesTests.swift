import Addresses
import FilterKit
import Filters
import Fingerprints
import Moments
import Testing

struct RulesTests {
    private static let dns = fingerprint(
        [(.protocol, "udp"), (.sourcePort, "53"), (.length, "1000-1500")], kind: "dns-reflection")

    @Test func `the ones that cover most come first, and implied ones need no rule`() {
        let narrow = fingerprint([(.protocol, "udp"), (.sourcePort, "53"), (.ttl, "60")], coverage: 0.4)
        let wide = fingerprint([(.protocol, "udp"), (.sourcePort, "53-60")], coverage: 0.9)
        let other = fingerprint([(.protocol, "tcp"), (.flags, "S")], coverage: 0.5)
        let compiled = Rules.compile([narrow, other, wide], as: .nftables)
        #expect(compiled.rules.map(\.id) == [Rules.id(wide), Rules.id(other)])
        #expect(compiled.implied.map(\.id) == [Rules.id(narrow)] && compiled.implied[0].by == Rules.id(wide))
        #expect(compiled.refused.isEmpty)
    }

    @Test func `what would hit too much is refused, with figures`() {
        let hits = fingerprint([(.protocol, "udp")], collateral: 0.0011)
        let unknown = fingerprint([(.protocol, "icmp")], collateral: nil)
        let compiled = Rules.compile([hits, unknown], as: .nftables)
        #expect(compiled.rules.isEmpty)
        #expect(
            compiled.refused.map(\.reason) == [
                "hits 0.1100% of normal traffic: above the bound of 0.1000%", "its collateral was not measured",
            ])
        var options = RuleOptions()
        options.collateralBound = 0.01
        options.acceptsUnmeasured = true
        #expect(Rules.compile([hits, unknown], as: .nftables, options: options).rules.count == 2)
    }

    @Test func `the bound is of the whole set`() {
        let all = (1...3).map { fingerprint([(.protocol, "udp"), (.ttl, "\($0)")], collateral: 0.0004) }
        let compiled = Rules.compile(all, as: .bpf)
        #expect(compiled.rules.count == 2)
        #expect(
            compiled.refused.map(\.reason) == [
                "hits 0.0400% of normal traffic, and the rules before it 0.0800%: above the bound of 0.1000%"
            ])
    }

    @Test func `hostile figures are refused`() {
        for bad in [Double.nan, .infinity, -1, 2] {
            let compiled = Rules.compile(
                [fingerprint([(.ttl, "1")], coverage: bad), fingerprint([(.ttl, "2")], collateral: bad)], as: .nftables)
            #expect(compiled.rules.isEmpty && compiled.refused.count == 2)
        }
    }

    @Test func `what a language cannot say is refused, and left out only when asked and measured`() {
        let ttl = fingerprint([(.protocol, "udp"), (.sourcePort, "53"), (.ttl, "60")])
        var options = RuleOptions()
        options.targets = [Prefix("192.0.2.1/32")!]
        let refused = Rules.compile([ttl], as: .flowspec, options: options)
        #expect(refused.rules.isEmpty)
        #expect(refused.refused.map(\.reason) == ["flowspec cannot say ttl: FlowSpec has no component for it"])

        options.widening = .measured { $0.map(\.feature) == [.protocol, .sourcePort] ? 0.0005 : nil }
        let widened = Rules.compile([ttl], as: .flowspec, options: options)
        #expect(widened.rules.map(\.collateral) == [0.0005])
        #expect(widened.rules.first?.dropped.map(\.feature) == [.ttl])
        #expect(widened.unsaid.contains { $0.condition.feature == .ttl && $0.consequence.contains("0.0500%") })

        options.widening = .measured { _ in 0.002 }
        #expect(Rules.compile([ttl], as: .flowspec, options: options).rules.isEmpty)
        options.widening = .measured { _ in nil }
        #expect(Rules.compile([ttl], as: .flowspec, options: options).rules.isEmpty)
    }

    @Test func `each language refuses what it does not see`() {
        let packets = Self.dns
        let requests = fingerprint([(.method, "GET"), (.route, "/zoeken?q")])
        let hidden = fingerprint([(.method, "GET"), (.ja4, "t13d1516h2_8daaf6152771_b186095e22b6")])
        for language in RuleLanguage.allCases {
            var options = RuleOptions()
            options.targets = [Prefix("192.0.2.1/32")!]
            let compiled = Rules.compile([packets, requests, hidden], as: language, options: options)
            let count = (language.saysPackets ? 1 : 0) + (language.saysRequests ? 1 : 0)
            #expect(compiled.rules.count == count, "\(language) \(compiled.refused.map(\.reason))")
            #expect(compiled.refused.count == 3 - count)
        }
    }

    @Test func `FlowSpec without a target, and tunnels, are refused`() {
        #expect(
            Rules.compile([Self.dns], as: .flowspec).refused.map(\.reason) == [
                "FlowSpec needs a target: without one it would hit all that the routers carry"
            ])
        let gre = fingerprint([(.protocol, "47")])
        #expect(Rules.compile([gre], as: .nftables).rules.isEmpty)
        var options = RuleOptions()
        options.targets = [Prefix("0.0.0.0/0")!]
        #expect(Rules.compile([Self.dns], as: .nftables, options: options).rules.isEmpty)
    }

    @Test func `sources that may be forged are never named`() {
        var options = RuleOptions()
        options.limitsToNetworks = true
        options.targets = [Prefix("192.0.2.1/32")!]
        for isSpoofable in [true, nil, false] {
            let one = fingerprint(
                [(.protocol, "tcp"), (.destinationPort, "443")], isSpoofable: isSpoofable,
                networks: [("203.0.113.0/24", 0.9)])
            for language in [RuleLanguage.nftables, .flowspec, .suricata] {
                let text = Rules.compile([one], as: language, options: options).text
                #expect(text.contains("203.0.113.0/24") == (isSpoofable == false), "\(language)")
            }
        }
    }

    @Test func `conditions that no packet meets are refused`() {
        for conditions in [
            [(Feature.protocol, "udp"), (.flags, "S")], [(.protocol, "50"), (.payload, "00")],
            [(.protocol, "tcp"), (.dnsName, "example.nl")],
        ] {
            let compiled = Rules.compile([fingerprint(conditions)], as: .nftables)
            #expect(compiled.rules.isEmpty && compiled.refused.count == 1)
        }
        let later = fingerprint([(.sourcePort, "53"), (.fragment, "later")])
        #expect(
            Rules.compile([later], as: .nftables).refused.map(\.reason) == [
                "nftables cannot say source_port: later fragments carry no ports"
            ])
    }

    @Test func `expired ones are refused, and the options bound the end`() {
        var options = RuleOptions()
        options.now = Moment("2026-11-23T13:00:01Z")!
        #expect(Rules.compile([Self.dns], as: .bpf, options: options).refused.count == 1)
        options.now = Moment("2026-11-23T12:10:00Z")!
        options.expires = Moment("2026-11-23T12:30:00Z")!
        #expect(Rules.compile([Self.dns], as: .bpf, options: options).rules.map(\.expires) == [options.expires!])
    }

    @Test func `services are said by port and mark, and the difference is told`() throws {
        let dns = fingerprint([(.service, "dns response")])
        let compiled = Rules.compile([dns], as: .nftables)
        #expect(compiled.text.contains("udp sport 53 udp length >= 11 @th,80,8 & 0x80 == 0x80 counter drop"))
        #expect(compiled.unsaid.first?.consequence.contains("what only looks like it is hit too") == true)
        #expect(Rules.compile([fingerprint([(.service, "http request")])], as: .nftables).rules.isEmpty)
    }

    /// Values that would break out, if a language's writer let one of their characters through.
    private static let hostile = [
        "\" } ; flush ruleset ; #", "x'\nuser root\n", "a\u{0}b", "$(reboot)", "`reboot`", "\\", "\\'", "'", "\"",
        "{}", ";", "# x", "${x}", "\r\nX: y", "\u{202e}abc", "é", "%00", "a b", "/\"; sid:1; )", "|00|", "[", "]{3}",
        "[a-z", "[a-z]{9,1}", "[a-z]{,}", "[\\", "^", "\\x", "\\xzz",
    ]

    @Test(arguments: RuleLanguage.allCases)
    func `no value brings a character of its own into a file`(language: RuleLanguage) {
        for value in Self.hostile {
            for feature in Feature.allCases {
                var one = fingerprint([(feature, value)], kind: value)
                if feature == .route { one.conditions[0].value = "/" + value }
                if feature == .agent { one.conditions.insert(.init(.method, "GET"), at: 0) }
                var options = RuleOptions()
                options.targets = [Prefix("192.0.2.1/32")!]
                let text = Rules.compile([one], as: language, options: options).text
                #expect(!text.contains("(reboot") && !text.contains(" flush") && !text.contains("user root"))
                #expect(text.utf8.allSatisfy { $0 == 10 || (32...126).contains($0) })
                #expect(text.split(separator: "\n").allSatisfy { $0.count { $0 == "'" } % 2 == 0 })
                #expect(text.split(separator: "\n").allSatisfy { $0.count { $0 == "\"" } % 2 == 0 })
            }
        }
    }

    @Test func `hostile options are refused`() {
        for name in ["eth0\"", "a b", "", "0123456789abcdef", "x;y"] {
            var options = RuleOptions()
            options.interface = name
            #expect(Rules.compile([Self.dns], as: .nftables, options: options).rules.isEmpty)
        }
        for host in ["a b", "x\"y", "", "a\nb"] {
            var options = RuleOptions()
            options.host = host
            #expect(Rules.compile([fingerprint([(.method, "GET")])], as: .haproxy, options: options).rules.isEmpty)
        }
    }
}
