import Addresses
import Detection
import Fingerprints
import Messages
import Sketches

/// SplitMix64: the same content for the same seed, so that a failure can be repeated.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }

    mutating func flag() -> Bool { Bool.random(using: &self) }
    mutating func number<Value: FixedWidthInteger & UnsignedInteger>(_: Value.Type = Value.self) -> Value {
        Value.random(in: 0 ... .max, using: &self)
    }
    mutating func bytes(upTo limit: Int) -> [UInt8] {
        (0..<Int.random(in: 0...limit, using: &self)).map { _ in number() }
    }
    mutating func text(upTo limit: Int) -> String {
        // Two bytes at most for each character.
        String(
            (0..<Int.random(in: 0...limit / 2, using: &self)).map { _ in
                "abcdefxyz0123.-é".randomElement(using: &self) ?? "a"
            })
    }
    mutating func list<Element>(upTo limit: Int, _ make: (inout Seeded) -> Element) -> [Element] {
        (0..<Int.random(in: 0...limit, using: &self)).map { _ in make(&self) }
    }
    mutating func address() -> Address {
        flag() ? Address(ipv4: number()) : Address(high: number(), low: number())
    }
    mutating func endpoint() -> Endpoint { Endpoint(address(), port: number()) }
    mutating func prefix() -> Prefix { Prefix(address(), length: Int.random(in: 0...128, using: &self)) }
}

extension Snapshot {
    static func random(_ random: inout Seeded) -> Snapshot {
        var snapshot = Snapshot()
        snapshot.generation = random.number()
        snapshot.instance = random.text(upTo: 32)
        snapshot.cores = random.list(upTo: 8) { $0.number() }
        snapshot.limits.headBytes = random.number()
        snapshot.limits.queueTime = random.number()
        snapshot.limits.drainTime = random.number()
        snapshot.listeners = random.list(upTo: 4) {
            var listener = Listener(endpoint: $0.endpoint(), isTLS: $0.flag())
            listener.proxyPeers = $0.list(upTo: 3) { $0.prefix() }
            listener.servesClear = $0.flag()
            listener.speaksHTTP2 = $0.flag()
            return listener
        }
        snapshot.trustedPeers = random.list(upTo: 4) { $0.prefix() }
        snapshot.sites = random.list(upTo: 4) { Site.random(&$0) }
        if random.flag() {
            var pages = PagesHost(hosts: random.list(upTo: 3) { $0.text(upTo: 60) })
            pages.certificateChain = random.bytes(upTo: 200)
            pages.privateKey = random.bytes(upTo: 200)
            snapshot.pages = pages
        }
        snapshot.bots = random.list(upTo: 3) {
            var bot = Bot(name: $0.text(upTo: 64), agent: $0.text(upTo: 32))
            bot.ranges = $0.list(upTo: 4) { $0.prefix() }
            bot.hasDomains = $0.flag()
            bot.rate = $0.number()
            return bot
        }
        if random.flag() {
            snapshot.cacheFolder = .init(
                path: random.text(upTo: 200), size: random.number() >> 14, lane: "lane" + random.text(upTo: 60))
        }
        snapshot.secrets.ticketKeys = random.list(upTo: 3) { $0.bytes(upTo: 48) }
        snapshot.secrets.pseudonymKey = random.bytes(upTo: 16)
        snapshot.secrets.historyKey = random.bytes(upTo: 16)
        snapshot.secrets.cookieKeys = random.list(upTo: 3) { $0.bytes(upTo: 32) }
        return snapshot
    }
}

extension RequestSamples {
    static func random(_ random: inout Seeded) -> RequestSamples {
        var samples = RequestSamples()
        samples.sites = random.list(upTo: 3) { random in
            var batch = RequestBatch()
            (batch.seen, batch.known) = (random.number(), random.number())
            batch.seconds = 0.25
            batch.isUnderPressure = random.flag()
            batch.requests = random.list(upTo: 3) { random in
                var features = RequestFeatures(
                    method: random.text(upTo: 32), target: random.bytes(upTo: 256), program: random.number(),
                    ja4: random.number(), http2: random.number(), agent: random.number())
                features.isCut = random.flag()
                return RequestBatch.Seen(
                    features, names: random.text(upTo: 200), ja4: random.text(upTo: 64), weight: 3.5)
            }
            return Site(
                name: random.text(upTo: 64), batch: batch,
                counts: random.list(upTo: 3) {
                    Count(rule: $0.number(), hits: $0.number(), known: $0.number(), marked: $0.number())
                })
        }
        return samples
    }
}

extension RequestRules {
    static func random(_ random: inout Seeded) -> RequestRules {
        var rules = RequestRules()
        rules.sites = random.list(upTo: 3) { random in
            Site(
                name: random.text(upTo: 64),
                rules: random.list(upTo: 3) { random in
                    var rule = Rule(
                        id: random.number(), conditions: [.init(.method, random.text(upTo: 20))],
                        conduct: random.flag() ? .live : .dry, isFromElsewhere: random.flag(),
                        seconds: random.number(), collateral: random.flag() ? 0.25 : nil)
                    (rule.hits, rule.knownHits, rule.marked) = (random.number(), random.number(), random.number())
                    return rule
                })
        }
        return rules
    }
}

