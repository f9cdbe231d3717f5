internal import Detection
internal import Exchange
internal import Glibc
internal import Incidents
internal import Moments

/// What a collector finds, on its way to the register. One collector files into a register at a time: a lock in the
/// state folder says which.
struct TrafficRecording {
    private static let lockFile = "collector.lock"
    private static let spoolFile = "traffic.spool.json"

    private let recorder: Recorder
    private var ledger: TrafficLedger
    private let lock: Descriptor
    /// Where fingerprints go; nil: there is no filter.
    private let rules: FilterRules?
    /// Targets of attacks that go on and are on no organisation's network.
    private var strange: Set<String> = []
    /// Attacks on no organisation's network since the start; they are not filed.
    private(set) var strangers: UInt64 = 0
    /// Attacks filed since the start, and those that earlier collectors left open.
    private(set) var filed: UInt64 = 0
    let resumed: Int

    init(
        records: any Records, folder: StateFolder, signer: (name: String, key: SigningKey), interval: Double,
        networks: ServedNetworks, rules: FilterRules? = nil
    ) async throws {
        self.rules = rules
        lock = try Self.lock(folder)
        recorder = Recorder(
            records: records, folder: folder, signer: signer, interval: interval, spool: Self.spoolFile)
        ledger = try await recorder.resume(networks, now: .now)
        resumed = ledger.count
    }

    private static func lock(_ folder: StateFolder) throws(OfficeError) -> Descriptor {
        guard let lock = try folder.lock(lockFile) else {
            throw OfficeError(
                .busy,
                "another collector (process \(folder.holder(of: lockFile))) files into \(folder.path); one is enough")
        }
        folder.note(getpid(), in: lock)
        return lock
    }

    /// Files what a second brought.
    /// - Returns: targets of attacks that began in it and are on no organisation's network.
    mutating func take(_ second: TrafficSecond) async -> [String] {
        let confirmed = second.attacks.filter { $0.state != .suspected && $0.state != .ended }
        let names = Set(ledger.strangers(among: confirmed).map { "\($0)" })
        let fresh = names.subtracting(strange).sorted()
        strange = names
        strangers &+= UInt64(fresh.count)
        let held = rules?.use { $0.dropping(at: second.now) } ?? []
        let findings = ledger.observe(second.attacks, heard: second.isHeard, held: held, at: second.now)
        for finding in findings { if case .opened(_) = finding.event { filed &+= 1 } }
        // Before the register, whose disk may be slow.
        rules?.observe(findings, on: ledger.networks, at: second.now)
        await recorder.take(findings)
        await recorder.tick(second.now)
        return fresh
    }

    /// Files the rest. What goes on stays open: the next collector goes on with it.
    mutating func finish(_ last: TrafficSecond) async {
        let findings = ledger.observe(last.attacks, heard: false, at: last.now) + ledger.finish(at: last.now)
        for finding in findings { if case .opened(_) = finding.event { filed &+= 1 } }
        await recorder.take(findings)
        await recorder.finish(last.now)
    }
}
