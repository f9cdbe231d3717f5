internal import NIOPosix
internal import Synchronization

/// Hashes passwords on threads of its own: `width` at once, at most `limit` more that wait.
///
/// A hash takes 32 MiB and a few tenths of a second; without this a burst of sign-ins would starve the office.
struct PasswordQueue: Sendable {
    static let width = 2
    static let limit = 16

    private let threads = NIOThreadPool(numberOfThreads: width)
    private let load = Load()

    private final class Load: Sendable {
        let count = Atomic<Int>(0)
    }

    /// Runs it, and waits for it.
    ///
    /// - Throws: `Refusal` (503) when too many wait.
    func run<Value: Sendable>(_ work: @escaping @Sendable () -> Value) async throws -> Value {
        defer { load.count.wrappingSubtract(1, ordering: .relaxed) }
        guard load.count.wrappingAdd(1, ordering: .relaxed).newValue <= Self.width + Self.limit else {
            throw Refusal.busy
        }
        return try await threads.runIfActive(work)
    }

    func start() { threads.start() }
    func stop() async { try? await threads.shutdownGracefully() }
}
