internal import CLinux
internal import Filters
internal import Glibc

/// What this process may do with the kernel's filter, found out once at the start: what is missing, by name.
package struct Capabilities: Equatable, Sendable {
    /// The oldest kernel that the filter is made for.
    package static let oldestKernel = (major: 6, minor: 1)

    /// For people; empty where the filter can run.
    package var reasons: [String]
    /// What works without, but worse.
    package var drawbacks: [String]
    /// The kernel's release; empty where it does not say.
    package var kernel: String
    /// Jumps of any length, which kernels since 6.6 have: large sets of rules need them.
    package var hasFarJumps: Bool

    package var isPossible: Bool { reasons.isEmpty }

    /// Capabilities (linux/capability.h) that are needed, by their bits.
    private static let needed: [(name: String, bit: UInt64)] = [
        ("CAP_BPF", 39), ("CAP_NET_ADMIN", 12), ("CAP_PERFMON", 38),
    ]
    /// Stands for CAP_BPF and CAP_PERFMON too.
    private static let administrator: UInt64 = 21

    /// Asks the kernel, and tries: nothing stays of it. Never throws.
    package static func probe(root: String = PinFolder.system) -> Capabilities {
        let (refusal, hasFarJumps) = attempt()
        return Capabilities(
            release: release(), status: Files.text("/proc/thread-self/status") ?? "", refusal: refusal,
            hasFarJumps: hasFarJumps, hasPins: linux_is_pin_system(root) == 1,
            isCompiling: Files.text("/proc/sys/net/core/bpf_jit_enable")?.hasPrefix("0") != true,
            synCookies: Files.text("/proc/sys/net/ipv4/tcp_syncookies").map { String($0.prefix { !$0.isWhitespace }) })
    }

    /// From what the kernel said: its release, a thread's status, why a trial was refused, and how it gives SYN cookies
    /// (ip-sysctl); nil where it does not say.
    package init(
        release: String, status: String, refusal: KernelError?, hasFarJumps: Bool = true, hasPins: Bool = true,
        isCompiling: Bool = true, synCookies: String? = nil
    ) {
        kernel = release
        self.hasFarJumps = hasFarJumps
        reasons = []
        drawbacks = []
        let oldest = Self.oldestKernel
        if let (major, minor) = Self.version(release), (major, minor) < oldest {
            reasons.append("the kernel is \(release): \(oldest.major).\(oldest.minor) or later is needed")
        }
        let missing = Self.missing(in: status)
        if !missing.isEmpty { reasons.append("this process lacks \(missing.joined(separator: ", "))") }
        if let refusal, reasons.isEmpty {
            reasons.append(
                refusal.code == EPERM
                    ? "the kernel lets this process not use bpf(2), though it has the capabilities: "
                        + "they are those of a container's own users, or a seccomp filter forbids it"
                    : "\(refusal)")
        }
        guard reasons.isEmpty else { return }
        if !hasFarJumps { drawbacks.append("the kernel is older than 6.6: large sets of rules may not be taken") }
        if !hasPins {
            drawbacks.append("no bpf file system is mounted on \(PinFolder.system): it must be, or be mountable")
        }
        if !isCompiling { drawbacks.append("net.core.bpf_jit_enable is 0: programs are interpreted, slowly") }
        if let synCookies, synCookies != "2" {
            let conduct = synCookies == "0" ? "never" : "only while a listener's queue is full"
            drawbacks.append(
                "net.ipv4.tcp_syncookies is \(synCookies): SYN cookies are given \(conduct); 2 gives them to all floods"
            )
        }
    }

    /// Capabilities that a status (proc_pid_status(5)) does not have; none where it does not say.
    package static func missing(in status: String) -> [String] {
        guard
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") }),
            let effective = UInt64(line.dropFirst(7).drop { $0 == "\t" || $0 == " " }, radix: 16)
        else { return [] }
        return needed.filter { name, bit in
            let isAdministrator = effective >> administrator & 1 == 1 && name != "CAP_NET_ADMIN"
            return effective >> bit & 1 == 0 && !isAdministrator
        }.map(\.name)
    }

    /// The first two numbers of a release.
    package static func version(_ release: String) -> (Int, Int)? {
        let parts = release.split(separator: ".", maxSplits: 2)
        guard parts.count >= 2, let major = Int(parts[0]), let minor = Int(parts[1].prefix { $0.isNumber }) else {
            return nil
        }
        return (major, minor)
    }

    private static func release() -> String {
        Files.text("/proc/sys/kernel/osrelease").map { String($0.prefix { !$0.isWhitespace }) } ?? ""
    }

    /// Makes a map and loads two programs: one that reads a packet and the map, and one that jumps far.
    private static func attempt() -> (refusal: KernelError?, hasFarJumps: Bool) {
        let shape = EBPF.Map("probe", .array, key: 4, value: 8, entries: 1)
        do throws(KernelError) {
            let map = try KernelMap(creating: shape)
            _ = try KernelProgram(reader(of: shape), name: "probe", maps: KernelMaps([map]))
        } catch { return (error, false) }
        var far = EBPF.Assembler()
        far.exit(.pass)
        var program = far.finished()
        // To the next instruction: what matters is that the kernel knows it.
        program.instructions.insert(EBPF.Instruction(EBPF.Code.jumpFar, immediate: 0), at: 0)
        let hasFarJumps = (try? KernelProgram(program, name: "probe", maps: KernelMaps())) != nil
        return (nil, hasFarJumps)
    }

    private static func reader(of map: EBPF.Map) -> EBPF.Program {
        var code = EBPF.Assembler()
        let end = code.label()
        code.load(.r2, .word, .r1, 0)
        code.load(.r3, .word, .r1, 4)
        code.move(.r4, .r2)
        code.compute(.add, .r4, 14)
        code.jump(.greater, .r4, .r3, to: end)
        code.load(.r6, .byte, .r2, 0)
        code.store(.word, .frame, -4, number: 0)
        code.map(.r1, map)
        code.move(.r2, .frame)
        code.compute(.add, .r2, -4)
        code.call(.mapLookup)
        code.jump(.equal, .r0, 0, to: end)
        code.atomicAdd(.r0, 0, .r6)
        code.call(.coarseClock)
        code.place(end)
        code.exit(.pass)
        return code.finished()
    }
}
