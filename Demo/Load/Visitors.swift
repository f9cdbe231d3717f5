package import Addresses

/// A site as its visitors know it: pages with a word that each must hold, the assets that every page names, a search.
package struct VisitedSite: Sendable {
    package struct Page: Sendable {
        package var path: String
        package var word: String

        package init(path: String, word: String) {
            self.path = path
            self.word = word
        }
    }

    package var pages: [Page]
    /// What a first visit fetches beside the page: one style sheet, one image.
    package var style: String
    package var image: String
    /// The path of the search up to the words, and the word on its result page.
    package var search: Page
    /// What visitors search for.
    package var searches: [String]
    /// Shares of the clicks: searches, forms that are sent, files that are loaded.
    package var searchShare = Visitors.searchShare
    package var formShare = 0.0
    package var fileShare = 0.0
    /// Where forms go, and where the files are, each with the word that answers.
    package var form = Page(path: "", word: "")
    package var file = Page(path: "", word: "")

    package init(pages: [Page], style: String, image: String, search: Page, searches: [String]) {
        self.pages = pages
        self.style = style
        self.image = image
        self.search = search
        self.searches = searches
    }
}

/// The people behind the visitor sources of one engine, kept from phase to phase: what their browsers hold, and when they
/// have read their page.
package final class People {
    struct Person {
        let source: Int
        let browser: Int
        /// Has the assets.
        var hasCache = false
        var isWaiting = false
        /// Has read the page by then.
        var readyAt: UInt64 = 0
    }

    var known: [Person] = []
    var unknown: [Person] = []
    var random: Seeded
    /// How many of the known have clicked at least once, in the order of their list.
    var met = 0

    /// With the engine's recorded browsers, each person has one of them.
    package init(known: [Address], unknown: [Address], seed: UInt64, on engine: Engine) throws(TargetRefusal) {
        random = Seeded(seed)
        for address in known { self.known.append(try Self.person(address, &random, engine)) }
        for address in unknown { self.unknown.append(try Self.person(address, &random, engine)) }
    }

    private static func person(
        _ address: Address, _ random: inout Seeded, _ engine: Engine
    ) throws(TargetRefusal) -> Person {
        guard !engine.browsers.isEmpty else {
            return Person(
                source: try engine.addSource(address, isVisitor: true), browser: random.below(Browsers.count))
        }
        let browser = random.below(engine.browsers.count)
        return Person(source: try engine.addSource(address, isVisitor: true, browser: browser), browser: browser)
    }

    /// For an engine whose known sources made their acquaintance elsewhere.
    package func meetAll() {
        for index in known.indices { known[index].hasCache = true }
        met = known.count
    }
}

