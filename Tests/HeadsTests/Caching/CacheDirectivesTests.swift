import Heads
import Testing

private func response(_ lines: String...) -> ResponseDirectives {
    var directives = ResponseDirectives()
    for line in lines {
        let bytes = Array(line.utf8)
        directives.read(bytes.span, Slice(0, bytes.count))
    }
    return directives
}

private func wants(_ lines: String...) -> RequestDirectives {
    var directives = RequestDirectives()
    for line in lines {
        let bytes = Array(line.utf8)
        directives.read(bytes.span, Slice(0, bytes.count))
    }
    return directives
}

@Suite struct `Cache-Control of a response` {
    @Test func `names what may be done`() {
        let directives = response(
            "Public, MAX-AGE=60, s-maxage=\"120\"", "must-revalidate,proxy-revalidate", "must-understand, no-transform",
            "stale-while-revalidate=5, stale-if-error=7")
        #expect(directives.isPublic && directives.mustRevalidate && directives.proxyRevalidate)
        #expect(directives.mustUnderstand && !directives.isPrivate && !directives.noStore && !directives.isBroken)
        #expect(directives.maxAge == 60 && directives.sharedMaxAge == 120)
        #expect(directives.staleWhileRevalidate == 5 && directives.staleIfError == 7)
    }

    @Test(arguments: [
        "no-store", "NO-STORE", "max-age=9, no-store", "x=\"a,b\", no-store",
        ", ,\tno-store ,", "no-store=",
    ])
    func `forbids storing`(line: String) { #expect(response(line).noStore) }

    @Test(arguments: ["private", "private=\"set-cookie, x\"", "max-age=60, Private"])
    func `is private, with names too`(line: String) { #expect(response(line).isPrivate) }

    @Test(arguments: ["no-cache", "no-cache=\"set-cookie\"", "public, no-cache"])
    func `has to be asked for again, with names too`(line: String) { #expect(response(line).noCache) }

    @Test(arguments: [
        ("max-age=10, max-age=5", 5), ("max-age=5, max-age=10", 5), ("max-age=", 0), ("max-age", 0), ("max-age=-1", 0),
        ("max-age=1.5", 0), ("max-age=abc, max-age=60", 0), ("max-age=60, max-age=\"x\"", 0), ("max-age=\"60\"", 60),
        ("max-age=99999999999999999999999", 1 << 31), ("max-age=\"6\\0\"", 0), ("x-max-age=60, max-age=2", 2),
    ])
    func `is read the stricter way where there are two`(line: String, seconds: UInt32) {
        #expect(response(line).maxAge == seconds)
    }

    @Test(arguments: [
        "public; max-age=60", "max-age = 60", "max-age= 60", "private=\"x", "\"no-store\"", "max-age=60 public", "=5",
        "a=\"\\", "public, é", "max-age:60",
    ])
    func `is broken where it is no list`(line: String) { #expect(response(line).isBroken) }

    @Test func `says nothing where it names what nobody knows`() {
        #expect(response("immutable, foo=bar, max-ages=5, privates, no-stores, s-max-age=5") == ResponseDirectives())
        #expect(response("") == ResponseDirectives())
    }

    @Test func `is not known by a part of its name`() {
        #expect(!response("no-store-x").noStore && !response("xprivate").isPrivate)
    }
}

@Suite struct `Cache-Control of a request` {
    @Test func `names what is wanted`() {
        let directives = wants("max-age=3, min-fresh=4", "max-stale=5, only-if-cached, no-store, no-cache")
        #expect(directives.maxAge == 3 && directives.minFresh == 4 && directives.maxStale == 5)
        #expect(directives.onlyIfCached && directives.noStore && directives.noCache)
    }

    @Test func `is read the stricter way`() {
        #expect(wants("max-age=9, max-age=3").maxAge == 3)
        #expect(wants("max-age=x").maxAge == 0)
        #expect(wants("min-fresh=3, min-fresh=9").minFresh == 9)
        #expect(wants("min-fresh=x").minFresh == .max)
        #expect(wants("max-stale").maxStale == .max)
        #expect(wants("max-stale, max-stale=5").maxStale == 5)
        #expect(wants("max-stale=x").maxStale == 0)
        #expect(wants("max-age=5;").noCache)
        #expect(wants("foo, bar=\"no-cache\"") == RequestDirectives())
    }
}

@Suite struct `A date of HTTP` {
    private func seconds(_ text: String, now: Int64 = 1_700_000_000) -> Int64? {
        let bytes = Array(text.utf8)
        return HTTPDate.seconds(bytes.span, Slice(0, bytes.count), now: now)
    }

    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777), ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
        ("Sun Nov  6 08:49:37 1994", 784_111_777), ("Sun Nov 16 08:49:37 1994", 784_975_777),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0), ("Thu, 29 Feb 2024 23:59:60 GMT", 1_709_251_200),
        ("Wednesday, 01-Jan-70 00:00:00 gmt", 3_155_760_000), ("Wednesday, 01-Jan-75 00:00:00 GMT", 157_766_400),
        ("Mon, 01 Jan 1900 00:00:00 GMT", -2_208_988_800),
    ])
    func `has three forms`(text: String, expected: Int64) { #expect(seconds(text) == expected) }

    @Test(arguments: [
        "", "0", "-1", "now", "Sun, 06 Nov 1994 08:49:37 CET", "Sun, 06 Nov 1994 08:49:37",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT", "Sun, 29 Feb 2023 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49:61 GMT",
        "Sun, 06-Nov-1994 08:49:37 GMT", "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 0994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 UTC", "Sun Nov 6 08:49:37 1994", "1994-11-06T08:49:37Z with more text",
        "Sun, 06 Nov 1994 08.49.37 GMT", "Sun Nov  6 08:49:37 199x",
    ])
    func `is nothing else`(text: String) { #expect(seconds(text) == nil) }

    @Test func `is nil for every shorter and longer form`() {
        let whole = "Sun, 06 Nov 1994 08:49:37 GMT"
        for length in 0..<whole.utf8.count { #expect(seconds(String(whole.prefix(length))) == nil) }
        #expect(seconds(whole + " ") == nil)
    }
}
