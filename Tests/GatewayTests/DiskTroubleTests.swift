import FoundationEssentials
import Glibc
import Messages
import TestKit
import Testing

/// Folders and files that are not as they should be, and lanes that want the same.
@Suite struct `The cache's folder` {
    enum Damage: CaseIterable {
        case cut, longer, flipped, empty, link, folder, pipe, moved
    }

    @Test(arguments: Damage.allCases) func `is read around what is broken`(damage: Damage) throws {
        let street = try DiskStreet()
        street.origin.say("/page", "Cache-Control: max-age=600")
        street.origin.say("/whole", "Cache-Control: max-age=600", body: "whole")
        _ = try street.get("/page")
        #expect(street.settle(1))
        let file = street.own + "/" + street.files[0]
        let bytes = try #require(contents(of: file))
        _ = try street.get("/whole")
        #expect(street.settle(2))
        street.end()
        unlink(file)
        switch damage {
        case .cut: try put(bytes.dropLast(bytes.count / 2), to: file)
        case .longer: try put(bytes + [0], to: file)
        case .flipped: try put(bytes.indices.map { $0 == bytes.count / 2 ? bytes[$0] ^ 1 : bytes[$0] }, to: file)
        case .empty: try put([], to: file)
        case .link: #expect(symlink("/etc/passwd", file) == 0)
        case .folder: #expect(mkdir(file, 0o700) == 0)
        case .pipe: #expect(mkfifo(file, 0o600) == 0)
        case .moved:
            // Another page's file, sound in itself, under this one's name.
            let other = try #require(street.files.first)
            try put(try #require(contents(of: street.own + "/" + other)), to: file)
        }
        // What a lane that was killed in the middle of it leaves.
        try put([1, 2, 3], to: file + ".new")
        try put([1, 2, 3], to: street.own + "/not-ours")
        street.origin.say("/page", "Cache-Control: max-age=600", body: "new")
        try street.restart()
        #expect(try street.get("/page").bodyText == "new")
        #expect(try street.get("/whole").bodyText == "whole")
        #expect(street.origin.asked("/whole") == 1)
        #expect(eventually { street.files.count == 3 && street.files.contains("not-ours") })
        #expect(street.disk { $0.broken == 1 }.broken == 1)
        // It is a file like any other again.
        #expect(eventually { contents(of: file).map { $0 != bytes && $0.count > 100 } ?? false })
    }

    private func put(_ bytes: some Sequence<UInt8>, to path: String) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(file >= 0)
        let bytes = Array(bytes)
        #expect(write(file, bytes, bytes.count) == bytes.count)
        close(file)
    }

