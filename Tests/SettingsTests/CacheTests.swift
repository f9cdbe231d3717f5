import Messages
import Settings
import Testing

/// What a site says of its cache.
struct CacheTests {
    private func text(_ keys: String) -> String {
        "organisations: [{name: a, sites: [{host: a.example, origin: http://192.0.2.1\(keys)}]}]"
    }

    private func files(_ page: FileContents?) -> MemoryFiles {
        var files = MemoryFiles()
        files.contents["/etc/wasstraat/weg.html"] = page
        return files
    }

    private func cache(_ keys: String, page: String? = nil) throws(Complaints) -> Snapshot.Caching {
        let files = files(page.map { FileContents(Array($0.utf8)) })
        return try Settings.parse(text: text(keys), files: files)
            .compile(generation: 1, secrets: .init(), files: files).lanes[0].snapshot.sites[0].cache
    }

    private func complaint(_ keys: String, page: FileContents? = nil) -> String {
        do throws(Complaints) {
            _ = try Settings.parse(text: text(keys), files: files(page))
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test func `is on for a day of hard times where nothing is said`() throws {
        #expect(try cache("") == Snapshot.Caching())
        #expect(Snapshot.Caching().mode == .on && Snapshot.Caching().stale == 86_400)
    }

    @Test func `is carried over`() throws {
        let cache = try cache(", cache: hard-times, stale: 90 min, fallback: weg.html", page: "<p>Weg</p>")
        #expect(cache.mode == .hardTimes && cache.stale == 5400 && cache.fallback == Array("<p>Weg</p>".utf8))
        #expect(try self.cache(", cache: off, stale: 0").stale == 0)
        #expect(try self.cache(", cache: off").mode == .off)
    }

    @Test func `is refused where it cannot be`() {
        #expect(complaint(", cache: maybe").contains("expected on, off or hard-times"))
        #expect(complaint(", stale: 31 days").contains("30 days"))
        #expect(complaint(", fallback: weg.html").contains("does not exist"))
        #expect(complaint(", fallback: weg.html", page: FileContents([])).contains("is empty"))
        let long = FileContents(Array(repeating: 65, count: Snapshot.Caching.fallbackLimit + 1))
        #expect(complaint(", fallback: weg.html", page: long).contains("is longer than 256 KiB"))
    }
}
