import Addresses
import Glibc
import Incidents
import Prober
import TestKit
import Testing

@Suite struct `What a check finds` {
    let origin: LoopbackOrigin

    init() throws { origin = try LoopbackOrigin() }

    private func check(
        _ path: String, word: String? = nil, way: Sample.Path = .lane, timeout: Duration = .seconds(5)
    ) async throws -> Sample {
        var configuration = Probing.configuration
        configuration.timeout = timeout
        let target = Probing.target(at: [origin.endpoint], path: path, word: word, way: way)
        return try #require(try await Probing.first(target, configuration))
    }

    private func answer(_ path: String, _ steps: OriginStep...) { origin.answer(path, with: steps) }

    @Test func `the known word on a page of status 200 is success, with the time to its first byte`() async throws {
        answer(
            "/woord", .pause(milliseconds: 50), .text("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhallo Water"),
            .pause(milliseconds: 50), .text("!"))
        let sample = try await check("/woord", word: "Water!")
        #expect(sample.result == .success)
        #expect(try #require(sample.firstByte) >= 50)
        #expect(try #require(sample.firstByte) < 5_000)
        #expect(sample.vantage == "here" && sample.network == "loopback" && sample.path == .lane)
    }

    @Test func `status 200 is success where no word is known`() async throws {
        #expect(try await check("/fixed/100").result == .success)
        #expect(try await check("/chunked/3/100").result == .success)
        #expect(try await check("/until-close/100").result == .success)
        #expect(try await check("/hints").result == .success)
    }

    @Test func `the word counts in the first MiB only, also where it comes in two pieces`() async throws {
        let size = 1 << 20
        let filler = Array(repeating: UInt8(ascii: "x"), count: size - 5)
        let head = "HTTP/1.1 200 OK\r\nContent-Length: \(size + 5)\r\n\r\n"
        answer("/aan-het-eind", .text(head), .send(filler), .text("Wa"), .pause(milliseconds: 50), .text("terxxxxx"))
        #expect(try await check("/aan-het-eind", word: "Water").result == .success)
        #expect(try await check("/aan-het-eind", word: "Waterx").result == .wrong)
    }

    @Test func `a request is an ordinary one, and says who asks`() async throws {
        _ = try await check("/fixed/1?a=b")
        let request = try #require(origin.requests.first?.message)
        #expect(request.startLine == "GET /fixed/1?a=b HTTP/1.1")
        #expect(request["user-agent"] == "wasstraat-prober")
        #expect(request["host"] == "www.example.nl:\(origin.endpoint.port)")
        #expect(request["connection"] == "close")
        #expect(request["accept-encoding"] == nil)
        origin.forgetRequests()
        _ = try await check("/fixed/1", way: .origin)
        #expect(origin.requests.first?.message["host"] == "www.example.nl")
    }

    @Test(arguments: [503, 429])
    func `a refusal of the lane's own is told from the origin's by Via`(status: Int) async throws {
        let start = "HTTP/1.1 \(status) No\r\nContent-Length: 0\r\n"
        answer("/lane", .text(start + "\r\n"))
        answer("/origin", .text(start + "Via: 1.1 wasstraat\r\n\r\n"))
        answer("/chain", .text(start + "Via: 1.0 inner, 1.1 wasstraat (x)\r\n\r\n"))
        answer("/other", .text(start + "Via: 1.1 inner\r\n\r\n"))
        #expect(try await check("/lane").result == .refused)
        #expect(try await check("/origin").result == .wrong)
        #expect(try await check("/chain").result == .wrong)
        #expect(try await check("/other").result == .refused)
        #expect(try await check("/lane", way: .origin).result == .wrong)
    }

    @Test(arguments: [204, 301, 302, 304, 400, 401, 404, 500, 502, 504])
    func `any other status is wrong`(status: Int) async throws {
        #expect(try await check("/status/\(status)").result == .wrong)
    }

    @Test func `a page without the word is wrong`() async throws {
        #expect(try await check("/fixed/5000", word: "Water").result == .wrong)
        #expect(try await check("/until-close/5000", word: "Water").result == .wrong)
    }

    @Test func `redirects are not followed`() async throws {
        answer("/ga", .text("HTTP/1.1 302 Found\r\nLocation: /daar\r\nContent-Length: 0\r\n\r\n"))
        #expect(try await check("/ga", word: "Water").result == .wrong)
        #expect(origin.requests.allSatisfy { $0.message.target == "/ga" })
    }

