internal import Addresses
internal import Admission
internal import CLinux
internal import Glibc
internal import Messages
internal import Sketches

/// What each organisation may have of a worker at most, by organisation, however much is free; empty: none has a cap.
struct TenantCaps: Sendable {
    /// Visitors' connections.
    var connections: [Int] = []
    /// Bytes of what it holds.
    var memory: [Int] = []
    /// Hundredths of the time.
    var processor: [Int] = []
}

/// What a worker keeps of the tenants that share it: who holds how much of what is short, and who has its time.
struct TenantBooks {
    /// Bytes of each kind that a worker holds over all tenants.
    private static let memoryLimit = 64 << 20

    private(set) var tenants: Tenants
    /// By organisation, what it may hold at most of all kinds together; empty: none has a cap.
    private var memoryCaps: [Int]
    /// Visitors' connections; those that have not said whom they want are nobody's.
    var connections: TenantRoom
    /// Connections to origins.
    var origins: TenantRoom
    /// Bytes that wait in all streams for sockets to take them.
    var kept: TenantRoom
    /// Bytes of places for heads and bodies that are awaited before an origin is asked, and for what came behind other heads,
    /// until an origin has it.
    var gathered: TenantRoom
    /// Other content, and incomplete heads, that HTTP/2 connections hold.
    var taken: TenantRoom
    /// Heads of requests that wait or are served.
    var heads: TenantRoom
    var time: TenantTime
    /// Events of heavy sites that wait until the others' are done.
    var turns = TenantTurns()
    /// By place, and behind them by organisation: until when no connection that rests is looked for there, because there was
    /// none; nanoseconds.
    var barren: [UInt64]

    init(_ tenants: Tenants, connections: Int, caps: TenantCaps) {
        self.tenants = tenants
        memoryCaps = caps.memory
        self.connections = TenantRoom(capacity: connections, tenants, caps: caps.connections)
        origins = TenantRoom(capacity: connections, tenants)
        kept = TenantRoom(capacity: Self.memoryLimit, tenants)
        gathered = kept
        taken = kept
        heads = kept
        time = TenantTime(tenants, caps: caps.processor)
        barren = Array(repeating: 0, count: tenants.count + tenants.shares.count)
    }

    /// Bytes that the tenant holds.
    func memory(at place: Int) -> Int {
        kept.held(at: place) + gathered.held(at: place) + taken.held(at: place) + heads.held(at: place)
    }

    /// Whether the tenant's organisation stays within its cap of memory with so much more. A quarter of that is kept for what
    /// asks: a request finds a place beside slow bodies and slow readers.
    func isWithinMemory(_ amount: Int, at place: Int, isRequest: Bool = false) -> Bool {
        guard !memoryCaps.isEmpty else { return true }
        let cap = memoryCaps[tenants.organisations[place]]
        let held =
            kept.heldTogether(at: place) + gathered.heldTogether(at: place) + taken.heldTogether(at: place)
            + heads.heldTogether(at: place)
        return held + amount <= (isRequest ? cap : cap - cap / 4)
    }

    mutating func change(to tenants: Tenants, moved: [Int], caps: TenantCaps) {
        self.tenants = tenants
        memoryCaps = caps.memory
        connections.change(to: tenants, moved: moved, caps: caps.connections)
        origins.change(to: tenants, moved: moved)
        kept.change(to: tenants, moved: moved)
        gathered.change(to: tenants, moved: moved)
        taken.change(to: tenants, moved: moved)
        heads.change(to: tenants, moved: moved)
        time.change(to: tenants, moved: moved, caps: caps.processor)
        barren = Array(repeating: 0, count: tenants.count + tenants.shares.count)
    }
}

extension TenantRoom {
    /// Whether so much more is nobody's concern: asked with each request, in place; where it is not so, `mayHold` decides.
    func hasPlenty(_ amount: Int) -> Bool { (total + amount) * 2 <= capacity }
}

/// Tenants' budgets: each connection and each piece of work is a site's, and where something is short, who has more than
/// its share comes last.
extension Worker {
    /// Records looked at to find the connection that can best be closed for another; and to find any: many may be free.
    private static let searchLimit = 512
    private static let longestSearch = 4096
    /// Nanoseconds until another search after one in vain: it is long, and whoever opens connections could ask for one with
    /// each.
    private static let barrenTime: UInt64 = 10_000_000

    /// Milliseconds in which who just came, or was just active over HTTP/2, may be about to say what he wants.
    private static let newTime: UInt32 = 1_000

    static func place(_ site: UInt16) -> UInt16 { site + 1 }

    // MARK: - Connections

