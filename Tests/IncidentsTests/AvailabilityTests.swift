internal import Incidents
internal import Moments
internal import Testing

let noon = Moment(seconds: 1_800_000_000)

/// Checks every `interval` seconds from noon on: "." succeeded, "s" slow, "x" failed, "r" refused, "v" void, " " none.
func checks(
    _ text: String, every interval: Double = 5, from vantage: String = "office", network: String = "own"
) -> [Sample] {
    text.enumerated().compactMap { index, sign in
        guard sign != " " else { return nil }
        let result: Sample.Result =
            switch sign {
            case "x": .failed
            case "r": .refused
            case "v": .void
            default: .success
            }
        return Sample(
            site: "site", vantage: vantage, network: network, path: .lane, at: noon + Double(index) * interval,
            result: result, firstByte: sign == "s" ? 5_000 : sign == "." ? 20 : nil)
    }
}

struct AvailabilityTests {
    func seen(_ samples: [Sample], seconds: Double) -> Availability {
        Availability(samples, in: noon..<noon + seconds, interval: 5)
    }

    @Test func `without checks everything is unknown`() {
        let seen = seen([], seconds: 60)
        #expect(seen.spans.map(\.state) == [.unknown] && seen.known == 0 && seen.downtime.seconds == 0)
        #expect(seen.basis.samples == 0 && seen.basis.vantages.isEmpty)
    }

    @Test func `good checks are up, also at the edges`() {
        let seen = seen(checks("............"), seconds: 60)
        #expect(seen.spans.map(\.state) == [.up] && seen.known == 1 && seen.downtime.longest == 0)
    }

    @Test func `two failures in a row are downtime from midpoint to midpoint, with bounds`() {
        let seen = seen(checks("....xxx....."), seconds: 60)
        #expect(seen.spans.map(\.state) == [.up, .down, .up])
        #expect(seen.downtime == Judgement.Downtime(seconds: 15, shortest: 10, longest: 20))
        #expect(seen.spans[1].from == noon + 17.5 && seen.spans[1].until == noon + 32.5)
    }

    @Test(arguments: ["....x.......", "....s.......", "....r......."])
    func `a single bad or slow check is a degraded moment, no downtime`(text: String) {
        let seen = seen(checks(text), seconds: 60)
        #expect(seen.spans.map(\.state) == [.up, .degraded, .up] && seen.downtime.longest == 0)
        #expect(seen.seconds(.degraded) == 5)
    }

    @Test func `our own refusal page is a failure for citizens`() {
        #expect(seen(checks("....rrr....."), seconds: 60).downtime.seconds == 15)
    }

    @Test func `a gap in the checks is unknown, not up`() {
        let seen = seen(checks("....            ...."), seconds: 100)
        #expect(seen.spans.map(\.state) == [.up, .unknown, .up])
        // The last check before the gap speaks for 5 s after it, the first one behind it for 5 s before.
        #expect(seen.seconds(.unknown) == 55)
    }

    @Test func `failures on both sides of a gap are not one run`() {
        let seen = seen(checks("...x              x..."), seconds: 110)
        #expect(seen.downtime.longest == 0 && seen.seconds(.degraded) > 0)
    }

    @Test func `a service that fails to the last check is down now`() {
        let seen = seen(checks("....xxxx"), seconds: 40)
        #expect(seen.latest?.state == .down && seen.spans.map(\.state) == [.up, .down])
        #expect(self.seen(checks("xxx"), seconds: 12).spans.map(\.state) == [.down])
    }

    @Test func `a prober's own trouble says nothing about the service`() {
        let seen = seen(checks("....vvvv...."), seconds: 60)
        #expect(seen.downtime.longest == 0 && seen.spans.allSatisfy { $0.state != .down && $0.state != .degraded })
    }

    @Test func `one of three vantage points makes it degraded, two make it down`() {
        let good = checks("............", from: "a", network: "1") + checks("............", from: "b", network: "2")
        let one = seen(good + checks("...xxxx.....", from: "c", network: "3"), seconds: 60)
        #expect(one.spans.map(\.state) == [.up, .degraded, .up] && one.basis.networks == 3)
        let two = seen(
            checks("............", from: "a", network: "1") + checks("...xxxx.....", from: "b", network: "2")
                + checks("...xxxx.....", from: "c", network: "3"), seconds: 60)
        #expect(two.spans.map(\.state) == [.up, .down, .up] && two.downtime.seconds == 20)
    }

