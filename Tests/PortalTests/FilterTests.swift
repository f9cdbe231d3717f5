internal import Detection
internal import Incidents
internal import Mitigations
internal import Moments
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
                    text.contains("<dd>1,007, of which 5 only count, 2 stopped after hits among ordinary visitors</dd>")
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

    @Test func `an attack on a network that goes on is on the first page of those who may know of it`() async throws {
        let world = try await World()
        let member = World.alpha
        let start = world.clock.now + -30
        for (number, isOver) in [("2026-77", false), ("2026-78", true)] {
            var attack = DetectedAttack(site: "198.51.100.7", start: start, detected: start)
            attack.isOver = isOver
            attack.traffic = DetectedTraffic(target: "198.51.100.7", sites: [])
            let judgement = Judgement(
                of: [], start: start, end: start + 1, isOver: isOver, interval: 5, now: start + 2)
            await world.records.seed(
                Incident(
                    id: 77, number: number, organisation: member.organisation, opened: start,
                    attacks: [
                        AttackRecord(
                            id: 77, incident: 77, organisation: member.organisation, service: .publicService,
                            attack: attack, judgement: judgement)
                    ]))
        }
        try await world.serve { start in
            for (organisation, isShown) in [(nil, true), (member.organisation, true), (World.beta.organisation, false)]
            {
                var browser = start
                try await browser.signIn(World.name(.operator, organisation))
                let text = try await browser.get("/").text
                let line =
                    "href=\"/incidents/2026-77\">Incident 2026-77: attack on the network of \(member.organisation)</a>"
                #expect(text.contains(line) == isShown, "\(organisation ?? "street")")
                #expect(!text.contains("2026-78"))
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
