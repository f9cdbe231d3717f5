internal import FoundationEssentials
internal import StatusPages
internal import TestKit
internal import Testing

/// The pages as browsers, validators and feed readers see them.
struct WebCheckTests {
    @Test(
        .enabled("needs chromium, java and the Python packages of scripts/web-check") { WebCheck.isReady },
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
        var arguments = [WebCheck.script, folder.path]
        // For whoever wants to look at the pages.
        if let pictures = ProcessInfo.processInfo.environment["WASSTRAAT_SCREENSHOTS"] {
            arguments += ["--screenshots", pictures]
        }
        let output = try Tool.run(arguments)
        #expect(output.contains(", 0 complaints"))
    }

    @Test(.enabled("needs chromium, java and the Python packages of scripts/web-check") { WebCheck.isReady })
    func `the check itself complains of a bad page and a bad feed`() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            """
            <!DOCTYPE html><html><head><title>Bad</title></head><body><p style="width:900px;color:#bbb">Pale and wide</p>
            <img src="http://127.0.0.2:9/x.png"><a href="/nowhere">There</a><blink>x</blink>
            <script>console.error("oh")</script></body></html>
            """, to: "bad.html")
        try folder.write("<feed><title>", to: "atom.xml")
        let child = try Child([WebCheck.script, folder.path, "--limit", "100"])
        let output = child.readOutput()
        #expect(child.wait() == 1)
        for complaint in [
            "html-has-lang", "color-contrast", "image-alt", "vnu:", "request to elsewhere", "console: oh",
            "wide on a screen",
            "leads nowhere: /nowhere", "more than 100", "atom.xml: feedparser:",
        ] {
            #expect(output.contains(complaint), "\(complaint)")
        }
    }
}
