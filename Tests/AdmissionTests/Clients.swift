/// A program that asks: its header fields as it sends them, and the number its TLS shows.
struct Client {
    var ja4: UInt64
    /// For a page or a call, and for a part of a page; ready as bytes.
    var page: [UInt8]
    var asset: [UInt8]
    /// A browser's: it shows what it gets.
    var acceptsPages: Bool

    init(ja4: UInt64, _ page: [String], asset: [String]? = nil) {
        self.ja4 = ja4
        self.page = Self.lines(page)
        acceptsPages = page.contains { $0.hasPrefix("Accept: text/html") }
        self.asset = Self.lines(asset ?? page)
    }

    private static func lines(_ fields: [String]) -> [UInt8] {
        Array(fields.map { $0 + "\r\n" }.joined().utf8)
    }

    private static let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
    private static let html = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

    private static func chromium(_ agent: String, _ brand: String, _ language: String, ja4: UInt64) -> Client {
        let start = ["Host: www.example.nl", "Connection: keep-alive"]
        let hints = ["sec-ch-ua: \(brand)", "sec-ch-ua-mobile: ?0", "sec-ch-ua-platform: \"Windows\""]
        let end = ["Accept-Encoding: gzip, deflate, br, zstd", "Accept-Language: \(language)"]
        return Client(
            ja4: ja4,
            start + hints + ["Upgrade-Insecure-Requests: 1", "User-Agent: \(agent)", html]
                + ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: navigate", "Sec-Fetch-User: ?1"]
                + ["Sec-Fetch-Dest: document"] + end,
            asset: start + [
                "sec-ch-ua-platform: \"Windows\"", "User-Agent: \(agent)", hints[0], hints[1], "Accept: */*",
            ]
                + ["Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: script"] + end)
    }

    private static func firefox(_ agent: String, _ language: String, ja4: UInt64) -> Client {
        let start = ["Host: www.example.nl", "User-Agent: \(agent)"]
        let middle = [
            "Accept-Language: \(language)", "Accept-Encoding: gzip, deflate, br, zstd", "Connection: keep-alive",
        ]
        return Client(
            ja4: ja4, start + [html] + middle + ["Upgrade-Insecure-Requests: 1", "Sec-Fetch-Dest: document"],
            asset: start + ["Accept: */*"] + middle + ["Sec-Fetch-Dest: script", "Sec-Fetch-Mode: no-cors"])
    }

    private static func safari(_ agent: String, _ language: String, ja4: UInt64) -> Client {
        let end = ["Sec-Fetch-Site: none", "Accept-Encoding: gzip, deflate, br", "Accept-Language: \(language)"]
        return Client(
            ja4: ja4, ["Host: www.example.nl", html] + end + ["Sec-Fetch-Mode: navigate", "User-Agent: \(agent)"],
            asset: ["Host: www.example.nl", "Accept: */*"] + end + ["Sec-Fetch-Mode: no-cors", "User-Agent: \(agent)"])
    }

    /// Browsers of a Dutch site's visitors, by their share.
    static func browsers(language: String) -> [(client: Client, share: Double)] {
        [
            (
                chromium("\(windows) Chrome/129.0.0.0 Safari/537.36", "\"Google Chrome\";v=\"129\"", language, ja4: 11),
                0.38
            ),
            (
                chromium(
                    "\(windows) Chrome/129.0.0.0 Safari/537.36 Edg/129.0.0.0", "\"Microsoft Edge\";v=\"129\"", language,
                    ja4: 11), 0.14
            ),
            (
                safari(
                    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) Version/17.6 Mobile/15E148 Safari/604.1",
                    language, ja4: 12), 0.26
            ),
            (
                chromium(
                    "Mozilla/5.0 (Linux; Android 10; K) Chrome/129.0.0.0 Mobile Safari/537.36",
                    "\"Google Chrome\";v=\"129\"", language, ja4: 13), 0.15
            ),
            (firefox("Mozilla/5.0 (Windows NT 10.0; rv:130.0) Gecko/20100101 Firefox/130.0", language, ja4: 14), 0.07),
        ]
    }

    /// Programs that use an API: two applications, and the site's own pages.
    static func applications() -> [(client: Client, share: Double)] {
        [
            (
                Client(
                    ja4: 21,
                    [
                        "Accept: application/json", "X-Application: reis 7.2", "Host: api.example.nl",
                        "Connection: Keep-Alive", "Accept-Encoding: gzip", "User-Agent: okhttp/4.12.0",
                    ]), 0.45
            ),
            (
                Client(
                    ja4: 22,
                    [
                        "Host: api.example.nl", "Accept: application/json", "Connection: keep-alive",
                        "User-Agent: Reis/712 CFNetwork/1498 Darwin/23.6.0", "Accept-Language: nl-NL,nl;q=0.9",
                        "Accept-Encoding: gzip, deflate, br",
                    ]), 0.35
            ),
            (browsers(language: "nl-NL,nl;q=0.9,en;q=0.8")[0].client, 0.2),
        ]
    }

    /// A social network's application that shows pages itself.
    static let inApplication = Client(
        ja4: 15,
        [
            "Host: www.example.nl", "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) Mobile/21G93 [FBAN/FBIOS]",
            "Accept-Language: nl-nl", "Accept-Encoding: gzip, deflate, br", "Connection: keep-alive",
        ],
        asset: [
            "Host: www.example.nl", "Accept: */*", "Accept-Language: nl-nl", "Accept-Encoding: gzip, deflate, br",
            "User-Agent: Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) Mobile/21G93 [FBAN/FBIOS]",
            "Connection: keep-alive",
        ])

    /// The flood's own program: a library's fields and TLS, under the names of browsers.
    static func flooders() -> [(client: Client, share: Double)] {
        let agents = [
            "\(windows) Chrome/120.0.0.0 Safari/537.36", "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Firefox/120.0",
            "\(windows) Chrome/119.0.0.0 Safari/537.36 Edg/119.0.0.0",
        ]
        return agents.map { agent in
            (
                Client(
                    ja4: 31,
                    [
                        "Host: www.example.nl", "User-Agent: \(agent)", "Accept: */*", "Accept-Encoding: gzip",
                        "Connection: keep-alive",
                    ]), 1 / 3
            )
        }
    }
}
