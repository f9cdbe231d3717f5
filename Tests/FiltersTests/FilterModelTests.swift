import Addresses
import FilterKit
import Filters
import Fingerprints
import TestKit
import Testing

private typealias Build = PacketBuilder

private let source = Address(Build.source)!
private let frame = Build.udpFrame(5, 53, [1, 2])
private let now: UInt64 = 1_000_000_000

private func model(_ rules: [KernelRule] = [], _ change: (inout FilterPlan) -> Void = { _ in }) -> FilterModel {
    var plan = FilterPlan()
    change(&plan)
    return FilterModel(plan: plan, rules: rules)
}

private func rule(
    _ conditions: [(Feature, String)], counter: UInt32 = 0, isDry: Bool = false, targets: [Prefix] = [],
    until: UInt64 = .max
) -> KernelRule {
    let made = fingerprint(conditions)
    guard
        case .success(var result) = KernelRule.make(
            from: made, targets: targets, counter: counter, isDry: isDry, at: made.made, clock: now)
    else { preconditionFailure("no rule of \(conditions)") }
    result.rule.until = until
    return result.rule
}

extension FilterModel {
    fileprivate mutating func judge(_ frame: [UInt8], at now: UInt64 = now) -> FilterJudgement {
        judge(frame.span.bytes, at: now)
    }

    /// What was counted, packets by reason.
    fileprivate var counted: [FilterReason: UInt64] {
        Dictionary(uniqueKeysWithValues: FilterReason.allCases.map { ($0, count($0).packets) }).filter { $0.value > 0 }
    }
}

@Suite struct `The filter's model` {
    @Test func `lets pass what nothing is against, and counts whole frames`() {
        var model = model()
        let judgement = model.judge(frame + [0, 0])
        #expect(judgement.reason == .passed && judgement.action == .pass && judgement.cause == nil)
        #expect(judgement.facts?.source == source)
        #expect(model.counted == [.passed: 1])
        #expect(model.count(.passed).bytes == UInt64(frame.count + 2))
    }

    @Test func `lets pass what is no IP, whatever the lists say`() {
        var model = model()
        model.networks[Prefix("0.0.0.0/0")!] = .init(until: .max)
        #expect(model.judge([1, 2, 3]).reason == .other)
        #expect(model.judge([]).action == .pass)
        #expect(model.counted == [.other: 2])
    }

    @Test(arguments: FilterPlan.Conduct.allCases) func `does with malformed packets as planned`(
        conduct: FilterPlan.Conduct
    ) {
        var model = model { $0.malformed = conduct }
        // Not even lists are asked of what cannot be read.
        model.blocked[source] = .init(until: .max)
        model.allowed[Prefix("192.0.2.0/24")!] = .init(until: .max)
        let judgement = model.judge(Array(frame.dropLast()))
        switch conduct {
        case .live:
            #expect(judgement.reason == .malformed && judgement.action == .drop)
            #expect(judgement.malformation == .longerThanCarrier && model.counted == [.malformed: 1])
        case .dry:
            #expect(judgement.reason == .passed && judgement.malformation == .longerThanCarrier)
            #expect(judgement.dry.map(\.reason) == [.dryMalformed])
            #expect(model.counted == [.dryMalformed: 1, .passed: 1])
        case .off:
            #expect(judgement.reason == .passed && judgement.dry.isEmpty && model.counted == [.passed: 1])
        }
        #expect(model.blocked[source]?.packets == 0)
    }

    // MARK: Lists

    @Test func `lets the allowed pass before all that is against them`() {
        var model = model([rule([(.protocol, "udp")])]) {
            $0.sourceBudget = .init(packets: 1, bytes: 1_000, burst: 100)
        }
        model.blocked[source] = .init(until: .max)
        model.allowed[Prefix("192.0.2.0/24")!] = .init(until: now + 1)
        let judgement = model.judge(frame)
        #expect(judgement.reason == .allowed && judgement.entry == Prefix("192.0.2.0/24") && judgement.action == .pass)
        #expect(model.blocked[source]?.packets == 0 && model.sourceBudgets.count == 0)
        // From that moment on it is over.
        #expect(model.judge(frame, at: now + 1).reason == .blockedSource)
    }

    @Test func `asks the longest network alone`() {
        var model = model()
        model.allowed[Prefix("192.0.0.0/16")!] = .init(until: .max)
        #expect(model.judge(frame).entry == Prefix("192.0.0.0/16"))
        model.allowed[Prefix("192.0.2.1")!] = .init(until: now)
        #expect(model.judge(frame).reason == .passed)
        model.networks[Prefix("0.0.0.0/0")!] = .init(until: .max)
        model.networks[Prefix("192.0.2.0/31")!] = .init(until: now)
        #expect(model.judge(frame).reason == .passed)
        model.networks[Prefix("192.0.2.0/31")!] = nil
        #expect(model.judge(frame).entry == Prefix("0.0.0.0/0"))
        #expect(model.networks[Prefix("0.0.0.0/0")!]?.packets == 1)
    }

    @Test func `drops blocked sources until their time is over`() {
        var model = model()
        model.blocked[source] = .init(until: now + 1)
        let judgement = model.judge(frame)
        #expect(judgement.reason == .blockedSource && judgement.entry == Prefix(source, length: 32))
        #expect(model.judge(Build.udpFrame(from: "192.0.2.2", 5, 53)).reason == .passed)
        #expect(model.judge(frame, at: now + 1).reason == .passed)
        #expect(model.blocked[source]?.packets == 1)
    }

