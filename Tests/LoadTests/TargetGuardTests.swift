import Addresses
import Glibc
import Load
import Testing

@Suite struct TargetGuardTests {
    static let header = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
    /// What Linux shows of a namespace with one veth of 10.99.0.0/16 and fd99::/16.
    static let homeRoutes = header + "veth0\t0000630A\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0\n"
    static let defaultRoute = homeRoutes + "veth0\t00000000\t0100630A\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
    static let halfRoutes =
        homeRoutes + "veth0\t00000000\t0100630A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n"
        + "veth0\t00000080\t0100630A\t0003\t0\t0\t0\t00000080\t0\t0\t0\n"
    static let zeros = String(repeating: "0", count: 32)
    static let homeRoutesIPv6 =
        "fd990000000000000000000000000000 10 \(zeros) 00 \(zeros) 00000100 00000001 00000000 00000001 veth0\n"
        + "\(zeros) 00 \(zeros) 00 \(zeros) ffffffff 00000001 00000000 00200200 lo\n"
        + "ff000000000000000000000000000000 08 \(zeros) 00 \(zeros) 00000100 00000003 00000000 00000001 veth0\n"
    static let defaultRouteIPv6 =
        homeRoutesIPv6
        + "\(zeros) 00 \(zeros) 00 fd990000000000000000000000000001 00000400 00000001 00000000 00000003 veth0\n"

    static let machine = NetworkFacts(isOwnNamespace: false, routes: homeRoutes, routesIPv6: homeRoutesIPv6)
    static let island = NetworkFacts(isOwnNamespace: true, routes: homeRoutes, routesIPv6: homeRoutesIPv6)

