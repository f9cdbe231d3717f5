internal import CLinux
package import Filters
internal import Glibc

/// The clock that our programs read: nanoseconds since the machine's start, as of the last tick, which is up to 10
/// milliseconds ago.
package enum KernelClock {
    package static var now: UInt64 { linux_coarse_clock() }

    /// Tries, of which one falls between two ticks.
    private static let attempts = 100
    private static let count = EBPF.Map("ticks", .array, key: 4, value: 8, entries: 1)

    /// How this kernel's ticks are turned into ``now``: its count of ticks is asked of a program, beside the clock. It
    /// follows the clock from then on, for the kernel counts a tick where the clock has gone on by one.
    package static func ticks() throws(KernelError) -> FilterPlan.Clock {
        var resolution = timespec()
        guard clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) == 0, resolution.tv_sec == 0, resolution.tv_nsec > 0
        else { throw KernelError(ENOSYS, .runProgram, "ticks", reason: "the system has no coarse clock") }
        let maps = try KernelMaps(creating: [count])
        guard let map = maps[count] else { throw KernelError(ENOENT, .runProgram, "ticks") }
        let program = try KernelProgram(counting, name: "ticks", maps: maps)
        let frame = [UInt8](repeating: 0, count: 60)
        for _ in 0..<attempts {
            let before = now
            _ = try program.run(frame)
            guard now == before, let ticks: UInt64 = try map.value(of: UInt32(0)) else { continue }
            let tick = UInt64(resolution.tv_nsec)
            return FilterPlan.Clock(tick: tick, offset: before &- ticks &* tick)
        }
        throw KernelError(EAGAIN, .runProgram, "ticks", reason: "the clock does not stand still between two ticks")
    }

    /// Writes the count of ticks into the map.
    private static var counting: EBPF.Program {
        var code = EBPF.Assembler()
        let missing = code.label()
        code.store(.word, .frame, -4, number: 0)
        code.map(.r1, count)
        code.move(.r2, .frame)
        code.compute(.add, .r2, -4)
        code.call(.mapLookup)
        code.jump(.equal, .r0, 0, to: missing)
        code.move(.r6, .r0)
        code.call(.ticks)
        code.store(.double, .r6, 0, .r0)
        code.place(missing)
        code.exit(.pass)
        return code.finished()
    }
}
