internal import Fingerprints

/// Finds what the excess at one site has in common: programs that the site's visitors do not use, and targets that a
/// machine draws. Each find is measured on the site's profile.
///
/// One of both must hold. That many come for one page is no sign, and a page that was not there before has no past: a
/// crowd would be its own fingerprint.
struct RequestMiner {
    struct Find {
        var conditions: [Fingerprint.Condition]
        /// Of these, those that tell of the program alone, where they hit as little: they are worth something elsewhere.
        var program: [Fingerprint.Condition]?
        /// Requests of the excess that it covers.
        var covered: Double
        var collateral: Double
    }

    /// Requests without which nothing is said of what they have in common.
    private static let leastSamples = 16
    /// Of the excess, for a program to be looked at.
    private static let programShare = 0.05
    private static let programLimit = 16
    /// Of a program's requests, that its templates must cover to stand for it.
    private static let templateShare = 0.95
    private static let templateLimit = 4

    let profile: RequestProfile
    /// What no rule covers yet.
    let window: [RequestBatch.Seen]
    /// Of all that came in the window's time: what is above the usual, and what is usual.
    let excess: Double
    let expected: Double

    private struct Group: Hashable {
        var client: RequestFeatures.Program
        var method: String
    }

    func finds() -> [Find] {
        var groups: [Group: [Int]] = [:]
        for (index, one) in window.enumerated() {
            groups[Group(client: one.features.client, method: one.features.method), default: []].append(index)
        }
        var finds: [Find] = []
        var rest = Set(window.indices)
        let heaviest = groups.sorted { (weight(of: $0.value), $1.value[0]) > (weight(of: $1.value), $0.value[0]) }
        for (group, members) in heaviest.prefix(Self.programLimit) {
            guard members.count >= Self.leastSamples,
                weight(of: members) - expected * profile.share(of: group.client) >= Self.programShare * excess
            else { continue }
            let found = of(members)
            guard !found.isEmpty else { continue }
            finds += found
            rest.subtract(members)
        }
        // What names its fields in ever new orders may still draw its targets alike.
        var byMethod: [String: [Int]] = [:]
        for index in rest.sorted() { byMethod[window[index].features.method, default: []].append(index) }
        for (_, members) in byMethod.sorted(by: { $0.key < $1.key })
        where weight(of: members) >= Self.programShare * excess {
            finds += templates(members, and: []).filter { $0.isDrawn && isBearable($0.find) }.map(\.find)
        }
        return finds
    }

    private func weight(of members: [Int]) -> Double { members.reduce(0) { $0 + window[$1].weight } }

    /// Of one program's requests.
    private func of(_ members: [Int]) -> [Find] {
        let client = window[members[0]].client
        var alone: Find?
        if !client.isEmpty, let rule = RequestRule(client), let collateral = profile.collateral(of: rule) {
            let covered = weight(of: members) - expected * collateral
            alone = Find(conditions: client, program: client, covered: covered, collateral: collateral)
        }
        let isStrange = alone.map(isBearable) ?? false
        let found = templates(members, and: client).filter { isBearable($0.find) && (isStrange || $0.isDrawn) }
        let covered = found.reduce(0) { $0 + $1.find.covered }
        guard isStrange, let alone else { return found.map(\.find) }
        guard covered >= Self.templateShare * weight(of: members) else { return [alone] }
        return found.map {
            var find = $0.find
            find.program = client
            return find
        }
    }

    private func isBearable(_ find: Find) -> Bool { find.collateral <= Contrast.bearable }

    /// What the targets have in common, the heaviest first, and whether a machine drew what varies in them.
    private func templates(
        _ members: [Int], and client: [Fingerprint.Condition]
    ) -> [(find: Find, isDrawn: Bool)] {
        let samples = members.map { index in
            var sample = RequestSample()
            sample.target = window[index].features.target
            sample.isCut = window[index].features.isCut
            sample.method = window[index].features.method
            return sample
        }
        var found: [(find: Find, isDrawn: Bool)] = []
        for find in TemplateMiner(samples).finds().prefix(Self.templateLimit) {
            guard find.members.count >= Self.leastSamples,
                find.members.count * 10 >= members.count
            else { continue }
            let conditions =
                LogWatch.conditions(
                    method: samples[0].method, template: find.template,
                    examples: find.members.map { samples[$0].target }, agent: nil) + client
            let sorted = conditions.sorted { Self.place($0) < Self.place($1) }
            guard let rule = RequestRule(sorted), let collateral = profile.collateral(of: rule) else { continue }
            let covered = weight(of: find.members.map { members[$0] }) - expected * collateral
            found.append(
                (
                    Find(conditions: sorted, program: nil, covered: covered, collateral: collateral),
                    find.hasRandomLetters || find.hasRandomDigits
                ))
        }
        return found
    }

    private static func place(_ condition: Fingerprint.Condition) -> Int {
        Feature.allCases.firstIndex(of: condition.feature) ?? 0
    }
}
