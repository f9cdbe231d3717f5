import Glibc
import TestKit
import Testing

/// `make filter-proof`, shortened: the kernel, the interpreter and the model against each other, sets of rules through the
/// verifier, a swap under load. The times that it measures are no part of this test.
struct ProofTests {
    /// It lies beside the tests' own program.
    private static let program: String = {
        var path = [UInt8](repeating: 0, count: 4_096)
        let count = path.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
        let own = String(decoding: path.prefix(max(0, count)), as: UTF8.self)
        return own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
            + "/filter-measure"
    }()

    @Test(.needsRoot, .needsBPF, .needs(tool: "unshare"), .timeLimit(.minutes(10)))
    func `the kernel, the interpreter and the model agree`() throws {
        let child = try Child([
            "unshare", "-n", Self.program, "proof", "--frames", "400000", "--sets", "300,6,2", "--swapped", "2000000",
            "--flooded", "300000",
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
}
