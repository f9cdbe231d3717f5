import Addresses
import Messages
import TestKit
import Testing

/// What a tool that knows the known weaknesses of TLS says of a listener: Heartbleed, ROBOT, tickets, renegotiation, old
/// versions, suites without forward secrecy.
@Suite(.needs(tool: "testssl"), .needs(tool: "openssl")) struct `TLS under inspection` {
    @Test(arguments: [TestAuthority.Key.p256, .rsa2048]) func `has no known weakness`(key: TestAuthority.Key) throws {
        let name = "veilig.example.nl"
        let certificate = try TestAuthority().certificate(for: [name], key: key)
        let street = try Street {
            $0.sites[0].hosts = [name]
            $0.sites[0].certificateChain = certificate.chain
            $0.sites[0].privateKey = certificate.key
        }
        let folder = try TemporaryFolder()
        let file = folder.path("findings.json")
        // By address, and without asking names of anybody.
        let said = try Tool.run([
            "testssl", "--quiet", "--warnings", "off", "--color", "0", "--ip", "127.0.0.1", "--nodns", "none",
            "--severity", "LOW", "--jsonfile", file, "-U", "-p", "-s", "-f", "\(name):\(street.tls.port)",
        ])
        let found = String(decoding: try folder.read("findings.json"), as: UTF8.self)
        // What it misses in the machine's own OpenSSL is told there too.
        let names = found.split(separator: "\n").filter { $0.contains("\"id\"") }
        #expect(names.allSatisfy { $0.contains("\"engine_problem\"") }, "\(found)")
        // It looked at all of them.
        #expect(said.contains("TLS 1.3    offered (OK)"), "\(said)")
        for weakness in ["Heartbleed", "ROBOT", "Ticketbleed", "LUCKY13", "Secure Renegotiation"] {
            #expect(said.contains(weakness), "\(said)")
        }
    }
}
