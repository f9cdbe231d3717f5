internal import Detection
internal import Glibc
internal import Incidents
internal import Languages
internal import Moments
internal import PublicStatus
internal import Register

/// Writes numbered records for a test that kills it: `RegisterWriter FILE FIRST` files post or attack FIRST, FIRST + 1, …
/// and prints each number after the write has returned. With one argument it only opens the register and says how that
/// went.
@main
struct RegisterWriter {
    /// The key of every register that these tests make.
    static let key = (0..<32).map { UInt8($0) }

    static func main() async {
        let arguments = CommandLine.arguments
        guard (2...3).contains(arguments.count) else { exit(64) }
        do {
            let records = try await SQLiteRecords(path: arguments[1], key: key)
            guard arguments.count == 3, let first = Int64(arguments[2]) else { return say("open") }
            try await write(records, from: first)
        } catch {
            say("refused: \(error)")
            exit(1)
        }
    }

    private static func write(_ records: SQLiteRecords, from first: Int64) async throws {
        let beginning = DetectedAttack(
            site: "writer", start: Moment(seconds: 1_700_000_000), detected: Moment(seconds: 1_700_000_001))
        let unknown = Judgement(
            outcome: .unknown, isProvisional: true, downtime: nil, known: 0,
            basis: .init(vantages: [], networks: 0, interval: 5, samples: 0))
        let incident = try await records.file(
            beginning, organisation: "writer", service: .publicService, judgement: unknown
        ).incident
        for number in first... {
            if number.isMultiple(of: 2) {
                let post = Post(
                    at: Moment(seconds: number), author: "writer", text: Words(nl: "\(number)", en: "\(number)"))
                try await records.add(post, to: incident)
            } else {
                let start = Moment(seconds: 1_700_000_000 + number)
                let attack = DetectedAttack(site: "site-\(number)", start: start, detected: start)
                _ = try await records.file(
                    attack, organisation: "writer", service: .publicService, judgement: unknown)
            }
            say("\(number)")
            usleep(2_000)
        }
    }

    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        _ = Glibc.write(1, bytes, bytes.count)
    }
}
