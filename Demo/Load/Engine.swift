package import Addresses
internal import CLinux
internal import Glibc
internal import Heads

/// An open-loop HTTP client on epoll, one thread: requests go out when they are due, whatever the server does.
///
/// It connects to one `HomeAddress`, each source from its own address, keeps connections alive per source, and obeys its
/// bounds. Nothing is shared with other threads.
package final class Engine {
    package struct Failure: Error, CustomStringConvertible {
        package var description: String
    }

    /// Connections that one source may hold at once; a browser opens 6, an attack tool has some 20 threads.
    package static let connectionsPerSource = 20

    package let target: HomeAddress
    package var usesTLS: Bool { tls != nil }
    /// Connections now open.
    package private(set) var open = 0
    /// Connections opened in all, and those of them that resumed a TLS session.
    package private(set) var opened = 0
    package internal(set) var resumed = 0
    /// Requests sent again on a new connection because a kept one had been closed by the server.
    package internal(set) var retried = 0
    /// Requests sent in HTTP/2.
    package internal(set) var framed = 0

    let tls: TLSClient?
    let browsers: [RecordedBrowser]
    var fields = HPACKFields()
    var meter: BoundsMeter
    var sources: [Source] = []
    var connections: [Connection] = []
    var free: [Int] = []
    let epoll: Int32
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 << 10, alignment: 64)
    var drivers: [any Driver] = []
    var reachedCounts: [Int] = []
    var now = Clock.now()
    /// How long a connection may rest before the source closes it.
    private let idleTime: UInt64
    private var ran: UInt64 = 0
    private var sweptAt: UInt64 = 0

    /// - Parameters:
    ///   - tls: nil for clear HTTP.
    ///   - idleSeconds: how long a kept connection may rest.
    ///   - browsers: those of the TLS client, where sources are to have them.
    package init(
        target: HomeAddress, tls: TLSClient?, bounds: Bounds, idleSeconds: Int = 20, browsers: [RecordedBrowser] = []
    ) throws(Failure) {
        self.target = target
        self.browsers = browsers
        self.tls = tls
        meter = BoundsMeter(bounds)
        idleTime = UInt64(idleSeconds) * 1_000_000_000
        epoll = epoll_create1(Int32(0o2000000))
        guard epoll >= 0 else { throw Failure(description: "epoll: error \(errno)") }
        // BoringSSL writes with send(2) without MSG_NOSIGNAL.
        signal(SIGPIPE, SIG_IGN)
    }

    deinit {
        for connection in connections where connection.state != .closed {
            connection.tls = nil
            Glibc.close(connection.socket)
        }
        Glibc.close(epoll)
        buffer.deallocate()
    }

    /// Adds a source; nil leaves its address to the kernel. Returns its index.
    ///
    /// - Parameters:
    ///   - browser: which of the recorded browsers it is; nil: none.
    ///   - isFramedInClear: it speaks HTTP/2 without TLS, as that browser would.
    package func addSource(
        _ address: Address?, isVisitor: Bool, browser: Int? = nil, isFramedInClear: Bool = false
    ) throws(TargetRefusal) -> Int {
        if let address, !TargetGuard.allows(source: address, to: target) { throw .source(address) }
        sources.append(
            Source(
                address: address, browser: browser, isFramedInClear: isFramedInClear && browser != nil,
                isVisitor: isVisitor))
        return sources.count - 1
    }

    /// Requests of a driver of this run that reached the server: written to an open connection, or brought to a
    /// connection that the server accepted or reset.
    package func reached(_ place: Int) -> Int { reachedCounts.indices.contains(place) ? reachedCounts[place] : 0 }

    /// Requests sent in the engine's life, those sent again included.
    package var requests: Int { meter.requests }

    /// Sends a request, or takes it into a new connection. Its driver hears of its end, also where it ends at once.
    package func send(_ order: Order, of driver: any Driver) {
        var order = order
        order.driver = driver.place
        dispatch(order)
    }

    /// Runs until every driver is done, the moment `end` comes, or `tick`, called some 20 times a second, says false.
    package func run(_ drivers: [any Driver], until end: UInt64, tick: (UInt64) -> Bool = { _ in true }) {
        self.drivers = drivers
        reachedCounts = Array(repeating: 0, count: drivers.count)
        for (place, driver) in drivers.enumerated() { driver.place = place }
        var events = [epoll_event](repeating: epoll_event(), count: 256)
        let begun = Clock.now()
        let limit = UInt64(meter.bounds.seconds) * 1_000_000_000
        var tickAt = begun
        now = begun
        // What happened to kept connections between two runs comes before new requests.
        handle(&events, wait: 0)
        while now < end, ran + (now - begun) < limit {
            for driver in drivers {
                if let due = driver.due(), due <= now { driver.fire(at: now, on: self) }
            }
            if drivers.allSatisfy({ $0.isDone(at: now) }) { break }
            if now >= sweptAt + 100_000_000 { sweep() }
            if now >= tickAt {
                if !tick(now) { break }
                tickAt = now + 50_000_000
            }
            var next = min(end, tickAt)
            for driver in drivers { next = min(next, driver.due() ?? next) }
            let nanoseconds = next > now ? next - now : 0
            handle(&events, wait: Int32(min(50, (nanoseconds + 999_999) / 1_000_000)))
        }
        ran += Clock.now() - begun
        abandon()
    }

    private func handle(_ events: inout [epoll_event], wait: Int32) {
        let count = epoll_wait(epoll, &events, Int32(events.count), wait)
        now = Clock.now()
        guard count > 0 else { return }
        for event in events[..<Int(count)] {
            let connection = connections[Int(event.data.u64 & 0xffff_ffff)]
            guard connection.generation == UInt32(event.data.u64 >> 32) else { continue }
            advance(connection)
        }
    }

    /// Ends what has passed its deadline, and what has rested too long.
    private func sweep() {
        sweptAt = now
        for connection in connections {
            if connection.state == .closed { continue }
            if let order = connection.order {
                if order.deadline <= now { end(connection, .late) }
            } else if connection.idleSince + idleTime <= now {
                close(connection)
            }
        }
    }

    /// Closes what is still under way when a run ends: nobody waits for it any more.
    private func abandon() {
        for connection in connections where connection.order != nil { close(connection) }
        drivers = []
    }

    // MARK: Connections

    func dispatch(_ order: Order) {
        guard meter.take(at: now) else { return tell(order, .unsent) }
        while let connection = sources[order.source].idle.popLast() {
            guard connection.state == .idle else { continue }
            connection.isReused = true
            begin(order, on: connection)
            return
        }
        guard sources[order.source].open < Self.connectionsPerSource, open < meter.bounds.connections else {
            return tell(order, .unsent)
        }
        connect(order)
    }

    private func connect(_ order: Order) {
        let source = sources[order.source]
        let socket = target.dial(from: source.address)
        guard socket >= 0 else {
            var order = order
            if -socket == ECONNREFUSED || -socket == ECONNRESET { reach(&order) }
            return tell(order, -socket == ECONNREFUSED || -socket == ECONNRESET ? .broken : .unsent)
        }
        let connection = takePlace()
        connection.socket = socket
        connection.source = order.source
        connection.state = .connecting
        connection.order = order
        connection.isReused = false
        connection.framed = nil
        connection.wantsWrite = true
        open += 1
        opened += 1
        sources[order.source].open += 1
        var event = epoll_event()
        event.events = linux_epoll_in | linux_epoll_out
        event.data.u64 = UInt64(connection.generation) << 32 | UInt64(connection.place)
        epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &event)
    }

    private func takePlace() -> Connection {
        if let place = free.popLast() { return connections[place] }
        let connection = Connection(place: connections.count)
        connections.append(connection)
        return connection
    }

    func close(_ connection: Connection) {
        guard connection.state != .closed else { return }
        connection.state = .closed
        connection.generation &+= 1
        connection.tls = nil
        Glibc.close(connection.socket)
        connection.socket = -1
        connection.order = nil
        open -= 1
        sources[connection.source].open -= 1
        sources[connection.source].idle.removeAll { $0 === connection }
        free.append(connection.place)
    }

    /// Ends the order that a connection carries, and the connection.
    func end(_ connection: Connection, _ ending: Outcome.Ending) {
        guard let order = connection.order else { return close(connection) }
        // A server may close a kept connection just as a request comes: a browser asks again, once (RFC 9112, 9.3.1).
        let isStale = ending == .broken && connection.isReused && !connection.reader.hasBegun && !order.isRetried
        close(connection)
        if isStale {
            var again = order
            again.isRetried = true
            retried += 1
            return dispatch(again)
        }
        tell(order, ending)
    }

    func tell(_ order: Order, _ ending: Outcome.Ending) {
        tell(order, Outcome(job: order.job, ending: ending))
    }

    func tell(_ order: Order, _ outcome: Outcome) {
        guard drivers.indices.contains(order.driver) else { return }
        drivers[order.driver].finished(outcome, at: now, on: self)
    }

    func reach(_ order: inout Order) {
        guard !order.isReached else { return }
        order.isReached = true
        if reachedCounts.indices.contains(order.driver) { reachedCounts[order.driver] += 1 }
    }
}
