import Heads
import Testing

private func targeted(_ field: String) -> ResponseDirectives? { ResponseDirectives(targeted: Array(field.utf8)) }

/// Members of a Dictionary as "key value", the last of each key's; nil: it is none.
private func members(_ field: String) -> [String]? {
    var found: [String] = []
    var reader = StructuredFieldReader(Array(field.utf8))
    let isWhole = reader.readDictionary { key, value in
        found.append("\(String(decoding: key, as: UTF8.self)) \(value)")
    }
    return isWhole ? found : nil
}

@Suite struct `A Dictionary (RFC 9651)` {
    @Test func `has keys with values of many kinds`() {
        #expect(
            members("a=1, b, c=?0;x=1;y, *d-e_f.g*=\"q\\\"\\\\\"") == [
                "a integer(1)", "b boolean(true)", "c boolean(false)", "*d-e_f.g* string",
            ])
        #expect(members("a=-15 ,\tb=999999999999999") == ["a integer(-15)", "b integer(999999999999999)"])
        #expect(members("  a=1  ") == ["a integer(1)"])
        #expect(members("a=1,a=2") == ["a integer(1)", "a integer(2)"])
        #expect(members("") == [] && members("   ") == [])
    }

    @Test(arguments: [
        "1.5", "-123456789012.123", "token", "*to/ke:n", ":aGk=:", "::", "@1659578233", "@-5", "%\"f%c3%bc\"", "%\"\"",
        "()", "(1 2)", "( \"a\"  b )", "(a;x=1 b);y=2", "(?1 :aa: @1)",
    ])
    func `may hold what means nothing here`(value: String) {
        #expect(members("a=\(value), b") == ["a other", "b boolean(true)"])
    }

    @Test(arguments: [
        "a,", "a,,b", ",a", "A=1", "1=1", "a=", "a= 1", "a =1", "a=1 b=2", "a=1;", "a=1;X", "a=1; =2", "a=1.",
        "a=1.2345",
        "a=1234567890123.1", "a=1234567890123456", "a=-", "a=--1", "a=+1", "a=\"x", "a=\"\\x\"", "a=\"\u{e9}\"",
        "a=\"\t\"",
        "a=?2", "a=?", "a=:a", "a=:*:", "a=@", "a=@1.5", "a=@x", "a=%\"%C3%BC\"", "a=%\"%c3\"", "a=%\"%f\"", "a=%x",
        "a=%\"",
        "a=(1", "a=(1,2)", "a=(1\t2)", "a=((1))", "a=(1)x", "&&&&&", "a=\u{0}", "a;", "a=1,\u{e9}", "a=\"x\"y",
    ])
    func `is nothing that breaks the grammar`(field: String) { #expect(members(field) == nil) }

    @Test func `is none in any part of it that ends within a value`() {
        let whole = "a=\"xy\", b=(1 2);p=:aa:"
        for length in 0..<whole.utf8.count {
            let isWhole = members(String(whole.prefix(length))) != nil
            #expect(
                isWhole
                    == ["", "a", "a=\"xy\"", "a=\"xy\", b", "a=\"xy\", b=(1 2)", "a=\"xy\", b=(1 2);p"].contains(
                        String(whole.prefix(length))), "\(length)")
        }
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
