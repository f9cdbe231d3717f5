import Addresses
import FoundationEssentials
import Glibc
import Messages
import Synchronization
import TestKit
import Testing

private let host = "straat.example.nl"
private let html = "text/html; charset=utf-8"

private func wall() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
}

/// A file whose text holds "~d", "~e" and "~s" where the age goes.
private func file(_ path: String, _ text: String, type: String = html) -> Pages.File {
    var file = Pages.File(path: path, contentType: type, body: [])
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        guard byte == UInt8(ascii: "~"), let form = rest.popFirst() else {
            file.body.append(byte)
            continue
        }
        file.ages.append(
            Pages.AgeMark(
                offset: UInt32(file.body.count),
                form: form == UInt8(ascii: "d") ? .dutch : form == UInt8(ascii: "e") ? .english : .seconds))
    }
    return file
}

private func pages(_ files: Pages.File..., ago: UInt64 = 0) -> Pages { Pages(made: wall() - ago, files: files) }

/// A lane with a host of public pages, and pages in force.
private func makeStreet(
    _ first: Pages?, workers: Int = 1, certificates: Street.Certificates? = nil,
    _ change: (inout Snapshot) throws -> Void = { _ in }
) throws -> Street {
    let street = try Street(workers: workers, certificates: certificates) {
        $0.pages = Snapshot.PagesHost(hosts: [host])
        try change(&$0)
    }
    if let first {
        try street.lane.publish(first)
        let path = try #require(first.files.first?.path)
        #expect(eventually { (try? get(street, path).status) == 200 })
    }
    return street
}

private func get(_ street: Street, _ path: String, _ fields: String...) throws -> HTTPMessage {
    var client = try street.visitor()
    return try client.get(path, host: host, fields: fields)
}