    /// Whether the site may have one more connection. Where that is too many, one that rests is closed for it: of its own
    /// organisation where that is at its cap, else of who has most for its share.
    ///
    /// - Parameter asker: a connection that is not to be closed for it.
    func hasRoom(at place: UInt16, for asker: UInt32? = nil) -> Bool {
        if books.connections.isAtCap(Int(place)) {
            let organisation = books.tenants.count + books.tenants.organisations[Int(place)]
            guard
                closeResting(
                    of: organisation, sparing: asker, where: { books.tenants.areTogether(Int($0), Int(place)) })
            else { return false }
        }
        if books.connections.hasPlenty(1) { return true }
        if Int(place) != Tenants.nobody, books.connections.mayHold(1, at: Int(place)) { return true }
        // Each one that comes lowers what all may hold: who has most gives one back for it, if that is too many now.
        if let over = books.connections.mostOver, !books.connections.mayHold(1, at: over) {
            _ = closeResting(of: over, sparing: asker, where: { $0 == over })
        }
        return books.connections.mayHold(1, at: Int(place))
    }

    /// Whether a handshake for this site may go on: asked when the ClientHello has named it, before the keys.
    ///
    /// - Parameter index: the connection.
    func mayOpen(_ site: UInt16, _ index: UInt32) -> Bool {
        guard Int(site) < table.sites.count else { return true }
        let place = Self.place(site)
        if books.time.isHeldBack(Int(place)) {
            let source = visitors[index].pointee.source.subscriber
            let hash = table.sources(source.high, source.low, table.sites[Int(site)].state.salt)
            guard books.time.admits(Int(place), isKnown: history?.contains(hash) ?? false) else {
                countClosed(site, isCap: books.time.isCapped(Int(place)))
                return false
            }
        }
        guard hasRoom(at: place, for: index) else {
            countClosed(site, isCap: books.connections.isAtCap(Int(place)))
            return false
        }
        visitors[index].pointee.hasPass = books.time.isHeldBack(Int(place))
        return true
    }

    private func countClosed(_ site: UInt16, isCap: Bool) {
        if isCap {
            counters[Int(site)].capClosed += 1
        } else {
            counters[Int(site)].budgetClosed += 1
        }
    }

    /// The connection is this site's from now on: what it holds and what it costs. False: the site has more than its share
    /// of connections, and this one is too many. An HTTP/2 connection stays whose it was first.
    func own(_ index: UInt32, _ site: UInt16) -> Bool {
        let visitor = visitors[index]
        let (former, place) = (visitor.pointee.stream.tenant, Self.place(site))
        work(for: place)
        guard former != place, !visitor.pointee.isCarried,
            former == UInt16(Tenants.nobody) || visitor.pointee.carrier == nil
        else { return true }
        books.connections.add(-1, at: Int(former))
        guard hasRoom(at: place, for: index) else {
            books.connections.add(1, at: Int(former))
            countClosed(site, isCap: books.connections.isAtCap(Int(place)))
            return false
        }
        books.connections.add(1, at: Int(place))
        visitor.pointee.stream.tenant = place
        let held = visitor.pointee.stream.out.count
        if held > 0 {
            books.kept.add(-held, at: Int(former))
            books.kept.add(held, at: Int(place))
        }
        let reserved = Int(visitor.pointee.reserved)
        if reserved > 0 {
            books.gathered.add(-reserved, at: Int(former))
            books.gathered.add(reserved, at: Int(place))
        }
        return true
    }

    /// Closes one of some that are looked at, such that least is lost; only such that have no request under way.
    ///
    /// - Parameter owner: for which in `barren` a search in vain is remembered.
    private func closeResting(of owner: Int, sparing asker: UInt32?, where isOver: (UInt16) -> Bool) -> Bool {
        guard now >= books.barren[owner] else { return false }
        let count = visitors.indices.upperBound
        var best: (index: UInt32, rank: Int, due: UInt32)?
        var looked = 0
        // Further, rather than one who is about to ask.
        while looked < min(Int(count), best.map { $0.rank < 4 } ?? false ? Self.searchLimit : Self.longestSearch) {
            looked += 1
            searchedFrom = (searchedFrom + 1) % count
            let visitor = visitors[searchedFrom]
            guard visitor.pointee.phase != .free, isOver(visitor.pointee.stream.tenant), !visitor.pointee.isCarried,
                searchedFrom != asker, let rank = restingRank(visitor)
            else { continue }
            let due = visitor.pointee.timer.due
            guard best.map({ (rank, due) < ($0.rank, $0.due) }) ?? true else { continue }
            best = (searchedFrom, rank, due)
        }
        guard let best else {
            books.barren[owner] = now + Self.barrenTime
            return false
        }
        report.connections.closedForOthers += 1
        closeVisitor(best.index)
        return true
    }

