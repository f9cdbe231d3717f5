import Glibc
import PacketFilter
import TestKit
import Testing

/// Two network namespaces of a test's own with a wire between them: datagrams that are sent at its far end come in at
/// its near end, at a socket of an ordinary program.
final class OwnWire {
    private typealias Unshare = @convention(c) (Int32) -> Int32
    private typealias Enter = @convention(c) (Int32, Int32) -> Int32
    private static let newNetwork: Int32 = 0x4000_0000
    private static let port: UInt16 = 9_999

    let near: NetworkInterface
    private let nearNetwork: Int32
    private let farNetwork: Int32
    private let enter: Enter
    private let receiver: Int32

    /// Runs the body with the calling thread at the near end; what it starts is there too. All is gone afterwards.
    static func run(_ body: (OwnWire) throws -> Void) throws {
        // Glibc's module does not show them.
        let unshare = unsafeBitCast(try #require(dlsym(nil, "unshare")), to: Unshare.self)
        let enter = unsafeBitCast(try #require(dlsym(nil, "setns")), to: Enter.self)
        let home = try network()
        defer { close(home) }
        try #require(unshare(newNetwork) == 0)
        // The thread goes on with other tests: it must not stay here.
        defer { precondition(enter(home, newNetwork) == 0, "the way home is closed") }
        let near = try network()
        defer { close(near) }
        try #require(unshare(newNetwork) == 0)
        let far = try network()
        defer { close(far) }
        try ip("link add far type veth peer name near netns /proc/\(getpid())/fd/\(near)")
        try ip("link set far address 02:00:00:63:00:01 up")
        for address in ["10.99.0.1/16", "fd99::1/64"] { try own(address) }
        for address in ["10.99.0.2", "fd99::2"] {
            try ip("neighbour add \(address) lladdr 02:00:00:63:00:02 dev far nud permanent")
        }
        try #require(enter(near, newNetwork) == 0)
        try ip("link set lo up")
        try ip("link set near address 02:00:00:63:00:02 up")
        try ip("address add 10.99.0.2/16 dev near")
        try ip("-6 address add fd99::2/64 dev near nodad")
        let wire = try OwnWire(near: near, far: far, enter)
        defer { close(wire.receiver) }
        try body(wire)
    }

    private init(near: Int32, far: Int32, _ enter: Enter) throws {
        self.near = try NetworkInterface(named: "near")
        (nearNetwork, farNetwork, self.enter) = (near, far, enter)
        receiver = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        try #require(receiver >= 0)
        // All zero: any address, of IPv4 too.
        var address = Self.name("::", Self.port)
        let status = Self.with(&address) { bind(receiver, $0, $1) }
        try #require(status == 0)
    }

    private static func network() throws -> Int32 {
        let file = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        try #require(file >= 0)
        return file
    }

    static func ip(_ words: String) throws {
        try Tool.run(["ip"] + words.split(separator: " ").map(String.init))
    }

    private static func own(_ address: String) throws {
        try ip(address.contains(":") ? "-6 address add \(address) dev far nodad" : "address add \(address) dev far")
    }

    /// Gives the far end another address, to send from.
    func own(_ addresses: String...) throws {
        try atFarEnd {
            for address in addresses { try Self.own(address + (address.contains(":") ? "/128" : "/32")) }
        }
    }

    private func atFarEnd(_ body: () throws -> Void) throws {
        try #require(enter(farNetwork, Self.newNetwork) == 0)
        defer { precondition(enter(nearNetwork, Self.newNetwork) == 0, "the way back is closed") }
        try body()
    }

    /// Sends datagrams from an address and a port (0: any), and returns how many came through.
    func pass(_ count: Int, from source: String, _ port: UInt16 = 0, bytes: Int = 8) throws -> Int {
        try atFarEnd {
            let sender = socket(AF_INET6, Int32(SOCK_DGRAM.rawValue), 0)
            try #require(sender >= 0)
            defer { close(sender) }
            var from = Self.name(Self.mapped(source), port)
            try #require(Self.with(&from) { bind(sender, $0, $1) } == 0, "\(source) is not the far end's")
            var to = Self.name(source.contains(":") ? "fd99::2" : "::ffff:10.99.0.2", Self.port)
            let payload = [UInt8](repeating: 7, count: bytes)
            for _ in 0..<count {
                try #require(Self.with(&to) { sendto(sender, payload, bytes, 0, $0, $1) } == bytes)
            }
        }
        return received(atMost: count)
    }

    /// Datagrams that are here, or come before it has been silent for a while.
    private func received(atMost count: Int) -> Int {
        var buffer = [UInt8](repeating: 0, count: 2_048)
        var received = 0
        var polled = pollfd(fd: receiver, events: Int16(POLLIN), revents: 0)
        while received < count, poll(&polled, 1, 150) > 0 {
            while recv(receiver, &buffer, buffer.count, 0) >= 0 { received += 1 }
        }
        return received
    }

    private static func mapped(_ address: String) -> String { address.contains(":") ? address : "::ffff:" + address }

    private static func name(_ address: String, _ port: UInt16) -> sockaddr_in6 {
        var name = sockaddr_in6()
        name.sin6_family = sa_family_t(AF_INET6)
        name.sin6_port = port.bigEndian
        precondition(inet_pton(AF_INET6, address, &name.sin6_addr) == 1, "no address: \(address)")
        return name
    }

    private static func with<Result>(
        _ name: inout sockaddr_in6, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
            }
        }
    }
}
