package import Detection
internal import Fingerprints
internal import Moments

/// A report as JSON, described in Documentation/schemas/dissect.schema.json: canonical bytes, so that the same report
/// is the same bytes.
extension TrafficReport {
    /// - Parameter faults: what could not be read, by cause; `errors` is their sum.
    package func json(faults: [ReadFault] = []) -> [UInt8] { value(faults: faults).canonical }

    func value(faults: [ReadFault]) -> JSONValue {
        let errors = faults.reduce(into: UInt64(0)) { sum, fault in
            sum = sum &+ fault.count < sum ? .max : sum &+ fault.count
        }
        let causes = faults.map {
            JSONValue.object([.init("cause", .string($0.cause)), .init("count", .count($0.count))])
        }
        return .object([
            .init("attacks", .array(attacks.map(\.value))), .init("bytes", .count(bytes)),
            .init("error_causes", .array(causes)), .init("errors", .count(errors)),
            .init("from", from.map { .instant($0) } ?? .null), .init("growth", .array(growth.map(\.value))),
            .init("packets", .count(packets)), .init("until", until.map { .instant($0) } ?? .null),
        ])
    }
}

extension TrafficAttack {
    var value: JSONValue {
        .object([
            .init("detected", .instant(detected)), .init("end", .instant(end)), .init("start", .instant(start)),
            .init("state", .string(state.rawValue)), .init("target", .string(target.description)),
            .init("vectors", .array(vectors.map(\.value))),
        ])
    }
}

extension TrafficVector {
    var value: JSONValue {
        let evidence = fingerprint.evidence
        // A feature stands once in a fingerprint; if not, the first counts here, for keys stand once in an object too.
        var conditions: [JSONValue.Member] = []
        for condition in fingerprint.conditions
        where !conditions.contains(where: { $0.key == condition.feature.rawValue }) {
            conditions.append(.init(condition.feature.rawValue, .string(condition.value)))
        }
        let isForm = (try? fingerprint.form) != nil
        return .object([
            .init("baseline", .text(evidence.baseline)), .init("bytes", .count(bytes)),
            .init("bytes_collateral", .share(evidence.bytes?.collateral)),
            .init("bytes_coverage", .share(evidence.bytes?.coverage)), .init("collateral", .share(evidence.collateral)),
            .init("conditions", .object(conditions)), .init("coverage", .share(evidence.coverage)),
            .init("end", .instant(end)),
            // What no reader would take is not passed off as a fingerprint.
            .init("fingerprint", isForm ? fingerprint.unsigned : .null), .init("kind", .string(kind)),
            .init("networks", .array(evidence.isSpoofable == false ? evidence.networks.map(\.value) : [])),
            .init("packets", .count(packets)), .init("peak_rate", evidence.peakRate.map { .rate($0) } ?? .null),
            .init("sources", .count(evidence.sources)),
            .init("spoofable", evidence.isSpoofable.map { .bool($0) } ?? .null), .init("start", .instant(start)),
        ])
    }
}

extension BenignGrowth {
    var value: JSONValue {
        .object([
            .init("bytes", .count(bytes)), .init("end", .instant(end)), .init("kind", .string(kind)),
            .init("packets", .count(packets)), .init("start", .instant(start)),
            .init("target", .string(target.description)),
        ])
    }
}
