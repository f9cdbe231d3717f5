import Heads
import Testing

private let now: Int64 = 784_111_777
private let date = "Date: Sun, 06 Nov 1994 08:49:37 GMT"

private struct Answer {
    var head: ResponseHead
    var response: CacheResponse
    var bytes: [UInt8]

    init(_ status: Int, _ fields: [String]) {
        let text = Array((["HTTP/1.1 \(status) X"] + fields + ["", ""]).joined(separator: "\r\n").utf8)
        var read = ResponseHead()
        let refusal = read.read(text.span, from: 0, method: .get)
        #expect(refusal == nil)
        (bytes, head, response) = (text, read, CacheResponse(read, text.span))
    }

    func freshness(at moment: Int64 = now, delay: Int64 = 0) -> Freshness {
        response.freshness(bytes.span, at: moment, delay: delay)
    }
    var mayStore: Bool { response.mayStore(status: head.status) }
}

private struct Ask {
    var head: RequestHead
    var request: CacheRequest
    var bytes: [UInt8]

    init(_ fields: String..., method: String = "GET") {
        let text = Array(
            (["\(method) / HTTP/1.1", "Host: a"] + fields + ["", ""]).joined(separator: "\r\n").utf8)
        var read = RequestHead()
        let refusal = read.read(text.span, from: 0, limits: HeadLimits())
        #expect(refusal == nil)
        (bytes, head, request) = (text, read, CacheRequest(read, text.span))
    }

    func portion(_ validators: Validators, count: Int = 100) -> Portion {
        head.portion(of: validators, count: count, asking: request, bytes.span, now: now)
    }
}

@Suite struct `Storing (RFC 9111, section 3)` {
    @Test(arguments: [200, 203, 300, 301, 308]) func `is for what says what is there`(status: Int) {
        #expect(Answer(status, []).mayStore)
    }

    @Test(arguments: [204, 302, 303, 307, 404, 410])
    func `is for other understood statuses only where they say for how long`(status: Int) {
        #expect(!Answer(status, []).mayStore)
        for field in ["Cache-Control: max-age=5", "Cache-Control: s-maxage=5", "Expires: 0"] {
            #expect(Answer(status, [field]).mayStore)
        }
    }

    @Test(arguments: [206, 304, 400, 401, 403, 405, 407, 414, 429, 500, 502, 503, 504, 599, 299, 399])
    func `is not for errors, parts and statuses that are not understood`(status: Int) {
        #expect(!Answer(status, ["Cache-Control: public, max-age=60"]).mayStore)
    }

    @Test(arguments: [
        "Cache-Control: no-store", "Cache-Control: private", "Cache-Control: private=\"x\"", "Cache-Control: no-cache",
        "Cache-Control: max-age=60\r\nCache-Control: no-store", "Cache-Control: public; max-age=60", "Set-Cookie: a=b",
        "Set-Cookie: a=b\r\nCache-Control: public, max-age=60", "Vary: *", "Vary: Accept, Cookie", "Vary: cookie",
        "Vary: Authorization", "Pragma: no-cache", "Vary: a,b,c,d,e,f,g,h,i", "Set-Cookie2: a",
    ])
    func `is forbidden`(fields: String) { #expect(!Answer(200, [fields]).mayStore) }

    @Test func `follows Cache-Control where there is Pragma too`() {
        #expect(Answer(200, ["Pragma: no-cache", "Cache-Control: max-age=5"]).mayStore)
    }

    @Test func `of what answers cookies or credentials needs the origin's word`() {
        let plain = Answer(200, ["Cache-Control: max-age=60, must-revalidate"]).response
        let shared = Answer(200, ["Cache-Control: public, max-age=60"]).response
        let alsoShared = Answer(200, ["Cache-Control: s-maxage=60"]).response
        let nobody = Ask().request
        let somebody = Ask("Authorization: Basic eDp5").request
        #expect(plain.mayStore(answering: nobody, hasCookies: false))
        #expect(!plain.mayStore(answering: nobody, hasCookies: true))
        #expect(!plain.mayStore(answering: somebody, hasCookies: false))
        for response in [shared, alsoShared] {
            #expect(response.mayStore(answering: somebody, hasCookies: true))
        }
    }

    @Test(arguments: [
        "Cache-Control: no-store", "X-Forwarded-Scheme: http", "X-Original-URL: /admin", "x-host: b",
        "X-HTTP-Method-Override: PUT", "If_None_Match: *", "My_Field: 1", "X: 1", "If-Match: \"1\"",
        "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT",
    ])
    func `is not for what may depend on more than the key`(field: String) {
        #expect(
            !Answer(200, ["Cache-Control: public, max-age=60"]).response.mayStore(
                answering: Ask(field).request, hasCookies: false))
    }

