internal import Fingerprints
internal import Moments

/// Texts of rules. What comes from outside goes into a rule file through here alone, as numbers, as letters and digits,
/// or as escapes of both: a hostile fingerprint has no character to break out with.
enum RuleText {
    /// "97.30%"; "unknown" for nil.
    static func percent(_ share: Double?) -> String {
        guard let share, let share = Rules.share(share) else { return "unknown" }
        let parts = Int((share * 1_000_000).rounded(.up))
        let digits = String(parts % 10_000 + 10_000).dropFirst()
        return "\(parts / 10_000).\(digits)%"
    }

    /// "0123456789abcdef covers 97.3000% hits 0.0100% until 2026-11-24T12:00:00Z": at most 100 characters.
    static func summary(_ draft: RuleDraft) -> String {
        "\(draft.id) covers \(percent(draft.fingerprint.evidence.coverage)) hits \(percent(draft.collateral)) "
            + "until \(draft.expires.text)"
    }

    /// A kind's name as a comment may hold it.
    static func kind(_ fingerprint: Fingerprint) -> String {
        guard let kind = fingerprint.kind, (1...40).contains(kind.utf8.count), kind.utf8.allSatisfy(isNameByte) else {
            return "unnamed"
        }
        return kind
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        (97...122).contains(byte) || (48...57).contains(byte) || byte == UInt8(ascii: "-")
    }

    /// An interface's name: letters, digits, ".", "_", "-", "@", at most 15.
    static func isInterface(_ name: String) -> Bool {
        (1...15).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy { isAlphanumeric($0) || ".-_@".utf8.contains($0) }
    }

    static func isHost(_ name: String) -> Bool {
        (1...253).contains(name.utf8.count)
            && name.utf8.allSatisfy { isAlphanumeric($0) || $0 == UInt8(ascii: "-") || $0 == UInt8(ascii: ".") }
    }

    static func isAlphanumeric(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
    }

    static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }

    /// The kind and the conditions' features: no value, for values come from outside.
    static func heading(_ draft: RuleDraft) -> String {
        "\(kind(draft.fingerprint)): \(draft.conditions.map(\.feature.rawValue).joined(separator: ", "))"
    }
}
