import Heads
import Testing

private func targeted(_ field: String) -> ResponseDirectives? { ResponseDirectives(targeted: Array(field.utf8)) }

@Suite struct `A Dictionary (RFC 9651)` {
    @Test func `has keys of many kinds`() {
        for field in ["max-age=60, b, c=?0;x=1;y, *d-e_f.g*=\"q\\\"\\\\\"", "b=-15 ,\tmax-age=60", "  max-age=60  "] {
            #expect(targeted(field)?.maxAge == 60)
        }
    }

    @Test(arguments: [
        "1", "-999999999999999", "1.5", "-123456789012.123", "token", "*to/ke:n", ":aGk=:", "::", "@1659578233", "@-5",
        "%\"f%c3%bc\"", "%\"\"", "\"\"", "\"q\\\"\\\\\"", "?0",
    ])
    func `may hold what means nothing here`(value: String) {
        #expect(targeted("a=\(value), max-age=60")?.maxAge == 60)
        #expect(targeted("max-age=60;a=\(value); b")?.maxAge == 60)
        #expect(targeted("a=(\(value)  \(value);x=1 );y=\(value), max-age=60")?.maxAge == 60)
    }

    @Test(arguments: [
        "a,", "a,,b", ",a", "A=1", "1=1", "a=", "a= 1", "a =1", "a=1 b=2", "a=1;", "a=1;X", "a=1; =2", "a=1.",
        "a=1.2345",
        "a=1234567890123.1", "a=1234567890123456", "a=-", "a=--1", "a=+1", "a=\"x", "a=\"\\x\"", "a=\"\u{e9}\"",
        "a=\"\t\"",
        "a=?2", "a=?", "a=:a", "a=:*:", "a=@", "a=@1.5", "a=@x", "a=%\"%C3%BC\"", "a=%\"%c3\"", "a=%\"%f\"", "a=%x",
        "a=%\"", "a=%", "a=\"\\", "a=1.1.1", "a=-1.",
        "a=(1", "a=(1,2)", "a=(1\t2)", "a=((1))", "a=(1)x", "&&&&&", "a=\u{0}", "a;", "a=1,\u{e9}", "a=\"x\"y",
    ])
    func `is nothing that breaks the grammar`(field: String) {
        #expect(targeted(field) == nil && targeted("max-age=60, \(field)") == nil)
    }

    @Test func `is none in any part of it that ends within a value`() {
        let whole = "a=\"xy\", b=(1 2);p=:aa:"
        for length in 1..<whole.utf8.count {
            let part = String(whole.prefix(length))
            let isWhole = ["a", "a=\"xy\"", "a=\"xy\", b", "a=\"xy\", b=(1 2)", "a=\"xy\", b=(1 2);p"].contains(part)
            #expect((targeted(part) != nil) == isWhole, "\(length)")
        }
    }

    @Test func `is read to its bound, beyond which nothing is kept`() {
        let limit = ResponseDirectives.targetedLimit
        func padded(_ length: Int) -> String {
            let field = "max-age=60, x=\"\""
            return String(field.dropLast()) + String(repeating: "y", count: length - field.utf8.count) + "\""
        }
        #expect(targeted(padded(limit))?.maxAge == 60 && targeted(padded(limit))?.isBroken == false)
        #expect(targeted(padded(limit + 1))?.isBroken == true)
        #expect(targeted(String(repeating: "&", count: 60_000))?.isBroken == true)
        // As many keys as there is room for, and as much that is opened and never closed.
        let keys = (0..<200).map { "k\($0)" }.joined(separator: ",")
        #expect(targeted(keys + ",max-age=60")?.maxAge == 60)
        #expect(targeted("a=" + String(repeating: "(", count: limit - 2)) == nil)
    }
}

@Suite struct `Targeted cache control (RFC 9213)` {
    @Test func `says what Cache-Control says`() throws {
        let directives = try #require(
            targeted(
                "max-age=60, s-maxage=120;x, must-revalidate, proxy-revalidate, public, must-understand, foo=bar, "
                    + "stale-while-revalidate=5, stale-if-error=7"))
        #expect(directives.maxAge == 60 && directives.sharedMaxAge == 120 && directives.isPublic)
        #expect(directives.mustRevalidate && directives.proxyRevalidate && directives.mustUnderstand)
        #expect(directives.staleWhileRevalidate == 5 && directives.staleIfError == 7)
        #expect(!directives.isBroken && !directives.noStore && !directives.noCache && !directives.isPrivate)
    }

    @Test(arguments: [
        "", " ", "max-age=60,", "Max-Age=60", "max-age=60, &&&&", "max-age =60", "max-age:60", "max-age=60;",
    ])
    func `is ignored where it is empty or no Dictionary`(field: String) { #expect(targeted(field) == nil) }

    @Test(arguments: ["none", "foo=1"]) func `may say nothing`(field: String) {
        #expect(targeted(field) == ResponseDirectives())
    }

    @Test(arguments: [
        ("max-age=-1", 0), ("max-age=99999999999", 1 << 31), ("max-age=60, max-age=5", 5),
        ("max-age=5, max-age=60", 60),
    ])
    func `has whole numbers, of two the last`(field: String, seconds: UInt32) {
        #expect(targeted(field)?.maxAge == seconds && targeted(field)?.isBroken == false)
    }

    @Test(arguments: [
        "max-age=\"60\"", "max-age=60.0", "max-age", "max-age=x", "s-maxage=(60)", "stale-if-error=\"9\"",
        "max-age=60, s-maxage=?0",
    ])
    func `allows nothing by a value of the wrong kind`(field: String) { #expect(targeted(field)?.isBroken == true) }

    @Test func `counts the last of two, of the right kind or not`() {
        #expect(targeted("max-age=\"60\", max-age=60")?.isBroken == false)
        #expect(targeted("max-age=60, max-age=\"60\"")?.isBroken == true)
        #expect(targeted("no-store, no-store=?0")?.noStore == false)
    }

    @Test func `forbids in whatever form, but by an outright no`() {
        for value in ["", "=?1", "=\"x, y\"", "=1", "=x"] {
            #expect(targeted("no-store\(value)")?.noStore == true && targeted("no-cache\(value)")?.noCache == true)
            #expect(targeted("private\(value)")?.isPrivate == true)
            #expect(targeted("must-revalidate\(value)")?.mustRevalidate == true)
        }
        #expect(targeted("no-store=?0, private=?0, no-cache=?0") == ResponseDirectives())
        #expect(targeted("public=\"x\", must-understand=1") == ResponseDirectives())
    }
}
