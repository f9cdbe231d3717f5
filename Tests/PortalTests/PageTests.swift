// FileManager and the environment: a test may have them.
internal import Foundation
internal import Incidents
internal import Mitigations
internal import Portal
internal import Testing

@Suite struct PageTests {
    static let pages: [(name: String, account: String?, path: String)] = [
        ("login", nil, "/login"), ("now", "operator-street", "/"), ("now-own", "analyst-markalpha", "/"),
        ("site", "operator-markalpha", "/sites/markalpha-www"),
        ("site-auditor", "auditor-street", "/sites/markbeta-www"),
        ("orders", "operator-street", "/orders"), ("orders-own", "operator-markalpha", "/orders?done=ordered"),
        ("orders-auditor", "auditor-markbeta", "/orders"),
        ("rule", "operator-street", "/sites/markalpha-www/rules/00000000000000a1"),
        ("rule-auditor", "auditor-markbeta", "/sites/markbeta-www/rules/00000000000000b2"),
        ("incidents", "operator-street", "/incidents"), ("incident", "operator-markalpha", "/incidents/2026-1"),
        ("incident-text", "operator-markalpha", "/incidents/2026-1?text=ongoing&done=posted"),
        ("incident-over", "auditor-markbeta", "/incidents/2026-2"),
        ("fingerprints", "operator-street", "/fingerprints"),
        ("notes", "auditor-street", "/notes"), ("accounts", "operator-street", "/accounts?done=created"),
        ("account", "analyst-markbeta", "/account"), ("not-found", "operator-street", "/nowhere"),
        ("not-allowed", "analyst-street", "/accounts"),
    ]

    /// With WASSTRAAT_PORTAL_PAGES=folder the pages stay there, for other checkers to read.
    @Test func `every page comes in both languages, whole and without script`() async throws {
        let kept = ProcessInfo.processInfo.environment["WASSTRAAT_PORTAL_PAGES"]
        let folder = URL(fileURLWithPath: kept ?? NSTemporaryDirectory() + "portal-pages-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("assets"), withIntermediateDirectories: true)
        defer { if kept == nil { try? FileManager.default.removeItem(at: folder) } }
        let texts = try await World().serve { start in
            var texts: [String: String] = [:]
            for language in ["nl", "en"] {
                for (name, account, path) in Self.pages {
                    var browser = start
                    browser.language = language
                    if let account { try await browser.signIn(account) }
                    texts["\(name).\(language).html"] = try await browser.get(path).text
                }
                var guest = start
                guest.language = language
                for (name, text) in try await Self.wrong(start, language) { texts["\(name).\(language).html"] = text }
                texts["login-wrong.\(language).html"] = try await guest.signIn("nobody", "wrong wrong wrong").0.text
            }
            var browser = start
            for asset in ["assets/console.css", "assets/live.js"] {
                texts[asset] = try await browser.get("/" + asset).text
            }
            return texts
        }
        let (site, now) = try await (Self.observing(), Self.empty())
        for (name, text) in texts.merging(site.merging(now) { $1 }, uniquingKeysWith: { $1 }) {
            // Beside each other in a folder, without a server.
            let text = name.hasSuffix("html") ? text.replacing("\"/assets/", with: "\"assets/") : text
            try Data(text.utf8).write(to: folder.appendingPathComponent(name))
            guard name.hasSuffix("html") else { continue }
            #expect(text.hasPrefix("<!DOCTYPE html>") && text.hasSuffix("</html>\n"), "\(name)")
            #expect(text.contains("<html lang=\"\(name.split(separator: ".")[1])\">"), "\(name)")
            #expect(!text.contains("{{") && !text.contains("[[") && !text.contains("]]"), "\(name)")
            #expect(text.ranges(of: "<h1>").count == 1, "\(name)")
            #expect(text.utf8.count < 60_000, "\(name)")
        }
        let incident = texts["incident.en.html"] ?? ""
        #expect(incident.contains("Packets dropped") && incident.contains("2,512,345 (3,000 MB)"))
        #expect(incident.contains("Packet filter at eth0") && incident.contains("source_port=53"))
        let dutch = texts["now.nl.html"] ?? ""
        #expect(dutch.contains("Verzoeken per seconde") && !dutch.contains("Requests a second"))
    }

    private static func observing() async throws -> [String: String] {
        let world = try await World()
        try await world.street.give(
            .hold(.observe, site: World.alpha.site, seconds: 900, reason: "klachten"), by: .init(name: "x"))
        return try await world.serve { start in
            let site = try await Self.both(start, "operator-markalpha", "/sites/markalpha-www", "site-observing")
            let orders = try await Self.both(start, "operator-street", "/orders", "orders-observing")
            return site.merging(orders) { $1 }
        }
    }

    /// Forms that come back, with what is wrong beside its field.
    private static func wrong(_ start: Browser, _ language: String) async throws -> [String: String] {
        var browser = start
        browser.language = language
        let key = try await browser.signIn("operator-street").key
        let reason = ("reason", String(repeating: "x", count: 201))
        var texts: [String: String] = [:]
        for (name, path, fields) in [
            (
                "orders-wrong", "/orders",
                [("kind", "allow"), ("source", "192.0.2.300"), ("site", "*"), ("time", "86400"), ("reason", "x")]
            ),
            ("mode-wrong", "/orders/mode", [("mode", "protect"), ("site", ""), ("time", "900"), reason]),
            (
                "rule-wrong", "/sites/markalpha-www/rules/00000000000000a1",
                [("word", "undo"), ("where", "all"), reason]
            ),
            ("site-wrong", "/sites/markalpha-www/observe", [("time", "900"), reason]),
        ] {
            let answer = try await browser.post(path, fields, key: key)
            #expect(answer.status == 400 && answer.text.contains("aria-invalid=\"true\""), "\(name)")
            texts[name] = answer.text
        }
        return texts
    }

    private static func empty() async throws -> [String: String] {
        let world = try await World()
        await world.street.empty()
        return try await world.serve { start in
            let now = try await Self.both(start, "operator-markalpha", "/", "now-empty")
            return now.merging(try await Self.both(start, "operator-markalpha", "/orders", "orders-empty")) { $1 }
        }
    }

    private static func both(
        _ start: Browser, _ account: String, _ path: String, _ name: String
    ) async throws -> [String: String] {
        var texts: [String: String] = [:]
        for language in ["nl", "en"] {
            var browser = start
            browser.language = language
            try await browser.signIn(account)
            texts["\(name).\(language).html"] = try await browser.get(path).text
        }
        return texts
    }
}
