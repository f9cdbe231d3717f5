internal import FoundationEssentials
internal import StatusPages
internal import TestKit
internal import Testing

/// The pages as browsers, validators and feed readers see them.
struct WebCheckTests {
    static let script =
        #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        .joined(separator: "/") + "/scripts/web-check"

    static let isReady = (try? Tool.run([script, "--ready"])) != nil

    @Test(
        .enabled("needs chromium, java and the Python packages of scripts/web-check") { Self.isReady },
        .timeLimit(.minutes(10))
    ) func `no accessibility rule, validator or feed reader complains of any page`() throws {
        let folder = try TemporaryFolder()
        for file in try seedFiles() {
            var name = String(file.path.dropFirst())
            if file.isPage { name += name.isEmpty || name.hasSuffix("/") ? "index.html" : ".html" }
            let parent = name.split(separator: "/").dropLast().joined(separator: "/")
            try FileManager.default.createDirectory(atPath: folder.path(parent), withIntermediateDirectories: true)
            try folder.write(file.served, to: name)
        }
        var arguments = [Self.script, folder.path]
        // For whoever wants to look at the pages.
        if let pictures = ProcessInfo.processInfo.environment["WASSTRAAT_SCREENSHOTS"] {
            arguments += ["--screenshots", pictures]
        }
        let output = try Tool.run(arguments)
        #expect(output.contains(", 0 complaints"))
    }
}
