/// What a browser does with an answer that is not the page: goes where it is sent, or loads again when it is told to.
///
/// A browser does not obey Retry-After by itself; programs do, and `obeysRetryAfter` is for them.
package struct Following: Sendable {
    /// How often one click lets itself be sent on. Browsers stop at 20.
    package static let limit = 20
    package var obeysRetryAfter: Bool

    package init(obeysRetryAfter: Bool = false) { self.obeysRetryAfter = obeysRetryAfter }

    package struct Step: Equatable, Sendable {
        /// Nanoseconds to wait first.
        package var pause: UInt64
        /// The path to ask for; empty: the same again.
        package var target: [UInt8]
        /// The request goes again with its method and body.
        package var keepsMethod: Bool
    }

    /// nil: this is the answer, good or bad.
    ///
    /// - Parameter head: of the request that it is the answer to.
    package func step(after outcome: Outcome, to head: [UInt8], authority: String) -> Step? {
        guard outcome.ending == .complete else { return nil }
        switch outcome.status {
        case 301, 302, 303, 307, 308:
            guard let target = Self.path(of: outcome.location, from: Self.target(of: head), authority: authority)
            else { return nil }
            return Step(pause: 0, target: target, keepsMethod: outcome.status >= 307)
        case 200 where outcome.hasWord: return nil
        default: break
        }
        if let refresh = outcome.refresh {
            // Nobody loads faster than this.
            let pause = max(100_000_000, UInt64(min(refresh.seconds, 3_600)) * 1_000_000_000)
            return Step(
                pause: pause,
                target: Self.path(of: refresh.target, from: Self.target(of: head), authority: authority) ?? [],
                keepsMethod: false)
        }
        if obeysRetryAfter, [429, 503].contains(outcome.status), let seconds = outcome.retryAfter {
            return Step(pause: UInt64(max(1, min(seconds, 3_600))) * 1_000_000_000, target: [], keepsMethod: true)
        }
        return nil
    }

    private static func target(of head: [UInt8]) -> ArraySlice<UInt8> {
        let words = head.split(separator: 32, maxSplits: 2, omittingEmptySubsequences: false)
        return words.count == 3 ? words[1] : []
    }

    /// The path on the same site that a location names, seen from the target that was asked for (RFC 3986, section 5.2; of
    /// its dot segments only a leading "./", which is all that is met here); nil for other sites.
    static func path(of location: [UInt8], from target: ArraySlice<UInt8>, authority: String) -> [UInt8]? {
        if location.first == UInt8(ascii: "/"), location.dropFirst().first != UInt8(ascii: "/") { return location }
        for scheme in ["https://", "http://"] {
            let start = Array("\(scheme)\(authority)".utf8)
            guard location.starts(with: start) else { continue }
            let rest = Array(location[start.count...])
            return rest.isEmpty ? [UInt8(ascii: "/")] : rest.first == UInt8(ascii: "/") ? rest : nil
        }
        guard let first = location.first, first != UInt8(ascii: "/"), !location.prefix(8).contains(UInt8(ascii: ":"))
        else { return nil }
        let path = target.prefix { $0 != UInt8(ascii: "?") }
        if first == UInt8(ascii: "?") { return Array(path) + location }
        let folder = path.prefix((path.lastIndex(of: UInt8(ascii: "/")) ?? path.startIndex - 1) + 1 - path.startIndex)
        return Array(folder) + (location.starts(with: "./".utf8) ? location.dropFirst(2) : location[...])
    }

    /// The head of an order for another path, as a GET or with the method that it had.
    static func head(_ head: [UInt8], to step: Step) -> [UInt8] {
        guard let first = head.firstIndex(of: 32), let second = head[(first + 1)...].firstIndex(of: 32) else {
            return head
        }
        let method = step.keepsMethod ? Array(head[..<first]) : Array("GET".utf8)
        let target = step.target.isEmpty ? Array(head[(first + 1)..<second]) : step.target
        var rest = Array(head[second...])
        if !step.keepsMethod {
            // What described the body goes with it.
            let text = String(decoding: rest, as: UTF8.self).split(separator: "\r\n", omittingEmptySubsequences: false)
            rest = Array(text.filter { !$0.lowercased().hasPrefix("content-") }.joined(separator: "\r\n").utf8)
        }
        return method + [32] + target + rest
    }
}

/// Orders that are to go out later, the earliest first.
struct LaterOrders {
    private var orders: [(at: UInt64, order: Order)] = []

    var due: UInt64? { orders.last?.at }
    var isEmpty: Bool { orders.isEmpty }

    mutating func add(_ order: Order, at moment: UInt64) {
        let place = orders.firstIndex { $0.at <= moment } ?? orders.count
        orders.insert((moment, order), at: place)
    }

    mutating func pop(at now: UInt64) -> Order? {
        guard let last = orders.last, last.at <= now else { return nil }
        return orders.removeLast().order
    }
}
