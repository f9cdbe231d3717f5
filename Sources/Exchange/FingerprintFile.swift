package import Fingerprints

/// What a file with fingerprints holds, by its content.
package enum FingerprintFile: Sendable {
    /// Our form, signed or not; or a report of ours, with the fingerprints of its vectors.
    case ours([Fingerprint])
    case coalition([CoalitionFingerprint])

    /// Deeper than a form by what a report puts around it; lists as long as the coalition's.
    private static let limits = JSONReader.Limits(
        depth: 12, members: CoalitionFingerprint.valueLimit, elements: CoalitionFingerprint.addressLimit)
    /// Most fingerprints taken of one report.
    private static let fingerprintLimit = 4_096

    package init(parsing bytes: [UInt8]) throws(ExchangeError) {
        guard bytes.count <= CoalitionFingerprint.sizeLimit else {
            throw ExchangeError(.tooLong, "\(bytes.count) bytes, at most \(CoalitionFingerprint.sizeLimit)")
        }
        let value = try JSONReader.read(bytes, within: Self.limits)
        if let attacks = value["attacks"] {
            self = .ours(try Self.reported(attacks))
        } else if value["attack_vectors"] != nil || value["conditions"] == nil && value["format"] == nil {
            self = .coalition(try CoalitionFingerprint.parse(bytes))
        } else {
            self = .ours([try FingerprintForm(parsing: bytes).fingerprint])
        }
    }

    private static func reported(_ attacks: JSONValue) throws(ExchangeError) -> [Fingerprint] {
        guard case .array(let attacks) = attacks else { throw Fields.wrong("attacks", "a list expected") }
        var found: [Fingerprint] = []
        for attack in attacks {
            guard case .array(let vectors)? = attack["vectors"] else {
                throw Fields.wrong("vectors", "a list expected")
            }
            for vector in vectors {
                guard let form = vector["fingerprint"], form != .null else { continue }
                guard found.count < fingerprintLimit else {
                    throw ExchangeError(.tooLong, "more than \(fingerprintLimit) fingerprints")
                }
                found.append(try FingerprintForm(FormContent(reading: form)).fingerprint)
            }
        }
        return found
    }
}

extension JSONValue {
    /// An object's member; nil where there is none, and for what is no object.
    fileprivate subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }
}
