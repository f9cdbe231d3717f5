internal import Addresses
internal import Fingerprints

/// Lines for nginx: maps for its http block, and what a server block does with them.
enum Nginx {
    static func lines(_ draft: RuleDraft, _ options: RuleOptions, number: Int) throws(RuleRefusal) -> [String] {
        let name = "$wasstraat_\(number)"
        var lines: [String] = []
        var count = 0
        func own() -> String {
            count += 1
            return "\(name)_\(count - 1)"
        }
        func map(_ source: String, _ expression: String) {
            lines.append("map \(source) \(own()) { default 0; \"~\(expression)\" 1; }")
        }
        if let host = options.host { map("$host", "^\(RequestPattern.literal(host.lowercased().utf8))$") }
        for (variable, prefixes) in [("$server_addr", options.targets), ("$remote_addr", draft.sources)]
        where !prefixes.isEmpty {
            let entries = prefixes.map { " \($0) 1;" }.joined()
            lines.append("geo \(variable) \(own()) { default 0;\(entries) }")
        }
        for condition in draft.conditions {
            let value = condition.value
            switch condition.feature {
            case .method: map("$request_method", try RequestPattern.exactly(value))
            case .route: map("$request_uri", try RequestPattern.route(value))
            case .parameters: map("$request_uri", try RequestPattern.parameters(value))
            // An empty value is compared with texts alone, never with expressions.
            case .agent where value.isEmpty:
                lines.append("map $http_user_agent \(own()) { default 0; \"\" 1; }")
            case .agent: map("$http_user_agent", try RequestPattern.exactly(value))
            default: throw RuleRefusal("nginx cannot say \(condition.feature.rawValue)")
            }
        }
        let all = (0..<count).map { "${wasstraat_\(number)_\($0)}" }.joined()
        let ones = String(repeating: "1", count: count)
        let status = options.requestAction == .tooMany ? 429 : 444
        lines.append("map \"\(all)\" \(name) { default 0; \"\(ones)\" \(status); }")
        return lines
    }

    /// The maps, and for the server block, as a comment, what uses them.
    static func file(_ body: [String], count: Int) -> String {
        var lines = body
        if count > 0 {
            // One variable for all rules: the first that is not 0.
            let all = (0..<count).map { "${wasstraat_\($0)}" }.joined(separator: ":")
            lines.append("map \"\(all)\" $wasstraat { default 0; \"~429\" 429; \"~444\" 444; }")
            lines.append("# In the server block:")
            lines.append("#     if ($wasstraat = 429) { return 429; }")
            lines.append("#     if ($wasstraat = 444) { return 444; }")
        }
        return lines.map { $0 + "\n" }.joined()
    }
}
