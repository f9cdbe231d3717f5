import Addresses
import CLinux
import Glibc
import Mitigations
import TestKit
import Testing

/// Orders by hand, as an operator gives them: over the command line and over the admin socket of a running office.
@Suite(.serialized) struct AccessOfficeTests {
    /// What the fake lane was told, oldest first.
    private static func told(_ office: RunningOffice, _ kind: String) -> [String] {
        office.read("\(office.state)/access.log").split(separator: "\n").map(String.init).filter {
            $0.hasPrefix("lane \(kind) ")
        }
    }

    private static func command(_ office: RunningOffice, _ words: String) -> (output: String, code: Int32) {
        RunningOffice.shell("\(RunningOffice.programs)/wasstraat \(words) --state \(office.state)")
    }

    private static func record(_ office: RunningOffice) -> String {
        ["register.db", "register.db-wal"].map { office.read("\(office.state)/\($0)") }.joined()
    }

    @Test func `an order holds at once without a reload, outlives the office, and is taken back in one step`()
        async throws
    {
        let office = RunningOffice()
        let first = try await office.startServing()
        let generation = try office.visit().generation
        let said = Self.command(
            office, "access deny 192.0.2.7 2001:db8::/48 --site www.example.nl --for 10m --reason 'scanner, ticket 7'")
        #expect(
            said.code == 0 && said.output.contains("order 1: deny 192.0.2.7/32 at www.example.nl until "), "\(said)")
        #expect(said.output.contains("order 2: deny 2001:db8::/48"))
        try await office.wait("the lane's list") {
            Self.told(office, "access").last?.contains("deny 2001:db8::/48 www.example.nl") == true
        }
        #expect(try office.visit().generation == generation)
        var status = stat()
        for file in ["access.book", "admin.sock"] {
            #expect(stat("\(office.state)/\(file)", &status) == 0 && status.st_mode & 0o777 == 0o600, "\(file)")
        }
        let listed = Self.command(office, "access list")
        #expect(listed.code == 0 && listed.output.split(separator: "\n").count == 2)
        #expect(listed.output.contains("(uid \(getuid()))") && listed.output.contains(": scanner, ticket 7"))

        try await office.wait("the order on record") { Self.record(office).contains("access.deny") }
        // The office dies; the lane goes on, and the next office knows.
        kill(first, SIGKILL)
        _ = try await office.exitCode(of: first)
        let count = Self.told(office, "access").count
        _ = try office.start()
        try await office.wait("the list again") { Self.told(office, "access").count > count }
        #expect(Self.told(office, "access").last?.contains("deny 192.0.2.7/32 www.example.nl") == true)
        #expect(Self.command(office, "access list").output == listed.output)

