/// Header fields as browsers send them. Flood and visitors draw from the same list: nothing that they say of themselves
/// tells them apart.
enum Browsers {
    private static let agents = [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:133.0) Gecko/20100101 Firefox/133.0",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 "
            + "Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    ]

    static let count = agents.count

    enum Kind {
        case page, style, image
    }

    /// Everything of a request after its target: the version, the host and the fields of one browser.
    struct Fields {
        private let pages: [[UInt8]]
        private let styles: [[UInt8]]
        private let images: [[UInt8]]

        /// - Parameters:
        ///   - authority: host and port as in the address bar.
        ///   - recorded: browsers whose own fields are sent, in their order; none: ours.
        ///   - closes: the connection is to end with the answer.
        init(authority: String, recorded: [RecordedBrowser] = [], closes: Bool = false) {
            if !recorded.isEmpty {
                pages = recorded.map { Self.fields(of: $0, authority, accept: nil) }
                styles = recorded.map { Self.fields(of: $0, authority, accept: "text/css,*/*;q=0.1") }
                images = recorded.map {
                    Self.fields(of: $0, authority, accept: "image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8")
                }
                return
            }
            func fields(accept: String) -> [[UInt8]] {
                agents.map { agent in
                    Array(
                        """
                         HTTP/1.1\r
                        Host: \(authority)\r
                        User-Agent: \(agent)\r
                        Accept: \(accept)\r
                        Accept-Language: nl-NL,nl;q=0.9,en;q=0.7\r
                        Accept-Encoding: gzip, deflate, br\r
                        Connection: \(closes ? "close" : "keep-alive")\r

                        """.utf8)
                }
            }
            pages = fields(accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
            styles = fields(accept: "text/css,*/*;q=0.1")
            images = fields(accept: "image/avif,image/webp,image/svg+xml,image/*,*/*;q=0.8")
        }

        /// A recorded browser's fields as it writes them in HTTP/1.1; `accept` in place of what it says for pages.
        private static func fields(of browser: RecordedBrowser, _ authority: String, accept: String?) -> [UInt8] {
            var text = " HTTP/1.1\r\nHost: \(authority)\r\nConnection: keep-alive\r\n"
            for field in browser.fields where field.count == 2 {
                // They belong to a visit of a page, and to HTTP/2.
                if accept != nil, ["sec-fetch-user", "upgrade-insecure-requests"].contains(field[0]) { continue }
                if ["te", "priority"].contains(field[0]) { continue }
                let name = field[0].split(separator: "-").map { word in
                    field[0].hasPrefix("sec-ch-ua") ? String(word) : word.prefix(1).uppercased() + word.dropFirst()
                }.joined(separator: "-")
                var value = field[1]
                switch field[0] {
                case "accept": value = accept ?? value
                case "sec-fetch-dest" where accept != nil:
                    value = accept?.hasPrefix("image") == true ? "image" : "style"
                case "sec-fetch-mode" where accept != nil: value = "no-cors"
                case "sec-fetch-site" where accept != nil: value = "same-origin"
                default: break
                }
                text += "\(name): \(value)\r\n"
            }
            return Array(text.utf8)
        }

        func of(_ browser: Int, _ kind: Kind) -> [UInt8] {
            switch kind {
            case .page: pages[browser]
            case .style: styles[browser]
            case .image: images[browser]
            }
        }
    }
}
