import FuzzerSupport
import Glibc
import Heads

private let now: Int64 = 1_800_000_000
private let limits = HeadLimits()
nonisolated(unsafe) private var request = RequestHead()  // libFuzzer calls from one thread
nonisolated(unsafe) private var response = ResponseHead()  // libFuzzer calls from one thread

// Each input is a request's head and behind it a response's. What a shared cache makes of them must keep the promises that
// a plain reader can check.
private func run(_ bytes: Span<UInt8>) {
    var scanner = HeadScanner()
    guard case .head(let start, let end) = scanner.scan(bytes, limit: 1 << 16) else { return }
    let asked = bytes.extracting(0..<end)
    guard request.read(asked, from: start, limits: limits) == nil else { return }
    let rest = bytes.extracting(end..<bytes.count)
    var other = HeadScanner()
    guard case .head(let begin, let stop) = other.scan(rest, limit: 1 << 16) else { return }
    let head = rest.extracting(0..<stop)
    guard response.read(head, from: begin, method: .get) == nil else { return }
    let wants = CacheRequest(request, asked)
    let caching = CacheResponse(response, head)
    checkStoring(head, caching, wants)
    let freshness = caching.freshness(head, at: now, delay: 1)
    checkFreshness(freshness, wants)
    checkPortion(head, caching, asked, wants)
    let names = caching.varyNames(head)
    require(request.secondaryKey(asked, names: names) == request.secondaryKey(asked, names: names), "the second key")
    require(names.isEmpty || names.last == UInt8(ascii: ","), "the names' end")
}

/// Members of a list as a reader sees them that knows no quotes; so lines with quotes are not for it.
private func members(_ bytes: Span<UInt8>, _ name: String) -> [String] {
    var found: [String] = []
    for field in response.fields where bytes.text(field.name).lowercased() == name && !hasQuote(bytes, field) {
        found += bytes.text(field.value).lowercased().split(separator: ",").map {
            String($0.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
        }
    }
    return found
}

private func hasQuote(_ bytes: Span<UInt8>, _ field: Field) -> Bool {
    field.value.range.contains { bytes[$0] == UInt8(ascii: "\"") }
}

private func checkStoring(_ head: Span<UInt8>, _ caching: CacheResponse, _ wants: CacheRequest) {
    guard caching.mayStore(status: response.status) else { return }
    require([200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410].contains(response.status), "a status is stored")
    // Where there are both fields, either may be the one that counts; of one with quotes nothing is known here.
    let (control, targeted) = (members(head, "cache-control"), members(head, "cdn-cache-control"))
    let lines = response.fields.filter { head.text($0.name).lowercased() == "cdn-cache-control" }
    guard !lines.contains(where: { hasQuote(head, $0) }) else { return }
    let isUnderstood = (control + targeted).contains { $0.hasPrefix("must-understand") }
    let words = isUnderstood ? ["no-cache", "private"] : ["no-store", "no-cache", "private"]
    for word in words where !targeted.contains(where: { $0.hasPrefix("\(word)=") }) {
        require(
            !control.contains(word) || !lines.isEmpty && !targeted.contains(word),
            "stored in spite of a word against it")
    }
    require(members(head, "set-cookie").isEmpty, "stored with a cookie")
    let vary = members(head, "vary")
    require(!vary.contains("*") && !vary.contains("cookie") && !vary.contains("authorization"), "stored for a person")
    guard caching.mayStore(answering: wants, hasCookies: true), !response.fields.contains(where: { hasQuote(head, $0) })
    else { return }
    require(
        (control + targeted).contains { $0.hasPrefix("public") || $0.hasPrefix("s-maxage") },
        "stored from who has cookies")
}

private func checkFreshness(_ freshness: Freshness, _ wants: CacheRequest) {
    require(freshness.lifetime >= 0 && freshness.initialAge >= 0, "a time before nothing")
    require((0...CacheResponse.heuristicLimit).contains(freshness.heuristicLifetime), "a guess")
    for moment in [0, 1, 59, 3600, 1 << 20] as [Int64] {
        let moment = now + moment
        let isFresh = freshness.isFresh(at: moment)
        require(!isFresh || freshness.isUsableInNeed(at: moment, limit: 0), "fresh, and of no use in need")
        require(!isFresh || freshness.isUsableUnderPressure(at: moment), "fresh, and of no use under pressure")
        require(isFresh || !freshness.isFresh(at: moment + 1), "young again")
        guard freshness.forbidsStale, !isFresh else { continue }
        require(!freshness.isUsableInNeed(at: moment, limit: .max), "stale in need, though forbidden")
        require(!freshness.isUsableMeanwhile(at: moment), "stale meanwhile, though forbidden")
        require(!freshness.isUsableUnderPressure(at: moment), "stale under pressure, though forbidden")
        require(!freshness.satisfies(wants.wants, at: moment), "stale by request, though forbidden")
    }
}

private func checkPortion(_ head: Span<UInt8>, _ caching: CacheResponse, _ asked: Span<UInt8>, _ wants: CacheRequest) {
    let validators = Validators(caching, head, now: now)
    require(validators.match(validators), "not the same as itself")
    for count in [0, 1, 1000] {
        switch request.portion(of: validators, count: count, asking: wants, asked, now: now) {
        case .part(let range): require(range.lowerBound >= 0 && !range.isEmpty && range.upperBound <= count, "a part")
        case .notModified: require(wants.isConditional, "not asked whether it was changed")
        case .whole, .nothing: break
        }
    }
}

exit(
    runFuzzer { data, size in
        run(Span(_unsafeStart: data ?? UnsafePointer(bitPattern: 1)!, count: size))
        return 0
    })