        #expect(Self.command(office, "access expire 1").code == 0)
        try await office.wait("the shorter list") {
            Self.told(office, "access").last?.contains("192.0.2.7") == false
        }
        let again = Self.command(office, "access expire 1")
        #expect(again.code == 1 && again.output.contains("there is no order of that number"))
        #expect(Self.command(office, "access list").output.split(separator: "\n").count == 1)
        // Who did what, without the address.
        try await office.wait("the audit") { Self.record(office).contains("access.expire") }
        let record = Self.record(office)
        #expect(record.contains("access.deny") && record.contains("scanner, ticket 7"))
        #expect(!record.contains("192.0.2.7") && !office.log.contains("192.0.2.7"))
    }

    @Test func `an order ends by itself, and nothing of it stays on disk`() async throws {
        let office = RunningOffice()
        _ = try await office.startServing()
        #expect(Self.command(office, "access allow 198.51.100.9 --for 3s --reason 'monitor'").code == 0)
        #expect(office.read("\(office.state)/access.book").contains("monitor"))
        try await office.wait("its end") { Self.told(office, "access").last == "lane access []" }
        try await office.wait("the file without it") { !office.read("\(office.state)/access.book").contains("monitor") }
        #expect(Self.command(office, "access list").output == "no orders\n")
        try await office.wait("the audit of its end") { Self.record(office).contains("access.ended") }
    }

    @Test func `a mode by hand holds for its time, over a reload, and gives way`() async throws {
        let office = RunningOffice()
        let process = try await office.startServing()
        let said = Self.command(office, "mode www.example.nl observe --for 10m --reason 'false alarm'")
        #expect(said.code == 0 && said.output.hasPrefix("order 1: observe at www.example.nl"), "\(said)")
        try await office.wait("observe") { Self.told(office, "takes").last?.contains("observe") == true }
        kill(process, SIGHUP)
        try await office.wait("the reload") { office.log.contains("the configuration was read again") }
        try await office.wait("still observe") { Self.told(office, "takes").count >= 3 }
        #expect(Self.told(office, "takes").last?.contains("observe") == true)
        #expect(Self.command(office, "access expire 1").code == 0)
        try await office.wait("protect") { Self.told(office, "takes").last?.contains("protect") == true }
    }

    @Test(arguments: [
        ("access deny 0.0.0.0/0 --reason a", "too wide"), ("access deny 192.0.2.1 --reason ''", "a reason is needed"),
        ("access deny 192.0.2.1 --site nowhere --reason a", "there is no site 'nowhere'"),
        ("mode nowhere observe --reason a", "there is nothing here"),
        ("access deny 192.0.2.1 --for 31d --reason a", "too long"),
        ("access deny 192.0.2.300 --reason a", "no address"),
        ("mode www.example.nl pause --reason a", "observe or protect"),
    ])
    func `what nobody can mean is refused with the reason`(words: String, reason: String) async throws {
        let office = RunningOffice()
        _ = try await office.startServing()
        let said = Self.command(office, words)
        #expect(said.code != 0 && said.output.contains(reason), "\(said)")
        #expect(Self.command(office, "access list").output == "no orders\n")
    }

    @Test func `without an office the command says so`() {
        let office = RunningOffice()
        let said = Self.command(office, "access list")
        #expect(said.code == 1 && said.output.contains("no office answers"))
    }

    /// One exchange on the admin socket, as curl does it.
    private static func http(_ office: RunningOffice, _ head: String, _ body: String = "") throws -> String {
        let socket = linux_unix_connect("\(office.state)/admin.sock")
        try #require(socket >= 0)
        defer { close(socket) }
        let text = "\(head) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        try #require(write(socket, text, text.utf8.count) == text.utf8.count)
        var answer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while case let count = read(socket, &chunk, chunk.count), count > 0 { answer += chunk[..<count] }
        return String(decoding: answer, as: UTF8.self)
    }

    @Test func `the same is told and taken over HTTP`() async throws {
        let office = RunningOffice()
        _ = try await office.startServing()
        _ = try office.visit()
        try await office.wait("a status") {
            (try? Self.http(office, "GET /v1/status"))?.contains("\"name\":\"www.example.nl\"") == true
        }
        let status = try Self.http(office, "GET /v1/status")
        #expect(status.hasPrefix("HTTP/1.1 200 OK\r\n") && status.contains("{\"version\":1,"))
        let site = try Self.http(office, "GET /v1/sites/www.example.nl")
        #expect(site.contains("\"access\":{\"allowed\":0,") && site.contains("\"step\":\"admit\""))
        #expect(try Self.http(office, "GET /v1/sites/x").hasPrefix("HTTP/1.1 404 "))
        let made = try Self.http(
            office, "POST /v1/access", #"{"kind":"allow","prefix":"192.0.2.0/24","seconds":60,"reason":"pen test"}"#)
        #expect(made.hasPrefix("HTTP/1.1 201 Created\r\n") && made.contains(#""id":1,"kind":"allow""#))
        #expect(try Self.http(office, "GET /v1/access").contains(#""prefix":"192.0.2.0/24","site":null"#))
        let mode = try Self.http(
            office, "POST /v1/sites/www.example.nl/mode", #"{"kind":"observe","reason":"look"}"#)
        #expect(mode.hasPrefix("HTTP/1.1 201 "))
        #expect(try Self.http(office, "DELETE /v1/access/2").contains(#""kind":"observe""#))
        for (head, body, code) in [
            ("POST /v1/access", "{", "400"), ("POST /v1/access", #"{"kind":"allow"}"#, "400"),
            ("POST /v1/access", #"{"kind":"deny","prefix":"192.0.2.1","reason":"a","seconds":1.5}"#, "400"),
            ("POST /v1/access", #"{"kind":"deny","prefix":"192.0.2.1","reason":"a","untill":1}"#, "400"),
            ("POST /v1/access", #"{"kind":"observe","site":"www.example.nl","reason":"a"}"#, "400"),
            ("DELETE /v1/access/99", "", "404"), ("PUT /v1/access", "", "405"), ("GET /", "", "404"),
            ("GET /v2/status", "", "404"), ("POST /v1/access", String(repeating: "a", count: 17_000), "413"),
            ("G\u{7}T /", "", "400"),
        ] {
            #expect(try Self.http(office, head, body).hasPrefix("HTTP/1.1 \(code) "), "\(head) \(body.prefix(80))")
        }
        #expect(Self.command(office, "access list").output.split(separator: "\n").count == 1)
    }

    @Test(.needsRoot, .needs(tool: "setpriv"), .needs(tool: "curl"))
    func `another user is sent away, whatever the rights of the files say`() async throws {
        let office = RunningOffice()
        _ = try await office.startServing()
        for path in [office.folder, office.state] { chmod(path, 0o755) }
        chmod("\(office.state)/admin.sock", 0o666)
        let ask = "curl -s --max-time 10 --unix-socket \(office.state)/admin.sock http://localhost/v1/access"
        #expect(RunningOffice.shell(ask).output == "{\"orders\":[]}\n")
        let other = RunningOffice.shell("setpriv --reuid 65534 --regid 65534 --clear-groups \(ask)")
        #expect(other.code != 0 && other.output.isEmpty)
        try await office.wait("the warning") { office.log.contains("another user asked on the admin socket") }
    }

    @Test func `crawlers are proven by a name server, and the lane is told`() async throws {
        let server = try NameServer([
            // What it says it is.
            "PTR 5.113.0.203.in-addr.arpa": [NameServer.name("crawl-5.zoek.example")],
            "A crawl-5.zoek.example": [[203, 0, 113, 5]],
            // Forged: the name is the crawler's, and does not have the address.
            "PTR 6.113.0.203.in-addr.arpa": [NameServer.name("crawl-5.zoek.example")],
            // Somebody else; and a server that says nothing.
            "PTR 7.113.0.203.in-addr.arpa": [NameServer.name("zoek.example.evil.example")],
            "PTR 8.113.0.203.in-addr.arpa": [],
        ])
        let office = RunningOffice()
        office.configure(
            instance: "claims",
            extra: """
                bots: [{name: zoek, agent: zoekbot, domains: [zoek.example]}]
                name_server: \(server.endpoint)
                """)
        _ = try await office.startServing()
        try await office.wait("three verdicts") {
            guard let last = Self.told(office, "bots").last else { return false }
            return last.contains("203.0.113.5 zoek true") && last.contains("203.0.113.6 zoek false")
                && last.contains("203.0.113.7 zoek false")
        }
        #expect(Self.told(office, "bots").last?.contains("203.0.113.8") == false)
        try await office.wait("the silent one") {
            (try? RunningOffice.exchange("GET /metrics HTTP/1.0\r\n\r\n", with: office.metrics))?
                .contains(#"wasstraat_bot_claims_total{outcome="unanswered"} 1"#) == true
        }
        // Asked twice where nobody answered, and once else.
        #expect(server.asked.count { $0.hasPrefix("PTR 8.") } == 2)
        #expect(server.asked.count { $0.hasPrefix("PTR 5.") } == 1)
    }
}
