internal import Admission
internal import Bytes
internal import Messages
internal import Sketches
internal import Synchronization

/// What stays of a site over reloads and is shared by all workers: its admission.
final class SiteState: Sendable {
    let admission: Mutex<SiteAdmission>
    /// Unknown visitors are asked for a cookie before they may wait; told ten times a second.
    let asksForCookies = Atomic(false)
    /// Separates the sites in tables that they share; from the site's name, so it survives restarts.
    let salt: UInt64
    /// When the office was last told what was learnt here: nanoseconds on the clock that only goes forward.
    let toldAt: Atomic<UInt64>
    /// Requests that wait, for the organisation's other sites to look at; written under the admission's lock.
    let waiting = Atomic(0)
    let cache: SiteCache
    /// Keeps hashes of the cache's keys from being chosen from outside.
    let cacheSecret: (UInt64, UInt64)

    /// - Parameter key: keeps what is counted of requests from being chosen by who sends them.
    init(_ site: Snapshot.Site, _ snapshot: Snapshot, key: KeyedHash, cache: SiteCache, at now: Instant) {
        admission = Mutex(SiteAdmission(rules: Self.rules(site, snapshot), key: key, at: now))
        toldAt = Atomic(now.nanoseconds)
        self.cache = cache
        salt = Self.salt(of: site.name)
        cacheSecret = (key(salt, 1, 0x6361_6368_65), key(salt, 2, 0x6361_6368_65))
    }

    static func salt(of site: String) -> UInt64 {
        site.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }

    /// Does what may change how many wait.
    func queueing<Value>(_ body: (inout SiteAdmission) -> sending Value) -> sending Value {
        admission.withLock { admission in
            let value = body(&admission)
            waiting.store(admission.waitingCount, ordering: .relaxed)
            return value
        }
    }

    static func rules(_ site: Snapshot.Site, _ snapshot: Snapshot) -> SiteAdmission.Rules {
        let limits = snapshot.limits
        var rules = SiteAdmission.Rules()
        rules.isObserving = site.mode == .observe
        rules.queueLength = Int(limits.queueLength)
        rules.queueTime = limits.queueTime
        rules.origins = site.origins.count
        rules.sourceRate = site.sourceLimit.map { Float($0.rate) }
        rules.isScoring = site.isScored
        rules.sourceBurst = site.sourceLimit.map { Float($0.burst) } ?? 0
        rules.botRates = snapshot.bots.map { Float($0.rate) }
        return rules
    }
}

/// An origin as one snapshot has it. `pool` names it in the workers' connection pools, the same over reloads as long as
/// address and TLS settings are the same.
struct Origin: Sendable {
    var address: Snapshot.Origin
    var context: TLSContext?
    var pool: Int
}

/// A site as one snapshot has it.
final class Site: Sendable {
    let settings: Snapshot.Site
    /// The site's name as bytes, for the log.
    let name: [UInt8]
    let state: SiteState
    let certificate: TLSContext?
    let origins: [Origin]
    let cookie: SiteCookie
    let turns: TurnCookie
    let index: UInt16
    /// The site's own page for when nothing else can be shown.
    let fallback: PageFile?

    init(
        _ settings: Snapshot.Site, index: UInt16, state: SiteState, certificate: TLSContext?, origins: [Origin],
        cookie: SiteCookie, turns: TurnCookie
    ) {
        self.settings = settings
        name = Array(settings.name.utf8)
        self.index = index
        self.state = state
        self.certificate = certificate
        self.origins = origins
        self.cookie = cookie
        fallback = settings.cache.fallback.isEmpty ? nil : PageFile(content: settings.cache.fallback)
        self.turns = turns
    }
}

