internal import CLinux
internal import Glibc
internal import Mitigations

/// Debian's program nft, started once for each question or transaction. It is waited for: each start takes some
/// milliseconds, and at most ``timeLimit``.
struct NFTProcess: Equatable, Sendable {
    /// What it takes longer for will not come: the largest transaction takes half a second.
    static let timeLimit: UInt64 = 5_000_000_000
    /// Bytes of its output: a table of 4,096 lines and as many counters is described in some 5 MB, more where rules ask
    /// for many bytes of payloads.
    static let outputLimit = 32 << 20
    /// Of what it complains about, this many bytes are kept: the first say most.
    static let complaintLimit = 1_024
    /// Characters of a complaint that go into a sentence.
    private static let sentenceLimit = 200
    /// Where the program is looked for: the service's PATH may lack the folders of system programs.
    static let folders = "/usr/sbin:/sbin:/usr/local/sbin:/usr/bin:/bin"
    static let debianPackage = "nftables"

    /// Why there is no answer.
    struct Failure: Error, Equatable {
        /// Without a full stop.
        var reason: String
        /// nft has refused it: nothing of it was done.
        var isRefusal = false
    }

    let program: String

    /// Looks the program up; nil where it is not.
    init?(searching folders: String = Self.folders) {
        for folder in folders.split(separator: ":") {
            let path = "\(folder)/nft"
            if access(path, X_OK) == 0 {
                program = path
                return
            }
        }
        return nil
    }

    /// Carries out what is written, all of it or nothing.
    func perform(_ script: [UInt8], isTrial: Bool = false) throws(Failure) {
        _ = try run(isTrial ? ["-c", "-f", "-"] : ["-f", "-"], input: script)
    }

    /// Tables of the family netdev in JSON, without the elements of sets. To list the counters alone would be less, but
    /// nft 1.0.6 reads all elements of all sets for that: a minute for a million of them.
    func list() throws(Failure) -> [UInt8] { try run(["-j", "-t", "list", "ruleset", "netdev"], input: []) }

    private func run(_ arguments: [String], input: [UInt8]) throws(Failure) -> [UInt8] {
        // A file in memory, and no pipe: it is whole before nft begins, and nobody waits for the other.
        let file = linux_memory_file("nft")
        guard file >= 0 else { throw Failure(reason: "no memory for nft's input: \(KernelError.text(of: -file))") }
        let memory = Descriptor(owning: file)
        try Self.fill(memory.number, input)
        var (output, errors): (Int32, Int32) = (-1, -1)
        // Nothing of this process' environment: no setting of the operator changes what is read or printed.
        let child = Self.withWords(["nft"] + arguments) { arguments in
            Self.withWords(["TZ=UTC0", "LC_ALL=C", "PATH=/usr/bin:/bin"]) { environment in
                linux_spawn_reader(program, arguments, environment, memory.number, &output, &errors)
            }
        }
        guard child > 0 else { throw Failure(reason: "cannot start \(program): \(KernelError.text(of: -child))") }
        var run = NFTRun(child: child, output: output, errors: errors)
        return try run.finish()
    }

    private static func fill(_ file: Int32, _ bytes: [UInt8]) throws(Failure) {
        var start = 0
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes { write(file, $0.baseAddress, $0.count) }
            guard count > 0 else {
                if count < 0, errno == EINTR { continue }
                throw Failure(reason: "no memory for nft's input: \(KernelError.text(of: errno))")
            }
            start += count
        }
        guard lseek(file, 0, SEEK_SET) == 0 else {
            throw Failure(reason: "cannot go back in nft's input: \(KernelError.text(of: errno))")
        }
    }

    /// The strings as C wants a program's arguments: an array of pointers that ends with NULL.
    private static func withWords<Result>(
        _ words: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        var pointers = words.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return body(&pointers)
    }

    /// The first line that says what is wrong, for people: nft quotes the script below it.
    static func sentence(_ complaint: [UInt8]) -> String {
        let lines = String(decoding: complaint, as: UTF8.self).split(whereSeparator: \.isNewline)
        let line = lines.first { $0.contains("Error:") } ?? lines.first ?? ""
        let words = line.split(separator: "Error: ").last ?? ""
        return String(
            words.unicodeScalars.filter { (32...126).contains($0.value) }.prefix(sentenceLimit).map(Character.init))
    }
}

