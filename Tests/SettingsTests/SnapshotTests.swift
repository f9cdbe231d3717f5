import Addresses
import Foundation
import Messages
import Settings
import Testing

struct SnapshotTests {
    private static let text = """
        instance: straat-1
        trusted_peers: [192.0.2.0/24]
        lane: { cores: [1] }
        limits: { head_time: 5 s }
        organisations:
          - name: a
            sites:
              - hosts: [a.example, "*.a.example"]
                certificate: site.pem
                origins: [https://origin.example:8443, https://192.0.2.9]
                origin_authority: ca.pem
                source_limit: { rate: 20, burst: 40 }
                check: { word: Welkom }
              - host: b.example
                origin: http://origin.example
                mode: observe
                service: back-office
                body_limit: 1 MiB
                check: { path: /stil, word: Zaken, status: 203 }
        """

    private static var secrets: Snapshot.Secrets {
        var secrets = Snapshot.Secrets()
        secrets.ticketKeys = [Array(repeating: 1, count: 48)]
        secrets.pseudonymKey = Array(repeating: 2, count: 16)
        secrets.historyKey = Array(repeating: 3, count: 16)
        secrets.cookieKeys = [Array(repeating: 4, count: 32)]
        return secrets
    }

    private static func compile(
        _ text: String, files: MemoryFiles = .golden, resolve: Settings.Resolver
    ) throws(Complaints) -> Settings.Compiled {
        try Settings.parse(text: text, files: files)
            .compile(generation: 7, secrets: secrets, files: files, resolve: resolve)
    }

    private static func addresses(_ count: Int) -> [Address] {
        (0..<count).map { Address(ipv4: 0xc000_0200 + UInt32($0)) }
    }

    @Test func `carries the settings over, whole`() throws {
        let compiled = try Self.compile(Self.text) { _ in .success(Self.addresses(2)) }
        let snapshot = compiled.snapshot
        #expect(compiled.warnings.isEmpty)
        #expect(snapshot.generation == 7 && snapshot.instance == "straat-1" && snapshot.cores == [1])
        #expect(snapshot.secrets == Self.secrets)
        #expect(snapshot.limits.headTime == 5000)
        #expect(snapshot.listeners.count == 4)
        #expect(snapshot.trustedPeers.map(\.description) == ["192.0.2.0/24"])
        let sites = snapshot.sites
        #expect(sites.map(\.name) == ["a.example", "b.example"])
        #expect(sites.map(\.organisation) == ["a", "a"])
        #expect(sites.map(\.mode) == [.protect, .observe] && sites.map(\.service) == [.publicService, .backOffice])
        #expect(sites.map(\.bodyLimit) == [16 << 20, 1 << 20])
        #expect(sites[0].sourceLimit == Snapshot.SourceLimit(rate: 20, burst: 40) && sites[1].sourceLimit == nil)
        #expect(sites[0].hosts == ["a.example", "*.a.example"])
    }

    @Test func `turns each address of an origin into an origin`() throws {
        let sites = try Self.compile(Self.text) { _ in .success(Self.addresses(2)) }.snapshot.sites
        #expect(sites[0].origins.map(\.endpoint.description) == ["192.0.2.0:8443", "192.0.2.1:8443", "192.0.2.9:443"])
        #expect(sites[0].origins.map(\.serverName) == ["origin.example", "origin.example", "a.example"])
        #expect(sites[0].origins.allSatisfy { $0.isTLS && $0.authorities == Array(MemoryFiles.certificate.utf8) })
        #expect(sites[1].origins.map(\.endpoint.description) == ["192.0.2.0:80", "192.0.2.1:80"])
        #expect(sites[1].origins.allSatisfy { !$0.isTLS && $0.serverName.isEmpty && $0.authorities.isEmpty })
    }

