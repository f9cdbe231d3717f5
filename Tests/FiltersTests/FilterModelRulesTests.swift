import Addresses
import FilterKit
import Filters
import Fingerprints
import TestKit
import Testing

private typealias Build = PacketBuilder

private let now: UInt64 = 1_000_000_000
private let frame = Build.udpFrame(5, 53, [1, 2])

private func model(_ rules: [KernelRule] = [], _ change: (inout FilterPlan) -> Void = { _ in }) -> FilterModel {
    var plan = FilterPlan()
    change(&plan)
    return FilterModel(plan: plan, rules: rules)
}

private func rule(
    _ conditions: [(Feature, String)], counter: UInt32 = 0, isDry: Bool = false, targets: [Prefix] = [],
    networks: [String] = [], until: UInt64 = .max
) -> KernelRule {
    let made = fingerprint(conditions, isSpoofable: false, networks: networks.map { ($0, 0.1) })
    var options = RuleOptions()
    options.limitsToNetworks = true
    guard
        case .success(var result) = KernelRule.make(
            from: made, targets: targets, counter: counter, isDry: isDry, at: made.made, clock: now, options: options)
    else { preconditionFailure("no rule of \(conditions)") }
    result.rule.until = until
    return result.rule
}

extension FilterModel {
    fileprivate mutating func judge(_ frame: [UInt8], at now: UInt64 = now) -> FilterJudgement {
        judge(frame.span.bytes, at: now)
    }
}

@Suite struct `The model's rules` {
    @Test func `are asked by rank, then in order`() {
        let any = rule([(.ttl, "64")])
        let ofProtocol = rule([(.protocol, "udp")])
        let manyPorts = rule([(.protocol, "udp"), (.destinationPort, "1,3,5,7,9,11,13,53,90")])
        let portRange = rule([(.protocol, "udp"), (.sourcePort, "4-5")])
        let destination = rule([(.protocol, "udp"), (.destinationPort, "3,5,7,9,11,13,15,53")])
        let source = rule([(.protocol, "udp"), (.sourcePort, "5")])
        func first(_ rules: KernelRule...) -> Int? {
            var model = model(rules)
            return model.judge(frame).rule
        }
        #expect(first(any, ofProtocol, destination, source) == 3)
        #expect(first(any, ofProtocol, destination) == 2)
        #expect(first(any, ofProtocol) == 1)
        #expect(first(any, any) == 0)
        // More than eight, or a range of them, are no table's.
        #expect(first(ofProtocol, manyPorts, portRange) == 0)
        #expect(first(manyPorts, ofProtocol) == 0)
        #expect(first(portRange, destination) == 1)
        // A protocol without ports has none.
        #expect(first(rule([(.protocol, "50")]), any) == 1)
        // Of both ports the source's counts.
        #expect(first(source, rule([(.protocol, "udp"), (.sourcePort, "5"), (.destinationPort, "53")])) == 0)
    }

    @Test func `are asked pattern by pattern, by the rank of each`() {
        // Ports alone are of TCP or UDP; a name's answer is known by its source port.
        var model = model([rule([(.service, "dns")])])
        #expect(model.judge(Build.udpFrame(53, 53, Build.dns("a.b"))).cause == .rule(0, pattern: 0))
        let answer = Build.udpFrame(53, 53, Build.dns("a.b", isResponse: true))
        #expect(model.judge(answer).cause == .rule(0, pattern: 1))
        // The response's pattern, of rank 0, comes before the first rule's.
        var two = FilterModel(
            plan: FilterPlan(),
            rules: [rule([(.protocol, "udp"), (.destinationPort, "53")]), rule([(.service, "dns")])])
        #expect(two.judge(answer).cause == .rule(1, pattern: 1))
    }