/// One run of nft. The program is ended when this goes.
private struct NFTRun: ~Copyable {
    private let child: pid_t
    private var output: Int32
    private var errors: Int32
    private var answer: [UInt8] = []
    private var complaint: [UInt8] = []
    private let deadline = KernelClock.now + NFTProcess.timeLimit
    private var isReaped = false

    init(child: pid_t, output: Int32, errors: Int32) {
        self.child = child
        self.output = output
        self.errors = errors
    }

    deinit {
        if output >= 0 { close(output) }
        if errors >= 0 { close(errors) }
        guard !isReaped else { return }
        kill(child, SIGKILL)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0, errno == EINTR {}
    }

    /// Waits for its end: all of its output.
    mutating func finish() throws(NFTProcess.Failure) -> [UInt8] {
        while output >= 0 || errors >= 0 {
            let ready = linux_wait_readable(output, errors, try milliseconds())
            guard ready >= 0 else {
                throw NFTProcess.Failure(reason: "cannot wait for nft: \(KernelError.text(of: -ready))")
            }
            if ready & 1 != 0, !Self.take(output, &answer, limit: NFTProcess.outputLimit + 1) {
                close(output)
                output = -1
            }
            if ready & 2 != 0, !Self.take(errors, &complaint, limit: NFTProcess.complaintLimit) {
                close(errors)
                errors = -1
            }
            guard answer.count <= NFTProcess.outputLimit else {
                throw NFTProcess.Failure(reason: "nft said more than \(NFTProcess.outputLimit) bytes and was ended")
            }
        }
        let status = try wait()
        guard status == 0 else {
            let said = NFTProcess.sentence(complaint)
            let signal = status & 0x7f
            guard signal == 0 else { throw NFTProcess.Failure(reason: "nft was ended by signal \(signal)") }
            throw NFTProcess.Failure(
                reason: said.isEmpty ? "nft ended with status \(status >> 8 & 0xff)" : "nft said: \(said)",
                isRefusal: true)
        }
        return answer
    }

    /// What is left of its time.
    private func milliseconds() throws(NFTProcess.Failure) -> Int32 {
        let now = KernelClock.now
        guard now < deadline else {
            throw NFTProcess.Failure(
                reason: "nft took longer than \(NFTProcess.timeLimit / 1_000_000_000) s and was ended")
        }
        return Int32((deadline - now) / 1_000_000) + 1
    }

    private mutating func wait() throws(NFTProcess.Failure) -> Int32 {
        var status: Int32 = 0
        while true {
            let process = waitpid(child, &status, WNOHANG)
            if process == child {
                isReaped = true
                return status
            }
            guard process == 0 || errno == EINTR else {
                isReaped = true
                throw NFTProcess.Failure(reason: "cannot wait for nft: \(KernelError.text(of: errno))")
            }
            // It has closed its outputs, and so is about to end.
            _ = try milliseconds()
            usleep(1_000)
        }
    }

    /// Reads what there is, and keeps so many bytes of all of it; false at the end.
    private static func take(_ descriptor: Int32, _ bytes: inout [UInt8], limit: Int) -> Bool {
        let size = 65_536
        return withUnsafeTemporaryAllocation(byteCount: size, alignment: 16) { piece in
            let count = read(descriptor, piece.baseAddress, size)
            guard count > 0 else { return count < 0 && (errno == EAGAIN || errno == EINTR) }
            bytes += piece[..<min(count, max(0, limit - bytes.count))]
            return true
        }
    }
}
