import Addresses
import Detection
import Fingerprints
import Messages
import Sketches
import TestKit
import Testing

/// What the lane tells its office of who asked for what.
@Suite struct `The traffic report` {
    private func total(_ counts: some Sequence<UInt64>) -> UInt64 { counts.reduce(0, +) }

    /// The site's traffic once it holds so many requests.
    private func traffic(_ street: Street, site: String = "www", requests: UInt64) throws -> Traffic {
        _ = eventually { total(street.lane.traffic[site]?.networks.values.map(\.self) ?? []) >= requests }
        return try #require(street.lane.traffic[site])
    }

    @Test func `counts sources, networks and routes, over all workers`() throws {
        let street = try Street(workers: 2)
        for network in 1...5 as ClosedRange<UInt32> {
            for host in 1...4 as ClosedRange<UInt32> {
                var client = try street.visitor(from: Address(ipv4: 0x7f00_0000 | network << 8 | host))
                for number in 0..<3 { _ = try client.get("/fixed/\(number)", host: Street.host) }
                try client.send(request("HEAD /zoek?q=geheim\(host) HTTP/1.1", "Host: www.example.nl"))
                _ = try client.readResponse(to: "HEAD")
            }
        }
        let traffic = try traffic(street, requests: 80)
        #expect(
            traffic.networks
                == Dictionary(uniqueKeysWithValues: (1...5).map { ("127.0.\($0).0/24", 16) }))
        #expect(
            traffic.shapes == [
                RequestShape(method: "GET", route: "/fixed/0", ja4: ""): 60,
                RequestShape(method: "HEAD", route: "/zoek?q", ja4: ""): 20,
            ])
        #expect((19...21).contains(traffic.sources.count))
        #expect(street.lane.traffic.keys.map(\.self) == ["www"])
    }

    @Test func `counts what is refused too`() throws {
        let street = try Street { $0.sites[0].sourceLimit = Snapshot.SourceLimit(rate: 1, burst: 1) }
        var client = try street.visitor()
        var refused = 0
        for _ in 0..<40 where try client.get("/fixed/1", host: Street.host).status == 429 { refused += 1 }
        #expect(refused > 30)
        let traffic = try traffic(street, requests: 40)
        #expect(traffic.shapes == [RequestShape(method: "GET", route: "/fixed/0", ja4: ""): 40])
        #expect(traffic.networks == ["127.0.0.0/24": 40])
    }

    @Test func `counts in observe mode too`() throws {
        let street = try Street { $0.sites[0].mode = .observe }
        var client = try street.visitor()
        for _ in 0..<10 { _ = try client.get("/fixed/1", host: Street.host) }
        #expect(try traffic(street, requests: 10).networks == ["127.0.0.0/24": 10])
    }

    @Test func `tells unusual methods apart`() throws {
        let street = try Street()
        for method in ["PROPFIND", "REPORT", "REPORT"] {
            _ = try street.ask(request("\(method) /fixed/1 HTTP/1.1", "Host: www.example.nl"))
        }
        let shapes = try traffic(street, requests: 3).shapes
        #expect(
            shapes == [
                RequestShape(method: "PROPFIND", route: "/fixed/0", ja4: ""): 1,
                RequestShape(method: "REPORT", route: "/fixed/0", ja4: ""): 2,
            ])
    }

    @Test func `holds no value of a query, and stays small, whatever is asked`() throws {
        let street = try Street { $0.sites[0].sourceLimit = Snapshot.SourceLimit(rate: 1, burst: 1) }
        var client = try street.visitor()
        for number in 0..<600 {
            let name = String(repeating: "n", count: 1 + number % 90)
            let query = "\(name)x\(number % 7)=geheim\(number)&geheim\(number)&terug=/a?geheim=geheim"
            _ = try client.get("/p\(name)/geheel/\(number)?\(query)", host: Street.host)
        }
        _ = try client.get("/fixed/1", host: Street.host)
        _ = eventually { street.lane.traffic["www"]?.shapes.keys.contains { $0.route == "/fixed/0" } ?? false }
        let traffic = try #require(street.lane.traffic["www"])
        #expect(traffic.shapes.count > 10)
        #expect(traffic.shapes.count <= 2 * Traffic.limit)
        #expect(total(traffic.shapes.values) <= 601)
        for shape in traffic.shapes.keys {
            #expect(!shape.route.contains("geheim"))
            #expect(shape.route.utf8.count <= RequestShape.routeLimit)
            #expect(shape.route.utf8.allSatisfy { $0 > 32 && $0 < 127 })
        }
    }

    @Test func `comes every second, and leaves out who was not asked`() throws {
        let street = try Street()
        #expect(try street.get("/fixed/1").status == 200)
        #expect(eventually { street.lane.traffic["www"] != nil })
        let before = street.lane.reports
        pauseThread(3000)
        #expect((2...4).contains(street.lane.reports - before))
        #expect(street.lane.traffic["www"]?.networks == ["127.0.0.0/24": 1])
    }

    @Test func `goes on after a reload and after the office came back`() throws {
        let street = try Street()
        #expect(try street.get("/fixed/1").status == 200)
        var next = street.lane.snapshot
        next.generation = 2
        next.sites.insert(Street.site("nieuw", ["nieuw.example.nl"], street.origin.endpoint), at: 0)
        try street.lane.reload(next)
        #expect(try street.get("/fixed/1").status == 200)
        #expect(try traffic(street, requests: 2).networks == ["127.0.0.0/24": 2])
        street.lane.closeOffice()
        pauseThread(1200)
        try street.lane.reopenOffice()
        #expect(eventually { street.lane.hellos.count == 2 })
        #expect(try street.get("/fixed/1").status == 200)
        #expect(try traffic(street, requests: 3).networks == ["127.0.0.0/24": 3])
        #expect(street.lane.traffic["nieuw"] == nil)
    }

    @Test(.needs(tool: "openssl")) func `names the program that speaks TLS as the access log does`() throws {
        let certificates = try Street.Certificates()
        let street = try Street(certificates: certificates)
        try Tool.run(
            [
                "openssl", "s_client", "-connect", "\(street.tls)", "-servername", "veilig.example.nl", "-ign_eof",
                "-tls1_3",
            ], input: Array(request("GET /fixed/3 HTTP/1.1", "Host: veilig.example.nl", "Connection: close").utf8))
        let shape = try #require(try traffic(street, site: "veilig", requests: 1).shapes.keys.first)
        #expect(shape.ja4.hasPrefix("t13d"))
        #expect(shape.ja4.count == 36)
        #expect(try street.lane.accessLines(1).first?.contains("\"ja4\":\"\(shape.ja4)\"") == true)
    }

    @Test func `keeps a flood together that speaks HTTP/2 in another way over each connection`() throws {
        let street = try Street()
        for window in 1...60 as ClosedRange<UInt32> {
            var client = try FrameClient(to: street.clear, settings: [(4, 65_535 + window)])
            #expect(try client.get(1, "/fixed/1").status == "200")
        }
        let shapes = try traffic(street, requests: 60).shapes
        // None is lost, and sixteen ways are told apart in a second, not sixty.
        #expect(shapes.values.reduce(0, +) == 60)
        #expect((shapes.first { $0.key.http2.isEmpty }?.value ?? 0) > 0 || shapes.count > 32)
    }

    @Test func `names the program that speaks HTTP/2 as the access log does, and tells two of them apart`() throws {
        let street = try Street()
        var one = try FrameClient(to: street.clear, settings: [(3, 100), (4, 65_535)])
        var other = try FrameClient(to: street.clear, settings: [(4, 65_535), (3, 100)])
        for stream: UInt32 in [1, 3, 5] { #expect(try one.get(stream, "/fixed/1").status == "200") }
        #expect(try other.get(1, "/fixed/2").status == "200")
        #expect(try street.get("/fixed/3").status == 200)
        let shapes = try traffic(street, requests: 5).shapes
        #expect(shapes.count == 3)
        #expect(Set(shapes.keys.map(\.route)) == ["/fixed/0"])
        #expect(shapes.first { $0.key.http2.isEmpty }?.value == 1)
        let numbers = shapes.filter { !$0.key.http2.isEmpty }
        #expect(numbers.values.sorted() == [1, 3])
        #expect(numbers.keys.allSatisfy { $0.http2.utf8.count == 16 && $0.ja4.isEmpty })
        let lines = try street.lane.accessLines(5)
        for (shape, count) in numbers {
            #expect(lines.count { $0.contains("\"h2\":\"\(shape.http2)\"") } == Int(count))
        }
    }
}
