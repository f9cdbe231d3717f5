import Heads
import Testing

@Suite struct RequestTraitsTests {
    static let fields = [
        "Host: www.example.nl", "User-Agent: Mozilla/5.0 (X11) Chrome/129.0.0.0 Safari/537.36", "Accept: text/html",
        "Accept-Encoding: gzip", "Accept-Language: nl",
    ]

    static func traits(_ line: String, _ fields: [String] = fields) -> RequestTraits {
        let bytes = Array((line + " HTTP/1.1\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n").utf8)
        let (head, refusal) = readRequest(bytes)
        #expect(refusal == nil)
        return head.traits(bytes.span, route: 7)
    }

    @Test func `the same request has the same traits`() {
        #expect(Self.traits("GET /zoeken?q=huis") == Self.traits("GET /zoeken?q=huis"))
    }

    @Test func `one client's fields are one, whatever its visit brings along`() {
        let plain = Self.traits("GET /")
        let later = Self.traits("GET /", Self.fields + ["Cookie: a=b", "Referer: https://www.example.nl/"])
        let reload = Self.traits("GET /", ["Cache-Control: max-age=0"] + Self.fields + ["If-None-Match: \"1\""])
        #expect(plain.fields == later.fields)
        #expect(plain.fields == reload.fields)
        #expect(later.signs == RequestTraits.Sign.cookie | RequestTraits.Sign.referer)
        #expect(reload.signs == RequestTraits.Sign.freshness | RequestTraits.Sign.condition)
    }

    @Test func `order, spelling and set of the fields tell clients apart`() {
        let numbers = [
            Self.fields, Array(Self.fields.reversed()), Self.fields.map { $0.lowercased() },
            Array(Self.fields.dropLast()),
        ].map { Self.traits("GET /", $0).fields }
        #expect(Set(numbers).count == numbers.count)
    }

    @Test(arguments: [
        ("zoekt", "zoekk", true), ("zoekt", "XyZ12abc", false), ("8f3Kd01x", "P9q2Lm4z", true),
        ("water+afval", "huis+straat", true), ("12345", "54321", true), ("12345", "zoekt", false),
    ])
    func `values of one kind have one shape`(one: String, other: String, isSame: Bool) {
        let shapes = [one, other].map { Self.traits("GET /zoeken?q=\($0)").shape }
        #expect((shapes[0] == shapes[1]) == isSame)
    }

    @Test(arguments: [
        ("/thema/site.css", true), ("/a.b/logo.SVG?v=3", true), ("/fonts/x.woff2", true), ("/", false),
        ("/rapport.pdf", false), ("/css", false), ("/site.css/", false), ("/a.js/b", false),
    ])
    func `parts of pages are known by their names`(target: String, isAsset: Bool) {
        #expect(Self.traits("GET \(target)").isAsset == isAsset)
    }

    @Test func `an agent is its family, not its version`() {
        func agent(_ text: String) -> UInt64 { Self.traits("GET /", ["Host: a", "User-Agent: \(text)"]).agent }
        let chrome = agent("Mozilla/5.0 (Windows NT 10.0) Chrome/129.0.0.0 Safari/537.36")
        #expect(chrome == agent("Mozilla/5.0 (Windows NT 10.0) Chrome/131.0.0.0 Safari/537.36"))
        #expect(chrome != agent("Mozilla/5.0 (Windows NT 10.0) Chrome/129.0.0.0 Safari/537.36 Edg/129.0"))
        #expect(agent("curl/8.5.0") == agent("curl/7.81.0"))
        #expect(agent("curl/8.5.0") != agent("Go-http-client/1.1"))
        #expect(agent("") != chrome)
    }

    @Test func `marks on links ask for nothing`() {
        let plain = Self.traits("GET /nieuws?pagina=2")
        for marks in ["&fbclid=IwAR0xYz19Ab", "&utm_source=brief&utm_medium=e-mail", "&gclid=a1B2c3"] {
            let marked = Self.traits("GET /nieuws?pagina=2" + marks)
            #expect(marked.target == plain.target)
            #expect(marked.shape == plain.shape)
        }
        #expect(Self.traits("GET /nieuws?pagina=3").target != plain.target)
        #expect(Self.traits("GET /nieuws?fbclid").target != Self.traits("GET /nieuws?x").target)
    }

    /// Whatever a strict reader lets pass has traits.
    @Test(arguments: [
        "OPTIONS *", "GET http://www.example.nl", "GET /?", "GET /?&&=&", "GET /?q", "GET //", "GET /%", "GET /?q=%4",
        "GET /a?b=%", "GET /.", "GET /x.", "POST /?=x",
    ])
    func `odd targets have traits`(line: String) {
        let traits = Self.traits(line)
        #expect(traits.route == 7)
        #expect(!traits.isAsset)
    }

    @Test func `a body's kind and size belong to the shape, its boundary does not`() {
        func shape(_ type: String, _ length: Int) -> UInt64 {
            Self.traits("POST /contact", Self.fields + ["Content-Type: \(type)", "Content-Length: \(length)"]).shape
        }
        #expect(shape("multipart/form-data; boundary=a", 700) == shape("multipart/form-data; boundary=b", 800))
        #expect(shape("application/json", 700) != shape("multipart/form-data; boundary=b", 700))
        #expect(shape("application/json", 700) != shape("application/json", 70))
    }
}
