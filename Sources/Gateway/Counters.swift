internal import Admission
internal import Messages

/// What one worker counts for one site; summed over the workers by the lane.
struct SiteCounters: Sendable {
    var responses = (UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0))
    var originFailures: UInt64 = 0
    var badRequests: UInt64 = 0
    /// Requests of sources that the operator turned away.
    var denied: UInt64 = 0
    var bytesIn: UInt64 = 0
    var bytesOut: UInt64 = 0
    var firstByte = [16 of UInt64](repeating: 0)
    /// Requests and connections turned away because the site had more than its share of what was short.
    var budgetRefused: UInt64 = 0
    var budgetClosed: UInt64 = 0
    /// Requests and connections turned away because its organisation had all that it may have at most; those that could
    /// not wait are counted by admission.
    var capRefused: UInt64 = 0
    var capClosed: UInt64 = 0
    /// What the site holds now, and its part of the worker's time.
    var connections: UInt64 = 0
    var memory: UInt64 = 0
    var processorNanoseconds: UInt64 = 0
    var cache = CacheStatus()

    mutating func countResponse(_ status: UInt16) {
        switch status {
        case ..<200: responses.0 += 1
        case ..<300: responses.1 += 1
        case ..<400: responses.2 += 1
        case ..<500: responses.3 += 1
        default: responses.4 += 1
        }
    }

    /// Buckets from 1 ms, each twice the one before.
    mutating func countFirstByte(nanoseconds: UInt64) {
        let milliseconds = nanoseconds / 1_000_000
        firstByte[min(15, 64 - milliseconds.leadingZeroBitCount)] += 1
    }

    mutating func add(_ other: SiteCounters) {
        responses.0 += other.responses.0
        responses.1 += other.responses.1
        responses.2 += other.responses.2
        responses.3 += other.responses.3
        responses.4 += other.responses.4
        originFailures += other.originFailures
        badRequests += other.badRequests
        denied += other.denied
        bytesIn += other.bytesIn
        bytesOut += other.bytesOut
        for index in firstByte.indices { firstByte[index] += other.firstByte[index] }
        budgetRefused += other.budgetRefused
        budgetClosed += other.budgetClosed
        capRefused += other.capRefused
        capClosed += other.capClosed
        connections += other.connections
        memory += other.memory
        processorNanoseconds += other.processorNanoseconds
        cache.add(other.cache)
    }

    mutating func hold(_ books: TenantBooks, at place: Int) {
        connections = UInt64(books.connections.held(at: place))
        memory = UInt64(books.memory(at: place))
        processorNanoseconds = books.time.nanoseconds(at: place)
    }
}

/// All that one worker counts.
struct WorkerReport: Sendable {
    var connections = LaneStatus.Connections()
    /// By site name, so that reloads neither lose nor mix what was counted.
    var sites: [String: SiteCounters] = [:]
    var openVisitors = 0
    /// Pieces of the access log that could not be written.
    var lostLogs: UInt64 = 0
}