    @Test(arguments: ["X-Request-Id: 1", "X-Amzn-Trace-Id: 1", "x-correlation-id: 1", "Range: bytes=0-1", "DNT: 1"])
    func `does not mind fields that say nothing`(field: String) {
        #expect(Answer(200, []).response.mayStore(answering: Ask(field).request, hasCookies: false))
    }
}

@Suite struct `Freshness (RFC 9111, section 4.2)` {
    @Test(arguments: [
        ("Cache-Control: max-age=60", 60), ("Cache-Control: max-age=60, s-maxage=5", 5),
        ("Expires: Sun, 06 Nov 1994 08:50:37 GMT", 60), ("Expires: 0", 0),
        ("Expires: Sun, 06 Nov 1994 08:49:37 GMT", 0),
        ("Expires: Sun, 06 Nov 1994 07:49:37 GMT", 0), ("Cache-Control: max-age=x", 0), ("X: 1", 0),
        ("Cache-Control: max-age=5\r\nExpires: Sun, 06 Nov 1994 08:50:37 GMT", 5),
        ("Expires: Sun, 06 Nov 1994 08:50:37 GMT\r\nExpires: Sun, 06 Nov 1994 09:50:37 GMT", 0),
    ])
    func `lasts as long as the origin says`(fields: String, seconds: Int64) {
        #expect(Answer(200, [date, fields]).freshness().lifetime == seconds)
    }

    @Test func `ends at its last second`() {
        let freshness = Answer(200, [date, "Cache-Control: max-age=60"]).freshness()
        #expect(freshness.isFresh(at: now + 59) && !freshness.isFresh(at: now + 60))
        #expect(freshness.age(at: now + 59) == 59 && freshness.staleness(at: now + 61) == 1)
    }

    @Test(
        arguments: [
            (["Age: 30"], 30), (["Age: 30", "Age: 40"], 30), (["Age: x"], 0), (["Age: -5"], 0), (["Age: 30, x"], 30),
            (["Age: x, 30"], 0), (["Age: 99999999999"], 1 << 31),
            (["Date: Sun, 06 Nov 1994 08:49:27 GMT"], 10), (["Date: Sun, 06 Nov 1994 08:49:27 GMT", "Age: 30"], 30),
            (["Date: Sun, 06 Nov 1994 08:49:27 GMT", "Age: 3"], 10),
            // A clock that is ahead of ours makes nothing younger than new.
            (["Date: Sun, 06 Nov 1994 09:49:37 GMT"], 0), ([], 0),
        ] as [([String], Int64)])
    func `counts what a response has behind it`(fields: [String], age: Int64) {
        #expect(Answer(200, fields).freshness().initialAge == age)
    }

    @Test func `counts the time that it was under way`() {
        #expect(Answer(200, [date, "Age: 4"]).freshness(delay: 3).initialAge == 7)
        #expect(Answer(200, [date]).freshness(delay: 3).initialAge == 3)
    }

    @Test func `does not run backwards with the clock`() {
        #expect(Answer(200, [date, "Age: 4"]).freshness().age(at: now - 100) == 4)
    }

    @Test func `is guessed within bounds, and only where nothing is said`() {
        func guess(_ fields: String...) -> Int64 { Answer(200, [date] + fields).freshness().heuristicLifetime }
        #expect(guess("Last-Modified: Sun, 06 Nov 1994 08:46:17 GMT") == 20)
        #expect(guess("Last-Modified: Sun, 06 Nov 1984 08:46:17 GMT") == CacheResponse.heuristicLimit)
        #expect(guess("Last-Modified: Sun, 06 Nov 2004 08:46:17 GMT") == 0)
        #expect(guess() == 0)
        #expect(guess("Last-Modified: Sun, 06 Nov 1984 08:46:17 GMT", "Cache-Control: max-age=0") == 0)
        let answer = Answer(200, [date, "Last-Modified: Sun, 06 Nov 1984 08:46:17 GMT"]).freshness()
        #expect(!answer.isFresh(at: now) && answer.isForNeed)
        #expect(answer.isUsableUnderPressure(at: now + 59) && !answer.isUsableUnderPressure(at: now + 60))
    }
}

@Suite struct `Serving stale (RFC 9111, section 4.2.4; RFC 5861)` {
    private static let day: Int64 = 86_400

    @Test(arguments: [
        "max-age=60, must-revalidate", "max-age=60, proxy-revalidate", "s-maxage=60",
        "max-age=60, must-revalidate, stale-if-error=600, stale-while-revalidate=600",
    ])
    func `is never done where it is forbidden`(control: String) {
        let freshness = Answer(200, [date, "Cache-Control: \(control)"]).freshness()
        #expect(freshness.isUsableInNeed(at: now + 59, limit: Self.day))
        #expect(!freshness.isUsableInNeed(at: now + 60, limit: Self.day))
        #expect(!freshness.isUsableMeanwhile(at: now + 60) && !freshness.isUsableUnderPressure(at: now + 60))
        var wants = RequestDirectives()
        wants.maxStale = .max
        #expect(!freshness.satisfies(wants, at: now + 60))
    }

