import Glibc
import Testing

struct UnitFileTests {
    private static let hasSystemd = RunningOffice.shell("command -v systemd-analyze").code == 0
    private static let root = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/")

    /// systemd looks whether the program is there, so a copy names one that is on every machine.
    @Test(.enabled(if: hasSystemd, "systemd-analyze is not installed"), arguments: ["wasstraat", "wasstraat-filter"])
    func `systemd understands the unit`(name: String) {
        let folder = "/tmp/wst-unit-\(getpid())-\(name)"
        let copy =
            "sed 's|^ExecStart=[^ ]*|ExecStart=/bin/true|' \(Self.root)/deploy/\(name).service >\(folder)/\(name).service"
        let verified = RunningOffice.shell(
            "mkdir \(folder) && \(copy) && systemd-analyze verify \(folder)/\(name).service")
        _ = RunningOffice.shell("rm -rf \(folder)")
        #expect(verified.code == 0)
        #expect(verified.output == "")
    }
}
