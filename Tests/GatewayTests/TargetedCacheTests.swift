import TestKit
import Testing

/// CDN-Cache-Control (RFC 9213): what the origin says to this cache, and to no browser.
@Suite struct `What the origin says to caches in front of it` {
    /// How the lane took it: fields of the response, and whether the second request was answered from memory.
    private func isKept(_ fields: String...) throws -> Bool {
        let street = try Street.keeping(fields.joined(separator: "\r\n"))
        for _ in 0..<2 { #expect(try street.get("/page").bodyText == "kept") }
        return street.origin.requests.count == 1
    }

    @Test func `goes before Cache-Control, Expires and Pragma`() throws {
        #expect(try isKept("CDN-Cache-Control: max-age=60"))
        for other in [
            "Cache-Control: no-store", "Cache-Control: private", "Cache-Control: max-age=0",
            "Cache-Control: public; max-age=60",
            "Expires: 0", "Pragma: no-cache",
        ] {
            #expect(try isKept("CDN-Cache-Control: max-age=60", other))
            #expect(try isKept(other, "cdn-cache-control: foo=bar, max-age=60;x=1"))
        }
        for word in ["no-store", "private", "no-cache", "max-age=0", "none", "private=\"set-cookie\", max-age=60"] {
            #expect(
                try !isKept(
                    "CDN-Cache-Control: \(word)", "Cache-Control: public, max-age=60", "Expires: \(httpDate(60))"))
        }
    }

    @Test(arguments: ["", "max-age=60,", "Max-Age=60", "max-age=60, &&&&&", "max-age =60"])
    func `is as if it were not there where it is none`(field: String) throws {
        #expect(try isKept("CDN-Cache-Control: \(field)", "Cache-Control: max-age=60"))
        #expect(try !isKept("CDN-Cache-Control: \(field)", "Cache-Control: no-store"))
    }

    @Test func `is one field in several lines`() throws {
        #expect(try isKept("CDN-Cache-Control: foo", "CDN-Cache-Control: max-age=60", "Cache-Control: no-store"))
        #expect(
            try !isKept("CDN-Cache-Control: max-age=60", "CDN-Cache-Control: max-age=0", "Cache-Control: max-age=60"))
        #expect(try !isKept("CDN-Cache-Control: max-age=60", "CDN-Cache-Control: ,", "Cache-Control: no-store"))
    }

    @Test func `keeps nothing by a number that is none`() throws {
        #expect(try !isKept("CDN-Cache-Control: max-age=\"60\"", "Cache-Control: max-age=60"))
    }

    @Test func `keeps nothing where it says more than is read, in one line or in many`() throws {
        let long = "x=\"\(String(repeating: "y", count: 1100))\""
        #expect(try !isKept("CDN-Cache-Control: max-age=60, \(long)", "Cache-Control: max-age=60"))
        let lines = Array(repeating: "CDN-Cache-Control: max-age=60", count: 100).joined(separator: "\r\n")
        #expect(try !isKept(lines, "Cache-Control: max-age=60"))
    }

    @Test(arguments: ["Surrogate-Control", "Vercel-CDN-Cache-Control", "Wasstraat-Cache-Control", "CDN_Cache_Control"])
    func `has one name`(name: String) throws {
        #expect(try isKept("\(name): no-store", "Cache-Control: max-age=60"))
        #expect(try !isKept("\(name): max-age=60", "Cache-Control: no-store"))
    }

    @Test func `passes to the visitor as it came, kept or not`() throws {
        let street = try Street.keeping("CDN-Cache-Control: max-age=60;x", "Cache-Control: no-store")
        for _ in 0..<2 {
            let response = try street.get("/page")
            #expect(response["cdn-cache-control"] == "max-age=60;x" && response["cache-control"] == "no-store")
        }
        #expect(street.origin.requests.count == 1)
    }

    @Test func `says whether what was asked for with credentials is for all`() throws {
        let street = try Street.keeping("CDN-Cache-Control: public, max-age=60", "Cache-Control: private")
        street.origin.say("/mine", "CDN-Cache-Control: max-age=60", "Cache-Control: public, max-age=60")
        for _ in 0..<2 {
            for path in ["/page", "/mine"] { _ = try street.get(path, fields: ["Authorization: Basic eDp5"]) }
        }
        #expect(street.origin.asked("/page") == 1 && street.origin.asked("/mine") == 2)
    }

    @Test func `says how stale it may be, and lives on with the answer that it holds`() throws {
        let street = try Street.keeping(
            "CDN-Cache-Control: max-age=1, stale-while-revalidate=60", "Cache-Control: no-cache", "ETag: \"1\"")
        _ = try street.get("/page")
        pauseThread(2100)
        street.origin.answer("/page", with: [.text("HTTP/1.1 304 Not Modified\r\nETag: \"1\"\r\nX-New: 1\r\n\r\n")])
        #expect(try street.get("/page")["cache-status"]?.contains("ttl=-") == true)
        #expect(eventually { (try? street.get("/page")["x-new"]) == "1" })
        // The answer does not name it again: it is the stored one that counts.
        #expect(try street.get("/page")["cdn-cache-control"] == "max-age=1, stale-while-revalidate=60")
        let strict = try Street.keeping(
            "CDN-Cache-Control: max-age=1, must-revalidate", "Cache-Control: stale-if-error=60")
        _ = try strict.get("/page")
        pauseThread(2100)
        strict.origin.stop()
        #expect(try strict.get("/page").status == 502)
    }
}
