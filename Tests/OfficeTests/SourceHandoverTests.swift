import Addresses
import Messages
import Mitigations
import Moments
import Settings
import Testing
import wasstraat

/// What the filter is told of proven sources, without a filter.
struct SourceHandoverTests {
    private static let noon = Moment(seconds: 1_795_435_200)

    private func source(
        _ prefix: String = "198.51.100.7/32", site: String = "a.example", milliseconds: UInt32 = 3_400
    ) throws -> ProvenSources.Source {
        ProvenSources.Source(
            try #require(Prefix(prefix)), site: site, refusals: 40, milliseconds: milliseconds)
    }

    private func sources(_ count: Int) -> [ProvenSources.Source] {
        (0..<count).map {
            ProvenSources.Source(
                Prefix(Address(ipv4: 0xc612_0000 + UInt32($0)), length: 32), site: "a.example", refusals: 40,
                milliseconds: 3_000)
        }
    }

    @Test func `a source that is let in does not wait any more, and begins anew`() throws {
        let handover = Handover()
        handover.take(ProvenSources([try source(), try source("203.0.113.9/32")]))
        let network = try #require(Prefix("198.51.100.0/24"))
        handover.letIn(network)
        handover.letIn(network)
        #expect(handover.nextLetIn == network)
        #expect(handover.next(.live)?.what == .block([try #require(Prefix("203.0.113.9/32"))]))
        handover.done([1])
        // Until the filter has answered.
        #expect(handover.nextLetIn == network)
        handover.isLetIn(network)
        #expect(handover.nextLetIn == nil)
        // Proven twice it would be held back for longer; not where it was let in between.
        for (isLetIn, seconds) in [(false, UInt32(1_200)), (true, 600)] {
            let later = Self.noon + 700
            let one = Handover()
            one.take(ProvenSources([try source()]))
            _ = one.next(.live)
            one.done([1])
            if isLetIn { one.letIn(network) }
            one.take(ProvenSources([try source()]), at: later)
            #expect(one.next(.live, at: later)?.seconds == seconds)
        }
    }

    @Test func `a source becomes an order with its reason, its organisation and an end`() throws {
        let handover = Handover()
        handover.take(ProvenSources([try source()]))
        let order = try #require(handover.next(.live))
        #expect(order.what == .block([try #require(Prefix("198.51.100.7/32"))]))
        #expect(order.note.tenant == "waterdam" && order.note.author == .gateway && order.note.site == "a.example")
        #expect(
            order.note.reason == "site a.example under pressure: 40 requests refused in 3 s, no sign of a visitor")
        #expect(order.seconds == 600 && !order.isDry)
        handover.done([4])
        #expect(handover.next(.live) == nil)
        #expect(handover.counts.taken == 1)
    }

    @Test func `dry is counted only, and off is nothing`() throws {
        let handover = Handover()
        handover.take(ProvenSources([try source()]))
        #expect(try #require(handover.next(.dry)).isDry)
        handover.done([1])
        handover.take(ProvenSources([try source()]), conduct: .off)
        #expect(handover.next(.live) == nil)
        // Said while it was on, switched off since.
        handover.take(ProvenSources([try source()]))
        #expect(handover.next(.off) == nil)
        #expect(handover.next(.live) == nil)
        #expect(handover.counts.omitted == 1)
    }

    @Test func `many with one reason are one order, others wait for theirs`() throws {
        let handover = Handover()
        handover.take(
            ProvenSources(
                [
                    try source(), try source("2001:db8:1:2::/64"), try source("198.51.100.8/32", site: "b.example"),
                    try source("198.51.100.9/32", milliseconds: 9_000), try source("198.51.100.10/32"),
                ]))
        var sizes: [Int] = []
        var tenants: Set<String> = []
        while let order = handover.next(.live) {
            guard case .block(let prefixes) = order.what else { break }
            sizes.append(prefixes.count)
            tenants.insert(order.note.tenant)
            handover.done(Array(repeating: 1, count: prefixes.count))
        }
        #expect(sizes == [3, 1, 1] && tenants == ["waterdam", "zeedorp"])
        #expect(handover.counts.taken == 5)
    }

