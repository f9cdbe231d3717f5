import Glibc
import PacketFilter
import TestKit
import Testing

struct KernelClockTests {
    @Test(.needsBPF) func `ticks become the monotonic clock, and stay it`() throws {
        let first = try KernelClock.ticks()
        usleep(1_200_000)
        let second = try KernelClock.ticks()
        #expect(first.tick == second.tick && (100_000...10_000_000).contains(first.tick))
        // Both ends may fall beside a tick.
        let drift = Int64(bitPattern: second.offset &- first.offset)
        #expect(abs(drift) <= 2 * Int64(first.tick), "\(drift)")
    }
}
