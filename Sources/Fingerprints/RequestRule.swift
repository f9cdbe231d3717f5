package import Heads
package import Packets

/// A fingerprint of requests, read once, to be compared with requests as they come: a lane holds some for each site.
/// Comparing allocates nothing, and asks first what costs least.
package struct RequestRule: Sendable {
    private var method: [UInt8]?
    private var route: [UInt8]?
    private var template: RequestTemplate?
    private var agent: [UInt8]?
    private var agentHash: UInt64 = 0
    private var names: [UInt8]?
    private var program: UInt64 = 0
    private var ja4: JA4?
    private var http2: UInt64?

    /// Nil where a condition is not about requests, is about more than one request (what a source took beside it), or is
    /// not of its grammar.
    package init?(_ conditions: [Fingerprint.Condition]) {
        guard !conditions.isEmpty else { return nil }
        for condition in conditions {
            let text = Array(condition.value.utf8)
            switch condition.feature {
            case .method: method = text
            case .route: route = text
            case .agent:
                agent = text
                agentHash = text.isEmpty ? 0 : RequestSummary.hash(text.span, Slice(0, text.count))
            case .parameters:
                guard let template = RequestTemplate(condition.value) else { return nil }
                self.template = template
            case .headers:
                guard text.count <= RequestHead.programLimit else { return nil }
                names = text
                program = RequestHead.programNumber(text)
            case .ja4:
                guard let ja4 = JA4(condition.value) else { return nil }
                self.ja4 = ja4
            case .http2:
                guard let number = Self.number(condition.value) else { return nil }
                http2 = number
            default: return nil
            }
        }
    }

    /// A number as 16 digits: of a rule, or a lane's for how a program speaks HTTP/2.
    package static func digits(of number: UInt64) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// The number of a program by the names of its fields.
    package static func program(_ names: String) -> UInt64 { RequestHead.programNumber(Array(names.utf8)) }

    private static func number(_ text: String) -> UInt64? {
        guard text.utf8.count == 16, let number = UInt64(text, radix: 16), Self.digits(of: number) == text else {
            return nil
        }
        return number
    }

    /// What the connection and the head's traits show already.
    package struct Client: Sendable {
        package var program: UInt64
        package var ja4: JA4?
        package var http2: UInt64

        package init(program: UInt64, ja4: JA4?, http2: UInt64) {
            self.program = program
            self.ja4 = ja4
            self.http2 = http2
        }
    }

    /// What is compared first: numbers only, so that a list of rules is gone through in little time.
    package struct Key: Sendable, BitwiseCopyable {
        private var program: UInt64 = 0
        private var ja4: UInt64 = 0
        private var http2: UInt64 = 0
        private var hasProgram = false
        private var hasJA4 = false
        private var hasHTTP2 = false

        package init(_ rule: RequestRule) {
            program = rule.program
            hasProgram = rule.names != nil
            ja4 = rule.ja4?.mixed ?? 0
            hasJA4 = rule.ja4 != nil
            http2 = rule.http2 ?? 0
            hasHTTP2 = rule.http2 != nil
        }

        /// False: the rule does not match. `ja4` is ``JA4/mixed``.
        package func mayMatch(program: UInt64, ja4: UInt64, http2: UInt64) -> Bool {
            (!hasProgram || program == self.program) && (!hasJA4 || ja4 == self.ja4)
                && (!hasHTTP2 || http2 == self.http2)
        }
    }

    /// - Parameter bytes: those that the head was read from.
    package func matches(_ head: RequestHead, _ bytes: Span<UInt8>, _ client: Client) -> Bool {
        if names != nil, client.program != program { return false }
        if let http2, client.http2 != http2 { return false }
        if let ja4, client.ja4 != ja4 { return false }
        if let method, !Self.equal(bytes, head.methodName, method) { return false }
        if let template, !Self.matches(template, head, bytes) { return false }
        if let route, !Self.hasRoute(bytes, head.path, head.pathLength, route) { return false }
        if let agent, !Self.hasAgent(agent, head, bytes) { return false }
        // Another list may have the same number.
        if let names, !head.hasProgram(bytes, names) { return false }
        return true
    }

    /// The same of what was kept of a request; of one that is masked or cut: whether it may match.
    package func matches(_ request: RequestFeatures) -> Bool {
        if names != nil, request.program != program { return false }
        if let http2, request.http2 != http2 { return false }
        if let ja4, request.ja4 != ja4.mixed { return false }
        if agent != nil, request.agent != agentHash { return false }
        if let method, !request.method.utf8.elementsEqual(method) { return false }
        let target = request.target
        if let template {
            if request.isMasked {
                if !request.isCut, !template.mayMatch(masked: target) { return false }
            } else {
                let mark = target.firstIndex(of: UInt8(ascii: "?"))
                let start = template.scope == .target ? 0 : mark.map { $0 + 1 } ?? target.count
                if !template.matches(target.span, start, target.count) { return false }
            }
        }
        if let route, !request.isCut || !request.isMasked {
            let length = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
            if !Self.hasRoute(target.span, Slice(0, target.count), length, route) { return false }
        }
        return true
    }

    private static func matches(_ template: RequestTemplate, _ head: RequestHead, _ bytes: Span<UInt8>) -> Bool {
        let end = head.path.range.upperBound
        switch template.scope {
        case .target: return template.matches(bytes, Int(head.path.start), end)
        case .query: return template.matches(bytes, min(Int(head.path.start) + head.pathLength + 1, end), end)
        }
    }

    private static func equal(_ bytes: Span<UInt8>, _ slice: Slice, _ text: [UInt8]) -> Bool {
        guard Int(slice.count) == text.count, slice.range.upperBound <= bytes.count else { return false }
        let start = Int(slice.start)
        for index in 0..<text.count where bytes[start + index] != text[index] { return false }
        return true
    }

    private static func hasAgent(_ agent: [UInt8], _ head: RequestHead, _ bytes: Span<UInt8>) -> Bool {
        guard let field = head.first(.userAgent) else { return agent.isEmpty }
        return equal(bytes, field.value, agent)
    }

    private static func hasRoute(
        _ bytes: Span<UInt8>, _ path: Slice, _ pathLength: Int, _ route: [UInt8]
    ) -> Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: RequestShape.routeLimit) { room in
            let count = RouteHash.label(bytes, path: path, pathLength: pathLength, into: room)
            guard count == route.count else { return false }
            for index in 0..<count where room[index] != route[index] { return false }
            return true
        }
    }
}
