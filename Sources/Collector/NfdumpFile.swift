internal import CLinux
package import Flows
internal import Glibc

/// A file of flows that nfcapd wrote, read through Debian's nfdump, which knows all its forms and compressions.
///
/// nfdump prints a line a flow into a pipe; at most `bufferSize` bytes of it wait here. It is ended when this goes.
package struct NfdumpFile: ~Copyable {
    /// What is read of the program's output at a time; a longer line is passed over, and counted.
    package static let bufferSize = 256 << 10
    /// Of what the program complains about, this many bytes are kept: the first say most.
    package static let complaintLimit = 1024
    private static let debianPackage = "nfdump"

    /// For messages: the path as it was given, or "standard input".
    package let name: String
    package private(set) var records: UInt64 = 0
    /// Lines that were no flow; a version of nfdump that prints otherwise would show here.
    package private(set) var unread: UInt64 = 0

    private let process: pid_t
    private let output: Int32
    private var errors: Int32
    private var complaint: [UInt8] = []
    private var buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0
    private var isSkipping = false
    /// The program was waited for, and its end judged.
    private var isReaped = false

    /// Starts nfdump on a file, or on a folder of them; on standard input for "-", which must be a file then: nfdump
    /// reads from no pipe. `searching` is where the program is looked for, and `PATH` unless it is said.
    package init(opening path: String, searching folders: String? = nil) throws(InputError) {
        let isStandardInput = path == InputFile.standardInput
        let name = isStandardInput ? "standard input" : path
        var status = stat()
        guard isStandardInput ? fstat(STDIN_FILENO, &status) == 0 : stat(path, &status) == 0 else {
            throw InputError(.cannotOpen, name, InputFile.reason(errno))
        }
        guard !isStandardInput || status.st_mode & S_IFMT == S_IFREG else {
            throw InputError(
                .unsupported, name,
                "a file of nfcapd cannot come through a pipe, for nfdump does not read from one: give the file's name")
        }
        guard let program = Self.find(in: folders) else {
            throw InputError(
                .programMissing, name,
                "a file of nfcapd is read with the program nfdump, which is not here: install the package \(Self.debianPackage)"
            )
        }
        let arguments = [
            "nfdump", "-C", "none", "-r", isStandardInput ? "/dev/stdin" : path, "-q", "-N", "-6", "-o",
            NfdumpLine.form,
        ]
        // Nothing of this process' environment, so that no setting of the operator changes what is printed.
        let environment = ["TZ=UTC0", "LC_ALL=C", "PATH=/usr/bin:/bin"]
        var output: Int32 = -1
        var errors: Int32 = -1
        let process = Self.withWords(arguments) { arguments in
            Self.withWords(environment) { environment in
                linux_spawn_reader(
                    program, arguments, environment, isStandardInput ? STDIN_FILENO : -1, &output, &errors)
            }
        }
        guard process > 0 else {
            throw InputError(.programFailed, name, "cannot start \(program): \(InputFile.reason(-process))")
        }
        self.name = name
        self.process = process
        self.output = output
        self.errors = errors
        buffer = .allocate(byteCount: Self.bufferSize, alignment: 16)
    }

    deinit {
        close(output)
        if errors >= 0 { close(errors) }
        buffer.deallocate()
        guard !isReaped else { return }
        kill(process, SIGKILL)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
    }

    /// What nfdump said was wrong with the file, though it printed flows of it; nil when it was silent.
    package var warning: String? {
        let text = String(decoding: complaint, as: UTF8.self).split(whereSeparator: \.isNewline)
            .filter { !$0.isEmpty }.joined(separator: "; ")
        return text.isEmpty ? nil : text
    }

    /// The next flow; nil at the end. Throws where nfdump could not read the file, or said so and printed no flow.
    package mutating func next() throws(InputError) -> FlowRecord? {
        while true {
            if let line = takeLine() {
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[line])
                if let record = NfdumpLine.read(RawSpan(_unsafeBytes: bytes)) {
                    records &+= 1
                    return record
                }
                if !bytes.isEmpty, !Self.saysNothing(bytes) { unread &+= 1 }
                continue
            }
            guard !isReaped, try fill() else {
                try finish()
                return nil
            }
        }
    }

    /// The place of the next whole line, without its end.
    private mutating func takeLine() -> Range<Int>? {
        while start < end {
            guard let base = buffer.baseAddress, let found = memchr(base + start, 10, end - start) else {
                // A line longer than the buffer is no flow.
                guard start == 0, end == buffer.count else { return nil }
                if !isSkipping { unread &+= 1 }
                isSkipping = true
                end = 0
                return nil
            }
            let line = start..<(UnsafeRawPointer(found) - UnsafeRawPointer(base))
            start = line.upperBound + 1
            guard isSkipping else { return line }
            isSkipping = false
        }
        return nil
    }

    /// Waits for more output, and keeps the beginning of the complaints; false at the end of the output.
    private mutating func fill() throws(InputError) -> Bool {
        if start > 0 {
            if end > start, let base = buffer.baseAddress { memmove(base, base + start, end - start) }
            end -= start
            start = 0
        }
        while true {
            let ready = linux_wait_readable(output, errors, -1)
            guard ready >= 0 else { throw InputError(.cannotRead, name, InputFile.reason(-ready)) }
            if ready & 2 != 0 { readComplaint() }
            guard ready & 1 != 0 else { continue }
            let room = UnsafeMutableRawBufferPointer(rebasing: buffer[end...])
            let count = read(output, room.baseAddress, room.count)
            if count >= 0 {
                end += count
                return count > 0
            }
            let error = errno
            guard error == EAGAIN || error == EINTR else {
                throw InputError(.cannotRead, name, InputFile.reason(error))
            }
        }
    }

    /// Takes what stands in the pipe of complaints, so that the program never waits for us there.
    private mutating func readComplaint() {
        var piece = [UInt8](repeating: 0, count: 4096)
        let count = read(errors, &piece, piece.count)
        if count > 0 {
            complaint += piece[..<min(count, Self.complaintLimit - complaint.count)]
        } else if count == 0 || errno != EAGAIN && errno != EINTR {
            close(errors)
            errors = -1
        }
    }

    /// Waits for the program's end and judges it. nfdump ends with 0 even where it could not read the file, so that its
    /// complaint counts too where there was no flow.
    private mutating func finish() throws(InputError) {
        guard !isReaped else { return }
        while errors >= 0 {
            let ready = linux_wait_readable(-1, errors, -1)
            guard ready >= 0 else { break }
            if ready != 0 { readComplaint() }
        }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        isReaped = true
        let signal = status & 0x7f
        let code = status >> 8 & 0xff
        guard signal == 0, code == 0, records > 0 || complaint.isEmpty else {
            let ending =
                signal != 0 ? "was ended by signal \(signal)" : code != 0 ? "ended with status \(code)" : "failed"
            let after = records > 0 ? " after \(records) flows" : ""
            throw InputError(.programFailed, name, "nfdump \(ending)\(after)" + (warning.map { ": \($0)" } ?? ""))
        }
    }

    private static func saysNothing(_ line: UnsafeRawBufferPointer) -> Bool {
        NfdumpLine.nothing.withUTF8Buffer { $0.elementsEqual(line) }
    }

    private static func find(in folders: String?) -> String? {
        let folders = folders ?? getenv("PATH").map { String(cString: $0) } ?? "/usr/local/bin:/usr/bin:/bin"
        for folder in folders.split(separator: ":") {
            let path = "\(folder)/nfdump"
            if access(path, X_OK) == 0 { return path }
        }
        return nil
    }

    /// The strings as C wants a program's arguments: an array of pointers that ends with NULL.
    private static func withWords<Result>(
        _ words: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = words.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return body(&pointers)
    }
}
