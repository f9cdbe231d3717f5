internal import Glibc

/// The processes that the demonstration has started; it ends them all.
struct Children {
    struct Child {
        let name: String
        let process: pid_t
    }

    private(set) var running: [Child] = []

    /// Starts a program with its output in a log file, in a process group of its own (Ctrl-C is ours to pass on).
    ///
    /// - Parameter connection: a descriptor for its input and output; nil: no input, and the log for all output.
    mutating func start(
        _ name: String, _ words: [String], log: String, connection: Int32? = nil
    ) throws(DemoError) -> pid_t {
        let process = try Self.spawn(words, log: log, connection: connection)
        running.append(Child(name: name, process: process))
        return process
    }

    /// Runs a program to its end; throws what it has written where it fails.
    static func complete(_ words: [String], log: String) throws(DemoError) {
        let process = try spawn(words, log: log)
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0 && errno == EINTR {}
        guard status == 0 else { throw DemoError("\(words.joined(separator: " ")) failed; its output is in \(log)") }
    }

    private static func spawn(
        _ words: [String], log: String, connection: Int32? = nil
    ) throws(DemoError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 2, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        if let connection {
            posix_spawn_file_actions_adddup2(&actions, connection, 0)
            posix_spawn_file_actions_adddup2(&actions, connection, 1)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
            posix_spawn_file_actions_adddup2(&actions, 2, 1)
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var pipe = none
        sigaddset(&pipe, SIGPIPE)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &pipe)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let error = posix_spawnp(&process, words[0], &actions, &attributes, arguments, environ)
        guard error == 0 else { throw DemoError("cannot start \(words[0]): error \(error)") }
        return process
    }

    /// The name of a child that has ended by itself.
    mutating func ended() -> String? {
        for child in running {
            var status: Int32 = 0
            if waitpid(child.process, &status, WNOHANG) == child.process {
                running.removeAll { $0.process == child.process }
                return child.name
            }
        }
        return nil
    }

    /// Ends one, at once where it has not ended by itself.
    mutating func end(_ process: pid_t) {
        guard running.contains(where: { $0.process == process }) else { return }
        running.removeAll { $0.process == process }
        kill(process, SIGKILL)
        while waitpid(process, nil, 0) < 0 && errno == EINTR {}
    }

    /// Asks all to end, the last started first, and ends those that have not after `seconds`.
    mutating func endAll(within seconds: Double) {
        for child in running.reversed() {
            kill(child.process, SIGTERM)
            var status: Int32 = 0
            var left = Int(seconds * 50)
            while waitpid(child.process, &status, WNOHANG) == 0 {
                if left == 0 { kill(child.process, SIGKILL) }
                left -= 1
                usleep(20_000)
            }
        }
        running = []
    }
}