extension Snapshot.Site {
    static func random(_ random: inout Seeded) -> Snapshot.Site {
        var site = Snapshot.Site(
            name: random.text(upTo: 64), organisation: random.text(upTo: 64),
            hosts: random.list(upTo: 4) { $0.text(upTo: 60) },
            origins: random.list(upTo: 3) {
                var origin = Snapshot.Origin(endpoint: $0.endpoint())
                origin.isTLS = $0.flag()
                origin.serverName = $0.text(upTo: 60)
                origin.authorities = $0.bytes(upTo: 60)
                return origin
            })
        site.service = random.flag() ? .publicService : .backOffice
        site.certificateChain = random.bytes(upTo: 200)
        site.privateKey = random.bytes(upTo: 200)
        site.mode = random.flag() ? .protect : .observe
        if random.flag() { site.sourceLimit = Snapshot.SourceLimit(rate: random.number(), burst: random.number()) }
        site.bodyLimit = random.number()
        site.share = UInt8.random(in: 1...100, using: &random)
        site.caps.connections = random.optional { $0.number() }
        site.caps.queue = random.optional { $0.number() }
        site.caps.memory = random.optional { $0.number() }
        site.caps.processor = random.optional { $0.number() }
        site.cache.mode = random.flag() ? .hardTimes : .off
        site.cache.stale = random.number()
        site.cache.fallback = random.bytes(upTo: 300)
        site.allow = random.list(upTo: 3) { $0.prefix() }
        site.deny = random.list(upTo: 3) { $0.prefix() }
        return site
    }
}

extension LaneStatus {
    static func random(_ random: inout Seeded) -> LaneStatus {
        var status = LaneStatus()
        (status.disk.configured, status.disk.files, status.disk.omitted) = (1, random.number(), random.number())
        status.started = random.number()
        status.generation = random.number()
        status.connections.open = random.number()
        status.connections.accepted = random.number()
        status.connections.badPreface = random.number()
        status.connections.pages = random.number()
        status.connections.http2 = random.number()
        status.connections.abusive = random.number()
        status.connections.tls.malformed = random.number()
        status.connections.tls.refused = random.number()
        status.connections.tls.pressed = random.number()
        status.connections.closedForOthers = random.number()
        status.sites = random.list(upTo: 3) {
            var site = SiteStatus()
            site.name = $0.text(upTo: 64)
            site.organisation = $0.text(upTo: 64)
            site.isObserving = $0.flag()
            site.isUnderPressure = $0.flag()
            site.limit = $0.number()
            site.bytesOut = $0.number()
            site.waitingPages = $0.number()
            site.turnsOverused = $0.number()
            site.access.impostors = $0.number()
            site.access.denied = $0.number()
            for index in site.classes.indices {
                site.classes[index].requests = $0.number()
                site.classes[index].waitedMicroseconds = $0.number()
            }
            site.connections = $0.number()
            site.memory = $0.number()
            site.processorMicroseconds = $0.number()
            site.budgetRefused = $0.number()
            site.budgetClosed = $0.number()
            (site.capRefused, site.capClosed) = ($0.number(), $0.number())
            for index in site.responses.indices { site.responses[index] = $0.number() }
            for index in site.firstByte.indices { site.firstByte[index] = $0.number() }
            for field in CacheStatus.fields { site.cache[keyPath: field] = $0.number() }
            return site
        }
        return status
    }
}

extension LaneTraffic {
    static func random(_ random: inout Seeded) -> LaneTraffic {
        var report = LaneTraffic()
        report.sites = random.list(upTo: 3) { random in
            var traffic = Traffic()
            for _ in 0..<Int.random(in: 0...20, using: &random) { traffic.sources.add(random.number()) }
            for _ in 0..<Int.random(in: 0...5, using: &random) {
                traffic.networks[random.prefix().description] = random.number()
                let shape = RequestShape(
                    method: random.text(upTo: 32), route: random.text(upTo: RequestShape.routeLimit),
                    ja4: random.text(upTo: 36), http2: random.text(upTo: 16))
                traffic.shapes[shape] = random.number()
            }
            return Site(name: random.text(upTo: 64), traffic: traffic)
        }
        return report
    }
}

extension Pages {
    static func random(_ random: inout Seeded) -> Pages {
        let files = random.list(upTo: 4) { random in
            let body = random.bytes(upTo: 200)
            let places = random.list(upTo: 8) { UInt32.random(in: 0...UInt32(body.count), using: &$0) }
            return File(
                path: "/" + random.text(upTo: 60), contentType: random.text(upTo: 60), body: body,
                ages: places.sorted().map { AgeMark(offset: $0, form: AgeForm(rawValue: UInt8($0 % 3)) ?? .dutch) })
        }
        return Pages(made: random.number(), files: files)
    }
}

extension ProvenSources {
    static func random(_ random: inout Seeded) -> ProvenSources {
        ProvenSources(
            random.list(upTo: 6) {
                let address = $0.address()
                return Source(
                    Prefix(address, length: address.isIPv4 ? 32 : 64), site: $0.text(upTo: 64),
                    refusals: $0.number(), milliseconds: $0.number())
            }, omitted: random.number(), spared: random.number())
    }
}
