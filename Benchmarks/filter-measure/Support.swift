import Bytes
import CLinux
import Glibc
import Packets
import Synchronization

enum Clock {
    static var nanoseconds: UInt64 { clock_gettime_nsec(CLOCK_MONOTONIC) }

    /// Of this process, user and system.
    static var processor: UInt64 { clock_gettime_nsec(CLOCK_PROCESS_CPUTIME_ID) }

    private static func clock_gettime_nsec(_ clock: clockid_t) -> UInt64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

enum Text {
    /// Three digits.
    static func of(_ number: Double) -> String {
        let scale = number >= 100 ? 1.0 : number >= 10 ? 10.0 : 100.0
        let rounded = (number * scale).rounded() / scale
        return scale == 1 ? "\(Int(rounded))" : "\(rounded)"
    }

    static func progress(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }

    static func json(_ text: String) -> String {
        var out = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": out += "\\\(scalar)"
            case _ where scalar.value < 32: out += " "
            default: out.unicodeScalars.append(scalar)
            }
        }
        return out + "\""
    }
}

enum File {
    static func bytes(_ path: String) -> [UInt8]? {
        guard let file = fopen(path, "r") else { return nil }
        defer { fclose(file) }
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = fread(&chunk, 1, chunk.count, file)
            guard count > 0 else { return all }
            all += chunk[..<count]
        }
    }

    static func write(_ text: String, to path: String) throws {
        guard let file = fopen(path, "w") else { throw MeasureError("cannot write \(path)") }
        defer { fclose(file) }
        guard fputs(text, file) >= 0 else { throw MeasureError("cannot write \(path)") }
    }
}

/// A thread whose failure is told when it is joined.
final class Worker {
    // Unchecked: the error is written by the thread alone before it ends, and read after it was joined.
    private final class Box: @unchecked Sendable {
        var error: (any Error)?
        let hasFailed = Atomic(false)
        let isOver = Atomic(false)
        let body: () throws -> Void
        init(_ body: @escaping () throws -> Void) { self.body = body }
    }

    private let box: Box
    private var thread = pthread_t()

    init(_ body: @escaping () throws -> Void) throws {
        box = Box(body)
        let status = pthread_create(
            &thread, nil,
            { raw in
                let box = Unmanaged<Box>.fromOpaque(raw!).takeRetainedValue()
                do {
                    try box.body()
                } catch {
                    box.error = error
                    box.hasFailed.store(true, ordering: .releasing)
                }
                box.isOver.store(true, ordering: .releasing)
                return nil
            }, Unmanaged.passRetained(box).toOpaque())
        guard status == 0 else { throw MeasureError("no thread") }
    }

    var hasFailed: Bool { box.hasFailed.load(ordering: .acquiring) }

    var isOver: Bool { box.isOver.load(ordering: .acquiring) }

    func join() throws {
        pthread_join(thread, nil)
        if let error = box.error { throw error }
    }
}
