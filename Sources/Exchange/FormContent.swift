internal import Fingerprints
internal import Moments

/// What a form says, of either version, signed or not: every value of its grammar, nothing checked against its hash.
struct FormContent: Equatable, Sendable {
    let fingerprint: Fingerprint
    let version: FormVersion
    let claimedIdentifier: String
    let signing: Signing?

    struct Signing: Equatable, Sendable {
        var signer: Signer
        var signature: [UInt8]
    }

    init(parsing bytes: [UInt8]) throws(ExchangeError) {
        guard bytes.count <= ReceivedFingerprint.sizeLimit else {
            throw ExchangeError(.tooLong, "\(bytes.count) bytes, at most \(ReceivedFingerprint.sizeLimit)")
        }
        try self.init(reading: JSONReader.read(bytes))
    }

    init(reading form: JSONValue) throws(ExchangeError) {
        // The format first: of a later version it says more than a key that is not known here.
        guard case .object(let members) = form else { throw Fields.wrong("the form", "an object expected") }
        version = try Self.version(members.first { $0.key == "format" }?.value)
        let isSigned = members.contains { $0.key == "signature" || $0.key == "signer" }
        let fields = try Fields(
            form, at: "",
            keys: ["conditions", "evidence", "expires", "format", "id", "made"] + (version == .one ? [] : ["kind"])
                + (isSigned ? ["signature", "signer"] : []))
        let conditions = try ConditionsReader.read(fields["conditions"], version)
        let isOfPackets = conditions.contains { $0.feature.isOfPacket }
        let evidence = try EvidenceReader.read(fields["evidence"], version, isOfPackets: isOfPackets)
        fingerprint = Fingerprint(
            conditions: conditions, kind: version == .one ? nil : try fields.optionalText("kind", where: Text.isKind),
            evidence: evidence, made: try fields.time("made"), expires: try fields.time("expires"))
        try EvidenceReader.checkTimes(of: fingerprint, version)
        claimedIdentifier = try fields.text("id") { Text.isHexadecimal($0, count: 64) }
        signing = isSigned ? try Self.signing(fields) : nil
    }

    /// A form without one is held against the version that is written: then the key is missing.
    private static func version(_ format: JSONValue?) throws(ExchangeError) -> FormVersion {
        guard let format else { return .written }
        guard case .string(let name) = format, let version = FormVersion(rawValue: name) else {
            let known = FormVersion.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: " or ")
            throw ExchangeError(.unknownFormat, "not \(known)")
        }
        return version
    }

    private static func signing(_ fields: Fields) throws(ExchangeError) -> Signing {
        let signer = try Fields(fields["signer"], at: "signer.", keys: ["key", "name"])
        return Signing(
            signer: Signer(
                name: try signer.text("name") { Text.isPlain($0, upTo: Signer.nameLimit) },
                key: try signer.bytes("key", count: Signer.keySize)),
            signature: try fields.bytes("signature", count: Signer.signatureSize))
    }

    /// The identifier, by the content's own version; throws where the form claims another.
    func checkedIdentifier() throws(ExchangeError) -> String {
        let identifier = fingerprint.identifier(as: version)
        guard claimedIdentifier == identifier else {
            throw ExchangeError(.wrongIdentifier, "the content has the identifier \(identifier)")
        }
        return identifier
    }

    /// Throws where the signature is not that of the key named, over this content.
    func check(_ signing: Signing) throws(ExchangeError) {
        let signed = JSONValue.object(fingerprint.vouched(by: signing.signer, as: version)).canonical
        guard signing.signer.hasSigned(signed, with: signing.signature) else {
            throw ExchangeError(.wrongSignature, "not signed by the key that it names")
        }
    }
}