    @Test func `hold until their time is over`() {
        var model = model([rule([(.ttl, "64")], until: now + 1)])
        #expect(model.judge(frame).reason == .rule)
        #expect(model.judge(frame, at: now + 1).reason == .passed)
        #expect(model.ruleHits[0] == .init(packets: 1, bytes: UInt64(frame.count)))
    }

    @Test func `are for their targets and their networks`() {
        func isHit(_ rule: KernelRule, _ frame: [UInt8]) -> Bool {
            var model = FilterModel(plan: FilterPlan(), rules: [rule])
            return model.judge(frame).reason == .rule
        }
        let frame6 = Build.udpFrame(from: Build.source6, 5, to: Build.destination6, 53)
        for (targets, hits4, hits6) in [
            ([], true, true), (["198.51.100.0/24"], true, false), (["2001:db8:2::/48"], false, true),
            (["203.0.113.0/24", "198.51.100.2/32"], true, false), (["198.51.100.3/32"], false, false),
            (["2000::/3", "198.51.100.0/31"], false, true), (["8000::/1"], false, false),
        ] as [([String], Bool, Bool)] {
            let one = rule([(.ttl, "64")], targets: targets.compactMap { Prefix($0) })
            #expect(isHit(one, frame) == hits4 && isHit(one, frame6) == hits6, "\(targets)")
        }
        for (networks, hits4, hits6) in [
            (["192.0.2.0/24"], true, false), (["2001:db8::/48"], false, true), (["192.0.3.0/24"], false, false),
        ] as [([String], Bool, Bool)] {
            let one = rule([(.ttl, "64")], networks: networks)
            #expect(isHit(one, frame) == hits4 && isHit(one, frame6) == hits6, "\(networks)")
        }
    }

    @Test func `that are dry are counted, pattern by pattern, before the one that drops`() {
        // Bytes of any port: four patterns, one of each protocol.
        let dry = rule([(.ttl, "64")], counter: 7, isDry: true)
        let twice = rule([(.service, "ntp")], counter: 8, isDry: true)
        let live = rule([(.length, "1-65535")], counter: 9)
        var model = model([dry, twice, live, live])
        // Mode 3 from and to its port is a request only; 7 with its response bit is a response only.
        let judgement = model.judge(Build.udpFrame(123, 123, [0x23]))
        #expect(judgement.reason == .rule && judgement.rule == 2)
        #expect(judgement.dry.map(\.cause) == [.rule(1, pattern: 0), .rule(0, pattern: 0)])
        #expect(model.count(.dryRule).packets == 2 && model.count(.rule).packets == 1)
        #expect(model.ruleHits[7]?.packets == 1 && model.ruleHits[8]?.packets == 1 && model.ruleHits[9]?.packets == 1)
        // Both ports single: the same packet meets two patterns of one rule, and is counted for each.
        let both = rule([(.service, "chargen")], counter: 3, isDry: true)
        var other = FilterModel(plan: FilterPlan(), rules: [both])
        #expect(other.judge(Build.udpFrame(19, 20)).dry.count == 1)
        #expect(other.judge(Build.udpFrame(19, 19)).dry.count == 1)
        #expect(other.ruleHits[3]?.packets == 2 && other.count(.passed).packets == 2)
    }

    @Test func `do not meet what has no header of its own`() {
        let ports = rule([(.protocol, "udp"), (.sourcePort, "0-65535")])
        let kind = rule([(.fragment, "later")])
        let later = Build.ethernet(Build.ipv4(17, [1, 2], offset: 8))
        var model = model([ports])
        #expect(model.judge(later).reason == .passed)
        #expect(model.judge(frame).reason == .rule)
        var other = FilterModel(plan: FilterPlan(), rules: [kind])
        #expect(other.judge(later).reason == .rule && other.judge(frame).reason == .passed)
    }

