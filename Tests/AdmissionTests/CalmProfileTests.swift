import Admission
import Bytes
import Heads
import Sketches
import Testing

@Suite struct `What calm taught` {
    private static let key = KeyedHash(key: Array(1...16))
    private static let start = Instant(nanoseconds: 1_000_000_000_000)

    private static func after(_ seconds: Float) -> Instant {
        Instant(nanoseconds: start.nanoseconds + UInt64(seconds * 1e9))
    }

    /// One of many visitors who read pages, or one of a flood that asks for random words.
    private static func arrival(_ number: Int, isFlood: Bool) -> Arrival {
        var traits = RequestTraits()
        let page = UInt64(number % 12)
        traits.route = isFlood ? 99 : page
        traits.target = isFlood ? UInt64(number) &* 0x9e37_79b9_7f4a_7c15 : page &* 0xd6e8_feb8_6659_fd93
        traits.hasQuery = isFlood
        traits.fields = isFlood ? 7 : UInt64(number % 3)
        traits.agent = isFlood ? 8 : UInt64(number % 3)
        traits.accepts = isFlood ? 9 : UInt64(number % 4)
        let source = UInt64(isFlood ? 1_000_000 + number : number % 400)
        return Arrival(
            ticket: UInt64(number), source: source, network: source / 8, region: source / 64, route: traits.route,
            isKnown: false, traits: traits)
    }

    private static func calm() -> SiteAdmission {
        var admission = SiteAdmission(rules: SiteAdmission.Rules(), key: key, at: start)
        for number in 0..<2_000 {
            let now = after(Float(number) * 0.02)
            _ = admission.tick(at: now)
            guard case .admit(let slot) = admission.arrived(arrival(number, isFlood: false), at: now) else { continue }
            admission.answered(slot, at: after(Float(number) * 0.02 + 0.005))
            admission.released(slot)
        }
        return admission
    }

    /// How many of a flood's requests are suspect.
    private static func suspects(_ admission: SiteAdmission) -> UInt64 {
        var admission = admission
        for number in 0..<3_000 {
            let now = after(100 + Float(number) * 0.001)
            _ = admission.tick(at: now)
            _ = admission.arrived(arrival(number, isFlood: true), at: now)
        }
        return admission.unlike
    }

    @Test func `serves the lane that takes over in the middle of an attack`() throws {
        let profile = try #require(Self.calm().profile)
        let fresh = SiteAdmission(rules: SiteAdmission.Rules(), key: Self.key, at: Self.after(99))
        var heir = fresh
        let read = try CalmProfile(decoding: profile.encoded().span.bytes)
        let isTaken = heir.recall(read, at: Self.after(99))
        #expect(isTaken)
        #expect(heir.profile == profile)
        #expect(Self.suspects(fresh) == 0)
        #expect(Self.suspects(heir) > 1_500)
    }

    @Test func `is not taken where there is enough already, nor under another key`() throws {
        let admission = Self.calm()
        let profile = try #require(admission.profile)
        var same = admission
        let isTaken = same.recall(profile, at: Self.after(99))
        #expect(!isTaken)
        var other = SiteAdmission(rules: SiteAdmission.Rules(), key: KeyedHash(key: [9]), at: Self.start)
        let isTakenElsewhere = other.recall(profile, at: Self.after(99))
        #expect(!isTakenElsewhere && other.profile == nil)
    }

    @Test func `is refused where it is cut off, too long or holds what no profile can`() throws {
        let bytes = try #require(Self.calm().profile).encoded()
        for count in [0, 1, 8, 9, 400, 20_000, 60_000, bytes.count - 1] {
            #expect(throws: Malformed.self) { try CalmProfile(decoding: Array(bytes[..<count]).span.bytes) }
        }
        #expect(throws: Malformed.self) { try CalmProfile(decoding: (bytes + [0]).span.bytes) }
        // A weight that is no number; one below nothing; a place beyond its table.
        let weights = 1 + 8 + 96 * 4 + 12
        let words: [(Int, [UInt8])] = [
            (weights, [0x7f, 0xc0, 0, 0]), (weights + 4, [0xbf, 0x80, 0, 0]), (bytes.count - 3, [0xff, 0xff]),
        ]
        for (place, word) in words {
            var broken = bytes
            broken.replaceSubrange(place..<place + word.count, with: word)
            #expect(throws: Malformed.self) { try CalmProfile(decoding: broken.span.bytes) }
        }
    }
}
