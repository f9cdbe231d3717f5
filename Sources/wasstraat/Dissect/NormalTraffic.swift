internal import Detection
internal import Filters
internal import Fingerprints
internal import Synchronization

/// Normal traffic that collateral is measured on: a profile's sample, or a capture, flow file or log, read once.
struct NormalTraffic {
    /// Nil: the shipped profile.
    let path: String?

    /// "shipped profile", or the file's name.
    var name: String { path.map { ToolFile.name(of: $0) } ?? TrafficProfile.shipped.name }

    /// The share of it that each conjunction hits, with what it was measured on.
    private func count(_ conjunctions: [[Fingerprint.Condition]], like example: Fingerprint) throws -> MatchCount {
        var count = MatchCount(
            conjunctions.map { conditions in
                var fingerprint = example
                fingerprint.conditions = conditions
                return fingerprint
            })
        if let path { try count.read([path]) } else { count.take(TrafficProfile.shipped) }
        return count
    }

    /// Compiles with the collateral measured here in place of what the fingerprints say; what the language cannot say
    /// is left out, if that is asked for and what is then hit stays within the bound.
    func compile(
        _ fingerprints: [Fingerprint], as language: RuleLanguage, options: RuleOptions, isWidened: Bool
    ) throws -> CompiledRules {
        guard let first = fingerprints.first else { return Rules.compile([], as: language, options: options) }
        // Standard input can be read once, so all that is to be measured must be known before.
        let asked = Asked()
        var trial = options
        trial.acceptsUnmeasured = true
        trial.collateralBound = 1
        if isWidened { trial.widening = .measured { asked.note($0) } }
        _ = Rules.compile(fingerprints, as: language, options: trial)
        let conjunctions = fingerprints.map(\.conditions) + asked.conjunctions
        let count = try count(conjunctions, like: first)
        var shares: [[Fingerprint.Condition]: Double] = [:]
        for (index, conditions) in conjunctions.enumerated() { shares[conditions] = count.share(of: index) }
        var measured = fingerprints
        for index in measured.indices {
            let isOfPackets = measured[index].isOfPackets
            measured[index].evidence.collateral = shares[measured[index].conditions]
            measured[index].evidence.baselineCount = DissectFigure.whole(
                isOfPackets ? count.packets.count : count.requests.count)
            measured[index].evidence.baseline = name
        }
        var options = options
        if isWidened {
            let known = shares
            options.widening = .measured { known[$0] }
        }
        return Rules.compile(measured, as: language, options: options)
    }

    /// Conjunctions that a compiler asked the collateral of.
    private final class Asked: Sendable {
        private let list = Mutex<[[Fingerprint.Condition]]>([])

        func note(_ conditions: [Fingerprint.Condition]) -> Double? {
            list.withLock { $0.append(conditions) }
            return nil
        }

        var conjunctions: [[Fingerprint.Condition]] { list.withLock { $0 } }
    }
}