    @Test func `compare what they say`() {
        func isHit(_ conditions: [(Feature, String)], _ frame: [UInt8]) -> Bool {
            var model = FilterModel(plan: FilterPlan(), rules: [rule(conditions)])
            return model.judge(frame).reason == .rule
        }
        let tcp = Build.tcpFrame(5, 443, flags: 0x12, [0x01, 0x47])
        #expect(isHit([(.flags, "S,SA")], tcp) && !isHit([(.flags, "S,A")], tcp))
        #expect(isHit([(.payload, "0147")], tcp) && !isHit([(.payload, "0146")], tcp))
        // Padding is no payload.
        #expect(!isHit([(.payload, "014700")], tcp + [0, 0]) && !isHit([(.payload, "0147")], frame))
        #expect(isHit([(.length, "42")], tcp + [0]) && !isHit([(.length, "43")], tcp + [0]))
        #expect(isHit([(.ttl, "64")], tcp) && !isHit([(.ttl, "1-63,65-255")], tcp))
        #expect(isHit([(.protocol, "tcp")], tcp) && !isHit([(.protocol, "udp")], tcp))
        let ping = Build.ethernet(Build.ipv4(1, Build.icmp(8, 1, [9])))
        #expect(
            isHit([(.icmpType, "8"), (.icmpCode, "1")], ping) && !isHit([(.icmpType, "8"), (.icmpCode, "2")], ping))
        #expect(isHit([(.payload, "09")], ping))
        let question = Build.udpFrame(5, 53, Build.dns("Example.nl", type: 255))
        #expect(isHit([(.dnsName, "eXample.nl")], question) && !isHit([(.dnsName, "example.be")], question))
        #expect(isHit([(.dnsType, "16,255")], question) && !isHit([(.dnsType, "16")], question))
        #expect(isHit([(.dnsName, "example.nl"), (.dnsType, "255")], question))
        #expect(!isHit([(.dnsName, "example.nl"), (.dnsType, "1")], question))
        #expect(!isHit([(.dnsType, "255")], Build.udpFrame(5, 54, Build.dns("example.nl", type: 255))))
    }
}

