internal import Glibc
package import Telemetry

/// The access log: the lane writes `access.log`, the office opens it, puts a finished day away under its date (UTC) and
/// deletes days that are older than their retention.
package struct AccessLog {
    package static let file = "access.log"

    private let folder: StateFolder
    /// The day, since 1970, that the open file belongs to.
    private(set) var day: Int64
    /// Open for appending; the lane gets a copy.
    private(set) var descriptor: Descriptor

    /// Opens the log; one left by an earlier day is put away first.
    package init(in folder: StateFolder, at now: UTCTime) throws(OfficeError) {
        self.folder = folder
        var status = stat()
        if stat(folder.file(Self.file), &status) == 0, status.st_size > 0 {
            let last = UTCTime(seconds: Int64(status.st_mtim.tv_sec)).day
            if last < now.day { Self.putAway(dayOf: last, in: folder) }
        }
        day = now.day
        descriptor = try Self.open(in: folder)
    }

    /// At a new day: puts the old file away and opens a new one.
    /// - Returns: whether there is a new descriptor, which the lane must get. A clock that was set back changes nothing.
    package mutating func rotate(at now: UTCTime) throws(OfficeError) -> Bool {
        guard now.day > day else { return false }
        Self.putAway(dayOf: day, in: folder)
        day = now.day
        descriptor = try Self.open(in: folder)
        return true
    }

    /// Deletes the days that ended more than `days` days ago.
    /// - Returns: the names of the deleted files.
    package func expire(keeping days: Int, at now: UTCTime) -> [String] {
        folder.names().filter { name in
            guard let day = Self.day(ofFile: name), now.day - day > Int64(days) else { return false }
            return unlink(folder.file(name)) == 0
        }.sorted()
    }

    /// The day of "access-2025-03-01.log" or "access-2025-03-01-2.log"; nil for any other name.
    package static func day(ofFile name: String) -> Int64? {
        guard name.hasPrefix("access-"), name.hasSuffix(".log") else { return nil }
        let middle = name.dropFirst(7).dropLast(4)
        let rest = middle.dropFirst(10)
        guard rest.isEmpty || rest.hasPrefix("-") && rest.dropFirst().allSatisfy(\.isNumber) else { return nil }
        return UTCTime.day(ofDate: middle.prefix(10))
    }

    /// Never over an older file: the second of one day (the clock was set back) gets a number.
    private static func putAway(dayOf day: Int64, in folder: StateFolder) {
        let date = UTCTime.date(ofDay: day)
        for number in 1...100 {
            let name = folder.file(number == 1 ? "access-\(date).log" : "access-\(date)-\(number).log")
            // link(2) refuses an existing name, which rename(2) would replace.
            if link(folder.file(file), name) == 0 {
                unlink(folder.file(file))
                return
            }
            guard errno == EEXIST else { return }
        }
    }

    private static func open(in folder: StateFolder) throws(OfficeError) -> Descriptor {
        let path = folder.file(file)
        let opened = Glibc.open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard opened >= 0 else { throw OfficeError(.system, "cannot open \(path): \(OfficeError.text(errno))") }
        return Descriptor(opened)
    }
}