/// One snapshot in force: the sites by host name, the TLS settings, the limits. Never changed; replaced as a whole.
final class SiteTable: Sendable {
    let snapshot: Snapshot
    let sites: [Site]
    let tenants: Tenants
    /// By site; empty: no organisation has a cap of its queue.
    let queueCaps: [QueueCap?]
    let listenerContext: TLSContext
    /// Of the public pages' host, where it has one.
    private let pagesCertificate: TLSContext?
    /// The first site that has a certificate: for clients that name none.
    let firstSecure: UInt16?
    /// For Via.
    let instanceName: [UInt8]
    /// What we add to Via of responses.
    let viaValue: [UInt8]
    let waitingPage: WaitingPage
    let pseudonyms: KeyedHash
    let sources: KeyedHash
    /// Who may come, as of the snapshot's adoption; the workers have the newest.
    let access: AccessTable
    let bots: BotTable

    private struct Entry: Sendable {
        var host: [UInt8]
        var site: UInt16
    }
    /// Open addressing over a hash of the lower-case name; "*." names are stored without their star.
    private let entries: [Entry?]

    init(
        _ snapshot: Snapshot, sites: [Site], pagesCertificate: TLSContext?, listenerContext: TLSContext,
        access: AccessTable, bots: BotTable
    ) {
        self.access = access
        self.bots = bots
        self.snapshot = snapshot
        self.sites = sites
        tenants = Tenants(sites.map { ($0.settings.organisation, Int($0.settings.share)) })
        queueCaps = QueueCap.all(sites)
        self.pagesCertificate = pagesCertificate
        self.listenerContext = listenerContext
        firstSecure =
            sites.first { $0.certificate != nil }?.index ?? (pagesCertificate == nil ? nil : TLSPort.pagesSite)
        instanceName = Array(snapshot.instance.utf8)
        viaValue = Array("1.1 \(snapshot.instance)".utf8)
        waitingPage = WaitingPage(news: WaitingPage.news(snapshot))
        pseudonyms = KeyedHash(key: snapshot.secrets.pseudonymKey)
        sources = KeyedHash(key: snapshot.secrets.historyKey)
        var names = sites.flatMap { site in site.settings.hosts.map { (Array($0.utf8), site.index) } }
        names += snapshot.pages?.hosts.map { (Array($0.utf8), TLSPort.pagesSite) } ?? []
        var size = 16
        while size < names.count * 3 { size *= 2 }
        var entries = [Entry?](repeating: nil, count: size)
        for (name, site) in names {
            let host = name.first == UInt8(ascii: "*") ? Array(name.dropFirst()) : name
            var place = host.withUnsafeBytes { Self.place($0[...], size) }
            while entries[place] != nil { place = (place + 1) % size }
            entries[place] = Entry(host: host, site: site)
        }
        self.entries = entries
    }

    /// What is shown for a site, or for the pages' host; nil where it has none, or is not there any more.
    func certificate(of site: UInt16) -> TLSContext? {
        site == TLSPort.pagesSite ? pagesCertificate : Int(site) < sites.count ? sites[Int(site)].certificate : nil
    }

    /// The site of a host name without port, whatever its case: the exact name, else a wildcard one label up.
    func find(_ host: UnsafeRawBufferPointer) -> UInt16? {
        guard host.count > 0, host.count <= 255 else { return nil }
        // A trailing dot names the same host.
        let name = host.last == UInt8(ascii: ".") ? host[..<(host.count - 1)] : host[...]
        if let site = look(name) { return site }
        guard let dot = name.firstIndex(of: UInt8(ascii: ".")), dot > 0 else { return nil }
        return look(name[dot...])
    }

    private func look(_ name: Slice<UnsafeRawBufferPointer>) -> UInt16? {
        var place = Self.place(name, entries.count)
        while let entry = entries[place] {
            if Self.isSame(entry.host, name) { return entry.site }
            place = (place + 1) % entries.count
        }
        return nil
    }

    private static func isSame(_ host: [UInt8], _ name: Slice<UnsafeRawBufferPointer>) -> Bool {
        guard host.count == name.count else { return false }
        for (index, byte) in name.enumerated() where lowered(byte) != host[index] { return false }
        return true
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte | 32 : byte }

    private static func place(_ name: Slice<UnsafeRawBufferPointer>, _ size: Int) -> Int {
        var hash: UInt32 = 2_166_136_261
        for byte in name { hash = (hash ^ UInt32(lowered(byte))) &* 16_777_619 }
        return Int(hash) % size
    }
}
