import Detection
import Fingerprints
import Moments
import Testing

@Suite struct ProfileTests {
    /// Requests a second of a municipality: a tenth at night, most at eleven, half at the weekend.
    private func rate(at moment: Moment, busiest: Double) -> Double {
        let time = DutchTime(moment)
        let hour = Double(time.second) / 3_600
        let daylight = max(0, 1 - abs(hour - 12) / 7)
        return busiest * (0.1 + 0.9 * daylight) * (time.day.weekday % 6 == 0 ? 0.5 : 1)
    }

    @Test(arguments: [4.0, 80]) func `a week of daily rhythm holds no attack, though the origin is slow at times`(
        busiest: Double
    ) throws {
        var street = Street(at: Street.morning + -8 * 3_600)
        var exceeded = 0
        var pressed = 0
        for second in 0..<(2 * 604_800) {
            // News brings a quarter more for ten minutes, once a day; the origin is slow for 30 s every 20 minutes.
            let news = second % 86_400 > 50_000 && second % 86_400 < 50_600 ? 1.25 : 1
            let isPressed = second % 1_200 < 30
            let visitors = rate(at: street.now, busiest: busiest) * news
            var next = SiteSecond(time: street.now)
            next.requests = street.count(visitors)
            next.isUnderPressure = isPressed
            if isPressed { pressed += 1 }
            if second > 3_600, Double(next.requests) > street.watch.profile.bound(at: street.now) { exceeded += 1 }
            street.events += street.watch.observe(next)
            street.now = street.now + 1
        }
        #expect(street.events.isEmpty && pressed > 30_000)
        #expect(exceeded < 120, "\(exceeded) seconds of 1,209,600 exceeded")
        // It knows day from night.
        let profile = street.watch.profile
        let night = Street.morning + -5 * 3_600
        let noon = Street.morning + 3 * 3_600
        #expect(profile.usual(at: night) < 0.25 * profile.usual(at: noon))
        #expect(profile.bound(at: noon) < 2.5 * busiest + 20)
        #expect(profile.bound(at: night) < profile.bound(at: noon))
        #expect(try SiteProfile(bytes: profile.bytes) == profile)
        #expect(profile.bytes.count < 60_000, "\(profile.bytes.count)")
    }

    @Test func `an empty profile has a floor and nothing usual`() {
        let profile = SiteProfile()
        #expect(profile.bound(at: Street.morning) == SiteProfile.floor)
        #expect(profile.usual(at: Street.morning) == 0 && !profile.isKnown)
    }

    @Test func `a young profile explains more than it saw, an old one little more`() {
        var street = Street()
        street.pass(30)
        let young = street.watch.profile.bound(at: street.now)
        street.pass(20_000)
        let old = street.watch.profile.bound(at: street.now)
        #expect((150...300).contains(young), "\(young)")
        #expect((75...160).contains(old), "\(old)")
    }

    @Test func `idle seconds before the first visitor teach nothing`() {
        var street = Street()
        street.pass(600, visitors: 0)
        #expect(street.watch.profile.secondsLearnt == 0)
        street.pass(40)
        #expect((45...55).contains(street.watch.profile.usual(at: street.now)))
    }

    @Test func `a site that grew without pressure has a new usual`() {
        var street = Street()
        street.pass(3_600)
        street.pass(600, visitors: 500)
        #expect(street.watch.profile.bound(at: street.now) < 200)
        street.pass(1_800, visitors: 500)
        #expect(street.watch.profile.bound(at: street.now) > 500)
    }

    @Test func `a short crowd is not learnt`() {
        var street = Street()
        street.pass(3_600)
        let before = street.watch.profile.bound(at: street.now)
        street.pass(500, visitors: 1_000)
        street.pass(60)
        #expect(street.watch.profile.bound(at: street.now) <= before)
    }

    @Test func `shares of shapes stay right however long the tail`() throws {
        var profile = SiteProfile()
        var street = Street()
        for second in 0..<2_000 {
            var next = SiteSecond(time: street.now)
            next.requests = 100
            // Half to one route, a tenth by POST, spread over 40,000 shapes; all but the first light.
            next.traffic.shapes[RequestShape(method: "GET", route: "/", ja4: "a")] = 50
            for number in 0..<50 {
                let shape = RequestShape(
                    method: number < 10 ? "POST" : "GET", route: "/page\(second * 20 + number % 20)",
                    ja4: "b\(number % 7)")
                next.traffic.shapes[shape, default: 0] += 1
            }
            profile.learn(next)
            street.now = street.now + 1
        }
        #expect(profile.shapes.weights.count <= ShapeTally.limit)
        #expect(profile.shapes.total == 200_000)
        #expect(profile.shapes.share(of: [.init(.route, "/")]) == 0.5)
        let posts = try #require(profile.shapes.share(of: [.init(.method, "POST")]))
        #expect((0.05...0.15).contains(posts), "\(posts)")
    }

    @Test func `of a profile kept without how programs speak HTTP/2, the shapes are learnt anew`() throws {
        func profile(_ shapes: [RequestShape: UInt64]) -> SiteProfile {
            var profile = SiteProfile()
            var second = SiteSecond(time: Street().now)
            second.requests = 3
            second.traffic.shapes = shapes
            profile.learn(second)
            return profile
        }
        let none = profile([:])
        #expect(try SiteProfile(bytes: [1] + none.bytes.dropFirst()) == none)
        let bytes = profile([RequestShape(method: "GET", route: "/", ja4: "a"): 3]).bytes
        #expect(try SiteProfile(bytes: bytes).shapes.total == 3)
        // The last text, which that version had not, is one byte before the weight.
        let former = [1] + bytes[1..<bytes.count - 9] + bytes[(bytes.count - 8)...]
        #expect(try SiteProfile(bytes: Array(former)) == none)
        #expect(throws: (any Error).self) { try SiteProfile(bytes: [3] + bytes.dropFirst()) }
    }

    @Test func `a kept profile comes back as it was, and nothing else is taken for one`() throws {
        var street = Street()
        street.pass(2_000)
        let bytes = street.watch.profile.bytes
        #expect(try SiteProfile(bytes: bytes) == street.watch.profile)
        for length in 0..<bytes.count {
            #expect(throws: (any Error).self) { try SiteProfile(bytes: Array(bytes[..<length])) }
        }
        #expect(throws: (any Error).self) { try SiteProfile(bytes: bytes + [0]) }
        // Whatever stands there is either refused or a profile that can be asked.
        var refused = 0
        for _ in 0..<100_000 {
            var mutated = bytes
            for _ in 0...Int(street.next() * 4) {
                mutated[Int(street.next() * Double(bytes.count))] = UInt8(street.next() * 256)
            }
            guard let profile = try? SiteProfile(bytes: mutated) else {
                refused += 1
                continue
            }
            #expect(profile.bound(at: street.now).isFinite && profile.usual(at: street.now).isFinite)
        }
        #expect(refused > 1_000)
    }
}
