import Heads
import Testing

@Suite struct `A reference in a response` {
    private func target(_ reference: String, from path: String = "/a/b/c", isTLS: Bool = true) -> String? {
        OriginReference.target(
            of: Array(reference.utf8), from: Array(path.utf8), authority: Array("www.Example.nl".utf8), isTLS: isTLS
        ).map { String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        arguments: [
            ("/x", "/x"), ("/x?y=1#z", "/x?y=1"), ("https://www.example.nl/x", "/x"),
            ("HTTPS://WWW.EXAMPLE.NL:443/x?q", "/x?q"),
            ("//www.example.nl/x", "/x"), ("https://www.example.nl", "/"), ("https://www.example.nl?q", "/?q"),
            ("https://www.example.nl:/x", "/x"), ("x", "/a/b/x"), ("x/", "/a/b/x/"), ("./x", "/a/b/x"),
            ("../x", "/a/x"),
            ("../../../x", "/x"), ("?q=1", "/a/b/c?q=1"), ("..", "/a/"), (".", "/a/b/"), ("/x/../y/./z", "/y/z"),
            ("/x?a=/../b", "/x?a=/../b"), ("x:y/z", nil), ("./x:y", "/a/b/x:y"), ("/x//y", "/x//y"),
        ] as [(String, String?)])
    func `leads to a path of the same origin`(reference: String, path: String?) { #expect(target(reference) == path) }

    @Test(arguments: [
        "", "#x", "http://www.example.nl/x", "https://example.nl/x", "https://www.example.nl:8443/x", "//other.nl/x",
        "https://www.example.nl@other.nl/x", "https://www.example.nl.other.nl/x", "https:/x", "https:x", "mailto:a@b",
        "javascript:1", "https://x@www.example.nl/x", "///x",
    ])
    func `leads elsewhere, or nowhere`(reference: String) { #expect(target(reference) == nil) }

    @Test func `knows the port of its scheme`() {
        #expect(target("http://www.example.nl:80/x", isTLS: false) == "/x")
        #expect(target("http://www.example.nl:443/x", isTLS: false) == nil)
        #expect(target("x", from: "") == "/x" && target("?x", from: "") == "/?x")
    }
}
