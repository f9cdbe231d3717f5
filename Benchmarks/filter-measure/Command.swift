import Glibc

/// Lines of shell.
enum Command {
    /// The exit status; what it prints goes to standard error.
    static func run(_ line: String) -> Int32 { system("{ \(line); } >&2") }

    /// What it prints.
    static func output(_ line: String) -> String {
        guard let pipe = popen(line, "r") else { return "" }
        defer { pclose(pipe) }
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = fread(&chunk, 1, chunk.count, pipe)
            guard count > 0 else { return String(decoding: all, as: UTF8.self) }
            all += chunk[..<count]
        }
    }
}
