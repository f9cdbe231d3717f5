import Exchange
import Fingerprints
import Moments
import TestKit

/// Files that the tests of the filter's commands give them.
enum FilterTestFiles {
    static func fingerprint(
        _ conditions: [(String, String)], at second: Int64, collateral: Double? = 0
    ) -> Fingerprint {
        let made = Moment(seconds: second)
        return Fingerprint(
            conditions: conditions.compactMap { name, value in Feature(rawValue: name).map { .init($0, value) } },
            kind: "dns-reflection",
            evidence: .init(
                coverage: 0.99, collateral: collateral, attackCount: 4_000,
                baselineCount: collateral == nil ? 0 : 2_800, sources: 100, from: made + -10, until: made,
                bytes: .init(
                    coverage: 0.99, collateral: collateral, attackCount: 4_000_000,
                    baselineCount: collateral == nil ? 0 : 280_000)),
            made: made, expires: made + 86_400)
    }

    /// Writes a fingerprint in our own form.
    static func write(
        _ street: ToolStreet, _ name: String, _ conditions: [(String, String)], collateral: Double? = 0,
        made: Int64? = nil
    ) throws {
        let fingerprint = fingerprint(conditions, at: made ?? street.start, collateral: collateral)
        try street.folder.write(try fingerprint.form, to: name)
    }
}

extension ToolStreet.Outcome {
    /// What was printed, with one space for as many as columns have between them.
    var squeezed: String {
        output.split(separator: "\n", omittingEmptySubsequences: false).map {
            $0.split(separator: " ").joined(separator: " ")
        }.joined(separator: "\n")
    }
}
