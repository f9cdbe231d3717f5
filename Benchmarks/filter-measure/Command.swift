import Glibc

/// Lines of shell.
enum Command {
    /// The exit status; what it prints goes to standard error.
    static func run(_ line: String) -> Int32 { system("{ \(line); } >&2") }

    /// Starts it and does not wait for its end; its process ends with the shell's.
    static func start(_ line: String) -> pid_t {
        var process: pid_t = 0
        let arguments = ["sh", "-c", "exec \(line) >&2"]
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        return posix_spawnp(&process, "sh", nil, nil, &words, environ) == 0 ? process : 0
    }

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

extension StringProtocol {
    /// Where a text stands in it first.
    func firstPlace(of text: String) -> Range<Index>? {
        indices.first { self[$0...].hasPrefix(text) }.map { $0..<index($0, offsetBy: text.count) }
    }
}
