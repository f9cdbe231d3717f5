import FoundationEssentials
import Glibc
import Messages
import TestKit
import Testing

/// What a lane kept outlives it: shown by the next one, and no more than may be.
@Suite struct `The cache on disk` {
    @Test(arguments: ["X: says nothing", "Cache-Control: max-age=1", "Cache-Control: public, max-age=0"])
    func `has pages for a lane that starts while the origin is away`(fields: String) throws {
        let street = try DiskStreet()
        street.origin.say("/page", fields, "Content-Type: text/html", "ETag: \"1\"")
        #expect(try street.get("/page").status == 200)
        #expect(street.settle(1))
        street.end()
        street.origin.stop()
        pauseThread(2100)
        try street.restart()
        // From the first request on.
        for _ in 0..<3 {
            let response = try street.get("/page")
            #expect(response.status == 200 && response.bodyText == "kept")
            #expect(Int(response["age"] ?? "") ?? 0 >= 2)
            #expect(response["cache-status"]?.hasPrefix("\"teststraat\"; hit; ttl=-") == true)
            #expect(response["cache-status"]?.hasSuffix("; detail=stale-in-need") == true)
            #expect(response["content-type"] == "text/html" && response["etag"] == "\"1\"")
        }
        #expect(try street.get("/page", "If-None-Match: \"1\"").status == 304)
        #expect(try street.get("/other").status == 502)
        var client = try FrameClient(to: street.lane.endpoints[0])
        #expect(try client.get(1, "/page").body == Array("kept".utf8))
        #expect(street.disk { $0.loaded == 1 }.loaded == 1)
    }

