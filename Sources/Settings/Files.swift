/// How configuration looks at files; tests and the fuzzer bring their own.
package protocol Files: Sendable {
    /// The whole of a regular file of at most `limit` bytes.
    func read(_ path: String, limit: Int) throws(FileTrouble) -> FileContents

    /// Why files of `size` bytes together could not be kept in a folder, which may still have to be made; nil: they could.
    func folderTrouble(_ path: String, size: UInt64) -> String?
}

extension Files {
    package func folderTrouble(_ path: String, size: UInt64) -> String? { nil }
}

package struct FileContents: Equatable, Sendable {
    package var bytes: [UInt8]
    /// Whether every user of the machine may read it.
    package var isReadableByAll: Bool

    package init(_ bytes: [UInt8], isReadableByAll: Bool = false) {
        self.bytes = bytes
        self.isReadableByAll = isReadableByAll
    }
}

/// Why a file could not be read.
package enum FileTrouble: Error, Equatable, Sendable {
    case missing
    case notAllowed
    /// A folder, device or pipe.
    case notAFile
    case tooLong(limit: Int)
    /// Any other error of the system, by its number.
    case failed(Int32)

    /// The trouble in words, for the file at `path`.
    package func reason(for path: String) -> String {
        switch self {
        case .missing: "the file \(shownPath(path)) does not exist"
        case .notAllowed: "the file \(shownPath(path)) may not be read by the user that this runs as"
        case .notAFile: "\(shownPath(path)) is not a file"
        case .tooLong(let limit): "the file \(shownPath(path)) is longer than \(Units.size.text(UInt64(limit)))"
        case .failed(let code): "the file \(shownPath(path)) cannot be read: \(systemReason(code))"
        }
    }
}
