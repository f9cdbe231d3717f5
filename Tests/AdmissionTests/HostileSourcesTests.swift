import Admission
import Glibc
import Sketches
import Testing

/// Who is proven hostile, and above all who never is.
@Suite struct HostileSourcesTests {
    private static let start: UInt64 = 5_000_000_000
    private static let chrome: UInt32 = 0xc0de

    /// Seconds from the beginning.
    private static func at(_ seconds: Double) -> Instant {
        Instant(nanoseconds: start + UInt64(seconds * 1e9))
    }

    private static func key(_ source: Int) -> UInt64 {
        var value = UInt64(source) &* 0x9e37_79b9_7f4a_7c15 &+ 0x1234_5678
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }

    private func refused(
        _ source: Int = 1, agent: UInt32? = chrome, isKnown: Bool = false, isSuspect: Bool = true
    ) -> HostileSources.Sight {
        HostileSources.Sight(
            source: Self.key(source), agent: agent, isKnown: isKnown, isSuspect: isSuspect, isRefused: true)
    }

    /// When a source that asks so often a second is proven.
    private func proven(
        perSecond rate: Double, for seconds: Double, in machine: inout HostileSources, _ sight: HostileSources.Sight
    ) -> [(second: Double, proof: HostileSources.Proof)] {
        stride(from: 0, to: seconds, by: 1 / rate).compactMap { second in
            machine.saw(sight, at: Self.at(second)).map { (second, $0) }
        }
    }

    private func machine(_ rules: HostileSources.Rules = .init(), capacity: Int = 32_768) -> HostileSources {
        HostileSources(rules: rules, capacity: capacity, at: Self.at(0))
    }

    @Test(arguments: [4.0, 10, 50, 500])
    func `a source that is refused again and again is proven, once a minute`(rate: Double) throws {
        var machine = machine()
        let found = proven(perSecond: rate, for: 59, in: &machine, refused())
        let first = try #require(found.first)
        #expect(found.count == 1)
        #expect(first.second >= 3 && first.second <= 12)
        #expect(first.proof.refusals >= 40)
        #expect(abs(Double(first.proof.milliseconds) / 1_000 - first.second) < 0.01)
        #expect(machine.counts.proven == 1)
        // It goes on: nobody acted, or somebody counts only.
        let later = stride(from: 59, to: 90, by: 1 / rate).compactMap { machine.saw(refused(), at: Self.at($0)) }
        #expect(later.count == 1)
    }

    @Test func `a page with many pictures, all refused at once, proves nothing`() {
        var machine = machine()
        for page in 0..<20 {
            for picture in 0..<60 {
                #expect(machine.saw(refused(), at: Self.at(Double(page) * 5 + Double(picture) * 0.02)) == nil)
            }
        }
        #expect(machine.counts == .init())
    }

    @Test func `who clicks all the time in a crowd is never proven`() {
        var machine = machine()
        // Three times a second for ten minutes.
        #expect(proven(perSecond: 3, for: 600, in: &machine, refused()).isEmpty)
        // In bursts, with a look at the page between them.
        for burst in 0..<50 {
            for click in 0..<20 {
                #expect(machine.saw(refused(2), at: Self.at(Double(burst) * 6 + Double(click) * 0.15)) == nil)
            }
        }
    }

    @Test(arguments: [2.5, 5, 10, 60])
    func `a refused visitor who comes again when he was told to is never proven`(seconds: Double) {
        var machine = machine()
        #expect(proven(perSecond: 1 / seconds, for: 7_200, in: &machine, refused()).isEmpty)
    }

    @Test func `refusals for want of room prove nothing, and one calm request begins the row anew`() {
        var machine = machine()
        #expect(proven(perSecond: 20, for: 60, in: &machine, refused(isSuspect: false)).isEmpty)
        for index in 0..<2_000 {
            let sight = refused(2, isSuspect: index % 30 != 0)
            #expect(machine.saw(sight, at: Self.at(60 + Double(index) * 0.05)) == nil)
        }
    }

    @Test(arguments: [4, 5, 300])
    func `an address that several people share is never proven`(agents: Int) {
        var machine = machine()
        var random = SplitMix64(seed: 11)
        for index in 0..<60_000 {
            let agent = UInt32(random.next() % UInt64(agents)) + 1
            #expect(machine.saw(refused(agent: agent), at: Self.at(Double(index) * 0.01)) == nil)
        }
        #expect(machine.counts.proven == 0 && machine.counts.spared == 1)
    }