    @Test func `passes on certificates and key without anything else from their files`() throws {
        let site = try Self.compile(Self.text) { _ in .success(Self.addresses(1)) }.snapshot.sites[0]
        #expect(site.certificateChain == Array(MemoryFiles.pem("CERTIFICATE", "CERTIFICATE").utf8))
        #expect(site.privateKey == Array(MemoryFiles.pem("EC PRIVATE KEY").utf8))
        let both = try Self.compile(Self.text.replacing("site.pem", with: "both.pem")) { _ in
            .success(Self.addresses(1))
        }.snapshot.sites[0]
        #expect(both.certificateChain == Array(MemoryFiles.certificate.utf8))
        #expect(both.privateKey == Array(MemoryFiles.key.utf8))
    }

    @Test func `survives the way to the lane`() throws {
        let snapshot = try Self.compile(Self.text) { _ in .success(Self.addresses(3)) }.snapshot
        #expect(try Snapshot(decoding: snapshot.encoded().span.bytes) == snapshot)
    }

    @Test func `the example survives the way to the lane`() throws {
        let settings = try Settings.parse(Array(try Data(contentsOf: ExampleTests.example)), files: ExampleTests.files)
        let snapshot = try settings.compile(
            generation: 1, secrets: Self.secrets, files: ExampleTests.files, resolve: { _ in .success([]) }
        ).snapshot
        #expect(try Snapshot(decoding: snapshot.encoded().span.bytes) == snapshot)
        #expect(snapshot.sites.count == 4)
    }

    @Test func `says which names do not resolve, all at once, each asked for once`() {
        var asked: [String] = []
        let text = Self.text.replacing("http://origin.example", with: "http://other.example")
        let complaints = #expect(throws: Complaints.self) {
            try Self.compile(text) { name in
                asked.append(name)
                return name.hasPrefix("other") ? .success([]) : .failure(Settings.Unresolved("no such name"))
            }
        }
        #expect(asked == ["origin.example", "other.example"])
        #expect(
            complaints?.list.map(\.description) == [
                "line 10, column 19: organisations[1].sites[1].origins[1]: error: "
                    + "the origin's name 'origin.example' does not resolve: 'no such name'",
                "line 15, column 17: organisations[1].sites[2].origin: error: "
                    + "the origin's name 'other.example' has no address",
            ])
    }

    @Test func `uses the first sixteen addresses and says so`() throws {
        let compiled = try Self.compile(Self.text) { _ in .success(Self.addresses(40)) }
        #expect(compiled.snapshot.sites.map(\.origins.count) == [16, 16])
        #expect(compiled.warnings.count == 2)
    }

    @Test func `warns once of what the check has warned of`() throws {
        let settings = try Settings.parse(text: Self.text.replacing("site.pem", with: "open.pem"))
        let compiled = try settings.compile(generation: 1, secrets: Self.secrets, files: MemoryFiles.golden) { _ in
            .success(Self.addresses(1))
        }
        #expect(settings.warnings.count == 1 && compiled.warnings.isEmpty)
    }

    @Test func `complains about a certificate that has gone since the check`() throws {
        let settings = try Settings.parse(text: Self.text)
        var files = MemoryFiles.golden
        files.contents["/etc/wasstraat/site.key"] = nil
        let complaints = #expect(throws: Complaints.self) {
            try settings.compile(generation: 8, secrets: Self.secrets, files: files) { _ in .success(Self.addresses(1))
            }
        }
        #expect(complaints?.description.contains("no private key") == true)
    }

    @Test func `finds the addresses of this machine by its name`() throws {
        let addresses = try Settings.systemResolver("localhost").get()
        #expect(!addresses.isEmpty && addresses.allSatisfy(\.isLoopback))
        // A name under .invalid exists nowhere (RFC 2606).
        #expect(throws: Settings.Unresolved.self) { try Settings.systemResolver("wasstraat.invalid").get() }
    }
}

extension Settings.Compiled {
    /// The first lane's.
    var snapshot: Snapshot { lanes[0].snapshot }
}
