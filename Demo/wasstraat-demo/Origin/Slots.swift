/// The places in which the origin works: four, and a line in front of them. Time is an argument; nothing here waits.
///
/// A search holds a slot for 40 ms, of which 5 ms is work of the processor, and a page holds one for 2 ms. So searches
/// saturate the origin near 100 a second, as a database behind a small site does, on any machine.
struct Slots {
    static let count = 4
    static let lineLimit = 1_000
    static let searchTime: UInt64 = 40_000_000
    static let searchWork = 5_000_000
    static let pageTime: UInt64 = 2_000_000

    struct Job {
        /// The connection that waits for it, and its generation.
        var connection: Int
        var generation: UInt32
        var request: OriginRequest
        var isSearch: Bool
        var until: UInt64 = 0
        /// Nanoseconds of work that are left.
        var work = 0
    }

    private(set) var running: [Job] = []
    private var line: [Job] = []
    private var lineStart = 0
    private var turn = 0

    var waiting: Int { line.count - lineStart }

    /// Takes a job at once, or into the line; false: the line is full.
    mutating func take(_ job: Job, at now: UInt64) -> Bool {
        if running.count < Self.count {
            start(job, at: now)
        } else {
            guard waiting < Self.lineLimit else { return false }
            line.append(job)
        }
        return true
    }

    private mutating func start(_ job: Job, at now: UInt64) {
        var job = job
        job.until = now + (job.isSearch ? Self.searchTime : Self.pageTime)
        job.work = job.isSearch ? Self.searchWork : 0
        running.append(job)
    }

    /// Whether a running search still has work to do.
    var hasWork: Bool { running.contains { $0.work > 0 } }

    /// Does one piece of work for one of the searches, in turn.
    mutating func work(_ search: inout SearchWork) {
        for _ in running.indices {
            turn = (turn + 1) % running.count
            if running[turn].work > 0 {
                search.work(nanoseconds: min(SearchWork.piece, running[turn].work))
                running[turn].work -= SearchWork.piece
                return
            }
        }
    }

    /// Takes a job whose time and work are over, and lets the next one in.
    mutating func finished(at now: UInt64) -> Job? {
        guard let index = running.firstIndex(where: { $0.work <= 0 && $0.until <= now }) else { return nil }
        let job = running.remove(at: index)
        if waiting > 0 {
            start(line[lineStart], at: now)
            lineStart += 1
            if lineStart > 4_096 {
                line.removeFirst(lineStart)
                lineStart = 0
            }
        }
        return job
    }

    /// The next moment at which a job's time is over.
    var due: UInt64? { running.map(\.until).min() }
}