    @Test func `spans cover the window without gaps, whatever comes in`() {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<500 {
            let text = String((0..<40).map { _ in ".sxrv ".randomElement(using: &random) ?? "." })
            let other = String((0..<40).map { _ in ".x ".randomElement(using: &random) ?? "." })
            let seen = seen(checks(text) + checks(other, from: "b", network: "2"), seconds: 190)
            #expect(seen.spans.first?.from == noon && seen.spans.last?.until == noon + 190)
            for (left, right) in zip(seen.spans, seen.spans.dropFirst()) {
                #expect(left.until == right.from && left.state != right.state)
            }
            #expect((0...1).contains(seen.known))
            #expect(seen.downtime.shortest <= seen.downtime.seconds && seen.downtime.seconds <= seen.downtime.longest)
        }
    }
}

struct JudgementTests {
    func judged(_ text: String, attack: ClosedRange<Double> = 20...40, isOver: Bool = true, now: Double) -> Judgement {
        Judgement(
            of: checks(text), start: noon + attack.lowerBound, end: noon + attack.upperBound, isOver: isOver,
            interval: 5,
            now: noon + now)
    }

    let calm = String(repeating: ".", count: 200)

    @Test func `no measurement is never fended off`() {
        let judgement = judged("", now: 2_000)
        #expect(judgement.outcome == .unknown && judgement.downtime == nil && judgement.known == 0)
    }

    @Test func `less than four fifths measured is unknown, whatever was seen`() {
        #expect(judged(String(calm.prefix(90)), now: 2_000).outcome == .unknown)
        #expect(judged(String(calm.prefix(120)), now: 2_000).outcome == .fendedOff)
    }

    @Test func `all good is fended off, provisional from one place`() {
        let judgement = judged(calm, now: 2_000)
        #expect(judgement.outcome == .fendedOff && judgement.downtime?.longest == 0)
        #expect(judgement.isProvisional && judgement.basis.networks == 1 && judgement.basis.vantages == ["office"])
    }

    @Test func `from three networks it is final ten minutes after the end, not before`() {
        let samples = ["1", "2", "3"].flatMap { checks(calm, from: $0, network: $0) }
        func isProvisional(_ now: Double) -> Bool {
            Judgement(of: samples, start: noon + 20, end: noon + 40, isOver: true, interval: 5, now: noon + now)
                .isProvisional
        }
        #expect(isProvisional(639) && !isProvisional(641))
    }

    @Test func `downtime in the ten minutes after the attack counts, what was before does not`() {
        #expect(judged(String(calm.prefix(30)) + "xxxx" + calm, now: 2_000).outcome == .down)
        #expect(judged("xx" + calm, now: 2_000).outcome == .fendedOff)
        // The last failure a moment before the attack, and the next check well in it.
        #expect(judged("..xx" + calm, attack: 16...40, now: 2_000).outcome == .fendedOff)
        #expect(judged("..xxx" + calm, attack: 16...40, now: 2_000).outcome == .degraded)
        #expect(judged(String(calm.prefix(6)) + "x" + calm, now: 2_000).outcome == .degraded)
    }
}

struct ProportionTests {
    @Test func `Wilson's interval is that of the literature`() throws {
        // Newcombe 1998, table I: 81 of 263, and 0 of 20 (method 3, without continuity correction).
        let many = try #require(Proportion(81, of: 263).interval)
        #expect(abs(many.lowerBound - 0.2553) < 1e-4 && abs(many.upperBound - 0.3662) < 1e-4)
        let none = try #require(Proportion(0, of: 20).interval)
        #expect(none.lowerBound == 0 && abs(none.upperBound - 0.1611) < 1e-4)
        #expect(Proportion(0, of: 0).interval == nil && Proportion(0, of: 0).value == nil)
    }
}
