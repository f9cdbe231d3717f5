import Addresses
import FilterKit
import Filters
import Fingerprints
import Moments
import Testing

@Suite struct `A kernel's rule` {
    private static func make(
        _ fingerprint: Fingerprint, targets: [Prefix] = [], counter: UInt32 = 0, until: UInt64 = .max,
        after seconds: Double = 0, clock: UInt64 = 5_000, options: RuleOptions = RuleOptions()
    ) -> Result<KernelRule.Made, RuleRefusal> {
        KernelRule.make(
            from: fingerprint, targets: targets, counter: counter, until: until, at: fingerprint.made + seconds,
            clock: clock, options: options)
    }

    private static func refusal(_ result: Result<KernelRule.Made, RuleRefusal>) -> String? {
        if case .failure(let refusal) = result { refusal.reason } else { nil }
    }

    @Test func `is what its fingerprint is, and ends with it`() throws {
        let one = fingerprint([(.protocol, "udp"), (.ttl, "64")])
        let made = try Self.make(one, targets: [Prefix("198.51.100.0/24")!], counter: 9).get()
        #expect(made.unsaid.isEmpty && made.id == Rules.id(one) && made.collateral == 0.0001)
        #expect(made.rule.counter == 9 && made.rule.targets == [Prefix("198.51.100.0/24")!] && !made.rule.isDry)
        // An hour after it was made.
        #expect(made.rule.until == 5_000 + 3_600_000_000_000)
        #expect(try Self.make(one, after: 3_599.5).get().rule.until == 5_000 + 500_000_000)
        #expect(try Self.make(one, until: 6_000).get().rule.until == 6_000)
        #expect(try Self.make(one, clock: .max - 1).get().rule.until == .max)
        var endless = one
        endless.expires = Moment(milliseconds: .max)
        #expect(try Self.make(endless).get().rule.until == .max)
    }

    @Test func `is not made of what has expired`() {
        let one = fingerprint([(.ttl, "64")])
        #expect(Self.refusal(Self.make(one, after: 3_600))?.hasPrefix("expired at ") == true)
        #expect(Self.refusal(Self.make(one, after: 3_599.999)) == nil)
        #expect(Self.refusal(Self.make(one, until: 5_000)) == "it would end before it begins")
        var options = RuleOptions()
        options.expires = one.made + 10
        #expect(Self.refusal(Self.make(one, after: 10, options: options))?.hasPrefix("expired at ") == true)
    }

    @Test func `says what it says otherwise`() throws {
        let named = try Self.make(fingerprint([(.sourcePort, "53"), (.dnsName, "example.nl")])).get()
        #expect(named.unsaid.map(\.condition.feature) == [.sourcePort, .dnsName])
        #expect(named.unsaid.allSatisfy { $0.id == named.id && !$0.consequence.isEmpty })
    }

    @Test func `is never widened unasked`() throws {
        let tunnelled = fingerprint([(.protocol, "47"), (.ttl, "64")])
        #expect(Self.refusal(Self.make(tunnelled))?.contains("cannot say") == true)
        var options = RuleOptions()
        options.widening = .measured { _ in 0.0005 }
        let wider = try Self.make(tunnelled, options: options).get()
        #expect(wider.unsaid.map(\.condition.feature) == [.protocol] && wider.collateral == 0.0005)
        options.widening = .measured { _ in 0.5 }
        #expect(Self.refusal(Self.make(tunnelled, options: options))?.contains("above the bound") == true)
    }

    @Test func `is not made of what no packet shows, or what hits too much`() {
        #expect(Self.refusal(Self.make(fingerprint([(.method, "GET")]))) != nil)
        #expect(Self.refusal(Self.make(fingerprint([(.ttl, "x")]))) != nil)
        #expect(Self.refusal(Self.make(fingerprint([(.service, "tls")]))) != nil)
        #expect(Self.refusal(Self.make(fingerprint([(.protocol, "tcp"), (.icmpType, "8")]))) != nil)
        #expect(Self.refusal(Self.make(fingerprint([(.ttl, "64")], collateral: 0.002)))?.contains("bound") == true)
        #expect(Self.refusal(Self.make(fingerprint([(.ttl, "64")], collateral: nil))) != nil)
        #expect(Self.refusal(Self.make(fingerprint([(.ttl, "64")]), counter: FilterMaps.ruleLimit)) != nil)
        #expect(Self.refusal(Self.make(fingerprint([(.ttl, "64")]), targets: [Prefix("0.0.0.0/0")!])) != nil)
        let many = Array(repeating: Prefix("198.51.100.0/24")!, count: RuleOptions.targetLimit + 1)
        #expect(Self.refusal(Self.make(fingerprint([(.ttl, "64")]), targets: many)) != nil)
    }
}
