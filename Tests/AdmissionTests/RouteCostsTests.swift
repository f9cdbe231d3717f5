internal import Admission
internal import Testing

struct RouteCostsTests {
    func learnt() -> RouteCosts {
        var costs = RouteCosts()
        for _ in 0..<200 { _ = costs.answered(1, after: 40, isCalm: true) }
        return costs
    }

    @Test func `an origin that is slow for a while, seen in calm, does not become the usual`() {
        var costs = learnt()
        for _ in 0..<30 { _ = costs.answered(1, after: 8_000, isCalm: true) }
        #expect(costs.cost(1) < 60)
        for _ in 0..<60 { _ = costs.answered(1, after: 40, isCalm: true) }
        #expect(costs.cost(1) < 45)
    }

    @Test func `an origin that has become slower for good is believed`() {
        var costs = learnt()
        for _ in 0..<100 { _ = costs.answered(1, after: 80, isCalm: true) }
        #expect(costs.cost(1) > 75)
        for _ in 0..<300 { _ = costs.answered(1, after: 800, isCalm: true) }
        #expect(costs.cost(1) > 400)
    }

    @Test func `spread times are taken for what they cost on average`() {
        var costs = RouteCosts()
        // 10 ... 90 ms, and one in fifty five times the mean.
        for index in 0..<5_000 {
            _ = costs.answered(1, after: index % 50 == 0 ? 250 : Float(10 + index * 37 % 81), isCalm: true)
        }
        #expect((40...60).contains(costs.cost(1)))
    }
}