    func refusal(_ text: String, _ facts: NetworkFacts) throws -> TargetRefusal? {
        TargetGuard.refusal(of: try #require(Address(text)), in: facts)
    }

    @Test(arguments: ["127.0.0.1", "127.255.255.254", "127.10.20.30", "::1", "::ffff:127.0.0.1"])
    func `lets load go to this machine`(text: String) throws {
        #expect(try refusal(text, Self.machine) == nil)
        #expect(try refusal(text, Self.island) == nil)
    }

    @Test(arguments: [
        "126.255.255.255", "128.0.0.1", "0.0.0.0", "::", "1.0.0.127", "192.0.2.1", "10.99.0.1", "198.18.0.1",
        "fd99::1", "2001:db8::1", "::ffff:8.8.8.8", "::ffff:128.0.0.1", "::127.0.0.1", "64:ff9b::127.0.0.1",
        "2002:7f00:1::", "::2", "::1:127.0.0.1", "fe80::1", "::ffff:0:127.0.0.1",
    ])
    func `refuses whatever only looks like this machine`(text: String) throws {
        #expect(try refusal(text, Self.machine) == .notLoopback(try #require(Address(text))))
    }

    @Test(arguments: ["127.1", "0177.0.0.1", "2130706433", "127.0.0.01", "localhost", "127.0.0.1 "])
    func `does not read other spellings as an address at all`(text: String) {
        #expect(Address(text) == nil)
    }

    @Test(arguments: ["10.99.0.1", "10.99.255.255", "198.18.0.1", "198.19.255.255", "fd99::1", "2001:db8::1"])
    func `lets load go to a test block where there is no way out`(text: String) throws {
        #expect(try refusal(text, Self.island) == nil)
    }

    @Test(arguments: [
        "10.98.255.255", "10.100.0.0", "198.17.255.255", "198.20.0.0", "fd98::1", "fd9a::1", "2001:db7::1",
        "2001:db9::1", "8.8.8.8", "::ffff:8.8.8.8", "0.0.0.0", "::",
    ])
    func `refuses other blocks even where there is no way out`(text: String) throws {
        #expect(try refusal(text, Self.island) == .notATestBlock(try #require(Address(text))))
    }

    @Test(arguments: [
        NetworkFacts(isOwnNamespace: true, routes: defaultRoute, routesIPv6: homeRoutesIPv6),
        NetworkFacts(isOwnNamespace: true, routes: homeRoutes, routesIPv6: defaultRouteIPv6),
        NetworkFacts(isOwnNamespace: true, routes: halfRoutes, routesIPv6: homeRoutesIPv6),
        NetworkFacts(isOwnNamespace: true, routes: header + "nonsense\n", routesIPv6: homeRoutesIPv6),
        NetworkFacts(isOwnNamespace: true, routes: homeRoutes, routesIPv6: "nonsense\n"),
    ])
    func `refuses test blocks where a route leads out`(facts: NetworkFacts) throws {
        #expect(try refusal("10.99.0.1", facts) == .defaultRoute(Address(ipv4: 10 << 24 | 99 << 16 | 1)))
        #expect(try refusal("fd99::1", facts) != nil)
        #expect(try refusal("127.0.0.1", facts) == nil)
    }

    @Test func `refuses test blocks where routes cannot be read`() throws {
        let blind = [
            NetworkFacts(isOwnNamespace: true, routes: nil, routesIPv6: Self.homeRoutesIPv6),
            NetworkFacts(isOwnNamespace: true, routes: Self.homeRoutes, routesIPv6: nil),
        ]
        for facts in blind {
            #expect(try refusal("10.99.0.1", facts) == .unknownRoutes(try #require(Address("10.99.0.1"))))
        }
        let withoutIPv6 = NetworkFacts(
            isOwnNamespace: true, routes: Self.homeRoutes, routesIPv6: nil, isIPv6Absent: true)
        #expect(try refusal("10.99.0.1", withoutIPv6) == nil)
    }

    @Test func `lets load come only from where it may go`() throws {
        let target = try HomeAddress(checking: #require(Endpoint("127.0.0.1:80")))
        #expect(TargetGuard.allows(source: try #require(Address("127.9.8.7")), to: target))
        for text in ["10.99.0.1", "192.0.2.1", "::1", "0.0.0.0"] {
            #expect(!TargetGuard.allows(source: try #require(Address(text)), to: target))
        }
        let bounds = try Bounds(connections: 1, requests: 1, rate: 1, seconds: 1)
        let engine = try Engine(target: target, tls: nil, bounds: bounds)
        #expect(throws: TargetRefusal.self) { try engine.addSource(Address("10.99.0.1"), isVisitor: false) }
    }

    @Test func `refuses the world from here, with the real facts`() throws {
        #expect(throws: TargetRefusal.self) { try HomeAddress(checking: #require(Endpoint("192.0.2.1:80"))) }
    }

    @Test(.enabled("needs root and network namespaces", { Namespace.isPossible }))
    func `in a real namespace, a default route makes the difference`() throws {
        let space = try Namespace()
        let demo = try Program.built("wasstraat-demo")
        // The guard compares with process 1, which a container may hide: so process 1 is a shell of our own here.
        func shell(_ command: String) throws -> String {
            try Program.output(["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", command + "; true"])
        }
        func verdict(_ target: String) throws -> String {
            try shell("ip netns exec \(space.name) \(demo) target \(target)")
        }
        #expect(try verdict("10.99.0.2:80").contains("allowed: 10.99.0.2:80"))
        #expect(try verdict("8.8.8.8:80").contains("in none of the blocks"))
        #expect(try shell("\(demo) target 10.99.0.2:80").contains("is not on this machine"))
        try space.run("ip route add default via 10.99.0.1")
        #expect(try verdict("10.99.0.2:80").contains("default route"))
        #expect(try verdict("127.0.0.1:80").contains("allowed"))
        try space.run("ip route del default")
        #expect(try verdict("10.99.0.2:80").contains("allowed"))
        try space.run("ip -6 route add default dev test0")
        #expect(try verdict("10.99.0.2:80").contains("default route"))
    }
}

/// A network namespace with one interface and no way out; gone with its last reference.
final class Namespace {
    let name = "wst-load-\(getpid())"

    /// Tries it out: being root is not enough in some containers.
    static var isPossible: Bool {
        guard getuid() == 0, let space = try? Namespace() else { return false }
        guard (try? space.run("ip link show test0")) != nil else { return false }
        return (try? Program.complete(["unshare", "--pid", "--fork", "--mount-proc", "true"])) != nil
    }

    init() throws {
        try Program.complete(["ip", "netns", "add", name])
        for command in [
            "ip link set lo up", "ip link add test0 type veth peer name test1", "ip addr add 10.99.0.1/16 dev test0",
            "ip link set test0 up", "ip link set test1 up",
        ] { try run(command) }
    }

    func run(_ command: String) throws {
        try Program.complete(["ip", "netns", "exec", name] + command.split(separator: " ").map(String.init))
    }

    deinit { try? Program.complete(["ip", "netns", "del", name]) }
}