@Suite struct `The public pages` {
    @Test func `are served with their age, and nothing else is said`() throws {
        let street = try makeStreet(
            pages(file("/", "<p>~d oud, ~e old, ~s</p>"), file("/atom.xml", "<a/>", type: "application/atom+xml")))
        let page = try get(street, "/?wat=dan")
        #expect(page.status == 200)
        #expect(page.bodyText.contains("seconden oud, ") || page.bodyText.contains("1 seconde oud, "))
        #expect(page.bodyText.hasSuffix("</p>"))
        #expect(page["content-length"] == "\(page.body.count)")
        #expect(page["content-type"] == html)
        #expect(page["cache-control"] == "max-age=5")
        #expect(page["x-content-type-options"] == "nosniff")
        #expect(page["referrer-policy"] == "no-referrer")
        #expect(
            page["content-security-policy"]
                == "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
                + "frame-ancestors 'none'")
        #expect(page["date"]?.hasSuffix(" GMT") == true)
        #expect(page["strict-transport-security"] == nil)
        #expect(page["set-cookie"] == nil)
        #expect(page["connection"] == nil)
        let feed = try get(street, "/atom.xml")
        #expect(feed.bodyText == "<a/>")
        #expect(feed["content-type"] == "application/atom+xml")
        #expect(feed["content-security-policy"] == nil)
        // An address that names the host itself, without a path.
        #expect(try street.ask(request("GET http://\(host) HTTP/1.1", "Host: \(host)")).status == 200)
        #expect(street.origin.requests.isEmpty)
    }

    @Test(arguments: [
        (61_000, "1 minuut, 1 minute"), (135_000, "2 minuten, 2 minutes"), (3_600_000, "1 uur, 1 hour"),
        (7_300_000, "2 uur, 2 hours"), (90_000_000, "1 dag, 1 day"), (200_000_000, "2 dagen, 2 days"),
    ])
    func `tell their age in words`(ago: UInt64, words: String) throws {
        #expect(try get(makeStreet(pages(file("/", "~d, ~e"), ago: ago)), "/").bodyText == words)
    }

    @Test func `tell one second from two, and are not younger than nothing`() throws {
        let street = try makeStreet(pages(file("/", "~d, ~e")))
        func settles(_ ago: Int64, _ words: String) -> Bool {
            eventually {
                let made = UInt64(Int64(wall()) - ago)
                guard (try? street.lane.publish(Pages(made: made, files: [file("/", "~d, ~e")]))) != nil else {
                    return false
                }
                pauseThread(50)
                return (try? get(street, "/").bodyText) == words
            }
        }
        #expect(settles(1000, "1 seconde, 1 second"))
        #expect(settles(2000, "2 seconden, 2 seconds"))
        #expect(settles(-60_000, "0 seconden, 0 seconds"))
    }

    @Test func `answer HEAD as GET, without the content`() throws {
        let street = try makeStreet(pages(file("/", "<p>~d</p>")))
        let whole = try get(street, "/")
        var client = try street.visitor()
        try client.send(request("HEAD / HTTP/1.1", "Host: \(host)"))
        let head = try client.readResponse(to: "HEAD")
        #expect(head.status == 200)
        #expect(head["content-length"] == whole["content-length"])
        #expect(try client.get("/", host: host).status == 200)
    }

    @Test func `know what they do not have: 404`() throws {
        let street = try makeStreet(pages(file("/", "x"), file("/en/waterdam/", "y")))
        for path in ["/en", "/en/waterdam", "/en/waterdam/x", "//", "/../"] {
            #expect(try get(street, path).status == 404)
        }
        let page = try get(street, "/weg", "Accept: text/html", "Accept-Language: nl")
        #expect(page.bodyText.contains("Deze pagina is er niet"))
        #expect(page["content-security-policy"]?.contains("frame-ancestors 'none'") == true)
        #expect(try get(street, "/weg", "Accept: text/html", "Accept-Language: en").bodyText.contains("does not exist"))
        #expect(try get(street, "/weg").bodyText == "404 Not Found\n")
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "OPTIONS", "PROPFIND"])
    func `can only be read: 405`(method: String) throws {
        let street = try makeStreet(pages(file("/", "x")))
        let response = try street.ask(request("\(method) / HTTP/1.1", "Host: \(host)"))
        #expect(response.status == 405)
        #expect(response["allow"] == "GET, HEAD")
        let text = try street.exchange(
            request("\(method) / HTTP/1.1", "Host: \(host)", "Content-Length: 4", body: "GET "))
        #expect(text.hasPrefix("HTTP/1.1 405 "))
        #expect(text.contains("Connection: close\r\n"))
    }

    @Test func `say so as long as there are none: 503`() throws {
        let street = try makeStreet(nil)
        let response = try get(street, "/", "Accept: text/html", "Accept-Language: nl")
        #expect(response.status == 503)
        #expect(response["retry-after"] == "5")
        #expect(response["cache-control"] == "no-store")
        #expect(response.bodyText.contains("Deze pagina is er zo"))
        try street.lane.publish(pages(file("/", "x")))
        #expect(eventually { (try? get(street, "/").status) == 200 })
    }

    @Test func `answer twenty requests sent at once, in order`() throws {
        let files = (0..<20).map { file("/\($0)", String(repeating: "\($0) ~d ", count: 8) + "\($0)") }
        let street = try makeStreet(Pages(made: wall(), files: files))
        var client = try street.visitor()
        try client.send((0..<20).map { request("GET /\($0) HTTP/1.1", "Host: \(host)") }.joined())
        for number in 0..<20 {
            let response = try client.readResponse()
            #expect(response.status == 200)
            #expect(response.bodyText.hasPrefix("\(number) "))
            #expect(response.bodyText.hasSuffix(" \(number)"))
        }
    }

    @Test func `keep a connection of HTTP 1.0 only where asked to`() throws {
        let street = try makeStreet(pages(file("/", "x")))
        let closed = try street.exchange(request("GET / HTTP/1.0", "Host: \(host)"))
        #expect(closed.contains("Connection: close\r\n"))
        var client = try street.visitor()
        try client.send(request("GET / HTTP/1.0", "Host: \(host)", "Connection: keep-alive"))
        #expect(try client.readResponse()["connection"] == "keep-alive")
        #expect(try client.get("/", host: host).status == 200)
    }

    @Test func `answer, ever older, when the office is gone`() throws {
        let street = try makeStreet(pages(file("/", "~s")), workers: 2)
        street.lane.closeOffice()
        var kept = try street.visitor()
        let first = try #require(Int(kept.get("/", host: host).bodyText))
        pauseThread(2100)
        let second = try #require(Int(kept.get("/", host: host).bodyText))
        #expect((first + 2...first + 4).contains(second))
        #expect(try get(street, "/").status == 200)
    }

    @Test func `stay over a reload, and go with their host`() throws {
        let street = try makeStreet(pages(file("/", "x")))
        var kept = try street.visitor()
        #expect(try kept.get("/", host: host).status == 200)
        var next = street.lane.snapshot
        next.generation = 2
        next.pages?.hosts.append("ook.example.nl")
        try street.lane.reload(next)
        #expect(try kept.get("/", host: "ook.example.nl").status == 200)
        next.generation = 3
        next.pages = nil
        try street.lane.reload(next)
        #expect(try kept.get("/", host: host).status == 421)
    }

    @Test func `are counted, and leave no line in the access log`() throws {
        let street = try makeStreet(pages(file("/", "x")))
        let before = street.lane.status { $0.connections.pages > 0 }.connections.pages
        _ = try get(street, "/")
        _ = try get(street, "/weg")
        _ = try street.ask(request("POST / HTTP/1.1", "Host: \(host)"))
        #expect(try street.get("/fixed/1").status == 200)
        #expect(street.lane.status { $0.connections.pages == before + 3 }.connections.pages == before + 3)
        let lines = try street.lane.accessLines(1)
        #expect(lines.count == 1)
        #expect(lines.first?.contains("/fixed/1") == true)
        #expect(eventually { street.lane.traffic["www"] != nil })
        #expect(street.lane.traffic.count == 1)
    }
}

