import Addresses
import Messages
import TestKit
import Testing

/// What a tool that knows the rules of HTTP says of answers: dates, lengths, freshness, conditions, ranges, codings.
@Suite struct `HTTP under inspection` {
    @Test(.enabled("needs chromium, java and the Python packages of scripts/web-check") { WebCheck.isReady })
    func `nothing is wrong with an answer, of the origin or kept`() throws {
        let text = "<!doctype html><title>Waterdam</title><p>" + String(repeating: "water ", count: 900)
        let street = try Street.keeping(
            "Cache-Control: max-age=60", "Content-Type: text/html; charset=utf-8", "ETag: \"een\"",
            "Last-Modified: \(httpDate(-86_400))", "Accept-Ranges: bytes", body: text
        ) { $0.sites[0].hosts = ["127.0.0.1"] }
        for isKept in [false, true] {
            if isKept { pauseThread(1_100) }
            let said = try Tool.run([WebCheck.script, "--http", "http://127.0.0.1:\(street.clear.port)/page"])
            #expect(said.contains("status 200, ") && said.contains(", 0 complaints"), "\(said)")
            // It looked at all of them.
            for note in ["clock is correct", "fresh for", "If-None-Match", "If-Modified-Since", "ranged request"] {
                #expect(said.contains(note), "\(said)")
            }
            #expect(said.contains("already been cached") == isKept, "\(said)")
        }
        #expect(street.origin.requests.count == 1)
    }
}
