import Addresses
import Messages
import TestKit
import Testing

/// What a tool that knows the rules of HTTP says of answers: dates, lengths, freshness, conditions, ranges, codings.
@Suite struct `HTTP under inspection` {
    @Test(
        .enabled("needs chromium, java and the Python packages of scripts/web-check") { WebCheck.isReady },
        arguments: [false, true])
    func `nothing is wrong with an answer, of the origin or kept`(isKept: Bool) throws {
        let text = "<!doctype html><title>Waterdam</title><p>" + String(repeating: "water ", count: 900)
        let street = try Street.keeping(
            "Cache-Control: max-age=60", "Content-Type: text/html; charset=utf-8", "ETag: \"een\"",
            "Last-Modified: \(httpDate(-86_400))", body: text
        ) { $0.sites[0].hosts = ["127.0.0.1"] }
        if isKept {
            var first = try street.visitor(from: Address(ipv4: 0x7f35_0101))
            try first.send(request("GET /page HTTP/1.1", "Host: 127.0.0.1", "Connection: close"))
            #expect(try first.readAll().count > text.utf8.count)
        }
        let said = try Tool.run([WebCheck.script, "--http", "http://127.0.0.1:\(street.clear.port)/page"])
        #expect(said.contains("status 200, ") && said.contains(", 0 complaints"), "\(said)")
        // It looked at all of them.
        for note in ["clock is correct", "fresh for", "If-None-Match", "If-Modified-Since", "ranged request"] {
            #expect(said.contains(note), "\(said)")
        }
        #expect(street.origin.requests.count == 1)
    }
}
