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

    private static let site = """
        organisations:
          - name: voorbeeld
            sites: [{host: www.voorbeeld.example, origin: 'http://192.0.2.10'}]

        """

    @Test func `a site has its own lists and its organisation's, and its own word counts`() throws {
        let text = try GoldenTests.halves("access.txt").input
        let site = try #require(try Self.compile(text).snapshot.sites.first)
        #expect(site.allow.map(\.description) == ["2001:db8::/48", "192.0.2.7/32", "192.0.2.0/24"])
        #expect(site.deny.map(\.description) == ["192.0.2.0/25", "203.0.113.0/24"])
        let turned = try #require(
            try Self.compile(text.replacing("deny: [192.0.2.0/25]", with: "deny: [192.0.2.0/24]")).snapshot.sites.first)
        #expect(!turned.allow.contains { turned.deny.contains($0) })
    }

    @Test func `crawlers come with the addresses of their files`() throws {
        let bots = try Self.compile(try GoldenTests.halves("access.txt").input).snapshot.bots
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
}
