internal import Incidents
internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// Counts what comes in: when the first byte came, and whether it is more than a check reads.
final class ByteMeter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private let begun: NIODeadline
    private var bytes = 0
    /// Milliseconds from the start of connecting.
    private(set) var firstByte: Double?

    init(begun: NIODeadline) { self.begun = begun }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if firstByte == nil { firstByte = Double((NIODeadline.now() - begun).nanoseconds) / 1e6 }
        bytes += unwrapInboundIn(data).readableBytes
        guard bytes <= Check.byteLimit else { return context.fireErrorCaught(Overlong()) }
        context.fireChannelRead(data)
    }
}

/// Asks, reads the answer as far as is needed, and says what was found. All on the channel's loop.
final class Judge: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    private let check: Check
    private let head: HTTPRequestHead
    private let meter: ByteMeter
    private let promise: EventLoopPromise<Finding?>
    private var page: [UInt8] = []

    init(_ check: Check, _ head: HTTPRequestHead, _ meter: ByteMeter, _ promise: EventLoopPromise<Finding?>) {
        self.check = check
        self.head = head
        self.meter = meter
        self.promise = promise
    }

    func channelActive(context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            if let name = check.name {
                let certificate = try? context.pipeline.syncOperations.nioSSL_peerCertificate()
                guard certificate?.names(name) == true else { return decide(.untrusted) }
            }
            guard head.status.code == check.status else { return decide(isRefusal(head) ? .refused : .wrong) }
        case .body(let part):
            read(part)
        case .end:
            decide(check.word.isEmpty ? .success : .wrong)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        decide(Sample.Result(of: error))
    }

    func channelInactive(context: ChannelHandlerContext) {
        decide(.failed)
    }

    private func read(_ part: ByteBuffer) {
        let before = page.count
        page.append(contentsOf: part.readableBytesView.prefix(Check.pageLimit - before))
        if !check.word.isEmpty {
            // The word may have begun in the part before.
            let start = max(0, before - check.word.count + 1)
            if page[start...].holds(check.word) { return decide(.success) }
        }
        if page.count == Check.pageLimit { decide(check.word.isEmpty ? .success : .wrong) }
    }

    /// Whether the lane itself refused: what it passes on from an origin has its name in Via, what it says itself has
    /// not (RFC 9110, section 7.6.3).
    private func isRefusal(_ head: HTTPResponseHead) -> Bool {
        guard let instance = check.instance, head.status == .serviceUnavailable || head.status == .tooManyRequests
        else { return false }
        let stations = head.headers[canonicalForm: "via"].map { $0.split(separator: " ").dropFirst().first }
        return !stations.contains { $0.map(String.init) == instance }
    }

    /// The first decision counts.
    private func decide(_ result: Sample.Result) {
        promise.succeed(Finding(result, firstByte: meter.firstByte))
    }
}

extension NIOSSLCertificate {
    /// Whether a host name stands in it (RFC 9525, section 6.3). NIOSSL has verified the certificate, but is also
    /// content with one for the connection's IP address, which no browser takes for a host.
    fileprivate func names(_ host: String) -> Bool {
        let host = host.lowercased()
        return _subjectAlternativeNames().contains { name in
            guard name.nameType == .dnsName else { return false }
            let pattern = String(decoding: name.contents, as: UTF8.self).lowercased()
            guard pattern.hasPrefix("*.") else { return pattern == host }
            return host.drop { $0 != "." } == pattern.dropFirst()
        }
    }
}

extension ArraySlice<UInt8> {
    /// Whether the bytes stand in it, in a row. At worst it looks at each byte as often as the word is long.
    func holds(_ word: [UInt8]) -> Bool {
        var rest = self
        while rest.count >= word.count, let place = rest.firstIndex(of: word[0]) {
            rest = rest[place...]
            if rest.starts(with: word) { return true }
            rest = rest.dropFirst()
        }
        return false
    }
}
