import Filters
import Glibc
import PacketFilter

/// Live frames at an interface of this namespace: what it costs to drop a packet by our program, and by a set of
/// nftables at netdev ingress, where the frame has become the system's first. Both pay for the injection.
enum Injection {
    private static let interface = "wst-live"
    static let repeats = 1_000_000
    private static let addresses = 10_000

    /// Nanoseconds of processor time per packet: the injection alone, our blocked list, nftables' set.
    struct Figures {
        var empty: Double
        var blocked: Double
        var set: Double
    }

    /// nil where nft is not there.
    static func measure(rounds: Int) throws -> Figures? {
        guard Command.run("command -v nft ip") == 0,
            Command.run("ip link add \(interface) type veth peer name wst-live2") == 0
        else { return nil }
        defer { _ = Command.run("nft delete table netdev wst; ip link del \(interface)") }
        guard Command.run("ip link set \(interface) up; ip link set wst-live2 up") == 0 else { return nil }
        let found = try NetworkInterface(named: interface)
        var plan = Bench.bare
        plan.hasBlocked = true
        let world = try Bench.World(plan)
        try world.fill(.blocked, count: addresses, plan: plan)
        var code = EBPF.Assembler()
        code.exit(.drop)
        let drop = try KernelProgram(code.finished(), name: "drop", maps: KernelMaps())
        let pass = try KernelProgram(FilterPrograms.empty, name: "empty", maps: KernelMaps())
        let frame = Frames.tcp(source: 0xc612_0007)
        let elements = (0..<addresses).map { "198.18.\($0 / 256).\($0 % 256)" }.joined(separator: ", ")
        let table = """
            table netdev wst {
                set blocked { type ipv4_addr; flags timeout; timeout 1h; elements = { \(elements) } }
                chain in { type filter hook ingress device "\(interface)" priority 0; ip saddr @blocked drop; }
            }
            """
        let file = "/tmp/wst-live.nft"
        try File.write(table, to: file)
        guard Command.run("nft -f \(file); status=$?; rm -f \(file); exit $status") == 0 else { return nil }
        var figures: [[Double]] = [[], [], []]
        for round in 0..<rounds {
            for step in 0..<3 {
                let place = (step + round) % 3
                let program = [drop, world.root, pass][place]
                let begin = Clock.processor
                try program.inject(frame, repeats: repeats, at: found)
                figures[place].append(Double(Clock.processor - begin) / Double(repeats))
            }
        }
        let medians = figures.map { $0.sorted()[$0.count / 2] }
        return Figures(empty: medians[0], blocked: medians[1], set: medians[2])
    }
}
