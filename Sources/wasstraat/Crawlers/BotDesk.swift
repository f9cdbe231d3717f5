internal import Addresses
internal import Glibc
internal import Logging
internal import Messages
internal import ServiceLifecycle
internal import Settings
internal import Synchronization
internal import Telemetry

/// Claims of sources to be a crawler, between the office's thread that hears of them and the one that finds out.
package final class BotInquiries: Sendable {
    /// Claims that wait for the thread: two messages of each of 16 lanes.
    private static let limit = 32 * BotClaims.limit

    let bell: FilterBell
    private let waiting = Mutex<[BotClaims.Claim]>([])

    init() throws(OfficeError) { bell = try FilterBell() }

    func ask(_ claims: [BotClaims.Claim]) {
        waiting.withLock { waiting in
            waiting += claims.prefix(Self.limit - waiting.count)
        }
        bell.ring()
    }

    func take() -> [BotClaims.Claim] {
        waiting.withLock { waiting in
            defer { waiting = [] }
            return waiting
        }
    }
}

/// Proves crawlers by their names, on a thread of its own: no lane and no site waits for a name server.
final class BotDesk {
    /// Milliseconds between two words to the lanes.
    private static let newsTime: Int64 = 1_000

    private let service: BotService
    private var verifier = BotVerifier()
    private var exchanges: [DNSExchange] = []
    private var version = -1
    private var servers: [Endpoint] = []
    private var nextNews: Int64 = 0

    init(_ service: BotService) { self.service = service }

    func run() {
        while !service.inquiries.bell.isStopped {
            follow()
            let now = Clock.monotonic
            for claim in service.inquiries.take() { verifier.take(claim, at: now) }
            while let query = verifier.next(at: now) {
                exchanges.append(DNSExchange(query, to: servers, at: now))
            }
            collect()
            report()
            wait()
        }
    }

    /// Takes over what the configuration says now.
    private func follow() {
        let (configuration, newest) = service.current.now
        guard newest != version else { return }
        version = newest
        servers = NameServers.now(configured: configuration.nameServer)
        verifier.domains = Dictionary(
            configuration.bots.filter { !$0.domains.isEmpty }.map { ($0.name, $0.domains) }, uniquingKeysWith: { $1 })
    }

    private func collect() {
        let now = Clock.monotonic
        exchanges.removeAll { exchange in
            guard let answer = exchange.receive(at: now) else { return false }
            verifier.answered(exchange.query.id, answer, at: now)
            return true
        }
    }

    private func report() {
        let now = Clock.monotonic
        guard now >= nextNews else { return }
        nextNews = now + Self.newsTime
        let counts = verifier.counts
        service.report.update { $0.bots = counts }
        guard verifier.hasNews else { return }
        service.mailbox.send(.botVerdicts(verifier.takeVerdicts(at: now, wall: UInt64(max(0, UTCTime.now.seconds)))))
    }

    private func wait() {
        var watched = [pollfd(fd: service.inquiries.bell.descriptor, events: Int16(POLLIN), revents: 0)]
        watched += exchanges.map { pollfd(fd: $0.descriptor, events: Int16(POLLIN), revents: 0) }
        // While something is under way or waits, its pace and its deadlines are looked after; else the bell rings.
        let isIdle = exchanges.isEmpty && !verifier.hasNews && !verifier.isWaiting
        poll(&watched, nfds_t(watched.count), isIdle ? 1_000 : 100)
        if watched[0].revents != 0 { service.inquiries.bell.wait(milliseconds: 0) }
    }
}

/// Whatever becomes of it, crawlers are visitors like all others.
struct BotService: Service {
    let inquiries: BotInquiries
    let current: CurrentConfiguration
    let report: OfficeReport
    let mailbox: Mailbox

    func run() async throws {
        let bell = inquiries.bell
        do {
            try await withTaskCancellationHandler {
                try await withGracefulShutdownHandler {
                    try await onOwnThread { BotDesk(self).run() }
                } onGracefulShutdown: {
                    bell.stop()
                }
            } onCancel: {
                bell.stop()
            }
        } catch {
            Logger(label: "bots").error("crawlers are not proven", metadata: ["reason": "\(error)"])
            // A service that returns before its time ends all others.
            try? await gracefulShutdown()
        }
    }
}
