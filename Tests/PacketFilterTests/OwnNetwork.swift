import Glibc
import PacketFilter
import TestKit
import Testing

/// A network namespace of a test's own, and in it the interfaces near and far, which are the two ends of one wire. What is
/// sent to 10.99.0.2 leaves by far and comes in at near, where nobody has the address: nothing answers.
enum OwnNetwork {
    private typealias Unshare = @convention(c) (Int32) -> Int32
    private typealias Enter = @convention(c) (Int32, Int32) -> Int32
    private static let newNetwork: Int32 = 0x4000_0000

    /// Runs the body with the calling thread in it; what the body starts is in it too. All is gone afterwards.
    static func run(_ body: (_ near: NetworkInterface, _ far: NetworkInterface) throws -> Void) throws {
        // Glibc's module does not show them.
        let unshare = unsafeBitCast(try #require(dlsym(nil, "unshare")), to: Unshare.self)
        let enter = unsafeBitCast(try #require(dlsym(nil, "setns")), to: Enter.self)
        let home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        try #require(home >= 0)
        defer { close(home) }
        try #require(unshare(newNetwork) == 0)
        // The thread goes on with other tests: it must not stay here.
        defer { precondition(enter(home, newNetwork) == 0, "the way home is closed") }
        try Tool.run(["ip", "link", "add", "near", "type", "veth", "peer", "name", "far"])
        try Tool.run(["ip", "link", "set", "near", "address", "02:00:00:63:00:02", "up"])
        try Tool.run(["ip", "link", "set", "far", "up"])
        try Tool.run(["ip", "link", "set", "lo", "up"])
        try Tool.run(["ip", "address", "add", "10.99.0.1/24", "dev", "far"])
        try Tool.run(["ip", "neighbour", "add", "10.99.0.2", "lladdr", "02:00:00:63:00:02", "dev", "far"])
        try body(NetworkInterface(named: "near"), NetworkInterface(named: "far"))
    }

    /// Sends datagrams, and returns how many the system took.
    static func send(_ count: Int, to address: String = "10.99.0.2") throws -> Int {
        let socket = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        try #require(socket >= 0)
        defer { close(socket) }
        var to = sockaddr_in()
        to.sin_family = sa_family_t(AF_INET)
        to.sin_port = in_port_t(9).bigEndian
        inet_pton(AF_INET, address, &to.sin_addr)
        var sent = 0
        for _ in 0..<count {
            let status = withUnsafePointer(to: &to) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    sendto(socket, "12345678", 8, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
            if status == 8 { sent += 1 }
        }
        return sent
    }
}

/// A file system of pins of a test's own; gone with the last reference, and with it all that nothing else holds.
final class OwnPins {
    private let folder: TemporaryFolder
    let pins: PinFolder

    /// Mounts it by the way that the service does.
    init(interface: String = "near") throws {
        folder = try TemporaryFolder()
        pins = PinFolder(interface: interface, root: folder.path)
        try pins.prepare()
    }

    var root: String { folder.path }

    deinit { umount2(folder.path, 2) }
}

/// What the kernel refused; the test ends where it did not.
func refusal(_ body: () throws -> Void) throws -> KernelError {
    try #require(throws: KernelError.self, performing: body)
}
