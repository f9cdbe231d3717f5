import Detection
import Fingerprints
import Moments
import Sketches
import Testing

@Suite struct AttackTests {
    private let morning = Street.morning

    /// A site that an hour of 50 requests a second taught what is usual.
    private func learnt(visitors: Double = 50, seconds: Int = 3_600) -> Street {
        var street = Street()
        street.pass(seconds, visitors: visitors)
        return street
    }

    @Test func `the demonstration's flood is one attack, with its start and end`() throws {
        var street = Street()
        street.pass(50)
        let start = street.now
        street.pass(20, attack: 950, pressure: true)
        let end = street.now
        street.pass(1_000)
        let attack = try #require(street.over.first)
        #expect(street.opened.count == 1 && street.over.count == 1)
        #expect(attack.start == start && attack.end == end)
        #expect(attack.detected == start + 1)
        #expect((15_000...25_000).contains(attack.requests))
        #expect((17_000...21_000).contains(attack.excess))
        #expect(attack.requests == attack.admitted + attack.refused)
        #expect((900...1_150).contains(attack.peakRate))
        #expect((45...55).contains(attack.usualRate))
        #expect(attack.isOver && street.watch.attack == nil)
    }

    @Test(arguments: [3, 10, 20, 40]) func `a flood is seen after few seconds of history`(history: Int) {
        var street = Street()
        street.pass(history)
        let start = street.now
        street.pass(20, attack: 950, pressure: true)
        #expect(street.opened.count == 1)
        let error = (street.opened.first?.start ?? morning) - start
        // Of a site that nobody knows yet, all that comes exceeds: the start may be up to the look-back early.
        #expect(history >= 20 ? error == 0 : (-10...0).contains(error), "\(error)")
    }

    @Test func `a flash crowd is none`() {
        var street = learnt()
        street.pass(1_800, visitors: 1_000)
        #expect(street.events.isEmpty)
    }

    @Test func `an origin that is slow by itself is none`() {
        var street = learnt()
        street.pass(1_800, pressure: true)
        #expect(street.events.isEmpty)
    }

    @Test func `one second of both is none, and two apart are none`() {
        var street = learnt()
        for _ in 0..<20 {
            street.pass(1, attack: 500, pressure: true)
            street.pass(4)
        }
        #expect(street.events.isEmpty)
    }

    @Test func `a site whose first second is a flood under pressure has an attack`() {
        var street = Street()
        street.pass(5, visitors: 0, attack: 500, pressure: true)
        #expect(street.opened.count == 1)
    }

    @Test func `nothing is no attack, however long and however pressed`() {
        var street = Street()
        street.pass(1_000, visitors: 0, pressure: true)
        street.silence(500)
        street.pass(1_000, visitors: 0, pressure: true)
        #expect(street.events.isEmpty && street.watch.profile == SiteProfile())
    }

    @Test(arguments: [30.0, 300, 1_200]) func `a ramp is one attack`(length: Double) throws {
        var street = learnt()
        let start = street.now
        for second in 0..<Int(length) {
            let attack = 950 * Double(second) / length
            street.pass(1, attack: attack, pressure: attack > 150)
        }
        street.pass(1_000)
        #expect(street.opened.count == 1)
        let attack = try #require(street.over.first)
        // The excess was there at the latest when the pressure came.
        #expect(attack.start > start && attack.start - start <= length * 150 / 950 + 2)
        #expect(attack.end == start + length)
    }

    @Test(arguments: [1, 2, 5, 10, 14]) func `pulses with shorter pauses are one attack`(minutes: Int) {
        var street = learnt()
        let start = street.now
        for _ in 0..<4 {
            street.pass(10, attack: 950, pressure: true)
            street.pass(minutes * 60)
        }
        street.pass(1_000)
        #expect(street.opened.count == 1 && street.over.count == 1)
        #expect(street.over.first?.start == start)
        #expect(street.over.first?.end == start + Double(40 + 3 * minutes * 60))
    }

    @Test(arguments: [16, 20]) func `pulses with longer pauses are several`(minutes: Int) {
        var street = learnt()
        for _ in 0..<3 {
            street.pass(10, attack: 950, pressure: true)
            street.pass(minutes * 60)
        }
        #expect(street.opened.count == 3 && street.over.count == 3)
        #expect(street.over.allSatisfy { $0.end - $0.start == 10 })
    }

    @Test func `an attack goes on while its measures keep the pressure away`() {
        var street = learnt()
        street.pass(5, attack: 950, pressure: true)
        street.pass(300, attack: 950)
        #expect(street.watch.attack.map { $0.end == street.now } == true)
    }

    @Test
    func `an attack goes on while the packet filter holds its sources back, and its counts stay those of requests`()
        throws
    {
        var street = learnt()
        let start = street.now
        street.pass(20, attack: 950, pressure: true)
        let requests = try #require(street.watch.attack).requests
        // From here on no request of theirs arrives; longer than any pause.
        street.pass(1_200, heldBack: 400)
        let end = street.now
        #expect(street.over.isEmpty)
        let held = try #require(street.watch.attack)
        #expect(held.end == end && held.excess < 25_000 && held.peakRate < 1_200)
        #expect((45_000...75_000).contains(held.requests - requests))
        // What is less than the profile leaves room for is no attack by itself.
        street.pass(1_000, heldBack: 3)
        let attack = try #require(street.over.first)
        #expect(street.opened.count == 1 && attack.start == start && attack.end == end)
        // Nor does it open one.
        street.pass(100, heldBack: 100_000)
        #expect(street.opened.count == 1)
    }

