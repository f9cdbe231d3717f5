import Foundation
import Messages
import Settings
import TestKit
import Testing

/// With real files in a folder of their own.
struct FileTests {
    private let folder: TemporaryFolder
    private var configuration: String { folder.path("wasstraat.yaml") }

    init() throws { folder = try TemporaryFolder() }

    private func write(_ name: String, _ text: String, mode: UInt32 = 0o640) throws {
        // Not over an older file, whose rights would stay.
        try? FileManager.default.removeItem(atPath: folder.path(name))
        try folder.write(Array(text.utf8), to: name, mode: mode)
    }

    private static let text = """
        state: state
        organisations:
          - name: a
            sites:
              - { host: a.example, certificate: a.pem, origin: https://192.0.2.1, check: { word: Welkom } }
        """

    @Test func `reads certificate and key beside the configuration`() throws {
        try write("wasstraat.yaml", Self.text)
        try write("a.pem", MemoryFiles.certificate, mode: 0o644)
        try write("a.key", MemoryFiles.key, mode: 0o644)
        let settings = try Settings.load(file: configuration)
        #expect(settings.state == folder.path + "/state")
        #expect(settings.warnings.count == 1)
        #expect(settings.warnings.first?.reason.contains("every user of this machine can read the key") == true)
        let site = try settings.compile(generation: 1, secrets: .init()).snapshot.sites[0]
        #expect(site.privateKey == Array(MemoryFiles.key.utf8))
        try write("a.key", MemoryFiles.key, mode: 0o640)
        #expect(try Settings.load(file: configuration).warnings.isEmpty)
    }

    @Test(.needs(tool: "openssl"), arguments: [TestAuthority.Key.p256, .rsa2048])
    func `takes certificates and keys as openssl writes them`(key: TestAuthority.Key) throws {
        let authority = try TestAuthority(key: key)
        let certificate = try authority.certificate(for: ["a.example"], key: key)
        try write(
            "wasstraat.yaml",
            """
            organisations:
              - name: a
                sites:
                  - host: a.example
                    certificate: \(certificate.chainPath)
                    origin: https://192.0.2.1
                    origin_authority: \(authority.path)
            """)
        let settings = try Settings.load(file: configuration)
        let site = try settings.compile(generation: 1, secrets: .init()).snapshot.sites[0]
        #expect(site.certificateChain == certificate.chain)
        #expect(site.privateKey == certificate.key)
        #expect(site.origins.map(\.authorities) == [authority.certificate])
    }

    @Test func `says that a configuration does not exist or is no file`() throws {
        let missing = #expect(throws: Complaints.self) { try Settings.load(file: configuration) }
        #expect(missing?.description.hasSuffix("wasstraat.yaml' does not exist") == true)
        let directory = #expect(throws: Complaints.self) { try Settings.load(file: folder.path) }
        #expect(directory?.description.contains("is not a file") == true)
        let pipe = folder.path("pipe")
        #expect(mkfifo(pipe, 0o600) == 0)
        let other = #expect(throws: Complaints.self) { try Settings.load(file: pipe) }
        #expect(other?.description.contains("is not a file") == true)
    }
}
