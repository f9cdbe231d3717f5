import Detection
import Fingerprints
import Moments
import Testing

@Suite struct ContrastTests {
    private func attack(shape: RequestShape, learning: Int = 600) throws -> DetectedAttack {
        var street = Street()
        street.pass(learning)
        street.pass(30, attack: 950, pressure: true, shape: shape)
        street.pass(1_000)
        return try #require(street.over.first)
    }

    @Test func `a flood by a strange client is told from visitors on the same route`() throws {
        let attack = try attack(shape: Street.flood)
        let fingerprint = try #require(attack.fingerprint)
        #expect(
            fingerprint.conditions
                == Feature.allCases.compactMap { feature in
                    Street.flood[feature].flatMap { $0.isEmpty ? nil : .init(feature, $0) }
                })
        let evidence = fingerprint.evidence
        #expect(evidence.coverage > 0.98 && evidence.collateral == 0)
        #expect(evidence.attackCount == attack.excess)
        // Of ten minutes of visitors, what was learnt when the flood came.
        #expect((20_000...31_000).contains(evidence.baselineCount))
        #expect(evidence.from == attack.start && evidence.until == attack.end)
        #expect(fingerprint.expires - fingerprint.made == 30 * 86_400)
    }

    @Test func `what a flood shares with visitors is said as collateral`() throws {
        let shape = RequestShape(method: "GET", route: "/zoeken?q", ja4: "t13d1715h2_5b57614c22b0_3d5424432f57")
        let evidence = try #require(try attack(shape: shape).fingerprint).evidence
        #expect(evidence.coverage > 0.95)
        #expect((0.18...0.22).contains(evidence.collateral ?? 0), "\(evidence.collateral ?? -1)")
    }

    @Test func `a flood that asks what most visitors ask has no fingerprint`() throws {
        let shape = RequestShape(method: "GET", route: "/", ja4: "t13d1516h2_8daaf6152771_02713d6af862")
        #expect(try attack(shape: shape).fingerprint == nil)
    }

    @Test func `a flood that greets as visitors do is told by how it speaks HTTP/2`() throws {
        let usual = "t13d1516h2_8daaf6152771_02713d6af862"
        let shape = RequestShape(method: "GET", route: "/", ja4: usual, http2: "8f0c1a9be2d45571")
        let fingerprint = try #require(try attack(shape: shape).fingerprint)
        #expect(fingerprint.conditions.contains(.init(.http2, "8f0c1a9be2d45571")))
        #expect(fingerprint.evidence.coverage > 0.98 && fingerprint.evidence.collateral == 0)
        // The lane can mark by it.
        #expect(RequestRule(fingerprint.conditions) != nil)
    }

    @Test func `in clear there is no condition on the client`() throws {
        let shape = RequestShape(method: "GET", route: "/wp-login.php", ja4: "")
        let fingerprint = try #require(try attack(shape: shape).fingerprint)
        #expect(fingerprint.conditions == [.init(.method, "GET"), .init(.route, "/wp-login.php")])
    }

    @Test func `a flood over many routes is named by its client alone`() throws {
        var street = Street()
        street.pass(600)
        for second in 0..<30 {
            var next = street.second(visitors: 50)
            for route in 0..<40 {
                let shape = RequestShape(method: "GET", route: "/p/\(second)x\(route)", ja4: Street.flood.ja4)
                next.traffic.shapes[shape] = 25
            }
            next.requests += 1_000
            next.refused = 900
            next.isUnderPressure = true
            street.events += street.watch.observe(next)
            street.now = street.now + 1
        }
        street.pass(1_000)
        let fingerprint = try #require(street.over.first?.fingerprint)
        #expect(fingerprint.conditions == [.init(.method, "GET"), .init(.ja4, Street.flood.ja4)])
        #expect(fingerprint.evidence.coverage > 0.98 && fingerprint.evidence.collateral == 0)
    }

    @Test func `measured jointly, never feature by feature`() throws {
        // Visitors: GET to /a and POST to /b, half and half. The flood: POST to /a. Each feature alone is half of normal.
        var baseline = ShapeTally()
        baseline.add([
            RequestShape(method: "GET", route: "/a", ja4: ""): 500,
            RequestShape(method: "POST", route: "/b", ja4: ""): 500,
        ])
        var contrast = Contrast()
        contrast.shapes.add([
            RequestShape(method: "POST", route: "/a", ja4: ""): 1_000,
            RequestShape(method: "GET", route: "/a", ja4: ""): 50,
            RequestShape(method: "POST", route: "/b", ja4: ""): 50,
        ])
        contrast.requests = 1_100
        contrast.expected = 100
        let fingerprint = try #require(
            contrast.fingerprint(against: baseline, sources: 3, from: Street.morning, until: Street.morning + 9))
        #expect(fingerprint.conditions == [.init(.method, "POST"), .init(.route, "/a")])
        #expect(fingerprint.evidence.coverage == 1 && fingerprint.evidence.collateral == 0)
        #expect(fingerprint.evidence.sources == 3)
    }

    @Test func `without half of the excess explained there is none, and without a baseline no collateral`() {
        var contrast = Contrast()
        contrast.requests = 1_000
        contrast.shapes.add([Street.flood: 499])
        let (from, until) = (Street.morning, Street.morning + 10)
        #expect(contrast.fingerprint(against: ShapeTally(), sources: 1, from: from, until: until) == nil)
        contrast.shapes.add([Street.flood: 2])
        let found = contrast.fingerprint(against: ShapeTally(), sources: 1, from: from, until: until)
        #expect(found != nil && found?.evidence.collateral == nil)
        #expect(Contrast().fingerprint(against: ShapeTally(), sources: 1, from: from, until: until) == nil)
    }
}