@Suite struct `The model's budgets` {
    @Test func `are of packets that may come at once, and then by time`() {
        var model = model { $0.sourceBudget = .init(packets: 10, bytes: 1_000_000, burst: 1_000) }
        for _ in 0..<10 { #expect(model.judge(frame).reason == .passed) }
        let over = model.judge(frame)
        #expect(over.reason == .sourceBudget && over.cause == .budget(Address(Build.source)!))
        // What does not fit takes nothing.
        for _ in 0..<5 { #expect(model.judge(frame, at: now + 99_999_999).reason == .sourceBudget) }
        #expect(model.judge(frame, at: now + 100_000_000).reason == .passed)
        #expect(model.judge(frame, at: now + 100_000_000).reason == .sourceBudget)
        // Another source has one of its own.
        #expect(model.judge(Build.udpFrame(from: "192.0.2.2", 5, 53)).reason == .passed)
        #expect(model.sourceBudgets[Address(Build.source)!]?.packets == now + 1_100_000_000)
        #expect(model.sourceBudgets.count == 2 && model.destinationBudgets.count == 0)
    }

    @Test func `are of bytes of the whole frame`() {
        // 44 bytes cost 44 ms: of 100 ms two fit; with padding to 60 but one.
        var model = model { $0.destinationBudget = .init(packets: 1_000, bytes: 1_000, burst: 100) }
        #expect(frame.count == 44)
        #expect(model.judge(frame).reason == .passed && model.judge(frame).reason == .passed)
        let over = model.judge(frame)
        #expect(over.reason == .destinationBudget && over.cause == .budget(Address(Build.destination)!))
        let padded = frame + [UInt8](repeating: 0, count: 16)
        #expect(model.judge(padded, at: now + 1_000_000_000).reason == .passed)
        #expect(model.judge(padded, at: now + 1_000_000_000).reason == .destinationBudget)
        #expect(
            model.destinationBudgets[Address(Build.destination)!]?.bytes
                == now + 1_000_000_000 + (60 * ((1_000_000_000 << 16) / 1_000)) >> 16)
    }

    @Test func `are of bytes of the whole frame, of sources too`() {
        var model = model { $0.sourceBudget = .init(packets: 1_000_000, bytes: 1_000, burst: 100) }
        #expect(model.judge(frame).reason == .passed)
        let padded = frame + [UInt8](repeating: 0, count: 16)
        #expect(model.judge(padded).reason == .sourceBudget)
        #expect(model.judge(frame).reason == .passed)
    }

    @Test func `know who never fitted`() {
        var model = model { $0.sourceBudget = .init(packets: 1, bytes: 1_000_000, burst: 100) }
        // One packet's cost is above what may come at once: nothing ever fits.
        #expect(model.judge(frame).reason == .sourceBudget)
        #expect(model.sourceBudgets[Address(Build.source)!] == .init())
    }

    @Test func `are of a subscriber, and of a single destination`() {
        var model = model {
            $0.sourceBudget = .init(packets: 1, bytes: 1_000_000, burst: 1_000)
            $0.destinationBudget = .init(packets: 1, bytes: 1_000_000, burst: 1_000)
        }
        func judge(_ source: String, _ destination: String) -> FilterReason {
            model.judge(Build.udpFrame(from: source, 5, to: destination, 53)).reason
        }
        #expect(judge("2001:db8::1", "2001:db8:9::1") == .passed)
        #expect(judge("2001:db8::2", "2001:db8:9::2") == .sourceBudget)
        #expect(judge("2001:db8:0:1::1", "2001:db8:9::2") == .passed)
        #expect(judge("2001:db8:0:2::1", "2001:db8:9::2") == .destinationBudget)
        #expect(judge("192.0.2.1", "198.51.100.1") == .passed)
        #expect(judge("192.0.2.2", "198.51.100.1") == .destinationBudget)
        // Its own budget was taken from all the same.
        #expect(judge("192.0.2.2", "198.51.100.7") == .sourceBudget)
    }

    @Test func `that are dry are counted, and what follows is asked`() {
        var model = model([rule([(.ttl, "64")])]) {
            $0.sourceBudget = .init(packets: 1, bytes: 1_000, burst: 100, isDry: true)
            $0.destinationBudget = .init(packets: 1, bytes: 1_000, burst: 100, isDry: true)
        }
        let judgement = model.judge(frame)
        #expect(judgement.reason == .rule && judgement.dry.map(\.reason) == [.drySourceBudget, .dryDestinationBudget])
        #expect(model.count(.drySourceBudget).packets == 1 && model.count(.dryDestinationBudget).packets == 1)
    }

    @Test func `come after the lists, the source's before the destination's`() {
        var model = model([rule([(.ttl, "64")])]) {
            $0.sourceBudget = .init(packets: 1, bytes: 1_000, burst: 100)
            $0.destinationBudget = .init(packets: 1, bytes: 1_000, burst: 100)
        }
        #expect(model.judge(frame).reason == .sourceBudget)
        model.networks[Prefix("192.0.2.0/24")!] = .init(until: .max)
        #expect(model.judge(frame).reason == .blockedNetwork)
        model.blocked[Address(Build.source)!] = .init(until: .max)
        #expect(model.judge(frame).reason == .blockedSource)
        #expect(model.destinationBudgets.count == 0)
    }

    @Test func `are forgotten where there are too many`() {
        var model = model { $0.sourceBudget = .init(packets: 10, bytes: 1_000_000, burst: 1_000) }
        let limit = model.sourceBudgets.limit
        var frame = frame
        for number in 0..<limit + 1_000 {
            (frame[28], frame[29]) = (UInt8(number >> 8 & 255), UInt8(number & 255))
            frame[27] = UInt8(number >> 16)
            _ = model.judge(frame, at: now + UInt64(number))
        }
        #expect(model.sourceBudgets.count <= limit)
    }
}
