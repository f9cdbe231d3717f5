package import Addresses
internal import CLinux
internal import Glibc

/// An endpoint on this machine, or in a network namespace that leads nowhere else: the only thing that the load engine
/// can connect to, and it is made in one place only, here.
package struct HomeAddress: Hashable, Sendable, CustomStringConvertible {
    package let endpoint: Endpoint

    /// Checks against the network that the process is in now.
    package init(checking endpoint: Endpoint) throws(TargetRefusal) {
        if let refusal = TargetGuard.refusal(of: endpoint.address, in: NetworkFacts.current()) { throw refusal }
        self.endpoint = endpoint
    }

    package var description: String { endpoint.description }
}

/// Why load must not be sent to an address, or from one.
package enum TargetRefusal: Error, Equatable, Sendable, CustomStringConvertible {
    /// Neither 127.0.0.0/8 nor ::1, and the process is in the machine's own network namespace.
    case notLoopback(Address)
    /// The process's namespace has a route that leads anywhere.
    case defaultRoute(Address)
    /// The routes of the namespace cannot be read, so that nothing is known of where packets would go.
    case unknownRoutes(Address)
    /// A namespace without a way out, but the address is in none of the blocks for tests.
    case notATestBlock(Address)
    /// A source that does not fit the target: load for this machine comes from this machine.
    case source(Address)

    package var description: String {
        switch self {
        case .notLoopback(let address): "\(address) is not on this machine (127.0.0.0/8 or ::1)"
        case .defaultRoute(let address): "\(address) is not loopback, and this network namespace has a default route"
        case .unknownRoutes(let address): "\(address) is not loopback, and the routes here cannot be read"
        case .notATestBlock(let address): "\(address) is in none of the blocks for tests"
        case .source(let address): "\(address) cannot be a source of load for this target"
        }
    }
}

/// What the guard needs to know of the network that the process is in.
package struct NetworkFacts: Sendable {
    /// The network namespace is not the machine's own.
    package var isOwnNamespace: Bool
    /// The text of /proc/net/route; nil: not readable.
    package var routes: String?
    /// The text of /proc/net/ipv6_route; nil: not readable.
    package var routesIPv6: String?
    /// IPv6 is switched off, which is why its routes cannot be read.
    package var isIPv6Absent: Bool

    package init(isOwnNamespace: Bool, routes: String?, routesIPv6: String?, isIPv6Absent: Bool = false) {
        self.isOwnNamespace = isOwnNamespace
        self.routes = routes
        self.routesIPv6 = routesIPv6
        self.isIPv6Absent = isIPv6Absent
    }

    package static func current() -> NetworkFacts {
        NetworkFacts(
            isOwnNamespace: linux_own_network_namespace() == 1, routes: readFile("/proc/thread-self/net/route"),
            routesIPv6: readFile("/proc/thread-self/net/ipv6_route"),
            isIPv6Absent: access("/proc/thread-self/net/if_inet6", F_OK) != 0)
    }
}

/// Keeps load at home. The rule is pure, so that each refusal can be proven without a network.
package enum TargetGuard {
    /// Blocks that may be used in a namespace without a way out: ours for veth pairs (10.99.0.0/16, fd99::/16), and those
    /// set apart for benchmarks and documentation (RFC 2544, RFC 3849).
    package static let testBlocks = [
        Prefix(Address(ipv4: 10 << 24 | 99 << 16), length: 16),
        Prefix(Address(ipv4: 198 << 24 | 18 << 16), length: 15),
        Prefix(Address(high: 0xfd99 << 48, low: 0), length: 16),
        Prefix(Address(high: 0x2001_0db8 << 32, low: 0), length: 32),
    ]

    /// Why load must not go to the address; nil: it may.
    package static func refusal(of address: Address, in facts: NetworkFacts) -> TargetRefusal? {
        if address.isLoopback { return nil }
        guard facts.isOwnNamespace else { return .notLoopback(address) }
        guard let routes = facts.routes, facts.routesIPv6 != nil || facts.isIPv6Absent else {
            return .unknownRoutes(address)
        }
        if hasWayOut(routes) || hasWayOutIPv6(facts.routesIPv6 ?? "") { return .defaultRoute(address) }
        return testBlocks.contains { $0.contains(address) } ? nil : .notATestBlock(address)
    }

    /// Whether load for `target` may come from `source`: from loopback to loopback, else from one test block address to
    /// another.
    package static func allows(source: Address, to target: HomeAddress) -> Bool {
        let target = target.endpoint.address
        if source.isIPv4 != target.isIPv4 { return false }
        return target.isLoopback ? source.isLoopback : testBlocks.contains { $0.contains(source) }
    }

    /// Whether an IPv4 route covers more than a /8, which is how a default route is written in one piece or in several.
    /// A line that cannot be read counts as one.
    private static func hasWayOut(_ text: String) -> Bool {
        text.split(separator: "\n").dropFirst().contains { line in
            let columns = line.split(whereSeparator: \.isWhitespace)
            guard columns.count >= 8, let mask = UInt32(columns[7], radix: 16) else { return true }
            return mask.nonzeroBitCount < 8
        }
    }

    /// The same for IPv6, with /16. A route that only says "unreachable" (RTF_REJECT) leads nowhere; Linux keeps one.
    private static func hasWayOutIPv6(_ text: String) -> Bool {
        text.split(separator: "\n").contains { line in
            let columns = line.split(whereSeparator: \.isWhitespace)
            guard columns.count >= 10, let length = UInt8(columns[1], radix: 16),
                let flags = UInt32(columns[8], radix: 16)
            else { return true }
            // ff00::/8 is multicast on each interface: TCP cannot go there.
            return length < 16 && flags & 0x0200 == 0 && !(length == 8 && columns[0].hasPrefix("ff00"))
        }
    }
}

/// A small file of the system as text; nil where it cannot be read.
package func readFile(_ path: String) -> String? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 16 << 10)
    while bytes.count < 16 << 20 {
        let count = read(file, &part, part.count)
        if count < 0 { return nil }
        if count == 0 { break }
        bytes.append(contentsOf: part[..<count])
    }
    return String(decoding: bytes, as: UTF8.self)
}
