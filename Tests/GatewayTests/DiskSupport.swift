import Addresses
import FoundationEssentials
import Glibc
import Messages
import TestKit
import Testing

/// Lanes one after another with one folder for their cache, before the same origin.
final class DiskStreet {
    let origin: LoopbackOrigin
    let folder: TemporaryFolder
    private(set) var snapshot: Snapshot
    private(set) var lane: RunningLane
    private var hasEnded = false

    /// Where this lane's files lie.
    var own: String { folder.path("cache/lane-lane") }
    /// Their names.
    var files: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: own)) ?? []).filter { $0 != "lock" }.sorted()
    }

    private let workers: Int

    init(size: UInt64 = 64 << 20, workers: Int = 1, _ change: (inout Snapshot) -> Void = { _ in }) throws {
        self.workers = workers
        origin = try LoopbackOrigin()
        folder = try TemporaryFolder()
        var snapshot = Street.snapshot(origin: origin.endpoint)
        snapshot.cacheFolder = .init(path: folder.path("cache"), size: size, lane: "lane")
        change(&snapshot)
        self.snapshot = snapshot
        lane = try RunningLane(snapshot, workers: workers)
    }

    /// Ends the lane as the kernel would, in the middle of whatever it does, and starts another one.
    func restart(_ change: (inout Snapshot) -> Void = { _ in }) throws {
        end()
        change(&snapshot)
        lane = try RunningLane(snapshot, workers: workers)
        hasEnded = false
    }

    func end() {
        guard !hasEnded else { return }
        hasEnded = true
        kill(lane.child.process, SIGKILL)
        _ = lane.child.wait()
    }

    /// Ends the lane as the office does.
    func drain() throws {
        try lane.drain()
        #expect(lane.child.wait() == 0)
        hasEnded = true
    }

    /// One beside it, as a successor is.
    func second() throws -> RunningLane { try RunningLane(snapshot, workers: workers) }

    func get(_ path: String, _ fields: String..., from other: RunningLane? = nil) throws -> HTTPMessage {
        var client = try RawClient(to: (other ?? lane).endpoints[0])
        return try client.get(path, host: Street.host, fields: fields)
    }

    func post(_ path: String, to other: RunningLane? = nil) throws -> Int {
        var client = try RawClient(to: (other ?? lane).endpoints[0])
        try client.send(request("POST \(path) HTTP/1.1", "Host: \(Street.host)", "Content-Length: 0"))
        return try client.readResponse(to: "POST").status
    }

    /// The disk's figures once they are as wanted, or the last.
    func disk(of other: RunningLane? = nil, _ wanted: @escaping (DiskStatus) -> Bool) -> DiskStatus {
        (other ?? lane).status(within: 15_000) { wanted($0.disk) }.disk
    }

    /// Waits until so many files lie there, with nothing on its way.
    func settle(_ count: Int) -> Bool {
        eventually { files.count == count && !files.contains { $0.hasSuffix(".new") } }
    }
}
