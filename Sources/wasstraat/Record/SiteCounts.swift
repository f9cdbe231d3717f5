internal import Detection
internal import Messages

/// What is counted of a site's requests: in a second, or by a lane since it started.
struct SiteCounts: Codable, Equatable, Sendable {
    var requests: UInt64 = 0
    var admitted: UInt64 = 0
    var queued: UInt64 = 0
    var refused: UInt64 = 0
    var failed: UInt64 = 0
    /// Times to first byte, in the buckets of `SiteSecond.firstByte`.
    var firstByte = [UInt64](repeating: 0, count: 16)

    init() {}

    /// All that a lane has counted.
    init(_ status: SiteStatus) {
        for visitors in status.classes {
            requests &+= visitors.requests
            admitted &+= visitors.admitted
            queued &+= visitors.queued
            refused &+= visitors.refused
        }
        failed = status.originFailures
        for (index, count) in status.firstByte.prefix(firstByte.count).enumerated() { firstByte[index] = count }
    }

    init(_ second: SiteSecond) {
        (requests, admitted, queued) = (second.requests, second.admitted, second.queued)
        (refused, failed, firstByte) = (second.refused, second.failed, second.firstByte)
    }

    mutating func add(_ other: SiteCounts) {
        requests &+= other.requests
        admitted &+= other.admitted
        queued &+= other.queued
        refused &+= other.refused
        failed &+= other.failed
        for index in firstByte.indices where index < other.firstByte.count {
            firstByte[index] &+= other.firstByte[index]
        }
    }

    /// What came since; a counter that went back began anew.
    func since(_ before: SiteCounts) -> SiteCounts {
        func gain(_ field: (SiteCounts) -> UInt64) -> UInt64 {
            let (late, early) = (field(self), field(before))
            return late >= early ? late - early : late
        }
        var gained = SiteCounts()
        gained.requests = gain(\.requests)
        gained.admitted = gain(\.admitted)
        gained.queued = gain(\.queued)
        gained.refused = gain(\.refused)
        gained.failed = gain(\.failed)
        for index in firstByte.indices {
            gained.firstByte[index] = gain { index < $0.firstByte.count ? $0.firstByte[index] : 0 }
        }
        return gained
    }

    /// Puts them into a second, beside what else is known of it.
    func fill(_ second: inout SiteSecond) {
        (second.requests, second.admitted, second.queued) = (requests, admitted, queued)
        (second.refused, second.failed, second.firstByte) = (refused, failed, firstByte)
    }
}
