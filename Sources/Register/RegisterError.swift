internal import GRDB

/// Why the register could not be opened, read or written: a code for programs, a reason for people.
package struct RegisterError: Error, Equatable, Sendable, CustomStringConvertible {
    package var code: Code
    /// Plain English; names the file, and the table and row where one is to blame. Holds no source address.
    package var reason: String

    init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }

    package var description: String { reason }

    package enum Code: String, Sendable {
        /// The key is not 32 bytes, or not the one that the register was made with.
        case key
        /// The file is something else: a folder, a text, another program's database.
        case notARegister
        /// The file, or its head beside it, is not there.
        case missing
        /// The system does not let us read or write it.
        case unreadable
        /// A newer version of the program made it.
        case newer
        /// The file is damaged.
        case torn
        /// A record is not as the chain says: changed, deleted or added from outside.
        case tampered
        /// A file stands where one would be written.
        case exists
        /// A running program has it open.
        case inUse
        /// A text or a form over its bound.
        case tooLong
        /// A value that no record can hold.
        case invalid
        /// What the call names is not on record.
        case unknown
        /// Storage failed: disk full, read error.
        case failed
    }

    /// What SQLite said, in our terms.
    static func from(_ error: any Error, path: String) -> any Error {
        guard let error = error as? DatabaseError else { return error }
        let words = error.message ?? "error \(error.extendedResultCode.rawValue)"
        switch error.resultCode {
        case .SQLITE_NOTADB: return Self(.notARegister, "\(path) is not a register: \(words)")
        case .SQLITE_CORRUPT, .SQLITE_FORMAT: return Self(.torn, "\(path) is damaged: \(words)")
        case .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_READONLY, .SQLITE_AUTH:
            return Self(.unreadable, "\(path) cannot be opened for reading and writing: \(words)")
        case .SQLITE_BUSY, .SQLITE_LOCKED: return Self(.inUse, "\(path) is held by another program: \(words)")
        case .SQLITE_CONSTRAINT, .SQLITE_MISMATCH: return Self(.invalid, "\(path) refused a value: \(words)")
        case .SQLITE_TOOBIG: return Self(.tooLong, "\(path) refused a value: \(words)")
        default: return Self(.failed, "\(path): \(words)")
        }
    }
}
