import Addresses
import Glibc
import TestKit
import Testing

/// Pages that lanes keep on disk, from the configuration file to the visitor.
@Suite(.serialized) struct DiskCacheTests {
    static let host = "www.example.nl"

    @Test func `pages outlive lanes that are replaced or killed, and show while the origin is away`() throws {
        let origin = try LoopbackOrigin()
        defer { origin.stop() }
        for path in ["/page", "/changed"] {
            origin.answer(
                path, with: [.text("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Type: text/html\r\n\r\nkept")])
        }
        let wasstraat = try RunningWasstraat(at: Address(ipv4: 127 << 24 | 79 << 8 | 1))
        let folder = wasstraat.folder.path("cache")
        try wasstraat.configure(
            [RunningWasstraat.Site(host: Self.host, origin: origin.endpoint)],
            extra: "disk_cache: {folder: \(folder), size: 16 MiB}")
        let office = try wasstraat.start()
        #expect(eventually { figure("up", wasstraat) == "1" })
        for path in ["/page", "/changed"] { #expect(try get(path, wasstraat).status == 200) }
        #expect(eventually { figure("files", wasstraat) == "2" })

        // Another lane takes its place, and the folder; then what is changed at that one is gone for good.
        let first = try #require(wasstraat.lane)
        office.signal(SIGUSR2)
        #expect(eventually { wasstraat.lane.map { $0 != first } ?? false })
        #expect(eventually { figure("up", wasstraat) == "1" && figure("files", wasstraat) == "2" })
        var client = try RawClient(to: wasstraat.clear)
        try client.send("POST /changed HTTP/1.1\r\nHost: \(Self.host)\r\nContent-Length: 0\r\n\r\n")
        #expect(try client.readResponse(to: "POST").status == 200)
        #expect(eventually { figure("files", wasstraat) == "1" })

        let second = try #require(wasstraat.lane)
        origin.stop()
        kill(second, SIGKILL)
        #expect(eventually { wasstraat.lane.map { $0 != second && wasstraat.isRunning($0) } ?? false })
        pauseThread(1_000)
        let page = try get("/page", wasstraat)
        #expect(page.status == 200 && page.bodyText == "kept")
        #expect(Int(page["age"] ?? "") ?? 0 >= 1)
        #expect(page["cache-status"]?.hasSuffix("; detail=stale-in-need") == true)
        #expect(try get("/changed", wasstraat).status == 502)
        #expect(eventually { figure("total", wasstraat, ",outcome=\"loaded\"") == "1" })
        #expect(wasstraat.crashes == [])
        office.signal(SIGTERM)
        _ = office.wait()
    }

    private func get(_ path: String, _ wasstraat: RunningWasstraat) throws -> HTTPMessage {
        var client = try RawClient(to: wasstraat.clear)
        return try client.get(path, host: Self.host)
    }

    /// A figure of the only lane's folder, as the monitoring system gets it.
    private func figure(_ name: String, _ wasstraat: RunningWasstraat, _ label: String = "") -> String? {
        guard var client = try? RawClient(to: wasstraat.metrics),
            let text = try? client.get("/metrics", host: "localhost").bodyText
        else { return nil }
        let start = "wasstraat_disk_cache_\(name){lane=\"lane\"\(label)} "
        return text.split(separator: "\n").first { $0.hasPrefix(start) }.map { String($0.dropFirst(start.count)) }
    }
}
