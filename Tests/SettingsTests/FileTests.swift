import Foundation
import Messages
import Settings
import Testing

/// With real files in a folder of their own.
struct FileTests {
    private let folder = FileManager.default.temporaryDirectory.appending(
        path: "wasstraat-settings-\(UUID().uuidString)")
    private var configuration: String { folder.appending(path: "wasstraat.yaml").path() }

    private func write(_ name: String, _ text: String, mode: Int = 0o640) throws {
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let path = folder.appending(path: name).path()
        try Data(text.utf8).write(to: URL(filePath: path))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private static let text = """
        state: state
        organisations:
          - name: a
            sites:
              - { host: a.example, certificate: tls/../a.pem, origin: https://192.0.2.1 }
        """

    @Test func `reads certificate and key beside the configuration`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder.appending(path: "tls"), withIntermediateDirectories: true)
        try write("wasstraat.yaml", Self.text)
        try write("a.pem", MemoryFiles.certificate, mode: 0o644)
        try write("a.key", MemoryFiles.key, mode: 0o644)
        let settings = try Settings.load(file: configuration)
        #expect(settings.state == folder.path() + "/state")
        #expect(settings.warnings.count == 1)
        #expect(settings.warnings.first?.reason.contains("every user of this machine can read the key") == true)
        let site = try settings.snapshot(generation: 1, secrets: .init()).snapshot.sites[0]
        #expect(site.privateKey == Array(MemoryFiles.key.utf8))
        try write("a.key", MemoryFiles.key, mode: 0o640)
        #expect(try Settings.load(file: configuration).warnings.isEmpty)
    }

    @Test func `says that a configuration does not exist or is no file`() throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let missing = #expect(throws: Complaints.self) { try Settings.load(file: configuration) }
        #expect(missing?.description.hasSuffix("wasstraat.yaml' does not exist") == true)
        try write("wasstraat.yaml", "")
        let directory = #expect(throws: Complaints.self) { try Settings.load(file: folder.path()) }
        #expect(directory?.description.contains("is not a file") == true)
        let pipe = folder.appending(path: "pipe").path()
        #expect(mkfifo(pipe, 0o600) == 0)
        let other = #expect(throws: Complaints.self) { try Settings.load(file: pipe) }
        #expect(other?.description.contains("is not a file") == true)
    }
}
