internal import Crypto
// SHA-256 takes [UInt8] only where this is imported; the essentials suffice.
internal import FoundationEssentials
package import Fingerprints
internal import Moments

/// The one form in which a fingerprint leaves an organisation: JSON, described in
/// Documentation/schemas/fingerprint.schema.json. Its identifier is the SHA-256 of the canonical bytes of what it says,
/// so the same fingerprint has the same identifier whoever passes it on; its signature is over identifier and signer too.
extension Fingerprint {
    /// The value of "format": the form's name and version.
    static let format = "wasstraat-fingerprint-1"
    /// Counts beyond this are not exact in every reader of JSON (RFC 8259, section 6).
    static let countLimit: UInt64 = 1 << 53 - 1
    /// Shares are written in millionths.
    static let shareUnit = 1e6

    /// SHA-256 of the canonical bytes, as 64 small hexadecimal digits.
    package var identifier: String { Text.hexadecimal(SHA256.hash(data: JSONValue.object(content).canonical)) }

    /// The signed form, to be written to a file or sent.
    ///
    /// Throws what a receiver would say of it: nobody sends what nobody takes.
    package func export(signedBy name: String, with key: SigningKey) throws(ExchangeError) -> [UInt8] {
        let signer = key.signer(named: name)
        let vouched = vouched(by: signer)
        let signature = try key.signature(of: JSONValue.object(vouched).canonical)
        let bytes =
            JSONValue.object(vouched + [.init("signature", .string(Text.hexadecimal(signature)))]).canonical
        _ = try ReceivedFingerprint(parsing: bytes)
        return bytes
    }

    /// What is signed.
    func vouched(by signer: Signer) -> [JSONValue.Member] {
        content + [
            .init("id", .string(identifier)),
            .init(
                "signer", .object([.init("key", .string(signer.hexadecimalKey)), .init("name", .string(signer.name))])),
        ]
    }

    /// What the identifier is of.
    private var content: [JSONValue.Member] {
        let conditions = conditions.map {
            JSONValue.object([.init("feature", .string($0.feature.rawValue)), .init("value", .string($0.value))])
        }
        return [
            .init("conditions", .array(conditions)),
            .init(
                "evidence",
                .object([
                    .init("attack_requests", Self.count(evidence.attackCount)),
                    .init("baseline_requests", Self.count(evidence.baselineCount)),
                    .init("collateral", evidence.collateral.map(Self.share) ?? .null),
                    .init("coverage", Self.share(evidence.coverage)), .init("from", Self.time(evidence.from)),
                    .init("sources", Self.count(evidence.sources)), .init("until", Self.time(evidence.until)),
                ])), .init("expires", Self.time(expires)), .init("format", .string(Self.format)),
            .init("made", Self.time(made)),
        ]
    }

    private static func count(_ value: UInt64) -> JSONValue { .number(String(min(value, countLimit))) }

    private static func time(_ moment: Moment) -> JSONValue {
        // What lies outside four-digit years cannot be written; a reader refuses long before.
        .string(min(max(moment, Moment(seconds: 0)), Moment(seconds: 253_402_300_799)).text)
    }

    /// 0...1 with at most six decimals, without zeros at the end: "0", "0.25", "1".
    private static func share(_ value: Double) -> JSONValue {
        let units = Int(((value > 0 ? min(value, 1) : 0) * shareUnit).rounded())
        guard units > 0, units < Int(shareUnit) else { return .number(units == 0 ? "0" : "1") }
        var digits = String(String(units + Int(shareUnit)).dropFirst())
        while digits.hasSuffix("0") { digits.removeLast() }
        return .number("0." + digits)
    }
}