    @Test func `a low flood on a slow route is one`() throws {
        var street = learnt(visitors: 5)
        let start = street.now
        street.pass(120, visitors: 5, attack: 40, pressure: true)
        street.pass(1_000, visitors: 5)
        let attack = try #require(street.over.first)
        #expect(street.opened.count == 1 && attack.start - start <= 2)
        #expect(attack.fingerprint?.conditions.contains(.init(.route, "/zoeken?q")) == true)
    }

    @Test func `a lane that falls silent opens and ends nothing`() throws {
        var street = learnt()
        let start = street.now
        street.pass(10, attack: 950, pressure: true)
        street.silence(1_200)
        street.pass(10, attack: 950, pressure: true)
        #expect(street.opened.count == 1 && street.over.isEmpty)
        #expect(street.watch.attack?.start == start)
        // After more than an hour nobody can say that it is still the same.
        let end = street.now
        street.silence(4_000)
        street.pass(10, attack: 950, pressure: true)
        #expect(street.opened.count == 2 && street.over.count == 1)
        #expect(street.over.first?.end == end)
    }

    @Test func `a lane's restart changes nothing but its seconds`() {
        var street = learnt()
        street.silence(7)
        street.pass(100)
        let start = street.now
        street.pass(10, attack: 950, pressure: true)
        street.silence(4)
        street.pass(2, visitors: 0)
        street.pass(10, attack: 950, pressure: true)
        street.pass(1_000)
        #expect(street.opened.count == 1 && street.over.count == 1)
        #expect(street.over.first?.start == start && street.over.first?.end == start + 26)
    }

    @Test func `a second that comes twice or late counts once`() {
        var street = learnt()
        var twice = street
        for _ in 0..<20 {
            var second = street.second(visitors: 50, attack: 950)
            second.isUnderPressure = true
            street.events += street.watch.observe(second)
            twice.events += twice.watch.observe(second)
            #expect(twice.watch.observe(second).isEmpty)
            second.time = second.time + -30
            #expect(twice.watch.observe(second).isEmpty)
            street.now = street.now + 1
        }
        #expect(street.watch.attack == twice.watch.attack && street.watch.attack != nil)
    }

    @Test func `a clock put back by an hour blinds nobody`() {
        var street = learnt()
        street.now = street.now + -3_600
        street.pass(10, attack: 950, pressure: true)
        #expect(street.opened.count == 1)
    }

    @Test func `the greatest counts of all stop the sums, not the process`() throws {
        var street = learnt(seconds: 60)
        for _ in 0..<30 {
            var second = SiteSecond(time: street.now)
            second.requests = .max
            second.admitted = .max
            second.refused = .max
            second.isUnderPressure = true
            second.traffic.shapes = [Street.flood: .max]
            second.traffic.networks = ["192.0.2.0/24": .max]
            street.events += street.watch.observe(second)
            street.now = street.now + 1
        }
        let attack = try #require(street.watch.attack)
        #expect(attack.requests == .max && attack.networks.first?.count == .max)
        for time in [Moment(milliseconds: .max), Moment(milliseconds: .min), Moment(milliseconds: 0)] {
            _ = street.watch.observe(SiteSecond(time: time))
        }
    }

    @Test func `during an attack the profile does not learn`() {
        var street = learnt()
        street.pass(2, attack: 950, pressure: true)
        let before = street.watch.profile
        street.pass(600, attack: 950, pressure: true)
        street.pass(600)
        #expect(street.watch.profile == before)
        #expect(street.watch.profile.bound(at: street.now) < 200)
    }

    @Test func `an attack resumes after the office's restart`() throws {
        var street = learnt()
        let start = street.now
        street.pass(30, attack: 950, pressure: true)
        let before = try #require(street.watch.attack)
        let profile = try SiteProfile(bytes: street.watch.profile.bytes)
        var next = Street(AttackWatch(resuming: before, profile: profile), at: street.now + 20)
        next.pass(10, attack: 950, pressure: true)
        #expect(next.opened.isEmpty)
        let after = try #require(next.watch.attack)
        #expect(after.start == start && after.end == start + 60)
        #expect(after.requests > before.requests + 8_000)
        #expect(after.fingerprint == before.fingerprint && before.fingerprint != nil)
        next.pass(1_000)
        #expect(next.over.count == 1 && next.over.first?.end == start + 60)
        // The pause goes on from the last second on record.
        var late = Street(
            AttackWatch(resuming: before, profile: profile, lastSeen: before.end + 800), at: before.end + 801)
        late.pass(99)
        #expect(late.over.isEmpty)
        late.pass(1)
        #expect(late.over.count == 1)
    }

    @Test func `sources, networks and routes are those from start to end`() throws {
        var street = learnt()
        let hash = KeyedHash(key: Array(0..<16))
        for round in 0..<20 as Range<UInt64> {
            var second = street.second(visitors: 50, attack: 950)
            second.isUnderPressure = true
            for source in 0..<500 as Range<UInt64> { second.traffic.sources.add(hash(source, 7)) }
            for network in 0..<60 { second.traffic.networks["198.51.\(network).0/24"] = UInt64(network) }
            second.traffic.networks["203.0.113.0/24"] = 300 + round
            street.events += street.watch.observe(second)
            street.now = street.now + 1
        }
        let attack = try #require(street.watch.attack)
        #expect((450...550).contains(attack.sources))
        #expect(attack.networks.count == 20)
        #expect(attack.networks.first == .init("203.0.113.0/24", 20 * 300 + 190))
        #expect(attack.networks.last == .init("198.51.41.0/24", 20 * 41))
        #expect(attack.routes.first?.name == "/zoeken?q")
        #expect(attack.routes.count == 4)
    }
}
