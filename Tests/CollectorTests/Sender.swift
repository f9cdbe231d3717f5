import CLinux
import Glibc
import TestKit
import Testing

/// Sends datagrams from one port of the loopback.
final class Sender {
    let port: UInt16
    private let descriptor: Int32
    private let isIPv4: Bool

    init(isIPv4: Bool = true) throws {
        self.isIPv4 = isIPv4
        var granted: Int32 = 0
        let own: [UInt8] =
            isIPv4 ? [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1] : Array(repeating: 0, count: 15) + [1]
        descriptor = linux_udp_listen(own, 0, 4096, &granted)
        guard descriptor >= 0 else { throw TestKitError.system("bind", -descriptor) }
        var buffer: Int32 = 1 << 20
        setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &buffer, 4)
        port = UInt16(linux_bound_port(descriptor))
        _ = fcntl(descriptor, F_SETFL, 0)
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8], to port: UInt16) {
        var four = sockaddr_in()
        four.sin_family = sa_family_t(AF_INET)
        four.sin_port = port.bigEndian
        four.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var six = sockaddr_in6()
        six.sin6_family = sa_family_t(AF_INET6)
        six.sin6_port = port.bigEndian
        withUnsafeMutableBytes(of: &six.sin6_addr) { $0[15] = 1 }
        func send(_ address: UnsafeRawPointer, _ length: Int) -> Int {
            bytes.withUnsafeBytes {
                sendto(
                    descriptor, $0.baseAddress, $0.count, 0, address.assumingMemoryBound(to: sockaddr.self),
                    socklen_t(length))
            }
        }
        let sent = isIPv4 ? send(&four, MemoryLayout<sockaddr_in>.size) : send(&six, MemoryLayout<sockaddr_in6>.size)
        #expect(sent == bytes.count)
    }
}
