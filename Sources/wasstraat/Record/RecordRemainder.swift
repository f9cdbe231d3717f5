internal import FoundationEssentials
package import Moments

/// What a recorder that ends has counted and cannot file yet: minutes that are not over, and up to where it took each lane's
/// counters into account. The next one goes on from there, so that what lanes count while there is no office is on record
/// too.
package struct RecordRemainder: Codable, Sendable {
    static let file = "record.remainder.json"
    /// Seconds for which it holds. A lane that was not heard for longer counted at times that nobody can tell any more.
    package static let lifetime = 300.0
    /// More than 10,000 sites on 16 lanes.
    private static let limit = 64 << 20

    package var made: Moment
    package var sites: [String: SiteLedger.Remainder]

    package init(made: Moment, sites: [String: SiteLedger.Remainder]) {
        self.made = made
        self.sites = sites
    }

    package func keep(in folder: StateFolder) throws(OfficeError) {
        guard let bytes = try? JSONEncoder().encode(self) else { return }
        try folder.write(Array(bytes), to: Self.file)
    }

    /// Takes it out of the folder: it counts once.
    package static func take(from folder: StateFolder, now: Moment) -> RecordRemainder? {
        let bytes = folder.read(file, limit: limit)
        folder.remove(file)
        guard let bytes, let remainder = try? JSONDecoder().decode(RecordRemainder.self, from: Data(bytes)),
            (now + -lifetime...now).contains(remainder.made)
        else { return nil }
        return remainder
    }
}
