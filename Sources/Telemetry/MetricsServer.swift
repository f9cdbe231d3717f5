internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// Serves `/metrics` on a listener of its own: GET and HEAD, one request per connection.
///
/// Budgets, so that whoever reaches the port cannot hurt the office: ``connectionLimit`` connections at once (more are
/// closed at once), ``requestLimit`` bytes per connection, ``timeLimit`` for all of it.
package struct MetricsServer: Sendable {
    /// Connections at once; a handful of scrapers needs no more.
    package var connectionLimit = 32
    /// Bytes that a connection may send in all.
    package var requestLimit = 8 << 10
    /// Milliseconds from accept to the end.
    package var timeLimit: Int64 = 10_000

    private let listener: Int32
    private let render: @Sendable () -> MetricsText

    /// - Parameters:
    ///   - listener: a bound, listening, non-blocking socket, which the server takes over once it runs.
    ///   - render: makes the page at each request, on a thread of the server.
    package init(listener: Int32, render: @escaping @Sendable () -> MetricsText) {
        self.listener = listener
        self.render = render
    }

    /// Serves until the task is cancelled.
    package func run() async throws {
        let open = OpenConnections()
        let server = self
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try server.prepare(channel, open) }
            }
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .withBoundSocket(listener)
            .get()
        try await withTaskCancellationHandler {
            try await channel.closeFuture.get()
        } onCancel: {
            channel.close(promise: nil)
        }
    }

    private func prepare(_ channel: any Channel, _ open: OpenConnections) throws {
        guard open.count.wrappingAdd(1, ordering: .relaxed).newValue <= connectionLimit else {
            open.count.wrappingSubtract(1, ordering: .relaxed)
            return channel.close(promise: nil)
        }
        let deadline = channel.eventLoop.scheduleTask(in: .milliseconds(timeLimit)) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in
            deadline.cancel()
            open.count.wrappingSubtract(1, ordering: .relaxed)
        }
        let pipeline = channel.pipeline.syncOperations
        try pipeline.addHandler(ByteBudget(limit: requestLimit))
        try pipeline.configureHTTPServerPipeline(withPipeliningAssistance: false, withErrorHandling: true)
        try pipeline.addHandler(MetricsPage(render: render))
    }
}

private final class OpenConnections: Sendable {
    let count = Atomic<Int>(0)
}

/// Closes a connection that sends more than its budget.
private final class ByteBudget: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var left: Int

    init(limit: Int) { left = limit }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        left -= unwrapInboundIn(data).readableBytes
        guard left >= 0 else { return context.close(promise: nil) }
        context.fireChannelRead(data)
    }
}

/// Answers the first request and closes.
private final class MetricsPage: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let render: @Sendable () -> MetricsText
    private var hasAnswered = false

    init(render: @escaping @Sendable () -> MetricsText) { self.render = render }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let request) = unwrapInboundIn(data), !hasAnswered else { return }
        hasAnswered = true
        let path = request.uri.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)[0]
        guard path == "/metrics" else { return answer(.notFound, Array("not found\n".utf8), to: request, context) }
        guard request.method == .GET || request.method == .HEAD else {
            return answer(.methodNotAllowed, Array("GET and HEAD only\n".utf8), to: request, context)
        }
        answer(.ok, render().bytes, to: request, context)
    }

    private func answer(
        _ status: HTTPResponseStatus, _ body: [UInt8], to request: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        var headers: HTTPHeaders = [
            "Content-Length": String(body.count), "Connection": "close", "Cache-Control": "no-store",
            "Content-Type": status == .ok ? MetricsText.contentType : "text/plain; charset=utf-8",
            "X-Content-Type-Options": "nosniff",
        ]
        if status == .methodNotAllowed { headers.add(name: "Allow", value: "GET, HEAD") }
        context.write(wrapOutboundOut(.head(HTTPResponseHead(version: .http1_1, status: status, headers: headers))))
            .assumeIsolated().whenFailure { _ in context.close(promise: nil) }
        if request.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        }
        context.writeAndFlush(wrapOutboundOut(.end(nil))).assumeIsolated().whenComplete { _ in
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
