package import Heads

/// A fingerprint of requests, read once, to be compared with the lines of a log: bytes only.
package struct RequestMatcher: Sendable {
    private var method: [UInt8]?
    private var route: [UInt8]?
    private var template: RequestTemplate?
    private var agent: [UInt8]?

    /// Nil where a condition is not about requests, or about what no log line shows (TLS, header names, HTTP/2
    /// settings, what else the source took), or not of its grammar.
    package init?(_ fingerprint: Fingerprint) {
        guard !fingerprint.conditions.isEmpty else { return nil }
        for condition in fingerprint.conditions {
            switch condition.feature {
            case .method: method = Array(condition.value.utf8)
            case .route: route = Array(condition.value.utf8)
            case .agent: agent = Array(condition.value.utf8)
            case .parameters:
                guard let template = RequestTemplate(condition.value) else { return nil }
                self.template = template
            default: return nil
            }
        }
    }

    package func matches(_ request: RequestSummary, _ line: Span<UInt8>) -> Bool {
        if let method, !Self.equal(line, request.methodName, method) { return false }
        if let template, !template.matches(request, line) { return false }
        if let route, !Self.hasRoute(line, request, route) { return false }
        if let agent, !Self.equal(line, request.agent, agent) { return false }
        return true
    }

    private static func equal(_ line: Span<UInt8>, _ slice: Slice, _ text: [UInt8]) -> Bool {
        guard Int(slice.count) == text.count, slice.range.upperBound <= line.count else { return false }
        let start = Int(slice.start)
        for index in 0..<text.count where line[start + index] != text[index] { return false }
        return true
    }

    private static func hasRoute(_ line: Span<UInt8>, _ request: RequestSummary, _ route: [UInt8]) -> Bool {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: RequestShape.routeLimit) { room in
            let count = RouteHash.label(line, path: request.target, pathLength: Int(request.pathLength), into: room)
            guard count == route.count else { return false }
            for index in 0..<count where room[index] != route[index] { return false }
            return true
        }
    }
}

extension RequestShape {
    /// The route of a target, as a lane would write it.
    package static func route(of target: [UInt8]) -> String {
        let pathLength = target.firstIndex(of: UInt8(ascii: "?")) ?? target.count
        return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: routeLimit) { room in
            let count = RouteHash.label(
                target.span, path: Slice(0, target.count), pathLength: pathLength, into: room)
            return String(decoding: room[..<count], as: UTF8.self)
        }
    }
}
