import Addresses
import Messages
import Settings
import Testing

/// Lists of sources and crawlers on their way to the lane.
struct AccessTests {
    private static func compile(_ text: String) throws(Complaints) -> Settings.Compiled {
        try Settings.parse(text: text).compile(
            generation: 1, secrets: Snapshot.Secrets(), files: MemoryFiles.golden, resolve: { _ in .success([]) })
    }

    private static let text = """
        known_bots: false
        name_server: 192.0.2.53:53
        bots:
          - name: webarchief
            agent: Webarchief
            domains: [Crawl.Voorbeeld.example]
            rate: 20
          - name: zoekmachine
            agent: zoekbot
            ranges: [198.51.100.0/24]
            ranges_file: crawler.txt
        organisations:
          - name: voorbeeld
            allow: [192.0.2.0/24]
            deny: [203.0.113.0/24]
            sites:
              - host: www.voorbeeld.example
                origin: http://192.0.2.10
                allow: ["2001:db8::/48", 192.0.2.7/32]
                deny: [192.0.2.0/25]

        """

    private static let wrong = """
        name_server: 192.0.2.53
        bots:
          - name: bewijsloos
            agent: bot
          - name: dubbel
            agent: a b
            domains: [192.0.2.1]
          - name: dubbel
            agent: dubbel
            ranges: [0.0.0.0/0]
            rate: 0
        organisations:
          - name: voorbeeld
            allow: [0.0.0.0/0]
            sites:
              - host: www.voorbeeld.example
                origin: http://192.0.2.10
                allow: [192.0.2.7/32, 192.0.2.1/24]
                deny: [192.0.2.7/32]

        """

    private static let site = """
        organisations:
          - name: voorbeeld
            sites: [{host: www.voorbeeld.example, origin: 'http://192.0.2.10'}]

        """

    @Test func `a site has its own lists and its organisation's, and its own word counts`() throws {
        let site = try #require(try Self.compile(Self.text).snapshot.sites.first)
        #expect(site.allow.map(\.description) == ["2001:db8::/48", "192.0.2.7/32", "192.0.2.0/24"])
        #expect(site.deny.map(\.description) == ["192.0.2.0/25", "203.0.113.0/24"])
        let turned = try #require(
            try Self.compile(Self.text.replacing("deny: [192.0.2.0/25]", with: "deny: [192.0.2.0/24]")).snapshot.sites
                .first)
        #expect(!turned.allow.contains { turned.deny.contains($0) })
    }

    @Test func `crawlers come with the addresses of their files`() throws {
        let bots = try Self.compile(Self.text).snapshot.bots
        #expect(bots.map(\.name) == ["webarchief", "zoekmachine"] && bots.map(\.rate) == [20, 5])
        #expect(bots.map(\.hasDomains) == [true, false])
        #expect(bots[1].ranges.map(\.description) == ["198.51.100.0/24", "203.0.113.0/28", "2001:db8:7::/48"])
    }

    @Test func `the built-in crawlers are there without being named, and can be replaced`() throws {
        let known = try Self.compile(Self.site).snapshot.bots
        #expect(known.count >= 5 && known.allSatisfy { $0.hasDomains && !$0.agent.isEmpty })
        let own = try Self.compile(
            "bots: [{name: googlebot, agent: Googlebot, ranges_file: crawler.txt}]\n" + Self.site
        ).snapshot.bots
        #expect(own.count == known.count && own.last?.name == "googlebot" && own.last?.hasDomains == false)
        #expect(try Self.compile("known_bots: false\n" + Self.site).snapshot.bots.isEmpty)
    }

    @Test func `a file that is missing or holds something else is refused, with its line`() {
        for (file, words) in [
            ("missing.txt", "does not exist"), ("crawler-wrong.txt", "line 2"), ("text.pem", "line 1"),
        ] {
            let complaints = #expect(throws: Complaints.self) {
                try Self.compile("bots: [{name: a, agent: a, ranges_file: \(file)}]\n" + Self.site)
            }
            #expect(complaints.map { "\($0)" }?.contains(words) == true, "\(file)")
        }
    }

    @Test func `what proves nothing, is everyone, or is both is refused, all at once`() throws {
        let complaints = #expect(throws: Complaints.self) { try Settings.parse(text: Self.wrong) }
        let said = complaints.map { "\($0)" } ?? ""
        for words in [
            "is not address:port", "nothing proves that crawler", "expected 1 to 32 letters",
            "is an address; a certificate is verified by name", "the crawler 'dubbel' is here twice",
            "0.0.0.0/0 is everyone", "0 is out of range", "has bits set after its length",
            "192.0.2.7/32 is in 'allow' and in 'deny'",
        ] {
            #expect(said.contains(words), "\(words)")
        }
    }

    @Test func `the name server is the configured one, or the system's`() throws {
        #expect(try Settings.parse(text: Self.text).nameServer?.description == "192.0.2.53:53")
        #expect(try Settings.parse(text: Self.site).nameServer == nil)
    }
}
