/// How much load an engine may make in its life. Every bound must be named, and none can exceed its cap: load that
/// nobody meant stops by itself.
package struct Bounds: Equatable, Sendable {
    /// Open connections at once, over all sources.
    package let connections: Int
    /// Requests in all.
    package let requests: Int
    /// Requests per second, over any second and a half.
    package let rate: Int
    /// Seconds of running time in all.
    package let seconds: Int

    package static let caps = (connections: 20_000, requests: 5_000_000, rate: 20_000, seconds: 3_600)

    package init(connections: Int, requests: Int, rate: Int, seconds: Int) throws(BoundsRefusal) {
        try Self.check("connections", connections, Self.caps.connections)
        try Self.check("requests", requests, Self.caps.requests)
        try Self.check("rate", rate, Self.caps.rate)
        try Self.check("seconds", seconds, Self.caps.seconds)
        self.connections = connections
        self.requests = requests
        self.rate = rate
        self.seconds = seconds
    }

    private static func check(_ name: String, _ value: Int, _ cap: Int) throws(BoundsRefusal) {
        guard (1...cap).contains(value) else { throw BoundsRefusal(bound: name, value: value, cap: cap) }
    }
}

package struct BoundsRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    package var bound: String
    package var value: Int
    package var cap: Int

    package var description: String { "\(bound) must be 1...\(cap), not \(value)" }
}

/// Keeps count of what an engine has sent against its bounds: a bucket of tokens, half a second deep.
struct BoundsMeter {
    let bounds: Bounds
    private(set) var requests = 0
    private var tokens: Double
    private var filledAt: UInt64 = 0
    private var depth: Double { max(1, Double(bounds.rate) / 2) }

    init(_ bounds: Bounds) {
        self.bounds = bounds
        tokens = max(1, Double(bounds.rate) / 2)
    }

    /// Takes one request at a moment in nanoseconds; false: a bound is reached.
    mutating func take(at now: UInt64) -> Bool {
        guard requests < bounds.requests else { return false }
        if now > filledAt {
            tokens = min(depth, tokens + Double(now - filledAt) / 1e9 * Double(bounds.rate))
            filledAt = now
        }
        guard tokens >= 1 else { return false }
        tokens -= 1
        requests += 1
        return true
    }
}