    @Test func `who comes back after a block is blocked for longer, up to a bound`() throws {
        let handover = Handover()
        var now = Self.noon
        var lifetimes: [UInt32] = []
        for _ in 0..<6 {
            handover.take(ProvenSources([try source()]), at: now)
            let order = try #require(handover.next(.live, at: now))
            lifetimes.append(order.seconds)
            handover.done([1], at: now)
            // Said again while it is blocked: no other time.
            handover.take(ProvenSources([try source()]), at: now + 60)
            #expect(try #require(handover.next(.live, at: now + 60)).seconds == order.seconds)
            handover.done([1], at: now + 60)
            now = now + Double(order.seconds) + 120
        }
        #expect(lifetimes == [600, 1_200, 2_400, 4_800, 7_200, 7_200])
        // A day later another one has the address.
        handover.take(ProvenSources([try source()]), at: now + 86_400)
        handover.forget(at: now + 86_400)
        #expect(try #require(handover.next(.live, at: now + 86_400)).seconds == 600)
    }

    @Test func `what is refused is counted, and not said again by itself`() throws {
        let handover = Handover()
        handover.take(ProvenSources(sources(10)))
        _ = handover.next(.live)
        handover.done([0, 1, 2, 0, 4, 5, 6, 7, 8, 9])
        #expect(handover.counts.taken == 8 && handover.counts.refused == 2)
        handover.take(ProvenSources(sources(3)))
        _ = handover.next(.live)
        handover.refused()
        #expect(handover.counts.refused == 5)
        #expect(handover.next(.live) == nil)
    }

    @Test func `without an answer they wait, for a while and not without bound`() throws {
        let handover = Handover()
        handover.take(ProvenSources(sources(5)))
        _ = handover.next(.live)
        handover.unanswered()
        guard case .block(let again) = handover.next(.live, at: Self.noon + 5)?.what else {
            Issue.record("they are gone")
            return
        }
        #expect(again.count == 5)
        handover.unanswered()
        #expect(handover.next(.live, at: Self.noon + 11) == nil)
        #expect(handover.counts.omitted == 5)
        for _ in 0..<20 { handover.take(ProvenSources(sources(1_024)), at: Self.noon + 20) }
        #expect(handover.counts.omitted == 5 + 20 * 1_024 - 8_192)
        guard case .block(let most) = handover.next(.live, at: Self.noon + 20)?.what else { return }
        #expect(most.count == FilterOrder.batchLimit)
    }

    @Test func `a site that is nobody's is left out, and lanes' figures add up over their restarts`() throws {
        let handover = Handover()
        handover.take(ProvenSources([try source(site: "c.example")], omitted: 5, spared: 7))
        #expect(handover.next(.live) == nil)
        #expect(handover.counts.omitted == 6 && handover.counts.spared == 7)
        handover.take(ProvenSources(omitted: 8, spared: 7))
        handover.take(ProvenSources(omitted: 2, spared: 1), from: "second")
        // The first one starts anew.
        handover.take(ProvenSources(omitted: 1, spared: 0))
        #expect(handover.counts.omitted == 12 && handover.counts.spared == 8)
    }
}

/// One that can be asked inside an expectation.
private final class Handover {
    private var handover = SourceHandover()

    var counts: HandedSources { handover.counts }

    func take(
        _ proven: ProvenSources, from lane: String = "lane", conduct: Settings.Filter.Rules = .live,
        at now: Moment = Moment(seconds: 1_795_435_200)
    ) {
        handover.take(
            proven, from: lane, organisations: ["a.example": "waterdam", "b.example": "zeedorp"], conduct: conduct,
            at: now)
    }

    func next(
        _ conduct: Settings.Filter.Rules, at now: Moment = Moment(seconds: 1_795_435_200)
    ) -> FilterOrder? { handover.next(conduct, blockTime: 600, at: now) }

    func done(_ ids: [UInt64], at now: Moment = Moment(seconds: 1_795_435_200)) { handover.done(ids: ids, at: now) }
    func refused() { handover.refused() }
    func letIn(_ prefix: Prefix) { handover.letIn(prefix) }
    var nextLetIn: Prefix? { handover.nextLetIn }
    func isLetIn(_ prefix: Prefix) { handover.isLetIn(prefix) }
    func unanswered() { handover.unanswered() }
    func forget(at now: Moment) { handover.forget(at: now) }
}
