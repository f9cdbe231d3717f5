internal import Incidents
internal import Mitigations
internal import Portal
internal import Testing

/// What the console says of the packet filter, and to whom.
@Suite struct FilterTests {
    /// The page "Now" as an account of the street reads it.
    private static func page(_ filter: PacketFilterNow, _ language: String) async throws -> String {
        let world = try await World()
        await world.street.give(filter: filter)
        return try await world.serve { start in
            var browser = start
            browser.language = language
            try await browser.signIn("auditor-street")
            return try await browser.get("/").text
        }
    }

    @Test func `the street's people see what the packet filter lacks, as text, and no organisation's do`() async throws
    {
        try await World(hostile: "<script>\"&").serve { start in
            for role in Account.Role.allCases {
                var browser = start
                try await browser.signIn(World.name(role, nil))
                let text = try await browser.get("/").text
                #expect(text.contains("nftables: a part of it, and slower"))
                #expect(text.contains("Packet filter: 2 things are missing</a>"))
                #expect(
                    text.contains("<dd>1,007, of which 5 only count, 2 stopped because they hit ordinary visitors</dd>")
                )
                #expect(text.contains(">eth0&lt;script&gt;&quot;&amp;</dd>"))
                let item =
                    "<li lang=\"en\">no program of ours in the kernel: CAP_BPF is missing&lt;script&gt;&quot;&amp;</li>"
                #expect(text.contains(item))
                #expect(text.contains("<li lang=\"en\">nftables answers with no cookies</li>"))
                #expect(!text.contains("<script>"))
                for member in [World.alpha, World.beta] {
                    var browser = start
                    try await browser.signIn(World.name(role, member.organisation))
                    let text = try await browser.get("/").text
                    #expect(text.contains(member.mark))
                    for word in ["packet-filter", "CAP_BPF", "nftables", "eth0"] {
                        #expect(!text.contains(word), "\(role) of \(member.organisation) reads \(word)")
                    }
                }
            }
        }
    }

    @Test func `a filter that is not there, does not answer, does nothing or lacks nothing says so`() async throws {
        let absent = try await Self.page(.notConfigured, "nl")
        #expect(absent.contains("Er is geen pakketfilter ingesteld.") && !absent.contains("href=\"#packet-filter\""))
        let silent = try await Self.page(.unreachable("cannot run <it>"), "nl")
        #expect(silent.contains("Pakketfilter: Niet bereikbaar</a>"))
        #expect(silent.contains("<p lang=\"en\">cannot run &lt;it&gt;</p>") && !silent.contains("<dt>Regels"))
        let nothing = try await Self.page(
            .answering(
                .init(mode: .none, interface: "eth0", rules: 1, dryRules: 0, suspendedRules: 0, missing: ["no rights"])),
            "en")
        #expect(nothing.contains("Packet filter: Nothing is filtered</a>"))
        #expect(nothing.contains("<li lang=\"en\">no rights</li>") && nothing.contains("<dd>1</dd>"))
        let whole = try await Self.page(
            .answering(.init(mode: .native, interface: "eth0", rules: 0, dryRules: 0, suspendedRules: 0, missing: [])),
            "nl")
        #expect(whole.contains("XDP native: in het stuurprogramma") && whole.contains("Er ontbreekt niets."))
        #expect(!whole.contains("href=\"#packet-filter\""))
    }
}
