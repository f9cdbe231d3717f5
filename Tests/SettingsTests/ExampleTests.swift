import Addresses
import Foundation
import Messages
import Settings
import Testing

/// The example that an operator starts from, and the page that explains the keys.
struct ExampleTests {
    static let package = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../..")
        .standardizedFileURL
    static let example = package.appending(path: "deploy/example.yaml")

    static let files: MemoryFiles = {
        var files = MemoryFiles()
        files.others = FileContents(Array((MemoryFiles.certificate + MemoryFiles.key).utf8))
        return files
    }()

    @Test func `the example loads without complaint or warning`() throws {
        let settings = try Settings.parse(Array(try Data(contentsOf: Self.example)), files: Self.files)
        #expect(settings.warnings.isEmpty)
        #expect(settings.organisations.map(\.name) == ["provincie-voorbeeld", "gemeente-voorbeeldstad"])
        let sites = settings.organisations.flatMap(\.sites)
        #expect(sites.filter { $0.service == .backOffice }.map(\.name) == ["zaken.voorbeeldstad.example"])
        #expect(sites.filter { $0.mode == .observe }.count == 1)
        #expect(sites.allSatisfy { $0.certificate != nil })
    }

    @Test func `the example spells out the default listeners`() throws {
        let settings = try Settings.parse(Array(try Data(contentsOf: Self.example)), files: Self.files)
        let short = "organisations: [{name: a, sites: [{host: a.example, origin: http://192.0.2.1}]}]"
        let usual = try Settings.parse(text: short)
        #expect(Set(settings.listeners.map(\.endpoint)) == Set(usual.listeners.map(\.endpoint)))
        #expect(settings.retention == usual.retention)
    }

    @Test func `the reference page is what the table of keys says`() throws {
        let file = Self.package.appending(path: "Documentation/configuration.md")
        if ProcessInfo.processInfo.environment["WASSTRAAT_RECORD"] != nil {
            try Reference.markdown().write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == Reference.markdown())
    }

    @Test func `the reference page names every limit of the snapshot`() {
        let page = Reference.markdown()
        for field in Mirror(reflecting: Snapshot.Limits()).children.compactMap(\.label) {
            let key = field.reduce(into: "") { $0 += $1.isUppercase ? "_" + $1.lowercased() : String($1) }
            #expect(page.contains("| `\(key)` |"), "\(key)")
        }
    }
}
