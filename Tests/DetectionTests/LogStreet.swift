import Addresses
import Heads
import Moments

/// A log in the making: lines of visitors, programs and floods.
struct LogStreet {
    struct Line {
        var second: Int64
        var source: String
        var method = "GET"
        var target: String
        var status = 200
        var referer = "-"
        var agent: String

        var text: String {
            let moment = Moment(seconds: second)
            let day = moment.day.civil
            let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
            let clock = Moment.clock(second - moment.day.number * 86_400)
            let date = "\(day.day < 10 ? "0" : "")\(day.day)/\(months[Int(day.month) - 1])/\(day.year)"
            return "\(source) - - [\(date):\(clock) +0000] \"\(method) \(target) HTTP/1.1\" \(status) 1234 "
                + "\"\(referer)\" \"\(agent)\""
        }
    }

    private static let systems = ["X11; Linux x86_64", "Windows NT 10.0", "Macintosh", "iPhone"]
    static let agents = (0..<40).map { number in
        "Mozilla/5.0 (\(systems[number % 4])) Browser/\(100 + number)"
    }
    static let words = [
        "paspoort", "afval", "verhuizen", "rijbewijs", "belasting", "subsidie", "parkeren", "trouwen", "vergunning",
        "melding",
        "openingstijden", "containers", "zwembad", "bibliotheek", "verkiezingen", "jeugdzorg", "huisvuil",
        "kapvergunning",
    ]
    var random = Seeded(11)

    func address(_ number: Int) -> String { "\(Address(ipv4: 0xcb00_0000 &+ UInt32(number) &* 7_919))" }

    /// What people and programs ask in some hours: pages with all that belongs to them, searches, feeds, robots.
    mutating func usual(_ count: Int, from start: Int64 = 1_700_000_000, seconds: Int = 36_000) -> [Line] {
        var lines: [Line] = []
        while lines.count < count {
            let second = start + Int64(random.below(seconds))
            let source = address(random.below(1_500))
            let agent = Self.agents[random.below(40) * random.below(40) / 40]
            switch random.below(20) {
            case 0:
                lines.append(
                    .init(second: second, source: address(5_000), target: "/nieuws/rss.xml", agent: "FeedReader/2"))
            case 1:
                let target =
                    random.below(3) == 0 ? "/robots.txt" : "/nieuws/\(2_000 + random.below(30))/\(random.below(400))"
                lines.append(
                    .init(second: second, source: address(6_000 + random.below(30)), target: target, agent: "Bot/1"))
            default:
                lines += visit(page(), second: second, source: source, agent: agent)
            }
        }
        return Array(lines.prefix(count)).sorted { $0.second < $1.second }
    }

    private mutating func page() -> String {
        switch random.below(10) {
        case 0...2: "/"
        case 3: "/zoeken?trefwoord=\(Self.words[random.below(Self.words.count)])"
        case 4: "/nieuws?pagina=\(1 + random.below(3) * random.below(4))"
        case 5...6: "/nieuws/\(2_020 + random.below(6))/\(random.below(40))"
        case 7: "/contact"
        default: "/onderwerpen/\(Self.words[random.below(Self.words.count)])"
        }
    }

    mutating func visit(_ page: String, second: Int64, source: String, agent: String) -> [Line] {
        let here = "https://www.example.nl"
        let from = ["-", here + "/", "https://www.search.example/", here + "/contact"][random.below(4)]
        var lines = [Line(second: second, source: source, target: page, referer: from, agent: agent)]
        for part in ["/stijl.css", "/app.js", "/logo.svg", "/favicon.ico"].prefix(1 + random.below(4)) {
            lines.append(.init(second: second + 1, source: source, target: part, referer: here + page, agent: agent))
        }
        return lines
    }
}

/// A flood tool's request shape: a path in which "$_N" stands for random characters.
struct FloodShape: Sendable {
    /// Which characters, and how many.
    struct Filling: Sendable {
        var digit = false
        var upper = false
        var lower = false
        var lengths: ClosedRange<Int>

        var characters: [UInt8] {
            (digit ? Array(48...57) : []) + (upper ? Array(65...90) : []) + (lower ? Array(97...122) : [])
        }

        /// The alphabet as a template says it.
        var text: String {
            switch (digit, upper, lower) {
            case (true, true, true): "[a-zA-Z0-9]"
            case (true, true, false): "[A-Z0-9]"
            case (true, false, true): "[a-z0-9]"
            case (true, false, false): "[0-9]"
            case (false, true, true): "[a-zA-Z]"
            case (false, true, false): "[A-Z]"
            default: "[a-z]"
            }
        }
    }

    var method: String
    var path: String
    /// By the number behind "$_".
    var fillings: [Filling]

    /// Fixed texts, and places of fillings between them.
    var parts: [(text: String, filling: Int?)] {
        var parts: [(String, Int?)] = []
        var rest = path[...]
        while let place = rest.firstRange(of: "$_"), let digit = rest[place.upperBound...].first, digit.isNumber {
            let digits = rest[place.upperBound...].prefix { $0.isNumber }
            parts.append((String(rest[..<place.lowerBound]), Int(digits)))
            rest = rest[digits.endIndex...]
        }
        return parts + [(String(rest), nil)]
    }

    /// A target, and what was filled in.
    func fill(_ random: inout Seeded) -> (target: String, values: [(filling: Int, value: String)]) {
        var target = ""
        var values: [(Int, String)] = []
        for (text, number) in parts {
            target += text
            guard let number else { continue }
            let filling = fillings[number]
            let characters = filling.characters
            let count = filling.lengths.lowerBound + random.below(filling.lengths.count)
            let value = String(
                decoding: (0..<count).map { _ in characters[random.below(characters.count)] }, as: UTF8.self)
            values.append((number, value))
            target += value
        }
        return (target, values)
    }
}

/// SplitMix64: the same numbers on every machine.
struct Seeded {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var value = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