/// Visitors in one phase: open loop, at a fixed number of requests per second in all. A click is a page, and on a
/// source's first click its two assets too.
package final class Visitors: Driver {
    package enum Crowd: Sendable {
        /// Each known source clicks a first time; the phase lasts until all have.
        case meeting
        /// Half of the clicks come from known sources, half from unknown ones.
        case mixed
        /// Unknown sources, each clicking once, and nobody searches.
        case flash
    }

    package var place = 0
    package private(set) var tally = Tally()
    /// Requests sent, assets included.
    package private(set) var requests = 0
    /// How often a click was sent on, by a redirect or a waiting page.
    package private(set) var followed = 0
    /// When the latest click of a known source failed; 0: none did.
    package private(set) var knownFailedAt: UInt64 = 0
    /// How late the latest click was sent, in nanoseconds: what the load tool itself adds, at worst, to a visitor's time.
    package private(set) var lag: UInt64 = 0
    /// How long a visitor waits, from the click to the whole page.
    package static let patience: UInt64 = 10_000_000_000
    /// Clicks that are searches.
    package static let searchShare = 0.2
    /// A visitor reads at least 2 s, and 6 s more on average.
    private static let shortestRead: UInt64 = 2_000_000_000
    private static let readRate = 1.0 / 6

    private struct Click {
        var isKnown: Bool
        var person: Int
        var began: UInt64
        var partsLeft = 1
        var needsAssets: Bool
        var isOver = false
        var hops = 0
        /// What was asked for, to be asked again where an answer sends the visitor on.
        var order: Order?
    }

    private let site: VisitedSite
    private let people: People
    private let crowd: Crowd
    private let fields: Browsers.Fields
    private let authority: String
    private let following: Following
    private let newcomers: Range<Int>
    private var later = LaterOrders()
    private let rate: Double
    private let end: UInt64
    private var next: UInt64
    private var clicks: [Click] = []
    private var waiting = 0
    private var nextFlash = 0

    /// - Parameters:
    ///   - rate: requests per second in all, assets included.
    ///   - start: when it begins, in nanoseconds of `Clock`.
    ///   - recorded: the engine's browsers.
    ///   - newcomers: which of the unknown come in a mixed phase; nil: all.
    package init(
        _ crowd: Crowd, of people: People, to site: VisitedSite, authority: String, rate: Double, start: UInt64,
        seconds: Double, following: Following = Following(), recorded: [RecordedBrowser] = [],
        newcomers: Range<Int>? = nil
    ) {
        self.newcomers = newcomers?.clamped(to: 0..<people.unknown.count) ?? 0..<people.unknown.count
        self.authority = authority
        self.following = following
        self.crowd = crowd
        self.people = people
        self.site = site
        self.rate = rate
        fields = Browsers.Fields(authority: authority, recorded: recorded)
        next = start
        end = start + UInt64(seconds * 1e9)
    }

    /// Clicks whose end is awaited.
    package var awaited: Int { waiting }

    private var hasMore: Bool {
        switch crowd {
        case .meeting: next < end || people.met < people.known.count
        case .mixed: next < end
        case .flash: next < end && nextFlash < people.unknown.count
        }
    }

    package func due() -> UInt64? {
        guard hasMore else { return later.due }
        return min(next, later.due ?? next)
    }

    package func isDone(at now: UInt64) -> Bool { !hasMore && waiting == 0 }

    package func fire(at now: UInt64, on engine: Engine) {
        while let order = later.pop(at: now) {
            requests += 1
            engine.send(order, of: self)
        }
        while hasMore, next <= now {
            lag = max(lag, now - next)
            let sent = click(at: next, on: engine)
            // The gap grows with what the click asks for, so that requests come at the rate whatever the mix of clicks.
            next += people.random.gap(rate: rate / Double(sent))
        }
    }

    /// One click; returns how many requests it takes.
    private func click(at began: UInt64, on engine: Engine) -> Int {
        let (isKnown, index) = choose(at: began)
        var person = isKnown ? people.known[index] : people.unknown[index]
        // A site of programs has no assets.
        let isFirst = !person.hasCache && !site.style.isEmpty
        // At the first acquaintance nobody is known yet.
        let counts = crowd == .meeting ? !isFirst : isKnown
        let click = clicks.count
        clicks.append(Click(isKnown: counts, person: isKnown ? index : ~index, began: began, needsAssets: isFirst))
        person.isWaiting = true
        person.hasCache = true
        person.readyAt = began + Self.shortestRead + people.random.gap(rate: Self.readRate)
        if isKnown { people.known[index] = person } else { people.unknown[index] = person }
        waiting += 1

        var target: [UInt8]
        let word: String
        var form: [UInt8]?
        let chance = crowd == .flash ? 1 : Double.random(in: 0..<1, using: &people.random)
        // Nobody sends a form who has not been on a page.
        let isForm = (site.searchShare..<site.searchShare + site.formShare).contains(chance)
        if chance < site.searchShare {
            target = Array(site.search.path.utf8)
            for byte in site.searches[people.random.below(site.searches.count)].utf8 {
                if byte == 32 {
                    target.append(UInt8(ascii: "+"))
                } else if (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte) {
                    target.append(byte)
                } else {
                    target += Shapes.percentEncoded(byte)
                }
            }
            word = site.search.word
        } else if isForm, !isFirst {
            target = Array(site.form.path.utf8)
            word = site.form.word
            let text = site.searches[people.random.below(site.searches.count)].replacing(" ", with: "+")
            form = Array("onderwerp=\(text)&bericht=\(people.random.below(1_000_000))".utf8)
        } else if !isForm, chance < site.searchShare + site.formShare + site.fileShare {
            target = Array(site.file.path.utf8)
            word = site.file.word
        } else {
            let page = site.pages[people.random.below(site.pages.count)]
            target = Array(page.path.utf8)
            word = page.word
        }
        var order = Order(
            source: person.source, job: click * 4,
            head: Array((form == nil ? "GET " : "POST ").utf8) + target + fields.of(person.browser, .page),
            deadline: began + Self.patience)
        order.word = Array(word.utf8)
        if let form { order.carry(form: form) }
        clicks[click].order = order
        requests += 1
        engine.send(order, of: self)
        return isFirst ? 3 : 1
    }

    private func choose(at now: UInt64) -> (isKnown: Bool, index: Int) {
        switch crowd {
        case .flash:
            defer { nextFlash += 1 }
            return (false, nextFlash)
        case .meeting:
            // Three clicks in four make a new acquaintance, till all are met.
            if people.met < people.known.count, people.met == 0 || people.random.below(4) < 3 {
                defer { people.met += 1 }
                return (true, people.met)
            }
            return (true, ready(people.known[..<people.met], at: now))
        case .mixed:
            let isKnown = newcomers.isEmpty || (!people.known.isEmpty && people.random.below(2) == 0)
            return (isKnown, ready(isKnown ? people.known[...] : people.unknown[newcomers], at: now))
        }
    }

    /// Someone who has read the page; where nobody has, the one who has had the longest time.
    private func ready(_ group: ArraySlice<People.Person>, at now: UInt64) -> Int {
        for _ in 0..<16 {
            let index = group.startIndex + people.random.below(group.count)
            if !group[index].isWaiting, group[index].readyAt <= now { return index }
        }
        return group.indices.min { group[$0].readyAt < group[$1].readyAt } ?? 0
    }

    package func finished(_ outcome: Outcome, at now: UInt64, on engine: Engine) {
        let index = outcome.job / 4
        guard !clicks[index].isOver else { return }
        if outcome.job % 4 == 0, clicks[index].hops < Following.limit, let order = clicks[index].order,
            let step = following.step(after: outcome, to: order.head, authority: authority),
            now + step.pause < order.deadline
        {
            clicks[index].hops += 1
            followed += 1
            var again = order
            again.head = Following.head(order.head, to: step)
            if !step.keepsMethod { again.body = [] }
            // A redirect may lead away for good; a page that reloads stays itself.
            clicks[index].order = again
            return later.add(again, at: now + step.pause)
        }
        let inTime = now < clicks[index].began + Self.patience
        guard outcome.ending == .complete, outcome.status == 200, outcome.hasWord, inTime else {
            let failure: Tally.Failure =
                switch outcome.status {
                case _ where outcome.ending == .late || !inTime: .late
                case 503, 429: .refused
                default: .error
                }
            return over(index, failure, at: now)
        }
        clicks[index].partsLeft -= 1
        if clicks[index].needsAssets {
            clicks[index].needsAssets = false
            clicks[index].partsLeft = 2
            fetch(site.style, .style, job: index * 4 + 1, on: engine)
            fetch(site.image, .image, job: index * 4 + 2, on: engine)
        } else if clicks[index].partsLeft == 0 {
            over(index, nil, at: now)
        }
    }

    private func fetch(_ path: String, _ kind: Browsers.Kind, job: Int, on engine: Engine) {
        let click = clicks[job / 4]
        let person = click.person >= 0 ? people.known[click.person] : people.unknown[~click.person]
        requests += 1
        engine.send(
            Order(
                source: person.source, job: job, head: Array("GET \(path)".utf8) + fields.of(person.browser, kind),
                deadline: click.began + Self.patience), of: self)
    }

    private func over(_ index: Int, _ failure: Tally.Failure?, at now: UInt64) {
        let click = clicks[index]
        clicks[index].isOver = true
        waiting -= 1
        let group = click.isKnown ? Tally.Group.known : .unknown
        clicks[index].order = nil
        if let failure {
            if click.isKnown { knownFailedAt = now }
            tally.failed(group, failure, patience: UInt32(Self.patience / 1_000), at: now)
        } else {
            tally.succeeded(group, microseconds: UInt32((now - click.began) / 1_000), at: now)
        }
        if click.person >= 0 {
            people.known[click.person].isWaiting = false
            // A browser that did not get the page has not got its assets either.
            if failure != nil, crowd == .meeting { people.known[click.person].hasCache = false }
        } else {
            people.unknown[~click.person].isWaiting = false
            if failure != nil { people.unknown[~click.person].hasCache = false }
        }
    }
}
