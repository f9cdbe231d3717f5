internal import CLinux
internal import Glibc
internal import Synchronization

/// Programs of the machine that tests use.
package enum Tool {
    /// Where the program is in PATH; nil where it is not.
    package static func path(of name: String) -> String? {
        guard let list = getenv("PATH") else { return nil }
        for folder in String(cString: list).split(separator: ":") {
            let path = folder + "/" + name
            if access(path, X_OK) == 0 { return path }
        }
        return nil
    }

    /// Runs a program to its end and returns what it wrote on both outputs. Throws where it ends with another status
    /// than 0.
    @discardableResult
    package static func run(_ arguments: [String], input: [UInt8] = []) throws(TestKitError) -> String {
        let child = try Child(arguments, takesInput: true)
        if !input.isEmpty { child.write(input) }
        child.closeInput()
        let output = child.readOutput()
        let status = child.wait()
        guard status == 0 else { throw .tool(arguments[0], status, output) }
        return output
    }
}

/// Children that still run when the tests' process ends: what a thread or a global holds is never let go, and a lane
/// lives on without its office.
private enum Orphans {
    private static let running = Mutex<Set<Int32>>([])
    private static let atEnd: Void = { _ = atexit { Orphans.kill() } }()

    static func add(_ process: Int32) {
        _ = atEnd
        running.withLock { _ = $0.insert(process) }
    }

    static func remove(_ process: Int32) { running.withLock { _ = $0.remove(process) } }

    private static func kill() { for process in running.withLock({ $0 }) { Glibc.kill(process, SIGKILL) } }
}

/// Who writes to a program that is gone, or to a connection that was reset (BoringSSL does not ask to be spared the
/// signal), is told so by the write, and does not end the tests' process. Programs start with the signal as it comes.
private let brokenPipesAreErrors: Void = { signal(SIGPIPE, SIG_IGN) }()

/// A program that runs beside the test; killed and reaped when the last reference goes.
package final class Child: @unchecked Sendable {
    // Unchecked: `input`, `reaped` and `lastLine` belong to the one test that owns the child.
    package let process: Int32
    private let output: Int32
    private var input: Int32
    private var reaped: Int32?
    /// The last line that `waitForLine` read: why it did not come, as a rule.
    package private(set) var lastLine = ""

    /// Starts `arguments[0]`, looked up in PATH, with both outputs in one pipe.
    package init(_ arguments: [String], takesInput: Bool = false, environment: [String]? = nil) throws(TestKitError) {
        var out: [Int32] = [-1, -1]
        var into: [Int32] = [-1, -1]
        let failure = min(linux_pipe(&out), linux_pipe(&into))
        guard failure == 0 else { throw .system("pipe", -failure) }
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, into[0], 0)
        posix_spawn_file_actions_adddup2(&actions, out[1], 1)
        posix_spawn_file_actions_adddup2(&actions, out[1], 2)
        _ = brokenPipesAreErrors
        var attributes = posix_spawnattr_t()
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = (environment ?? []).map { strdup($0) } + [nil]
        defer {
            for word in words + variables { free(word) }
        }
        var process: pid_t = 0
        let status =
            environment == nil
            ? posix_spawnp(&process, arguments[0], &actions, &attributes, &words, environ)
            : posix_spawnp(&process, arguments[0], &actions, &attributes, &words, &variables)
        close(out[1])
        close(into[0])
        output = out[0]
        input = into[1]
        self.process = process
        guard status == 0 else {
            reaped = -1
            throw .system("posix_spawn \(arguments[0])", status)
        }
        Orphans.add(process)
        if !takesInput { closeInput() }
    }

    deinit {
        if reaped == nil {
            kill(process, SIGKILL)
            _ = wait()
        }
        closeInput()
        close(output)
    }

    package func write(_ bytes: [UInt8]) {
        var start = 0
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes { Glibc.write(input, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            start += count
        }
    }

    package func closeInput() {
        if input >= 0 { close(input) }
        input = -1
    }

    /// Everything until the program closes its outputs.
    package func readOutput() -> String {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = read(output, &buffer, buffer.count)
            guard count > 0 else { break }
            bytes += buffer[..<count]
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads lines until one holds the text; nil when the program ends or the time is up before it.
    package func waitForLine(holding text: String, within milliseconds: Int = 30_000) -> String? {
        let deadline = Milliseconds.now + milliseconds
        var line: [UInt8] = []
        while Socket.wait(output, for: POLLIN, until: deadline) {
            var byte: UInt8 = 0
            guard read(output, &byte, 1) == 1 else { return nil }
            guard byte == 10 else {
                line.append(byte)
                continue
            }
            lastLine = String(decoding: line, as: UTF8.self)
            if lastLine.contains(text) { return lastLine }
            line = []
        }
        return nil
    }

    package func signal(_ number: Int32) { kill(process, number) }

    /// Waits for its end: the exit status, or minus the signal that ended it.
    package func wait() -> Int32 {
        if let reaped { return reaped }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        let result = status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f)
        reaped = result
        Orphans.remove(process)
        return result
    }
}
