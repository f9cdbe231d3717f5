import Glibc

/// A program that a test starts; ended with its last reference.
final class Program {
    struct Failure: Error {
        var words: [String]
        var status: Int32
    }

    let process: pid_t

    init(_ words: [String]) throws { process = try Self.spawn(words, output: -1) }

    deinit {
        kill(process, SIGKILL)
        var status: Int32 = 0
        waitpid(process, &status, 0)
    }

    /// A program of this package, beside the tests' own.
    static func built(_ name: String) throws -> String {
        var path = [CChar](repeating: 0, count: 4_096)
        let count = max(0, readlink("/proc/self/exe", &path, path.count - 1))
        let own = String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let program = own.split(separator: "/").dropLast().map { "/\($0)" }.joined() + "/" + name
        guard access(program, X_OK) == 0 else { throw Failure(words: [program], status: errno) }
        return program
    }

    static func complete(_ words: [String]) throws {
        var status: Int32 = 0
        waitpid(try spawn(words, output: -1), &status, 0)
        guard status == 0 else { throw Failure(words: words, status: status) }
    }

    /// All that a program writes, whatever its end.
    static func output(_ words: [String]) throws -> String {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failure(words: words, status: errno) }
        defer { close(ends[0]) }
        let process = try spawn(words, output: ends[1])
        close(ends[1])
        var text: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = read(ends[0], &part, part.count)
            guard count > 0 else { break }
            text += part[..<count]
        }
        var status: Int32 = 0
        waitpid(process, &status, 0)
        return String(decoding: text, as: UTF8.self)
    }

    private static func spawn(_ words: [String], output: Int32) throws -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        if output >= 0 {
            posix_spawn_file_actions_adddup2(&actions, output, 1)
        } else {
            posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
        }
        posix_spawn_file_actions_adddup2(&actions, 1, 2)
        var arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
        arguments.append(nil)
        defer { for argument in arguments { free(argument) } }
        var process: pid_t = 0
        let error = posix_spawnp(&process, words[0], &actions, nil, arguments, environ)
        guard error == 0 else { throw Failure(words: words, status: error) }
        return process
    }
}
