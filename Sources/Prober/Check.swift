internal import Addresses
internal import Glibc
internal import Incidents
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import NIOSSL

/// One check, ready to be made again and again: whom to ask, for what, and what must come.
struct Check: Sendable {
    /// The part of a page in which the word is looked for.
    static let pageLimit = 1 << 20
    /// Bytes read in all: the page, its head and what chunks cost.
    static let byteLimit = 2 << 20

    let word: [UInt8]
    let status: UInt
    /// Where set, a refusal without this name in Via is the lane's own.
    let instance: String?
    private let address: SocketAddress
    /// The host that the certificate must name; nil in clear, and where an address is verified.
    let name: String?
    private let context: NIOSSLContext?
    private let head: HTTPRequestHead

    init(
        _ target: ProbeTarget, _ path: Sample.Path, _ way: ProbeTarget.Way, _ endpoint: Endpoint,
        _ configuration: Prober.Configuration, _ trust: inout Trust
    ) throws {
        word = Array((target.word ?? "").utf8)
        status = UInt(target.status)
        instance = path == .lane ? configuration.instance : nil
        address = try SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port))
        var defaultPort: UInt16 = 80
        if case .verified(let name, let authorities) = way.security {
            let name = name ?? target.host
            defaultPort = 443
            context = try trust.context(authorities, site: target.site)
            self.name = Address(name) == nil ? name : nil
        } else {
            context = nil
            name = nil
        }
        let port = endpoint.port == defaultPort || path == .origin ? "" : ":\(endpoint.port)"
        head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: target.path,
            headers: [
                "Host": target.host + port, "User-Agent": "wasstraat-prober", "Accept": "text/html, */*",
                "Cache-Control": "no-cache", "Connection": "close",
            ])
    }

    /// Makes the check; nil where the task was cancelled before its end.
    func perform(within timeout: Duration) async -> Finding? {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let promise = loop.makePromise(of: Finding?.self)
        let limit = TimeAmount(timeout)
        return await withTaskCancellationHandler {
            loop.execute { start(on: loop, promise, limit) }
            // The promise never fails.
            return try? await promise.futureResult.get()
        } onCancel: {
            promise.succeed(nil)
        }
    }

    /// The first to fulfil the promise decides: the response, an error, the clock or the end of the prober.
    private func start(on loop: any EventLoop, _ promise: EventLoopPromise<Finding?>, _ limit: TimeAmount) {
        let begun = NIODeadline.now()
        let meter = NIOLoopBound(ByteMeter(begun: begun), eventLoop: loop)
        let timer = loop.scheduleTask(deadline: begun + limit) {
            // Where we ourselves were held up, the time that has passed says nothing of the service.
            let isLate = NIODeadline.now() - (begun + limit) > .seconds(1)
            promise.succeed(Finding(isLate ? .void : .timeout, firstByte: isLate ? nil : meter.value.firstByte))
        }
        let connected = ClientBootstrap(group: loop)
            .connectTimeout(limit)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let context {
                        try pipeline.addHandler(NIOSSLClientHandler(context: context, serverHostname: name))
                    }
                    try pipeline.addHandlers([
                        meter.value, HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder()),
                        Judge(self, head, meter.value, promise),
                    ])
                }
            }
            .connect(to: address)
        connected.whenFailure { promise.succeed(Finding(Sample.Result(of: $0))) }
        promise.futureResult.whenComplete { _ in
            timer.cancel()
            connected.whenSuccess { $0.close(promise: nil) }
        }
    }
}

/// TLS contexts, one for each set of authorities: reading the system's takes milliseconds and memory.
struct Trust {
    private var contexts: [ProbeTarget.Authorities: NIOSSLContext] = [:]

    mutating func context(_ authorities: ProbeTarget.Authorities, site: String) throws -> NIOSSLContext {
        if let context = contexts[authorities] { return context }
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        // A check that is over does not wait for a polite goodbye.
        configuration.shutdownTimeout = .milliseconds(100)
        do {
            switch authorities {
            case .system: break
            case .systemAnd(let pem):
                configuration.additionalTrustRoots = [.certificates(try NIOSSLCertificate.fromPEMBytes(pem))]
            case .only(let pem): configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(pem))
            }
            let context = try NIOSSLContext(configuration: configuration)
            contexts[authorities] = context
            return context
        } catch {
            throw ProberRefusal.authorities(site: site)
        }
    }
}
