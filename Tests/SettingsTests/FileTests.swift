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

    @Test func `warns of a folder for the cache that cannot be used, and takes the rest`() throws {
        func warning(_ folder: String, size: String = "16 MiB") throws -> String {
            try write(
                "wasstraat.yaml",
                """
                disk_cache: { folder: "\(folder)", size: \(size) }
                organisations: [{ name: a, sites: [{ host: a.example, origin: http://192.0.2.1, check: { word: W } }] }]
                """)
            let warnings = try Settings.load(file: configuration).warnings
            #expect(warnings.allSatisfy { $0.place.path == "disk_cache.folder" && $0.place.mark?.line == 1 })
            return warnings.map(\.reason).joined()
        }
        try write("file", "no folder")
        // Made by the lane where it is missing.
        #expect(try warning("cache") == "")
        #expect(try warning(folder.path) == "")
        #expect(try warning("not/there").contains("where it would be made, cannot be used"))
        #expect(try warning("file").contains("is not a folder; the lanes go on without it"))
        #expect(try warning("file/below").contains("cannot be used"))
        #expect(try warning("cache", size: "1024 GiB").contains("less than 'size'") || isLarge)
        let settings = try Settings.load(file: configuration)
        let lane = try settings.compile(generation: 1, secrets: .init()).lanes[0]
        #expect(lane.snapshot.cacheFolder == .init(path: folder.path + "/cache", size: 1 << 40, lane: "lane"))
    }

    /// The disk of this machine holds the largest size that can be asked for.
    private var isLarge: Bool {
        let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder.path)
        return (attributes?[.systemSize] as? NSNumber)?.uint64Value ?? 0 >= 1 << 40
    }
}
