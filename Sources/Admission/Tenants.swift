/// Who shares a worker: the sites, each with its organisation. A site's place is its index in the snapshot and one; place
/// 0 is what no site is known for yet, such as a connection that has not said whom it wants.
package struct Tenants: Equatable, Sendable {
    package static let nobody = 0
    /// Weights are small: what is computed from them stays far from any overflow.
    package static let shareLimit = 100

    /// By place: where the site's organisation stands in `shares`.
    package private(set) var organisations = [0]
    /// By organisation: what it may have of something short, against others.
    package private(set) var shares = [1]

    package var count: Int { organisations.count }

    /// Whether two places are of one organisation.
    package func areTogether(_ one: Int, _ other: Int) -> Bool { organisations[one] == organisations[other] }

    /// What each site's organisation has, by organisation; of nobody there is no bound. Empty: no organisation has one.
    ///
    /// - Parameter caps: of each site in order, nil: none; those of one organisation say the same.
    package func together(_ caps: [Int?]) -> [Int] {
        guard caps.contains(where: { $0 != nil }) else { return [] }
        var result = shares.map { _ in Int.max }
        for (index, cap) in caps.enumerated() where index + 1 < count {
            if let cap { result[organisations[index + 1]] = cap }
        }
        return result
    }

    /// - Parameter sites: in order, each with its organisation's name and share; the first that names one says its share.
    package init(_ sites: [(organisation: String, share: Int)] = []) {
        var known: [String: Int] = [:]
        for site in sites {
            if let place = known[site.organisation] {
                organisations.append(place)
            } else {
                known[site.organisation] = shares.count
                organisations.append(shares.count)
                shares.append(min(max(1, site.share), Self.shareLimit))
            }
        }
    }
}