    @Test func `is done without where it cannot be made, and said so`() throws {
        let street = try DiskStreet { $0.cacheFolder?.path += "/not/there" }
        street.origin.say("/page", "Cache-Control: max-age=600")
        for _ in 0..<2 { #expect(try street.get("/page").status == 200) }
        #expect(street.origin.requests.count == 1)
        #expect(street.disk { $0.failed > 0 }.open == 0)
        #expect(eventually { street.lane.lines.contains { $0.contains("/not/there cannot be made") } })
        // A reload names another one.
        var next = street.lane.snapshot
        next.generation += 1
        next.cacheFolder?.path = street.folder.path("cache")
        try street.lane.reload(next)
        #expect(street.disk { $0.open == 1 }.open == 1)
        // With what was kept before there was one.
        #expect(street.settle(1))
        next.generation += 1
        next.cacheFolder = nil
        try street.lane.reload(next)
        #expect(street.disk { $0.configured == 0 && $0.open == 0 }.files == 0)
        #expect(try street.get("/page")["age"] != nil)
        // What is changed from now on could not be given up there.
        #expect(street.settle(0))
    }

    @Test func `is not used where others may write it, nor a link in its place`() throws {
        let street = try DiskStreet()
        street.end()
        try FileManager.default.removeItem(atPath: street.own)
        #expect(symlink(street.folder.path, street.own) == 0)
        try street.restart()
        #expect(street.disk { $0.failed > 0 }.open == 0)
        #expect(try street.get("/fixed/1").status == 200)
        street.end()
        unlink(street.own)
        // One that is open to others is closed first.
        #expect(mkdir(street.own, 0o755) == 0 && chmod(street.own, 0o755) == 0)
        try street.restart()
        #expect(street.disk { $0.open == 1 }.open == 1)
        var status = stat()
        #expect(stat(street.own, &status) == 0 && status.st_mode & 0o777 == 0o700)
    }

    @Test func `may be removed under the lane's hands`() throws {
        let street = try DiskStreet()
        #expect(street.disk { $0.open == 1 }.open == 1)
        try FileManager.default.removeItem(atPath: street.folder.path("cache"))
        street.origin.say("/page", "Cache-Control: max-age=600")
        for _ in 0..<3 { #expect(try street.get("/page").status == 200) }
        #expect(street.disk { $0.failed > 0 }.failed > 0)
        // It is made anew after a while, with what memory holds.
        #expect(street.settle(1))
    }

    @Test(.needsRoot, .needs(tool: "mount"), .enabled(if: DiskTroubleTests.mayMount, "needs to be allowed to mount"))
    func `may be full, or not to be written`() throws {
        let street = try DiskStreet { $0.cacheFolder = nil }
        let place = street.folder.path("cache")
        #expect(mkdir(place, 0o700) == 0)
        try Tool.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", place])
        defer { _ = try? Tool.run(["umount", "-l", place]) }
        try street.restart { $0.cacheFolder = .init(path: place, size: 64 << 20, lane: "lane") }
        for index in 0..<30 {
            street.origin.say("/\(index)/", "Cache-Control: max-age=600", body: String(repeating: "x", count: 30_000))
            #expect(try street.get("/\(index)/").status == 200)
        }
        #expect(street.disk { $0.failed > 0 }.failed > 0)
        #expect(eventually { street.lane.lines.contains { $0.contains("cannot be written: No space") } })
        for index in 0..<30 { #expect(try street.get("/\(index)/")["age"] != nil) }
        #expect(!street.files.contains { $0.hasSuffix(".new") })
        street.end()
        try Tool.run(["mount", "-o", "remount,ro", place])
        try street.restart()
        #expect(street.disk { $0.failed > 0 }.open == 0)
        #expect(try street.get("/0/").status == 200)
    }

    // MARK: - Several lanes

    @Test func `is one lane's at a time, and goes to the one that follows with nothing that was given up`() throws {
        let street = try DiskStreet()
        for path in ["/page", "/changed", "/late"] { street.origin.say(path, "Cache-Control: max-age=600") }
        for path in ["/page", "/changed"] { _ = try street.get(path) }
        #expect(street.settle(2))
        let next = try street.second()
        #expect(street.disk(of: next) { $0.configured == 1 }.open == 0)
        // Both serve: what one changes is not brought back by the other, which has it in memory and may write it again.
        #expect(try street.post("/changed", to: next) == 200)
        _ = try street.get("/late")
        try street.drain()
        #expect(street.disk(of: next) { $0.open == 1 }.open == 1)
        #expect(street.settle(2))
        let before = street.origin.requests.count
        #expect(try street.get("/page", from: next)["age"] != nil)
        #expect(try street.get("/late", from: next)["age"] != nil)
        #expect(street.origin.requests.count == before)
        #expect(try street.get("/changed", from: next)["age"] == nil)
    }

    @Test func `is several lanes' with a folder for each`() throws {
        let street = try DiskStreet()
        var other = street.snapshot
        other.cacheFolder?.lane = "tweede"
        let second = try RunningLane(other)
        street.origin.say("/page")
        _ = try street.get("/page")
        _ = try street.get("/page", from: second)
        #expect(street.disk { $0.files == 1 }.files == 1)
        #expect(street.disk(of: second) { $0.files == 1 }.files == 1)
        #expect(FileManager.default.fileExists(atPath: street.folder.path("cache/lane-tweede/lock")))
    }
}

enum DiskTroubleTests {
    /// Root alone is not enough in a container.
    static let mayMount: Bool = {
        guard geteuid() == 0, let folder = try? TemporaryFolder(),
            (try? Tool.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder.path])) != nil
        else { return false }
        return (try? Tool.run(["umount", "-l", folder.path])) != nil
    }()
}
