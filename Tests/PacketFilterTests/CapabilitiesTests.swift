import Glibc
import Synchronization
import PacketFilter
import TestKit
import Testing

private func status(_ effective: String) -> String {
    "Name:\twasstraat\nCapPrm:\tffffffffffffffff\nCapEff:\t\(effective)\nSeccomp:\t0\n"
}

private let whole = status("000000c000001000")

@Suite struct `What a process may do` {
    @Test(arguments: [
        ("000000c000001000", []), ("0000000000000000", ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"]),
        ("0000008000001000", ["CAP_PERFMON"]), ("0000004000001000", ["CAP_BPF"]),
        ("000000c000000000", ["CAP_NET_ADMIN"]), ("0000000000201000", []), ("0000000000200000", ["CAP_NET_ADMIN"]),
        ("no number", []),
    ])
    func `lacks capabilities by name`(effective: String, missing: [String]) {
        #expect(Capabilities.missing(in: status(effective)) == missing)
        let found = Capabilities(release: "6.18.1", status: status(effective), refusal: nil)
        #expect(found.isPossible == missing.isEmpty)
        #expect(found.reasons == (missing.isEmpty ? [] : ["this process lacks \(missing.joined(separator: ", "))"]))
    }

    @Test(arguments: [
        ("6.1.0-13-amd64", true), ("6.18.1", true), ("10.0", true), ("7.0-rc1", true), ("6.0.19", false),
        ("5.15.0-91-generic", false), ("", true), ("odd", true),
    ])
    func `needs a kernel that is new enough`(release: String, isPossible: Bool) {
        let found = Capabilities(release: release, status: whole, refusal: nil)
        #expect(found.isPossible == isPossible && found.kernel == release)
        if !isPossible { #expect(found.reasons == ["the kernel is \(release): 6.1 or later is needed"]) }
    }

    @Test func `is what the kernel lets it`() {
        let forbidden = Capabilities(
            release: "6.18.1", status: whole, refusal: KernelError(EPERM, .createMap, "probe"))
        #expect(forbidden.reasons.count == 1 && forbidden.reasons[0].contains("though it has the capabilities"))
        let absent = Capabilities(release: "6.18.1", status: whole, refusal: KernelError(ENOSYS, .createMap, "probe"))
        #expect(
            absent.reasons == [
                "cannot create the map probe: this kernel has no bpf(2), or it is forbidden to this process"
            ])
    }

    @Test func `has drawbacks that do not stop it`() {
        let found = Capabilities(
            release: "6.1.0", status: whole, refusal: nil, hasFarJumps: false, hasPins: false, isCompiling: false)
        #expect(found.isPossible && found.drawbacks.count == 3)
    }

    @Test(arguments: [("0", "never"), ("1", "only while a listener's queue is full"), ("2", nil), (nil, nil)])
    func `says where the kernel gives no SYN cookies`(setting: String?, words: String?) {
        let found = Capabilities(release: "6.8.0", status: whole, refusal: nil, synCookies: setting)
        #expect(found.isPossible && found.drawbacks.count == (words == nil ? 0 : 1))
        #expect(
            found.drawbacks.allSatisfy {
                $0.contains(words ?? "?") && $0.contains("tcp_syncookies is \(setting ?? "")")
            })
    }

    @Test(.needsBPF) func `is found out here`() throws {
        let found = Capabilities.probe()
        #expect(found.reasons == [])
        #expect(Capabilities.version(found.kernel) != nil)
        #expect(!found.drawbacks.contains { $0.contains("large sets of rules") } || !found.hasFarJumps)
    }

    /// The thread puts its capabilities down before it asks.
    @Test(
        .needsBPF, .needsRoot,
        arguments: [(0, ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"]), (1 << 12, ["CAP_BPF", "CAP_PERFMON"])])
    func `is less in a thread with fewer capabilities`(kept: Int, missing: [String]) throws {
        let found = Found()
        let thread = try TestThread { found.set(kept) }
        thread.join()
        let capabilities = try #require(found.capabilities)
        #expect(!capabilities.isPossible)
        #expect(capabilities.reasons == ["this process lacks \(missing.joined(separator: ", "))"])
    }
}

private final class Found: Sendable {
    private let value = Mutex<Capabilities?>(nil)
    var capabilities: Capabilities? { value.withLock { $0 } }

    /// Of the calling thread, which keeps these capabilities alone; nil where it cannot.
    func set(_ kept: Int) {
        typealias Set = @convention(c) (UnsafePointer<UInt32>, UnsafePointer<UInt32>) -> Int32
        // Glibc has it without a header. Version 3, this thread; effective, permitted and inherited, low words first.
        guard let symbol = dlsym(nil, "capset") else { return }
        let (low, high) = (UInt32(truncatingIfNeeded: kept), UInt32(truncatingIfNeeded: kept >> 32))
        guard unsafeBitCast(symbol, to: Set.self)([0x2008_0522, 0], [low, low, 0, high, high, 0]) == 0 else { return }
        value.withLock { $0 = Capabilities.probe() }
    }
}