    @Test func `has a bound`() {
        let freshness = Answer(200, [date, "Cache-Control: max-age=60"]).freshness()
        #expect(freshness.isUsableInNeed(at: now + 60 + Self.day - 1, limit: Self.day))
        #expect(!freshness.isUsableInNeed(at: now + 60 + Self.day, limit: Self.day))
        let longer = Answer(200, [date, "Cache-Control: max-age=60, stale-if-error=100"]).freshness()
        #expect(longer.isUsableInNeed(at: now + 159, limit: 10) && !longer.isUsableInNeed(at: now + 160, limit: 10))
        let shared = Answer(200, [date, "Cache-Control: s-maxage=60, stale-if-error=100"]).freshness()
        #expect(shared.isUsableInNeed(at: now + 100, limit: 0))
    }

    @Test func `is done meanwhile for as long as the origin says`() {
        let freshness = Answer(200, [date, "Cache-Control: max-age=60, stale-while-revalidate=10"]).freshness()
        #expect(freshness.isUsableMeanwhile(at: now + 69) && !freshness.isUsableMeanwhile(at: now + 70))
        #expect(!freshness.isForNeed)
    }

    @Test func `obeys what the request wants`() {
        let freshness = Answer(200, [date, "Cache-Control: max-age=60"]).freshness()
        func satisfies(_ field: String, _ moment: Int64) -> Bool {
            freshness.satisfies(Ask("Cache-Control: \(field)").request.wants, at: now + moment)
        }
        #expect(satisfies("x", 59) && !satisfies("x", 60))
        #expect(!satisfies("no-cache", 0) && !satisfies("max-age=5;", 0))
        #expect(satisfies("max-age=10", 10) && !satisfies("max-age=10", 11))
        #expect(satisfies("min-fresh=10", 50) && !satisfies("min-fresh=10", 51))
        #expect(satisfies("max-stale", 6000) && satisfies("max-stale=5", 65) && !satisfies("max-stale=5", 66))
        #expect(!satisfies("max-stale=50, max-age=5", 65))
        #expect(!freshness.satisfies(Ask("Pragma: no-cache").request.wants, at: now))
        #expect(freshness.satisfies(Ask("Pragma: no-cache", "Cache-Control: x").request.wants, at: now))
    }
}

@Suite struct `Vary (RFC 9111, section 4.1)` {
    private func names(_ fields: String...) -> String {
        let answer = Answer(200, fields)
        return String(decoding: answer.response.varyNames(answer.bytes.span), as: UTF8.self)
    }
    private func key(_ names: String, _ fields: String...) -> String {
        let bytes = Array((["GET / HTTP/1.1", "Host: a"] + fields + ["", ""]).joined(separator: "\r\n").utf8)
        var head = RequestHead()
        let refusal = head.read(bytes.span, from: 0, limits: HeadLimits())
        #expect(refusal == nil)
        return String(decoding: head.secondaryKey(bytes.span, names: Array(names.utf8)), as: UTF8.self)
    }

    @Test func `names fields, and those that should have been named`() {
        #expect(names("Vary: Accept-Encoding, X") == "accept-encoding,x,")
        #expect(names("Vary: a", "Vary: b") == "a,b,")
        #expect(names("X: 1") == "")
        #expect(names("Content-Encoding: gzip") == "accept-encoding,")
        #expect(names("Content-Encoding: gzip", "Vary: Accept-Encoding") == "accept-encoding,")
        #expect(names("Content-Language: nl", "Access-Control-Allow-Origin: https://a") == "accept-language,origin,")
    }

    @Test func `compares what the requests say, whatever their spelling`() {
        #expect(
            key("accept-encoding,", "Accept-Encoding: gzip, BR") == key("accept-encoding,", "accept-encoding:gzip,br"))
        #expect(key("accept,", "Accept: a", "Accept: b") == key("accept,", "Accept: a, b"))
        #expect(key("accept,", "Accept: a") != key("accept,", "Accept: b"))
        #expect(key("accept,") != key("accept,", "Accept: a"))
        #expect(key("a,b,", "A: 1") != key("a,b,", "B: 1"))
        #expect(key("", "A: 1") == "")
        #expect(key("user-agent,", "User-Agent: x") != key("user-agent,", "User-Agent: y"))
    }
}