    /// How little is lost with the connection: 0 least; nil: a request is under way, or it said what it must and waits for
    /// us.
    private func restingRank(_ visitor: UnsafeMutablePointer<Visitor>) -> Int? {
        switch visitor.pointee.phase {
        case .head where !visitor.pointee.stream.out.isEmpty: 3
        case .head where visitor.pointee.pending.isEmpty && visitor.pointee.isReused: 0
        case .preface, .head: isNew(visitor, of: limits.headTime) ? 4 : 2
        case .hello, .handshake: isNew(visitor, of: limits.headTime / 2) ? 4 : 2
        case .carrying: visitor.pointee.carrier.flatMap { restingRank($0, isSent: visitor.pointee.stream.out.isEmpty) }
        case .lingering: 3
        case .free, .ready, .body, .waiting, .following, .exchange, .tunnel, .page: nil
        }
    }

    /// Whether it came to where it is within the last second: its deadline is that near to the whole of its time.
    private func isNew(_ visitor: UnsafeMutablePointer<Visitor>, of time: UInt32) -> Bool {
        let left = Int32(bitPattern: visitor.pointee.timer.due &- wheel.now)
        return left > Int32(TimerWheel.ticks(time)) - Int32(TimerWheel.ticks(Self.newTime))
    }

    private func restingRank(_ carrier: UnsafeMutablePointer<Carrier>, isSent: Bool) -> Int? {
        // Frames that go out at the end of this round may be the last of a response.
        guard carrier.pointee.streams.isEmpty, !carrier.pointee.isDirty else { return nil }
        // Its first request may be on its way.
        if !isSent || now &- carrier.pointee.activeAt < UInt64(Self.newTime) * 1_000_000 { return 4 }
        let hasPart = carrier.pointee.hasRest || carrier.pointee.blockStream != 0
        return hasPart || carrier.pointee.lastStream == 0 ? 2 : 1
    }

    // MARK: - Requests

    /// Whether the request may ask for admission: not while its site has more than its share of what is short, or its
    /// organisation all that it may have at most. Counts it where it may not.
    func isWithinBudget(_ asker: UInt32, _ site: Site, head: Int, isKnown: Bool) -> Bool {
        let place = Int(Self.place(site.index))
        let visitor = visitors[asker]
        // What came behind its head has no place yet, where it was not gathered.
        let behind =
            isFramed(visitor) ? 0 : max(0, visitor.pointee.pending.count - Int(visitor.pointee.reserved))
        guard books.isWithinMemory(head + behind, at: place, isRequest: true) else {
            counters[Int(site.index)].capRefused += 1
            return false
        }
        guard books.heads.hasPlenty(head) || books.heads.mayHold(head, at: place),
            behind == 0 || books.gathered.mayHold(behind, at: place)
        else {
            counters[Int(site.index)].budgetRefused += 1
            return false
        }
        guard books.time.isHeldBack(place), !visitor.pointee.hasPass else {
            visitor.pointee.hasPass = false
            return true
        }
        if books.time.admits(place, isKnown: isKnown) { return true }
        if books.time.isCapped(place) {
            counters[Int(site.index)].capRefused += 1
        } else {
            counters[Int(site.index)].budgetRefused += 1
        }
        return false
    }

    /// Bytes that wait for this stream's socket, or no longer do.
    func keep(_ count: Int, _ stream: UnsafeMutablePointer<Stream>) {
        books.kept.add(count, at: Int(stream.pointee.tenant))
    }

    /// Content that the request's or connection's record holds, or no longer does.
    func take(_ count: Int, _ visitor: UnsafeMutablePointer<Visitor>) {
        books.taken.add(count, at: Int(visitor.pointee.stream.tenant))
    }

    // MARK: - Time

    /// What is done from here on is this site's.
    func work(for place: UInt16) {
        guard place != worksFor else { return }
        if books.time.isExact { books.time.spent(lap(), at: Int(worksFor)) }
        worksFor = place
    }

    /// A piece of work is done.
    func charge() {
        books.time.spent(books.time.isExact ? lap() : 1, at: Int(worksFor))
    }

    /// Nanoseconds since it was last asked.
    func lap() -> Int {
        let time = Clock.monotonic()
        defer { lapped = time }
        return Int(time &- lapped)
    }

    /// Whether the stream's work has to wait for others'.
    func isHeavy(_ stream: UnsafeMutablePointer<Stream>) -> Bool {
        books.time.hasHeavy && books.time.isHeavy(Int(stream.pointee.tenant))
    }

    /// Whether a heavy site's piece of work has been long enough: what is left of it gets another turn.
    func isOverTurn(_ stream: UnsafeMutablePointer<Stream>) -> Bool {
        isHeavy(stream) && Clock.monotonic() &- lapped > UInt64(TenantTurns.quantum)
    }
}
