internal import Addresses
internal import Fingerprints

/// Lines for a frontend of HAProxy (2.4 or newer, built with PCRE).
enum HAProxy {
    static func lines(_ draft: RuleDraft, _ options: RuleOptions, number: Int) throws(RuleRefusal) -> [String] {
        let name = "wasstraat_\(number)"
        var lines: [String] = []
        var names: [String] = []
        func add(_ test: String) {
            let own = "\(name)_\(names.count)"
            lines.append("acl \(own) \(test)")
            names.append(own)
        }
        if let host = options.host { add("req.hdr(host),host_only,lower -m str \(host.lowercased())") }
        for (keyword, prefixes) in [("dst", options.targets), ("src", draft.sources)] where !prefixes.isEmpty {
            add("\(keyword) \(prefixes.map(\.description).joined(separator: " "))")
        }
        for condition in draft.conditions {
            let value = condition.value
            switch condition.feature {
            case .method: add("method -m reg '\(try RequestPattern.exactly(value))'")
            case .route: add("pathq -m reg '\(try RequestPattern.route(value))'")
            case .parameters: add("pathq -m reg '\(try RequestPattern.parameters(value))'")
            case .agent where value.isEmpty: add("req.fhdr_cnt(user-agent) eq 0")
            case .agent: add("req.fhdr(user-agent) -m reg '\(try RequestPattern.exactly(value))'")
            case .headers: add("req.hdr_names -m reg '\(try RequestPattern.exactly(value))'")
            default: throw RuleRefusal("HAProxy cannot say \(condition.feature.rawValue)")
            }
        }
        // A line holds 64 words.
        guard lines.allSatisfy({ $0.utf8.count < 2_000 && $0.count(where: { $0 == " " }) < 60 }), names.count < 40
        else {
            throw RuleRefusal("longer than a line of HAProxy")
        }
        let action = options.requestAction == .tooMany ? "deny deny_status 429" : "silent-drop"
        lines.append("http-request \(action) if \(names.joined(separator: " "))")
        return lines
    }
}