@Suite struct `Pages that change, and visitors who take their time` {
    @Test func `are of one moment each, and no connection is lost`() throws {
        func version(_ number: Int) -> Pages {
            let letter = String(UnicodeScalar(UInt8(97 + number % 26)))
            return pages(file("/", "~d|" + String(repeating: letter, count: 30_000) + "|~d"))
        }
        let street = try makeStreet(version(0), workers: 2)
        let isDone = Mutex(false)
        let counts = Mutex((whole: 0, seen: Set<UInt8>(), broken: 0))
        let threads = try (0..<4).map { _ in
            try TestThread {
                guard var client = try? street.visitor() else { return counts.withLock { $0.broken += 1 } }
                while !isDone.withLock({ $0 }) {
                    guard let page = try? client.get("/", host: host) else { return counts.withLock { $0.broken += 1 } }
                    let letters = Set(page.body.drop { $0 != UInt8(ascii: "|") }.dropFirst().prefix(30_000))
                    counts.withLock {
                        if letters.count == 1, page.bodyText.split(separator: "|").count == 3 {
                            $0.whole += 1
                        } else {
                            $0.broken += 1
                        }
                        $0.seen.formUnion(letters)
                    }
                }
            }
        }
        var next = street.lane.snapshot
        for number in 1...40 {
            try street.lane.publish(version(number))
            if number % 10 == 0 {
                next.generation += 1
                try street.lane.reload(next)
            }
            pauseThread(20)
        }
        isDone.withLock { $0 = true }
        for thread in threads { thread.join() }
        let (whole, seen, broken) = counts.withLock { $0 }
        #expect(broken == 0)
        #expect(whole > 100)
        #expect(seen.count > 10)
    }

