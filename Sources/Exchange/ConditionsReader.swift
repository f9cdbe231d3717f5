internal import Fingerprints

/// Reads a form's conditions: each value of its feature's grammar, none that could name a sender.
enum ConditionsReader {
    /// Most bytes of the values that are free text.
    static let parametersLimit = 256
    static let agentLimit = 256

    static func read(_ value: JSONValue, _ version: FormVersion) throws(ExchangeError) -> [Fingerprint.Condition] {
        let known = version == .one ? [Feature.method, .route, .ja4] : Feature.allCases
        guard case .array(let values) = value, (1...known.count).contains(values.count) else {
            throw Fields.wrong("conditions", "one to \(known.count) expected")
        }
        var conditions: [Fingerprint.Condition] = []
        var left = known[...]
        for value in values {
            let fields = try Fields(value, at: "conditions.", keys: ["feature", "value"])
            let name = try fields.text("feature") { name in known.contains { $0.rawValue == name } }
            guard let index = left.firstIndex(where: { $0.rawValue == name }) else {
                throw Fields.wrong("conditions", "each feature at most once, in the order of the schema")
            }
            let feature = left[index]
            left = left[(index + 1)...]
            let text = try fields.text("value") { isAllowed($0, for: feature) }
            try checkAddresses(text, feature)
            conditions.append(Fingerprint.Condition(feature, text))
        }
        guard conditions.allSatisfy({ $0.feature.isOfPacket == conditions[0].feature.isOfPacket }) else {
            throw Fields.wrong("conditions", "all of requests or all of packets expected")
        }
        return conditions
    }

    static func isAllowed(_ text: String, for feature: Feature) -> Bool {
        switch feature {
        case .method: Text.isMethod(text)
        case .route: text.hasPrefix("/") && text.utf8.count <= RequestShape.routeLimit && Text.isPlain(text)
        case .ja4: Text.isJA4(text)
        case .parameters: Text.isPlain(text, upTo: parametersLimit)
        case .headers: Text.isHeaderNames(text)
        case .http2: Text.isHTTP2Settings(text)
        case .agent: Text.isPlain(text, upTo: agentLimit)
        case .assets: Text.isKind(text)
        case .dnsName: PacketTest(.init(feature, text)) != nil && !text.utf8.contains { (65...90).contains($0) }
        default: PacketTest(.init(feature, text)) != nil
        }
    }

    private static func checkAddresses(_ text: String, _ feature: Feature) throws(ExchangeError) {
        switch feature {
        case .route where Text.holdsAddress(text):
            throw ExchangeError(.holdsAddress, "the route holds digits or groups that may be an address")
        case .parameters where Text.looksLikeAddress(text):
            throw ExchangeError(.holdsAddress, "the parameters hold what may be an address")
        default: break
        }
    }
}
