internal import Incidents
internal import Logging

extension RecordService {
    /// Files who did what by hand, until the office ends; what the register does not take waits.
    func recordOrders(_ records: any Records) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(200))
            await fileOrders(records)
        }
        await uncancelled { await fileOrders(records) }
    }

    private func fileOrders(_ records: any Records) async {
        let (entries, missed) = audit.take()
        if missed > 0 {
            logger.error("orders by hand are not on record: too many waited", metadata: ["missed": "\(missed)"])
        }
        for (place, entry) in entries.enumerated() {
            do {
                try await records.note(
                    actor: entry.actor, action: entry.action, object: entry.object, at: entry.at)
            } catch {
                return audit.putBack(Array(entries[place...]))
            }
        }
    }
}
