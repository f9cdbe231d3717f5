internal import Hummingbird
internal import HummingbirdCore
package import Incidents
internal import Logging
package import Moments
internal import NIOCore
internal import NIOPosix

/// The console: for those who run the washing street and those whose sites stand behind it. It reads and acts without
/// script, and knows the rest of the office only as `Records` and `Street`.
package struct Portal: Sendable {
    private let console: Console
    private let configuration: PortalConfiguration

    package init(
        records: any Records, street: any Street, configuration: PortalConfiguration,
        clock: @escaping @Sendable () -> Moment
    ) {
        console = Console(records: records, street: street, configuration: configuration, clock: clock)
        self.configuration = configuration
    }

    /// Serves until the task is cancelled; then what is being answered gets two seconds to end.
    ///
    /// - Parameter listening: told once the port that it listens on.
    package func run(listening: @Sendable (Int) async -> Void = { _ in }) async throws {
        console.passwords.start()
        do {
            try await serve(listening)
        } catch {
            await console.passwords.stop()
            throw error
        }
        await console.passwords.stop()
    }

    private func serve(_ listening: @Sendable (Int) async -> Void) async throws {
        let responder = console.router().buildResponder()
        var quiet = Logger(label: "portal")
        quiet.logLevel = .error
        let logger = quiet
        let child = HTTP1Channel(
            responder: { request, writer, channel in
                let context = ConsoleContext(source: ApplicationRequestContextSource(channel: channel, logger: logger))
                let response = try await responder.respond(to: request, context: context)
                try await writer.write(response: response.head, body: response.body)
            },
            configuration: .init(
                idleTimeout: .seconds(30),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 8 << 10, maxHeaderListSize: 16 << 10, maxHeaderFieldCount: 64)))
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 128)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
        let setup: @Sendable (any Channel) -> EventLoopFuture<HTTP1Channel.Value> = {
            child.setup(channel: $0, logger: logger)
        }
        let listener =
            switch configuration.listener {
            case .address(let host, let port):
                try await bootstrap.bind(host: host, port: port, childChannelInitializer: setup)
            case .bound(let descriptor):
                try await bootstrap.bind(descriptor, childChannelInitializer: setup)
            }
        try await listener.executeThenClose { connections in
            await listening(listener.channel.localAddress?.port ?? 0)
            await withTaskGroup(of: Void.self) { group in
                var open = 0
                // Waits here for an end where there are too many; the kernel keeps the next ones waiting.
                var iterator = connections.makeAsyncIterator()
                while let connection = try? await iterator.next() {
                    if open >= configuration.connectionLimit {
                        await group.next()
                        open -= 1
                    }
                    open += 1
                    group.addTask { await Self.serve(connection, child, logger) }
                }
                group.cancelAll()
            }
        }
    }

    private static func serve(_ connection: HTTP1Channel.Value, _ child: HTTP1Channel, _ logger: Logger) async {
        let channel = connection.channel
        await withTaskCancellationHandler {
            await child.handle(value: connection, logger: logger)
        } onCancel: {
            channel.eventLoop.scheduleTask(in: .seconds(2)) { channel.close(promise: nil) }
        }
    }
}
