internal import Glibc
internal import Load

/// What the lanes of one office have used: found in /proc as children of the office, so that it is the kernel's word, not
/// the lane's.
struct LaneFigures {
    private struct Lane {
        /// Start time in clock ticks: tells a process from a later one with the same number.
        var started: Substring
        var seconds = 0.0
        var peak = 0
    }

    private var lanes: [pid_t: Lane] = [:]

    /// Bytes of memory of the largest lane, at its peak.
    var peak: Int { lanes.values.map(\.peak).max() ?? 0 }
    /// Seconds of processor time, over all lanes of the office's life.
    var seconds: Double { lanes.values.reduce(0) { $0 + $1.seconds } }
    var isEmpty: Bool { lanes.isEmpty }

    mutating func look(office: pid_t) {
        for process in Self.children(of: office).union(lanes.keys) {
            guard let (command, fields) = Self.stat(process), command.hasPrefix("wasstraat-gatew") else { continue }
            // A lane that outlives its office is known already.
            if lanes[process]?.started != fields[19] { lanes[process] = Lane(started: fields[19]) }
            var nanoseconds: UInt64 = 0
            for thread in Self.entries("/proc/\(process)/task") {
                let words = readFile("/proc/\(process)/task/\(thread)/schedstat")?.split(separator: " ")
                nanoseconds += words?.first.flatMap { UInt64($0) } ?? 0
            }
            let seconds = Double(nanoseconds) / 1e9
            if let before = lanes[process]?.seconds, seconds > before { lanes[process]?.seconds = seconds }
            for line in (readFile("/proc/\(process)/status") ?? "").split(separator: "\n")
            where line.hasPrefix("VmHWM:") {
                lanes[process]?.peak = (Int(line.split(whereSeparator: \.isWhitespace)[1]) ?? 0) << 10
            }
        }
    }

    /// Ends the lanes that are still there.
    func end() {
        for signal in [SIGTERM, SIGKILL] {
            for _ in 0..<50 {
                let left = lanes.filter { Self.stat($0.key)?.fields[19] == $0.value.started }
                guard !left.isEmpty else { return }
                for process in left.keys { kill(process, signal) }
                usleep(20_000)
            }
        }
    }

    /// The name of a process, and the fields of its stat that follow it, the state first; nil for one that is gone.
    private static func stat(_ process: pid_t) -> (command: Substring, fields: [Substring])? {
        guard let text = readFile("/proc/\(process)/stat"), let open = text.firstIndex(of: "("),
            let close = text.lastIndex(of: ")")
        else { return nil }
        let fields = text[text.index(after: close)...].split(separator: " ")
        guard fields.count > 20, fields[0] != "Z" else { return nil }
        return (text[text.index(after: open)..<close], fields)
    }

    private static func children(of parent: pid_t) -> Set<pid_t> {
        var children: Set<pid_t> = []
        for thread in entries("/proc/\(parent)/task") where thread.first != "." {
            guard let text = readFile("/proc/\(parent)/task/\(thread)/children") else {
                // A kernel without these lists: all processes are asked for their parent.
                return Set(entries("/proc").compactMap { pid_t($0) }.filter { stat($0)?.fields[1] == "\(parent)" })
            }
            children.formUnion(text.split(whereSeparator: \.isWhitespace).compactMap { pid_t($0) })
        }
        return children
    }

    private static func entries(_ path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            names.append(
                withUnsafePointer(to: &entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                })
        }
        return names
    }
}
