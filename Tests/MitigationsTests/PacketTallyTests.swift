import Mitigations
import Moments
import Testing

@Suite struct `A tally of packets` {
    private func tally(isLive: Bool = true) -> PacketTally {
        PacketTally(isLive: isLive, machine: "here", interface: "eth0", attack: nil)
    }

    private func count(_ packets: UInt64, _ bytes: UInt64? = nil) -> FilterCount {
        FilterCount(packets: packets, bytes: bytes ?? packets * 100)
    }

    @Test(arguments: 0..<50) func `goes up by what is new, whatever the counter does`(seed: UInt64) {
        var random = Seeded(seed)
        var tally = tally()
        var counter = count(0)
        var truth = count(0)
        for _ in 0..<200 {
            let isAnew = tally.reading.packets > 0 && Int.random(in: 0..<10, using: &random) == 0
            // One that began anew is seen by standing lower than before.
            let new = count(UInt64.random(in: 0..<(isAnew ? tally.reading.packets : 50), using: &random))
            if isAnew { counter = new } else { counter += new }
            truth += new
            let before = tally
            let isLive = Bool.random(using: &random)
            tally.count(counter, isLive: isLive)
            #expect(tally.dropped.packets >= before.dropped.packets && tally.spared.packets >= before.spared.packets)
            if !isLive || !before.isLive { #expect(tally.dropped == before.dropped) }
            var sum = tally.dropped
            sum += tally.spared
            #expect(sum == truth)
            let again = tally
            tally.count(counter, isLive: isLive)
            #expect(tally == again)
        }
    }

    @Test func `takes in two counters, of what is dropped and of what is dry, each by itself`() throws {
        var tally = PacketTally(
            isLive: true, machine: "here", interface: "eth0", attack: nil, reading: count(100), spareReading: count(7))
        #expect(tally.count(dropped: count(130), spared: count(7)) == count(30))
        #expect(tally.dropped == count(30) && tally.spared == count(0))
        // The machine was started anew.
        tally.count(dropped: count(4), spared: count(9))
        #expect(tally.dropped == count(34) && tally.spared == count(2))
        #expect(tally.reading == count(4) && tally.spareReading == count(9))
    }

    @Test func `stops at the greatest count`() {
        var tally = tally()
        tally.count(count(.max, .max), isLive: true)
        tally.count(count(3), isLive: true)
        #expect(tally.dropped == count(.max, .max))
    }
}
