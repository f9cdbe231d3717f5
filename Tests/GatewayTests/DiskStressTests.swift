import Glibc
import Messages
import Synchronization
import TestKit
import Testing

/// Whatever is read, written, changed, pushed out and restarted at once: nobody is shown what was changed before he asked.
@Suite struct `The cache on disk under all at once` {
    private static let paths = 40

    /// Asks for pages all the time, so that there is always something on its way between memory, disk and origin.
    private final class Crowd: Sendable {
        private let isOver = Atomic(false)
        private let threads = Mutex<[TestThread]>([])
        let wrong = Atomic(0)
        let answered = Atomic(0)

        init(at lane: RunningLane, newest: Newest) throws {
            for seed in 1...3 as ClosedRange<UInt64> {
                let thread = try TestThread { [self] in
                    var random = SplitMix(state: seed)
                    var client = try? RawClient(to: lane.endpoints[0], timeout: 20_000)
                    while !isOver.load(ordering: .relaxed), client != nil {
                        let path = Int(random.next() % UInt64(paths))
                        let before = newest.version(path)
                        guard let response = try? client?.get("/\(path)/", host: Street.host) else { break }
                        answered.add(1, ordering: .relaxed)
                        if response.status == 200, Newest.version(of: response) < before {
                            wrong.add(1, ordering: .relaxed)
                        }
                    }
                }
                threads.withLock { $0.append(thread) }
            }
        }

        func end() {
            isOver.store(true, ordering: .relaxed)
            for thread in threads.withLock({ $0 }) { thread.join() }
        }
    }

    private struct SplitMix: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var value = state
            value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
            value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
            return value ^ value >> 31
        }
    }

    /// The versions that a change was answered for.
    private final class Newest: Sendable {
        private let versions = Mutex([Int](repeating: 0, count: paths))

        func version(_ path: Int) -> Int { versions.withLock { $0[path] } }
        func changed(_ path: Int, to version: Int) { versions.withLock { $0[path] = version } }

        static func version(of response: HTTPMessage) -> Int {
            Int(response.bodyText.prefix { $0 != " " }) ?? -1
        }
    }

    @Test(arguments: [1, 2]) func `shows nothing of before a change`(workers: Int) throws {
        let street = try DiskStreet(size: 300 << 10, workers: workers) { $0.limits.cacheMemory = 128 << 10 }
        let newest = Newest()
        var random = SplitMix(state: UInt64(workers))
        for path in 0..<Self.paths { say(street, path, 0) }
        for round in 1...4 {
            let crowd = try Crowd(at: street.lane, newest: newest)
            for step in 1...150 {
                let path = Int(random.next() % UInt64(Self.paths))
                if random.next() % 3 == 0 {
                    let version = round * 1000 + step
                    say(street, path, version)
                    #expect(try street.post("/\(path)/") == 200)
                    newest.changed(path, to: version)
                }
                let response = try street.get("/\(path)/")
                #expect(response.status == 200 && Newest.version(of: response) >= newest.version(path))
            }
            crowd.end()
            #expect(crowd.wrong.load(ordering: .relaxed) == 0)
            let disk = street.lane.status { _ in true }.disk
            print(
                "round \(round), \(workers) workers: \(crowd.answered.load(ordering: .relaxed)) answered beside,",
                "\(street.origin.requests.count) by the origin, disk \(disk)")
            #expect(disk.broken == 0 && disk.failed == 0)
            // What was given up a moment ago is gone within milliseconds.
            pauseThread(300)
            if round == 3 { try street.drain() }
            try street.restart()
            for path in 0..<Self.paths {
                let response = try street.get("/\(path)/")
                #expect(Newest.version(of: response) >= newest.version(path))
            }
        }
        #expect(street.lane.status { $0.disk.loaded > 0 }.disk.loaded > 0)
    }

    private func say(_ street: DiskStreet, _ path: Int, _ version: Int) {
        street.origin.say(
            "/\(path)/", "Cache-Control: max-age=600", body: "\(version) " + String(repeating: "x", count: 6000))
    }
}