    @Test func `has pages over HTTP/2 first, and for many at once`() throws {
        let street = try DiskStreet()
        street.origin.say("/page", body: String(repeating: "z", count: 100_000))
        _ = try street.get("/page")
        #expect(street.settle(1))
        street.end()
        street.origin.stop()
        try street.restart()
        var frames = try FrameClient(to: street.lane.endpoints[0])
        let clients = try (0..<20).map { _ in try RawClient(to: street.lane.endpoints[0]) }
        for client in clients { try client.send(request("GET /page HTTP/1.1", "Host: www.example.nl")) }
        #expect(try frames.get(1, "/page").body.count == 100_000)
        for var client in clients { #expect(try client.readResponse().body.count == 100_000) }
        #expect(street.disk { $0.loaded >= 1 }.loaded < 20)
    }

    @Test func `has pages for need where they are kept for that alone`() throws {
        let street = try DiskStreet { $0.sites[0].cache.mode = .hardTimes }
        street.origin.say("/page", "Cache-Control: max-age=60")
        _ = try street.get("/page")
        #expect(street.settle(1))
        street.end()
        street.origin.stop()
        try street.restart()
        #expect(try street.get("/page").bodyText == "kept")
    }

    @Test func `answers without the origin what is fresh, of each variant`() throws {
        let street = try DiskStreet()
        street.origin.say("/page", "Cache-Control: max-age=600", "Vary: Accept-Language", body: "een")
        #expect(try street.get("/page", "Accept-Language: nl").bodyText == "een")
        street.origin.say("/page", "Cache-Control: max-age=600", "Vary: Accept-Language", body: "one")
        #expect(try street.get("/page", "Accept-Language: en").bodyText == "one")
        // The second comes a while after the first: a lane that finishes does not wait for that.
        try street.drain()
        try street.restart()
        #expect(try street.get("/page", "Accept-Language: nl").bodyText == "een")
        #expect(try street.get("/page", "Accept-Language: en").bodyText == "one")
        #expect(street.origin.requests.count == 2)
        street.origin.say("/page", "Cache-Control: max-age=600", "Vary: Accept-Language", body: "eins")
        #expect(try street.get("/page", "Accept-Language: de").bodyText == "eins")
    }

    @Test func `holds more than memory does`() throws {
        let street = try DiskStreet { $0.limits.cacheMemory = 256 << 10 }
        let count = 60
        for index in 0..<count {
            street.origin.say(
                "/\(index)/", "Cache-Control: max-age=0", body: "\(index)" + String(repeating: "x", count: 8000))
        }
        for index in 0..<count {
            #expect(try street.get("/\(index)/").status == 200)
        }
        // What memory has no room for goes there all the same.
        #expect(street.settle(count))
        street.origin.stop()
        // The lane has no need to look for what it was just given, until it sees that there is a need.
        #expect(try street.get("/nowhere").status == 502)
        // Round and round: not one is there without the disk.
        let begun = ContinuousClock.now
        for _ in 0..<2 {
            for index in 0..<count { #expect(try street.get("/\(index)/").bodyText.hasPrefix("\(index)x")) }
        }
        let time = ContinuousClock.now - begun
        print("\(2 * count) pages of 8 kB from disk, each over a connection of its own, in \(time)")
        let status = street.lane.status { $0.disk.loaded >= 60 }
        #expect(status.disk.loaded >= 60)
        #expect(status.sites[0].cache.bytes <= 256 << 10)
    }

    // MARK: - What was given up

    @Test func `does not bring back what was changed`() throws {
        let street = try DiskStreet()
        for path in ["/page", "/other", "/third"] { street.origin.say(path) }
        for path in ["/page", "/other", "/third"] { #expect(try street.get(path).status == 200) }
        #expect(street.settle(3))
        // By who changes it; by the same with a lane that has not read it yet; by the origin's own word.
        #expect(try street.post("/page") == 200)
        #expect(street.settle(2))
        try street.restart()
        #expect(try street.post("/other") == 200)
        street.origin.say("/third", "Cache-Control: private")
        #expect(try street.get("/third").status == 200)
        #expect(street.settle(0))
        street.end()
        street.origin.stop()
        try street.restart()
        for path in ["/page", "/other", "/third"] { #expect(try street.get(path).status == 502) }
    }

    @Test func `holds nothing that memory may not hold, and is open to nobody else`() throws {
        let street = try DiskStreet()
        for (index, fields) in [
            "Cache-Control: no-store", "Cache-Control: private", "Cache-Control: no-cache", "Set-Cookie: a=b",
            "Vary: Cookie",
            "Vary: *",
        ].enumerated() {
            street.origin.say("/private/\(index)", fields, body: "secret")
            _ = try street.get("/private/\(index)")
        }
        street.origin.say("/page", body: "secret")
        for field in ["Cookie: session=1", "Authorization: Basic eDp5", "Private-Token: s"] {
            _ = try street.get("/page", field)
        }
        street.origin.say("/public")
        _ = try street.get("/public")
        #expect(street.settle(1))
        let file = street.own + "/" + street.files[0]
        let text = String(decoding: try #require(contents(of: file)), as: UTF8.self)
        #expect(text.contains("/public") && text.contains("kept") && !text.contains("secret"))
        #expect(mode(file) == 0o600 && mode(street.own) == 0o700 && mode(street.folder.path("cache")) == 0o700)
        #expect(mode(street.own + "/lock") == 0o600)
    }

    private func mode(_ path: String) -> UInt32? {
        var status = stat()
        return stat(path, &status) == 0 ? UInt32(status.st_mode & 0o777) : nil
    }

    @Test func `lets go what a site keeps no more`() throws {
        let street = try DiskStreet {
            $0.sites.append(Street.site("other", ["other.example.nl"], $0.sites[0].origins[0].endpoint))
        }
        street.origin.say("/page")
        _ = try street.get("/page")
        var client = try RawClient(to: street.lane.endpoints[0])
        _ = try client.get("/page", host: "other.example.nl")
        #expect(street.settle(2))
        var next = street.lane.snapshot
        next.generation += 1
        next.sites[0].cache.mode = .off
        try street.lane.reload(next)
        #expect(street.settle(1))
        // A site that is gone, as a lane that starts finds it.
        try street.restart { $0.sites.removeLast() }
        #expect(street.settle(0))
    }

    // MARK: - Room

    @Test func `stays within its size`() throws {
        let street = try DiskStreet(size: 1 << 20)
        var client = try RawClient(to: street.lane.endpoints[0])
        for index in 0..<100 {
            street.origin.say("/item/\(index)", body: String(repeating: "x", count: 30_000))
            #expect(try client.get("/item/\(index)", host: Street.host).status == 200)
        }
        #expect(street.disk { $0.written == 100 && $0.bytes <= 1 << 20 }.evicted >= 60)
        let sizes = street.files.map { contents(of: street.own + "/" + $0)?.count ?? 0 }
        #expect(sizes.reduce(0, +) <= 1 << 20 && sizes.count > 20)
        // Also where it was larger before.
        try street.restart { $0.cacheFolder?.size = 200 << 10 }
        #expect(street.disk { $0.open == 1 && $0.bytes <= 200 << 10 }.bytes <= 200 << 10)
        #expect(eventually { (1...6).contains(street.files.count) })
    }
}
