internal import Addresses
internal import Messages

/// The crawlers of one snapshot, and what the office found out about those who say they are one. Never changed; replaced
/// as a whole.
final class BotTable: Sendable {
    /// What is known of a claim.
    enum Judgement: Equatable, Sendable {
        case isTrue
        case isFalse
        /// Nobody knows yet: the office is to be asked.
        case unknown
        /// It cannot be known.
        case unknowable
    }

    private struct Verdict: Sendable {
        var bot: UInt8
        var isTrue: Bool
        var until: UInt64
    }

    let bots: [Snapshot.Bot]
    private let ranges: [PrefixTable]
    private let verdicts: [Address: Verdict]
    /// The agents' tokens in lower case, and which bytes one of them begins with, in either case.
    private let tokens: [[UInt8]]
    private let begins: [Bool]

    init(_ bots: [Snapshot.Bot], _ verdicts: BotVerdicts) {
        self.bots = bots
        ranges = bots.map { bot in PrefixTable(bot.ranges.map { ($0, 1) }) }
        let places = Dictionary(bots.enumerated().map { ($1.name, UInt8($0)) }, uniquingKeysWith: { one, _ in one })
        self.verdicts = Dictionary(
            verdicts.verdicts.compactMap { verdict in
                places[verdict.claim.bot].map {
                    (verdict.claim.address, Verdict(bot: $0, isTrue: verdict.isTrue, until: verdict.until))
                }
            }, uniquingKeysWith: { $1 })
        tokens = bots.map { $0.agent.utf8.map(Self.lowered) }
        var begins = [Bool](repeating: false, count: 256)
        for first in tokens.compactMap(\.first) {
            begins[Int(first)] = true
            if first >= 97, first <= 122 { begins[Int(first & ~32)] = true }
        }
        self.begins = begins
    }

    /// The crawler that an agent string names; nil: none.
    func named(in agent: UnsafeRawBufferPointer) -> Int? {
        guard !tokens.isEmpty else { return nil }
        for start in agent.indices where begins[Int(agent[start])] {
            for (number, token) in tokens.enumerated() where Self.holds(agent, token, at: start) { return number }
        }
        return nil
    }

    /// - Parameter now: seconds since 1970.
    func judge(_ bot: Int, from source: Address, at now: UInt64) -> Judgement {
        if ranges[bot].value(of: source) != nil { return .isTrue }
        guard bots[bot].hasDomains else { return bots[bot].ranges.isEmpty ? .unknowable : .isFalse }
        guard let verdict = verdicts[source], verdict.until > now else { return .unknown }
        // Proven to be one crawler and saying it is another is neither.
        guard Int(verdict.bot) == bot else { return verdict.isTrue ? .unknowable : .unknown }
        return verdict.isTrue ? .isTrue : .isFalse
    }

    private static func holds(_ bytes: UnsafeRawBufferPointer, _ token: [UInt8], at start: Int) -> Bool {
        guard start + token.count <= bytes.count else { return false }
        for index in token.indices where lowered(bytes[start + index]) != token[index] { return false }
        return true
    }

    private static func lowered(_ byte: UInt8) -> UInt8 { byte >= 65 && byte <= 90 ? byte | 32 : byte }
}
