internal import Glibc

/// A network namespace of a test's own: interfaces and filters in it are on nobody else's way.
package enum OwnNamespace {
    private typealias Unshare = @convention(c) (Int32) -> Int32
    private typealias Enter = @convention(c) (Int32, Int32) -> Int32
    private static let newNetwork: Int32 = 0x4000_0000

    /// Runs the body with the calling thread in it, and loopback up; what the body starts is in it too. Needs root, and
    /// the program ip.
    package static func run(_ body: () throws -> Void) throws {
        // Glibc's module does not show them.
        guard let unshare = dlsym(nil, "unshare").map({ unsafeBitCast($0, to: Unshare.self) }),
            let enter = dlsym(nil, "setns").map({ unsafeBitCast($0, to: Enter.self) })
        else { throw TestKitError.system("dlsym", ENOSYS) }
        let home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC)
        guard home >= 0, unshare(newNetwork) == 0 else { throw TestKitError.system("unshare", errno) }
        defer {
            // The thread goes on with other tests: it must not stay here.
            precondition(enter(home, newNetwork) == 0, "the way home is closed")
            close(home)
        }
        try Tool.run(["ip", "link", "set", "lo", "up"])
        try body()
    }
}