    @Test func `three programs of one person are one person's`() {
        var machine = machine()
        var found = 0
        for index in 0..<1_000
        where machine.saw(
            refused(agent: UInt32(index % 3) + 1), at: Self.at(Double(index) * 0.05)) != nil
        { found += 1 }
        #expect(found == 1)
    }

    @Test func `an address that a known visitor came from is never proven, before and after`() {
        var machine = machine()
        // One request of one visitor among thousands of a program behind the same address.
        _ = machine.saw(refused(isKnown: true, isSuspect: false), at: Self.at(0))
        #expect(proven(perSecond: 100, for: 590, in: &machine, refused()).isEmpty)
        #expect(machine.counts.spared == 1)
    }

    @Test func `who must be spared is spared when the table has no place for him any more`() {
        var machine = machine(capacity: 1_024)
        for source in 0..<50 { _ = machine.saw(refused(source, isKnown: true), at: Self.at(0)) }
        for agent in 1...4 as ClosedRange<UInt32> { _ = machine.saw(refused(50, agent: agent), at: Self.at(0)) }
        for source in 1_000..<200_000 { _ = machine.saw(refused(source), at: Self.at(0.5)) }
        for source in 0...50 {
            #expect(proven(perSecond: 50, for: 20, in: &machine, refused(source)).isEmpty, "source \(source)")
        }
    }

    @Test func `ten thousand visitors behind twenty addresses, flooded with refusals, are never proven`() {
        var machine = machine()
        var random = SplitMix64(seed: 3)
        var found = 0
        // 1,500 a second over all, for a minute: each address is refused 75 times a second. A person's program is one of
        // twelve common ones.
        for index in 0..<90_000 {
            let person = Int(random.next() % 10_000)
            let sight = refused(person % 20, agent: UInt32(Self.key(person) % 12) + 1)
            if machine.saw(sight, at: Self.at(Double(index) / 1_500)) != nil { found += 1 }
        }
        #expect(found == 0)
        #expect(machine.counts.proven == 0 && machine.counts.spared == 20)
    }

    @Test func `no more are said in a second than may be, and the rest when there is room`() {
        var rules = HostileSources.Rules()
        rules.perSecond = 10
        rules.perTenMinutes = 35
        var machine = machine(rules)
        var found: [Int: Int] = [:]
        for step in 0..<200 {
            for source in 0..<50 where machine.saw(refused(source), at: Self.at(Double(step) * 0.1)) != nil {
                found[step / 10, default: 0] += 1
            }
        }
        #expect(found.values.allSatisfy { $0 <= 20 })
        #expect(found.values.reduce(0, +) == 35)
        #expect(machine.counts.proven == 35)
        #expect(machine.counts.omitted >= 15)
    }

    @Test func `a clock that lies behind breaks nothing`() {
        var machine = machine()
        var found = 0
        for index in 0..<1_000 {
            let second = 10 + Double(index) * 0.05 - (index % 2 == 0 ? 0.001 : 0)
            if machine.saw(refused(), at: Self.at(second)) != nil { found += 1 }
        }
        #expect(found == 1)
        #expect(machine.saw(refused(2), at: Instant(nanoseconds: 0)) == nil)
    }

    /// Ten million sources that ask once or twice, and one that goes on: memory stays, and he is proven. Prints what one
    /// look costs.
    @Test func `ten million sources leave no trace, and hide nobody`() throws {
        var machine = machine()
        let before = Self.memory
        let clock = ContinuousClock()
        var found = 0
        let time = clock.measure {
            for source in 0..<10_000_000 {
                let second = Double(source) / 200_000
                _ = machine.saw(refused(source + 10), at: Self.at(second))
                if source % 2_000 == 0, machine.saw(refused(1), at: Self.at(second)) != nil { found += 1 }
            }
        }
        let grown = Self.memory - before
        let nanoseconds = Double(time.components.seconds) * 100 + Double(time.components.attoseconds) / 1e16
        print("hostile sources: \(nanoseconds) ns a request over ten million sources, \(grown) KiB more memory")
        #expect(found >= 1)
        #expect(machine.counts.proven == UInt64(found))
        // An entry each would be 600 MiB; other tests of the process take some meanwhile.
        #expect(grown < 65_536)
    }

    /// What the process holds now, in KiB.
    private static var memory: Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = fread(&bytes, 1, bytes.count, file)
        let words = String(decoding: bytes.prefix(count), as: UTF8.self).split(separator: " ")
        return words.count > 1 ? (Int(words[1]) ?? 0) * 4 : 0
    }
}
