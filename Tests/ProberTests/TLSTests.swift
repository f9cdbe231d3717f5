import Addresses
import Incidents
import Prober
import TestKit
import Testing

@Suite(.needs(tool: "openssl")) struct `TLS is always verified` {
    let authority: TestAuthority
    private let server: Child
    private let endpoint: Endpoint

    /// openssl's server, which answers every GET with a page about the connection.
    init() throws {
        authority = try TestAuthority()
        let certificate = try authority.certificate(for: ["www.example.nl"], addresses: ["127.0.0.1"])
        server = try Child([
            "openssl", "s_server", "-accept", "127.0.0.1:0", "-www", "-cert", certificate.chainPath, "-key",
            certificate.keyPath,
        ])
        let line = try #require(server.waitForLine(holding: "ACCEPT"))
        endpoint = Endpoint(Probing.local, port: try #require(line.split(separator: ":").last.flatMap { UInt16($0) }))
    }

    private func result(_ security: ProbeTarget.Security) async throws -> Sample.Result? {
        try await Probing.first(Probing.target(at: [endpoint], word: "s_server", security: security))?.result
    }

    @Test func `a certificate for the host by a known authority is success`() async throws {
        #expect(try await result(.verified(by: .only(authority.certificate))) == .success)
        #expect(try await result(.verified(by: .systemAnd(authority.certificate))) == .success)
    }

    @Test func `a certificate for the address is success where the address is asked for`() async throws {
        #expect(try await result(.verified(name: "127.0.0.1", by: .only(authority.certificate))) == .success)
    }

    @Test func `a stranger's certificate is untrusted`() async throws {
        let stranger = try TestAuthority(name: "Someone else")
        #expect(try await result(.verified()) == .untrusted)
        #expect(try await result(.verified(by: .only(stranger.certificate))) == .untrusted)
        #expect(try await result(.verified(by: .systemAnd(stranger.certificate))) == .untrusted)
    }

    @Test func `a certificate for another name is untrusted`() async throws {
        let other = ProbeTarget.Security.verified(name: "origin.example.nl", by: .only(authority.certificate))
        #expect(try await result(other) == .untrusted)
    }

    @Test func `a server without TLS has failed, and so has one that hangs up`() async throws {
        let origin = try LoopbackOrigin()
        origin.answer("/", with: [.text("no TLS")])
        let target = Probing.target(
            at: [origin.endpoint], security: .verified(by: .only(authority.certificate)))
        var configuration = Probing.configuration
        configuration.timeout = .milliseconds(500)
        let result = try await Probing.first(target, configuration)?.result
        // The origin waits for a request's end, which the handshake does not bring.
        #expect(result == .timeout)
        origin.stop()
        #expect(try await Probing.first(target, configuration)?.result == .failed)
    }

    @Test func `authorities that cannot be read are refused at the beginning`() throws {
        let target = Probing.target(
            "stad", at: [endpoint], security: .verified(by: .only(Array("no certificate".utf8))))
        #expect(throws: ProberRefusal.authorities(site: "stad")) {
            try Prober(targets: [target], configuration: Probing.configuration) { _ in }
        }
    }
}