    /// Resident memory of the lane, in KiB.
    private func memory(_ street: Street) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(street.lane.child.process)/status", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("VmRSS:") })
        return try #require(Int(line.split(separator: " ").dropFirst().first ?? ""))
    }

    private static let large = 4_000_000

    @Test func `do not cost more memory each`() throws {
        let street = try makeStreet(pages(file("/", String(repeating: "x", count: Self.large) + "~d")))
        let before = try memory(street)
        let clients = try (0..<40).map { _ in
            let client = try street.visitor()
            try client.send(request("GET / HTTP/1.1", "Host: \(host)"))
            return client
        }
        #expect(street.lane.status { $0.connections.open >= 40 }.connections.open >= 40)
        pauseThread(300)
        let after = try memory(street)
        #expect(after - before < 4000, "from \(before) to \(after) KiB")
        // Who begins to read after others came gets the page of that moment, whole.
        try street.lane.publish(pages(file("/", "new")))
        #expect(eventually { (try? get(street, "/").bodyText) == "new" })
        var first = clients[0]
        let page = try first.readResponse()
        #expect(page.body.count == Int(page["content-length"] ?? ""))
        #expect(page.body.prefix(Self.large).allSatisfy { $0 == UInt8(ascii: "x") })
        #expect(String(decoding: page.body.dropFirst(Self.large), as: UTF8.self).contains("second"))
        #expect(try first.get("/", host: host).bodyText == "new")
    }

    @Test func `are cut off when they take nothing, and only then`() throws {
        let street = try makeStreet(pages(file("/", String(repeating: "x", count: Self.large)))) {
            $0.limits.progressTime = 1000
        }
        let deaf = try street.visitor()
        try deaf.send(request("GET / HTTP/1.1", "Host: \(host)"))
        let slow = try street.visitor()
        try slow.send(request("GET / HTTP/1.1", "Host: \(host)"))
        var taken = 0
        for _ in 0..<40 {
            taken += try slow.socket.receive(atMost: 50_000).count
            pauseThread(100)
        }
        #expect(street.lane.status { $0.connections.timedOut == 1 }.connections.timedOut == 1)
        var rest: [UInt8] = []
        repeat {
            rest = try slow.socket.receive(atMost: 1 << 20)
            taken += rest.count
        } while taken < Self.large
        #expect(taken > Self.large)
    }
}

@Suite(.needs(tool: "openssl")) struct `The public pages over TLS` {
    static let certificates = Result { try Street.Certificates() }
    static let own = Result { try certificates.get().authority.certificate(for: [host]) }

    private func street(_ first: Pages) throws -> Street {
        let own = try Self.own.get()
        let street = try makeStreet(nil, certificates: try Self.certificates.get()) {
            $0.pages?.certificateChain = own.chain
            $0.pages?.privateKey = own.key
        }
        try street.lane.publish(first)
        #expect(
            eventually {
                (try? street.ask(request("GET / HTTP/1.1", "Host: \(host)"), at: street.both).status) == 200
            })
        return street
    }

    private func connect(_ street: Street, name: String = host, _ text: String) throws -> String {
        try Tool.run(
            [
                "openssl", "s_client", "-quiet", "-connect", "\(street.tls)", "-servername", name, "-CAfile",
                Self.certificates.get().authority.path, "-verify_return_error", "-verify_hostname", name,
            ], input: Array(text.utf8))
    }

    @Test func `are shown under their own certificate, and stay there`() throws {
        let street = try street(pages(file("/", "<p>~d oud</p>")))
        let page = try connect(
            street,
            request("HEAD / HTTP/1.1", "Host: \(host)")
                + request("GET / HTTP/1.1", "Host: \(host)", "Connection: close"))
        #expect(page.contains("Strict-Transport-Security: max-age="))
        #expect(page.split(separator: "HTTP/1.1 200 OK").count >= 2)
        #expect(page.contains(" oud</p>"))
        // Another name under this certificate, and this name under another one.
        #expect(
            try connect(street, request("GET / HTTP/1.1", "Host: veilig.example.nl", "Connection: close"))
                .contains("HTTP/1.1 421 "))
        #expect(
            try connect(
                street, name: "veilig.example.nl", request("GET / HTTP/1.1", "Host: \(host)", "Connection: close")
            )
            .contains("HTTP/1.1 421 "))
    }

    @Test func `are carried whole when they are large`() throws {
        let text = (0..<300_000).map { "\($0 % 1000) " }.joined()
        let street = try street(pages(file("/", text + "~d"), file("/ander", "x")))
        let answer = try connect(street, request("GET / HTTP/1.1", "Host: \(host)", "Connection: close"))
        #expect(answer.contains("\r\n\r\n" + text))
    }

    @Test func `are where a visitor in clear is sent: 308`() throws {
        let street = try street(pages(file("/", "x")))
        let response = try street.ask(request("GET /en/?q=1 HTTP/1.1", "Host: \(host)"))
        #expect(response.status == 308)
        #expect(response["location"] == "https://\(host):\(street.tls.port)/en/?q=1")
        let clear = try street.ask(request("GET / HTTP/1.1", "Host: \(host)"), at: street.both)
        #expect(clear.status == 200)
        #expect(clear["strict-transport-security"] == nil)
        #expect(try street.lane.folder.read("access.log").isEmpty)
    }
}
