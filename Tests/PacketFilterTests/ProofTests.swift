import CLinux
import Glibc
import TestKit
import Testing

/// `make filter-proof`, shortened: the kernel, the interpreter and the model against each other, sets of rules through the
/// verifier, a swap under load. The times that it measures are no part of this test. One after the other: their
/// interfaces have one name, and so their pins.
@Suite(.serialized) struct ProofTests {
    /// It lies beside the tests' own program.
    private static let program: String = {
        var path = [UInt8](repeating: 0, count: 4_096)
        let count = path.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
        let own = String(decoding: path.prefix(max(0, count)), as: UTF8.self)
        return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/filter-measure"
    }()

    @Test(
        .enabled(if: linux_own_network_namespace() == 0, "needs the machine's own network"),
        arguments: ["proof", "bench"])
    func `neither is made in the machine's own network`(command: String) throws {
        let child = try Child([Self.program, command, "--frames", "1", "--sets", "0,0,0", "--rounds", "1"])
        #expect(child.waitForLine(holding: "is not on this machine") != nil)
        #expect(child.wait() == 1)
    }

    @Test(.needsRoot, .needsBPF, .needs(tool: "unshare"), .timeLimit(.minutes(10)))
    func `the kernel, the interpreter and the model agree`() throws {
        let child = try Child([
            "unshare", "-n", Self.program, "proof", "--frames", "400000", "--sets", "300,6,2", "--swapped", "2000000",
            "--flooded", "300000", "--without", "proven sources",
        ])
        let text = child.readOutput()
        _ = child.wait()
        for name in [
            "oracle: made frames", "every set of rules loads", "swap under load", "kill -9", "after a reboot",
            "SYN flood: visitors",
        ] {
            #expect(text.contains("holds  \(name)"), "\(text)")
        }
    }

    /// With the real office, lane and filter in two namespaces; it prints how soon the source was in the kernel.
    @Test(
        .needsRoot, .needsBPF, .needs(tool: "unshare"), .needs(tool: "python3"), .needs(tool: "curl"),
        .timeLimit(.minutes(5)))
    func `sources that the lane proves hostile are in the kernel at once, and cost it nothing more`() throws {
        let child = try Child(["unshare", "-n", Self.program, "proof", "--only", "proven sources"])
        let text = child.readOutput()
        _ = child.wait()
        let rows = text.split(separator: "\n").filter { $0.contains("proven source") }
        print(rows.joined(separator: "\n"))
        for name in [
            "proven source in the kernel", "proven sources: visitors served", "proven sources: shared addresses spared",
            "proven sources: blocked ones cost the lane nothing", "proven sources: on the attack's record",
        ] {
            #expect(text.contains("holds  \(name)"), "\(text)")
        }
    }
}