@Suite struct `Validation (RFC 9110, section 13; RFC 9111, section 4.3)` {
    private let tagged = {
        let answer = Answer(200, [date, "ETag: \"a,b\"", "Last-Modified: Sun, 06 Nov 1994 08:00:00 GMT"])
        return Validators(answer.response, answer.bytes.span, now: now)
    }()
    private let weak = {
        let answer = Answer(200, [date, "ETag: W/\"w\""])
        return Validators(answer.response, answer.bytes.span, now: now)
    }()

    @Test(arguments: [
        ("\"a,b\"", true), ("W/\"a,b\"", true), ("\"x\", \"a,b\"", true), ("*", true), ("\"x\",,W/\"a,b\" ", true),
        ("\"a\"", false), ("a,b", false), ("\"x\", broken, \"a,b\"", false), ("\"a,b", false), ("", false),
        ("w/\"a,b\"", false),
    ])
    func `by tags is weak`(value: String, isSame: Bool) {
        #expect(Ask("If-None-Match: \(value)").portion(tagged) == (isSame ? .notModified : .whole))
    }

    @Test func `by tags goes before dates, and over several lines`() {
        #expect(
            Ask("If-None-Match: \"x\"", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT").portion(tagged) == .whole)
        #expect(Ask("If-None-Match: \"x\"", "If-None-Match: \"a,b\"").portion(tagged) == .notModified)
        #expect(Ask("If-None-Match: \"w\"").portion(weak) == .notModified)
        #expect(Ask("If-None-Match: \"w\"", method: "HEAD").portion(weak) == .notModified)
    }

    @Test(arguments: [
        ("Sun, 06 Nov 1994 08:00:00 GMT", true), ("Sun, 06 Nov 1994 08:00:01 GMT", true),
        ("Sun, 06 Nov 1994 07:59:59 GMT", false), ("yesterday", false),
    ])
    func `by dates asks whether it was changed since`(value: String, isSame: Bool) {
        #expect(Ask("If-Modified-Since: \(value)").portion(tagged) == (isSame ? .notModified : .whole))
    }

    @Test func `of what has no Last-Modified is by its Date`() {
        #expect(Ask("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT").portion(weak) == .notModified)
        #expect(Ask("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT").portion(weak) == .whole)
    }

    @Test(arguments: [
        ("bytes=0-9", Portion.part(0..<10)), ("bytes=90-", .part(90..<100)), ("bytes=-10", .part(90..<100)),
        ("bytes=95-200", .part(95..<100)), ("bytes=-1000", .part(0..<100)), ("BYTES=0-0", .part(0..<1)),
        ("bytes=100-", .nothing), ("bytes=-0", .nothing), ("bytes=5-4", .whole), ("bytes=0-1,5-6", .whole),
        ("bytes=a-b", .whole), ("lines=1-2", .whole), ("bytes=-", .whole), ("bytes=", .whole), ("bytes=5", .whole),
        ("bytes=99999999999999999999-", .whole), ("bytes=--5", .whole), ("bytes=1-2-3", .whole),
    ])
    func `of parts takes one range`(value: String, portion: Portion) {
        #expect(Ask("Range: \(value)").portion(tagged) == portion)
        #expect(Ask("Range: \(value)", method: "HEAD").portion(tagged) == .whole)
    }

    @Test(arguments: [
        ("\"a,b\"", true), ("W/\"a,b\"", false), ("\"x\"", false), ("Sun, 06 Nov 1994 08:00:00 GMT", true),
        ("Sun, 06 Nov 1994 08:00:01 GMT", false), ("", false),
    ])
    func `of parts of the same needs a strong sign`(value: String, isSame: Bool) {
        #expect(
            Ask("Range: bytes=0-9", "If-Range: \(value)").portion(tagged) == (isSame ? .part(0..<10) : .whole))
    }

    @Test func `of parts is not by a weak tag`() {
        #expect(Ask("Range: bytes=0-9", "If-Range: \"w\"").portion(weak) == .whole)
        #expect(Ask("Range: bytes=0-9", "Range: bytes=5-6").portion(weak) == .whole)
    }

    @Test func `of a stored response is by its strongest sign`() {
        func validators(_ fields: String...) -> Validators {
            let answer = Answer(304, fields)
            return Validators(answer.response, answer.bytes.span, now: now)
        }
        #expect(tagged.match(validators("ETag: \"a,b\"")) && tagged.match(validators("ETag: W/\"a,b\"")))
        #expect(!tagged.match(validators("ETag: \"x\"")))
        #expect(tagged.match(validators("Last-Modified: Sun, 06 Nov 1994 08:00:00 GMT")))
        #expect(!tagged.match(validators("Last-Modified: Sun, 06 Nov 1994 08:00:01 GMT")))
        #expect(tagged.match(validators()))
        #expect(validators("ETag: broken").etag.isEmpty && validators("ETag: \"a\" x").isEmpty)
    }
}
