internal import Incidents
internal import Moments
internal import Portal
internal import Synchronization
internal import Testing

@Suite struct LiveTests {
    /// Lets seconds pass, each with points of both sites, until `isDone`.
    static func pass(_ world: World, until isDone: @Sendable () async -> Bool) async throws {
        for second in 0..<3_000 {
            if await isDone() { return }
            world.clock.pass(1)
            let refused = UInt64(1_000 + second)
            await world.street.pass(
                [World.alpha, World.beta].map { World.point($0.site, at: world.clock.now, refused: refused) })
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    @Test(arguments: ["/events", "/sites/markalpha-www/events"])
    func `each second's figures come, of one's own sites only`(path: String) async throws {
        let world = try await World()
        let seen = Shared("")
        try await world.serve { start in
            var browser = start
            try await browser.signIn("auditor-markalpha")
            let reader = browser
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    _ = try await reader.follow(path) { piece in
                        seen.withLock { seen in
                            seen += piece
                            return seen.components(of: "data: ") >= 4
                        }
                    }
                }
                try await Self.pass(world) { seen.withLock { $0.components(of: "data: ") >= 4 } }
                try await group.waitForAll()
            }
        }
        let text = seen.withLock { $0 }
        #expect(text.hasPrefix("retry: 5000\n\n"))
        #expect(
            text.contains(path == "/events" ? "site-markalpha-www-refused\",\"t\",\"1,0" : "n-refused\",\"t\",\"1,0"))
        #expect(path == "/events" || text.contains("plot-admitted\",\"d\",\"M"))
        #expect(!text.contains("markbeta"))
    }

    @Test func `the events end when the street does, and when the reader signs out`() async throws {
        let world = try await World()
        try await world.serve { start in
            var browser = start
            let key = try await browser.signIn("auditor-markalpha").key
            let reader = browser
            for ending in 0..<2 {
                let hasEnded = Shared(false)
                let hasBegun = Shared(false)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        _ = try await reader.follow("/events") { piece in
                            if piece.contains("data:") { hasBegun.withLock { $0 = true } }
                            return false
                        }
                        hasEnded.withLock { $0 = true }
                    }
                    try await Self.pass(world) { hasBegun.withLock { $0 } }
                    if ending == 0 {
                        await world.street.end()
                    } else {
                        var other = browser
                        _ = try await other.post("/logout", [], key: key)
                    }
                    try await Self.pass(world) { hasEnded.withLock { $0 } }
                    try await group.waitForAll()
                }
                #expect(hasEnded.withLock { $0 })
            }
        }
    }

    @Test func `a reader that leaves takes no place any more`() async throws {
        var world = try await World()
        world.configuration.viewerLimit = 1
        let shared = world
        try await shared.serve { start in
            var browser = start
            try await browser.signIn("auditor-markalpha")
            let reader = browser
            for _ in 0..<3 {
                let isDone = Shared(false)
                let hasData = Shared(false)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        _ = try await reader.follow("/events") { piece in
                            let has = piece.contains("data:")
                            if has { hasData.withLock { $0 = true } }
                            return has || piece.contains("60000")
                        }
                        isDone.withLock { $0 = true }
                    }
                    try await Self.pass(shared) { isDone.withLock { $0 } }
                    try await group.waitForAll()
                }
                #expect(hasData.withLock { $0 })
                // The console learns of it when it writes.
                try await Self.pass(shared) { await shared.street.readerCount == 0 }
                #expect(await shared.street.readerCount == 0)
            }
        }
    }

    @Test func `cancelling ends the console while a reader reads`() async throws {
        let world = try await World()
        let (readers, reader) = AsyncStream<Browser>.makeStream()
        let hasBegun = Shared(false)
        let cancelled = Shared(ContinuousClock.now)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await world.serve { start in
                    var browser = start
                    try await browser.signIn("auditor-markalpha")
                    reader.yield(browser)
                    try await Self.pass(world) { hasBegun.withLock { $0 } }
                    cancelled.withLock { $0 = .now }
                }
            }
            group.addTask {
                for await browser in readers {
                    // Whether the last bytes come or not does not matter, only that they do not keep coming.
                    _ = try? await browser.follow("/events") { _ in
                        hasBegun.withLock { $0 = true }
                        return false
                    }
                    return
                }
            }
            try await group.waitForAll()
        }
        #expect(hasBegun.withLock { $0 })
        #expect(ContinuousClock.now - cancelled.withLock { $0 } < .seconds(30))
    }
}

/// A value that tasks share.
private final class Shared<Value: Sendable>: Sendable {
    private let value: Mutex<Value>

    init(_ value: Value) { self.value = Mutex(value) }

    func withLock<Result: Sendable>(_ body: (inout Value) -> Result) -> Result { value.withLock { body(&$0) } }
}

extension String {
    fileprivate func components(of part: String) -> Int { ranges(of: part).count }
}
