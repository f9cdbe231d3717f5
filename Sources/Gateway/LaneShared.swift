internal import Admission
internal import CLinux
internal import Glibc
internal import Messages
internal import Sketches
internal import Synchronization

/// What the workers of one lane and its control thread share: mailboxes, reports, and the history.
final class LaneShared: Sendable {
    let workerCount: Int
    /// One eventfd for each worker: written to when there is something in its mailbox.
    let wakeDescriptors: [Int32]
    let history: HistoryFilter?
    let hostile = HostileWatch()
    let cacheMemory: CacheMemory
    let bots = BotWatch()
    private let mailboxes: Mutex<[[Worker.Command]]>
    private let tallies: Mutex<[[[NamedTally]]]>
    private let reports: Mutex<[WorkerReport]>
    private let samples = Mutex<[RequestSamples.Site]>([])
    /// Words about sites that wait for the control thread; older ones are lost.
    private static let sampleLimit = 4_096

    /// What one worker counted of one site since it last handed over.
    struct NamedTally: Sendable {
        var site: String
        var tally: SiteTally
    }
    /// Seconds of tallies that wait for the control thread; older ones are lost.
    private static let tallyLimit = 4

    init(workerCount: Int, history: HistoryFilter?, cacheMemory: CacheMemory) {
        self.workerCount = workerCount
        self.cacheMemory = cacheMemory
        self.history = history
        wakeDescriptors = (0..<workerCount).map { _ in linux_event() }
        mailboxes = Mutex(Array(repeating: [], count: workerCount))
        tallies = Mutex(Array(repeating: [], count: workerCount))
        reports = Mutex(Array(repeating: WorkerReport(), count: workerCount))
    }

    func tell(_ worker: Int, _ command: Worker.Command) {
        mailboxes.withLock { $0[worker].append(command) }
        var one: UInt64 = 1
        write(wakeDescriptors[worker], &one, 8)
    }

    func takeCommands(index: Int) -> [Worker.Command] {
        mailboxes.withLock { boxes in
            let commands = boxes[index]
            boxes[index].removeAll(keepingCapacity: true)
            return commands
        }
    }

    func publish(_ report: WorkerReport, from worker: Int) {
        reports.withLock { $0[worker] = report }
    }

    func handOver(_ counted: [NamedTally], from worker: Int) {
        tallies.withLock { boxes in
            if boxes[worker].count == Self.tallyLimit { boxes[worker].removeFirst() }
            boxes[worker].append(counted)
        }
    }

    /// All that was handed over since the last time.
    func takeTallies() -> [NamedTally] {
        tallies.withLock { boxes in
            let all = boxes.flatMap { $0.flatMap(\.self) }
            for index in boxes.indices { boxes[index] = [] }
            return all
        }
    }

    func handOver(_ sampled: [RequestSamples.Site]) {
        samples.withLock { waiting in
            waiting += sampled
            if waiting.count > Self.sampleLimit { waiting.removeFirst(waiting.count - Self.sampleLimit) }
        }
    }

    /// What the workers sampled since the last time, of each site together.
    func takeSamples() -> RequestSamples {
        RequestSamples(
            merging: samples.withLock { waiting in
                defer { waiting = [] }
                return waiting
            })
    }

    var allReports: [WorkerReport] { reports.withLock { $0 } }
}