    @Test func `counts what entries hit for whose they are, dry and live apart`() {
        var model = model()
        model.blocked[source] = .init(until: .max, tally: 3)
        model.networks[Prefix("192.0.2.0/24")!] = .init(until: .max, isDry: true, tally: 3)
        model.networks[Prefix("198.51.100.0/24")!] = .init(until: .max, tally: 0)
        let other = Build.udpFrame(from: "192.0.2.9", 5, 53)
        _ = [frame, frame, other, Build.udpFrame(from: "198.51.100.9", 5, 53)].map { model.judge($0) }
        #expect(model.tallies[6] == .init(packets: 2, bytes: 2 * UInt64(frame.count)))
        #expect(model.tallies[7]?.packets == 1 && model.tallies[0]?.packets == 1 && model.tallies.count == 3)
        #expect(model.blocked[source]?.bytes == 2 * UInt64(frame.count))
    }

    @Test func `goes on where an entry is dry`() {
        var model = model([rule([(.ttl, "64")])])
        model.blocked[source] = .init(until: .max, isDry: true)
        model.networks[Prefix("192.0.2.0/24")!] = .init(until: .max, isDry: true)
        let judgement = model.judge(frame)
        #expect(judgement.reason == .rule && judgement.rule == 0)
        #expect(
            judgement.dry == [
                .init(.dryBlockedSource, .entry(Prefix(source, length: 32))),
                .init(.dryBlockedNetwork, .entry(Prefix("192.0.2.0/24")!)),
            ])
        #expect(model.counted == [.dryBlockedSource: 1, .dryBlockedNetwork: 1, .rule: 1])
        #expect(model.blocked[source]?.packets == 1 && model.networks[Prefix("192.0.2.0/24")!]?.packets == 1)
        #expect(model.count(.dryBlockedSource).bytes == UInt64(frame.count))
    }

    @Test func `asks no list that is not planned`() {
        var model = model([rule([(.ttl, "64")])]) {
            ($0.hasAllowed, $0.hasBlocked, $0.hasNetworks, $0.hasRules) = (false, false, false, false)
        }
        model.allowed[Prefix("192.0.2.0/24")!] = .init(until: .max)
        model.networks[Prefix("192.0.2.0/24")!] = .init(until: .max)
        model.blocked[source] = .init(until: .max)
        #expect(model.judge(frame).reason == .passed && model.counted == [.passed: 1])
    }

    @Test func `finds the longest of random networks`() {
        var random = Seeded(state: 21)
        let addresses = HostileFrames.sources4 + HostileFrames.sources6 + HostileFrames.edges6
        for _ in 0..<200 {
            let all = Set((0..<5).flatMap { _ in RandomRules.prefixes(addresses, &random) })
            var list = PrefixList()
            for prefix in all { list[prefix] = .init(until: UInt64(prefix.length)) }
            let held = all.filter { PrefixList.canHold($0) }
            #expect(list.count == held.count)
            for address in addresses {
                let longest = held.filter { $0.contains(address) }.max { $0.length < $1.length }
                #expect(list.longest(containing: address) == longest)
            }
            for prefix in all { list[prefix] = nil }
            #expect(list.count == 0 && list.longest(containing: addresses[0]) == nil)
        }
    }

    @Test func `holds no network of IPv6 that would have all of IPv4 in it`() {
        for text in ["::/0", "::/1", "::/64", "::/80", "::8000:0:0/81", "::fffe:0:0/95"] {
            var list = PrefixList()
            list[Prefix(text)!] = .init(until: .max)
            #expect(list.count == 0 && !PrefixList.canHold(Prefix(text)!), "\(text)")
        }
        for text in ["0.0.0.0/0", "::/81", "::/96", "::fffe:0:0/96", "1::/16", "8000::/1", "::1:0:0:0/80", "::/128"] {
            #expect(PrefixList.canHold(Prefix(text)!), "\(text)")
        }
    }

    // MARK: Tunnels

    @Test func `judges what is in a tunnel where that is planned`() {
        let inner = Build.ipv4(17, Build.udp(5, 53), from: "203.0.113.5")
        let frame = Build.ethernet(Build.ipv4(4, inner))
        for isInside in [false, true] {
            var model = model { $0.readsTunnels = isInside }
            model.blocked[Address("203.0.113.5")!] = .init(until: .max)
            #expect(model.judge(frame).reason == (isInside ? .blockedSource : .passed))
        }
    }

    @Test func `judges hostile frames, and counts each once`() {
        var random = Seeded(state: 22)
        var frames = HostileFrames(seed: 22)
        let rules = RandomRules.rules(40, at: now, &random)
        var model = model(rules) { $0.readsTunnels = true }
        var hits: [Int: Int] = [:]
        var bytes: UInt64 = 0
        for _ in 0..<5_000 {
            let frame = frames.next()
            bytes += UInt64(frame.count)
            let judgement = model.judge(frame)
            #expect((judgement.action == .drop) == judgement.reason.isDrop && !judgement.reason.isDry)
            if let rule = judgement.rule {
                hits[rule, default: 0] += 1
                #expect(!rules[rule].isDry && rules[rule].until > now)
            }
        }
        let endings = FilterReason.allCases.filter { !$0.isDry }.map { model.count($0) }
        #expect(endings.reduce(0) { $0 + $1.packets } == 5_000 && endings.reduce(0) { $0 + $1.bytes } == bytes)
        #expect(hits.count > 10 && hits.values.reduce(0, +) > 1_000, "\(hits)")
        #expect(model.count(.dryRule).packets > 30)
    }
}
