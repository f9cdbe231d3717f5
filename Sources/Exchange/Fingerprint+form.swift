internal import Crypto
// SHA-256 takes [UInt8] only where this is imported; the essentials suffice.
internal import FoundationEssentials
package import Fingerprints
internal import Moments

/// The one form in which a fingerprint leaves an organisation: JSON, described in
/// Documentation/schemas/fingerprint.schema.json. Its identifier is the SHA-256 of the canonical bytes of what it says,
/// so the same fingerprint has the same identifier whoever passes it on; its signature is over identifier and signer
/// too. Without signer and signature it is for one's own use.
extension Fingerprint {
    /// Counts beyond this are not exact in every reader of JSON (RFC 8259, section 6).
    static let countLimit: UInt64 = 1 << 53 - 1

    /// SHA-256 of the canonical bytes, as 64 small hexadecimal digits.
    package var identifier: String { identifier(as: .written) }

    /// The identifier of the form of one version. Of a fingerprint that version 1 cannot say, that of version 1 means
    /// nothing.
    package func identifier(as version: FormVersion) -> String {
        Text.hexadecimal(SHA256.hash(data: JSONValue.object(content(as: version)).canonical))
    }

    /// The signed form, to be written to a file or sent.
    ///
    /// Throws what a receiver would say of it: nobody sends what nobody takes.
    package func export(signedBy name: String, with key: SigningKey) throws(ExchangeError) -> [UInt8] {
        let signer = key.signer(named: name)
        let vouched = vouched(by: signer, as: .written)
        let signature = try key.signature(of: JSONValue.object(vouched).canonical)
        let bytes =
            JSONValue.object(vouched + [.init("signature", .string(Text.hexadecimal(signature)))]).canonical
        _ = try ReceivedFingerprint(parsing: bytes)
        return bytes
    }

    /// The unsigned form, for one's own use: rules are made of it and packets compared with it, but nobody imports it.
    ///
    /// Throws what a reader would say of it.
    package var form: [UInt8] {
        get throws(ExchangeError) {
            let bytes = unsigned.canonical
            _ = try FingerprintForm(parsing: bytes)
            return bytes
        }
    }

    /// The unsigned form as a value, to stand in another one.
    var unsigned: JSONValue { .object(content(as: .written) + [.init("id", .string(identifier))]) }

    /// What is signed.
    func vouched(by signer: Signer, as version: FormVersion) -> [JSONValue.Member] {
        content(as: version) + [
            .init("id", .string(identifier(as: version))),
            .init(
                "signer", .object([.init("key", .string(signer.hexadecimalKey)), .init("name", .string(signer.name))])),
        ]
    }

    /// What the identifier is of.
    private func content(as version: FormVersion) -> [JSONValue.Member] {
        let conditions = conditions.map {
            JSONValue.object([.init("feature", .string($0.feature.rawValue)), .init("value", .string($0.value))])
        }
        let common: [JSONValue.Member] = [
            .init("conditions", .array(conditions)), .init("expires", .time(expires)),
            .init("format", .string(version.rawValue)), .init("made", .time(made)),
        ]
        switch version {
        case .one: return common + [.init("evidence", .object(firstEvidence))]
        case .two: return common + [.init("evidence", .object(fullEvidence)), .init("kind", .text(kind))]
        }
    }

    private var firstEvidence: [JSONValue.Member] {
        [
            .init("attack_requests", .count(evidence.attackCount)),
            .init("baseline_requests", .count(evidence.baselineCount)),
            .init("collateral", .share(evidence.collateral)), .init("coverage", .share(evidence.coverage)),
            .init("from", .time(evidence.from)), .init("sources", .count(evidence.sources)),
            .init("until", .time(evidence.until)),
        ]
    }

    private var fullEvidence: [JSONValue.Member] {
        let bytes = evidence.bytes.map { bytes -> JSONValue in
            .object([
                .init("attack", .count(bytes.attackCount)), .init("baseline", .count(bytes.baselineCount)),
                .init("collateral", .share(bytes.collateral)), .init("coverage", .share(bytes.coverage)),
            ])
        }
        // A forged source's network is somebody else's: it is not written, whoever put it there.
        let networks = evidence.isSpoofable == false ? evidence.networks : []
        return [
            .init("attack", .count(evidence.attackCount)), .init("baseline", .count(evidence.baselineCount)),
            .init("baseline_name", .text(evidence.baseline)), .init("bytes", bytes ?? .null),
            .init("collateral", .share(evidence.collateral)), .init("coverage", .share(evidence.coverage)),
            .init("from", .time(evidence.from)), .init("networks", .array(networks.map(\.value))),
            .init("peak_rate", evidence.peakRate.map { .rate($0) } ?? .null),
            .init("sources", .count(evidence.sources)),
            .init("spoofable", evidence.isSpoofable.map { .bool($0) } ?? .null),
            .init("unit", .string(isOfPackets ? "packets" : "requests")), .init("until", .time(evidence.until)),
        ]
    }
}

extension Fingerprint.Evidence.Network {
    var value: JSONValue { .object([.init("prefix", .string(prefix)), .init("share", .share(share))]) }
}
