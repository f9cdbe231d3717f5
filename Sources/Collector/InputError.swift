/// Why a file, a socket or a program could not be read; what the operator sees.
package struct InputError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// No such file, no right to read it, or a folder.
        case cannotOpen = "cannot-open"
        /// The system refused to read on.
        case cannotRead = "cannot-read"
        /// A compressed file that ends before it is complete.
        case truncated
        /// A compressed file whose bytes are not right, or that is followed by something else.
        case damaged
        /// A Zstandard file that needs more memory than `InputFile.windowLimit`.
        case windowTooLarge = "window-too-large"
        /// One record needs more bytes than `InputFile.bufferLimit`.
        case recordTooLarge = "record-too-large"
        /// The program that reads this kind of file is not installed.
        case programMissing = "program-missing"
        /// The program that reads this kind of file could not read it.
        case programFailed = "program-failed"
        /// What is given cannot be read in this way.
        case unsupported
        case cannotListen = "cannot-listen"
        case outOfMemory = "out-of-memory"
    }

    package var code: Code
    /// What was read: a path as it was given, "standard input", or an endpoint.
    package var name: String
    /// For people, in one line.
    package var reason: String
    /// Bytes into the file, where the fault has a place: of a compressed file into the compressed bytes.
    package var place: UInt64?

    package init(_ code: Code, _ name: String, _ reason: String, at place: UInt64? = nil) {
        self.code = code
        self.name = name
        self.reason = reason
        self.place = place
    }

    package var description: String {
        guard let place else { return "\(name): \(reason)" }
        return "\(name): \(reason), at byte \(place) of the file"
    }
}