    @Test(arguments: ["/close", "/reset", "/close-early", "/close-chunk"])
    func `a connection that breaks off has failed`(path: String) async throws {
        #expect(try await check(path, word: "Water").result == .failed)
        #expect(try await check(path).result == .failed)
    }

    @Test func `where nobody listens it has failed`() async throws {
        let endpoint = origin.endpoint
        origin.stop()
        let sample = try #require(try await Probing.first(Probing.target(at: [endpoint])))
        #expect(sample.result == .failed)
        #expect(sample.firstByte == nil)
    }

    @Test func `silence and slowness are timeouts`() async throws {
        answer(
            "/traag", .text("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"), .pause(milliseconds: 250), .text("a"),
            .pause(milliseconds: 250), .text("b"), .hang)
        let silent = try await check("/hang", timeout: .milliseconds(300))
        #expect(silent.result == .timeout)
        #expect(silent.firstByte == nil)
        let slow = try await check("/traag", word: "Water", timeout: .milliseconds(400))
        #expect(slow.result == .timeout)
        #expect(slow.firstByte != nil)
    }

    @Test func `no way to the network from here says nothing of the service`() async throws {
        // Linux refuses TCP to the broadcast address: the network is unreachable.
        let nowhere = Endpoint(Address(ipv4: .max), port: 80)
        #expect(try await Probing.first(Probing.target(at: [nowhere]))?.result == .void)
    }

    @Test(arguments: [EMFILE, ENFILE, ENOBUFS, EADDRNOTAVAIL, EAFNOSUPPORT])
    func `own trouble is void`(number: Int32) {
        #expect(Sample.Result(errno: number) == .void)
        #expect(Sample.Result(errno: ECONNREFUSED) == .failed)
    }
}

@Suite struct `Hostile responses` {
    let origin: LoopbackOrigin

    init() throws { origin = try LoopbackOrigin() }

    private func result(of steps: [OriginStep], word: String? = "Water") async throws -> Sample.Result? {
        origin.answer("/", with: steps)
        var configuration = Probing.configuration
        configuration.timeout = .seconds(8)
        return try await Probing.first(Probing.target(at: [origin.endpoint], word: word), configuration)?.result
    }

    @Test func `an endless header field is wrong`() async throws {
        let piece = OriginStep.send(Array(repeating: UInt8(ascii: "h"), count: 1 << 16))
        let steps = [.text("HTTP/1.1 200 OK\r\nX-Huge: ")] + Array(repeating: piece, count: 200)
        #expect(try await result(of: steps) == .wrong)
    }

    @Test func `endless header fields are wrong`() async throws {
        let fields = OriginStep.text(
            String(repeating: "X-Field: \(String(repeating: "f", count: 50))\r\n", count: 1_000))
        let steps = [.text("HTTP/1.1 200 OK\r\n")] + Array(repeating: fields, count: 200)
        #expect(try await result(of: steps) == .wrong)
    }

    @Test func `an endless body without the word is wrong, and is not read to its end`() async throws {
        let piece = OriginStep.send(Array(repeating: UInt8(ascii: "b"), count: 1 << 16))
        let steps = [.text("HTTP/1.1 200 OK\r\n\r\n")] + Array(repeating: piece, count: 4_000)
        #expect(try await result(of: steps) == .wrong)
        #expect(eventually { origin.open == 0 })
    }

    @Test func `chunks of one byte without end are wrong`() async throws {
        let piece = OriginStep.text(String(repeating: "1\r\nx\r\n", count: 10_000))
        let steps =
            [.text("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")] + Array(repeating: piece, count: 100)
        #expect(try await result(of: steps) == .wrong)
    }

    @Test func `a body that nearly holds the word everywhere costs no second`() async throws {
        let word = String(repeating: "a", count: 255) + "b"
        let body = OriginStep.send(Array(repeating: UInt8(ascii: "a"), count: 1 << 20))
        let begun = ContinuousClock.now
        #expect(try await result(of: [.text("HTTP/1.1 200 OK\r\n\r\n"), body, .hang], word: word) == .wrong)
        #expect(ContinuousClock.now - begun < .seconds(60))
    }

    @Test(arguments: ["\0\0\0\0\0\0\0\0", "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/9.9 200 OK\r\n\r\n", "HTTP/1.1 abc\r\n\r\n"])
    func `what is no HTTP is wrong`(text: String) async throws {
        #expect(try await result(of: [.text(text), .hang]) == .wrong)
    }

    @Test func `interim responses without end are no success`() async throws {
        let piece = OriginStep.text(String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 2_000))
        #expect(try await result(of: Array(repeating: piece, count: 200)) == .wrong)
    }
}
