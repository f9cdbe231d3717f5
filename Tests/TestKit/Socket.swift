package import Addresses
internal import CLinux
internal import Glibc

/// A connected TCP socket with blocking calls that have a deadline; closed when the last reference goes.
package final class Socket: Sendable {
    package let descriptor: Int32

    /// Takes the descriptor over.
    package init(owning descriptor: Int32) {
        self.descriptor = descriptor
        let flags = fcntl(descriptor, F_GETFL)
        _ = fcntl(descriptor, F_SETFL, flags & ~O_NONBLOCK)
    }

    /// Connects, from `source` (any address of 127.0.0.0/8 for example) where one is given.
    package convenience init(
        to endpoint: Endpoint, from source: Address? = nil, within milliseconds: Int = 20_000
    ) throws(TestKitError) {
        let from = source.map(Self.octets)
        let descriptor = Self.octets(endpoint.address).withUnsafeBufferPointer { to in
            guard let from else { return linux_connect(to.baseAddress, endpoint.port, nil) }
            return from.withUnsafeBufferPointer { linux_connect(to.baseAddress, endpoint.port, $0.baseAddress) }
        }
        guard descriptor >= 0 else { throw .system("connect", -descriptor) }
        self.init(owning: descriptor)
        guard Self.wait(descriptor, for: POLLOUT, until: .now + milliseconds) else { throw .timedOut("connect") }
        let error = linux_socket_error(descriptor)
        guard error == 0 else { throw .system("connect", abs(error)) }
    }

    deinit { close(descriptor) }

    /// Sends all bytes.
    package func send(_ bytes: [UInt8], within milliseconds: Int = 20_000) throws(TestKitError) {
        let deadline = Milliseconds.now + milliseconds
        var sent = 0
        while sent < bytes.count {
            guard Self.wait(descriptor, for: POLLOUT, until: deadline) else { throw .timedOut("sending") }
            let flags = Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)
            let count = bytes[sent...].withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, flags) }
            if count > 0 {
                sent += count
            } else if errno != EAGAIN && errno != EINTR {
                throw .system("send", errno)
            }
        }
    }

    package func send(_ text: String) throws(TestKitError) { try send(Array(text.utf8)) }

    /// What has come, waiting for the first byte; empty at the end of the stream.
    package func receive(atMost limit: Int = 65536, within milliseconds: Int = 20_000) throws(TestKitError) -> [UInt8] {
        guard Self.wait(descriptor, for: POLLIN, until: .now + milliseconds) else { throw .timedOut("receiving") }
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, used in
            count = recv(descriptor, buffer.baseAddress, limit, 0)
            used = max(0, count)
        }
        guard count >= 0 else { throw .system("recv", errno) }
        return bytes
    }

    /// No more bytes from our side; the other may still send.
    package func finishSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// Both directions end; whoever waits on the socket wakes up.
    package func end() { shutdown(descriptor, Int32(SHUT_RDWR)) }

    /// The close that follows sends a reset instead of an ordinary end.
    package func resetOnClose() { linux_reset_on_close(descriptor) }

    /// A receive buffer of about so many bytes, for a reader that is slow.
    package func setReceiveBuffer(_ bytes: Int32) {
        var bytes = bytes
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &bytes, socklen_t(MemoryLayout<Int32>.size))
    }

    /// The 16 bytes of an address, IPv4-mapped for IPv4.
    package static func octets(_ address: Address) -> [UInt8] {
        [address.high, address.low].flatMap { (half: UInt64) in
            (0..<8).map { UInt8(truncatingIfNeeded: half >> UInt64(56 - 8 * $0)) }
        }
    }

    /// Whether the event came before the deadline; an error or the end of the stream is an event too.
    static func wait(_ descriptor: Int32, for event: Int32, until deadline: Milliseconds) -> Bool {
        while true {
            var entry = pollfd(fd: descriptor, events: Int16(event), revents: 0)
            let left = deadline.left
            let found = poll(&entry, 1, Int32(left))
            if found > 0 { return true }
            if found == 0 || errno != EINTR { return false }
        }
    }
}

/// A moment on the machine's monotonic clock.
struct Milliseconds {
    private let value: Int

    static var now: Milliseconds {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Milliseconds(value: time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
    }

    static func + (moment: Milliseconds, milliseconds: Int) -> Milliseconds {
        Milliseconds(value: moment.value + milliseconds)
    }

    /// From now on; 0 when it is past.
    var left: Int { max(0, value - Self.now.value) }
}

extension Socket {
    /// Whether the other side ended before the time was up; what it sends meanwhile is left unread.
    static func waitForEnd(_ descriptor: Int32, milliseconds: Int) -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(0x2000), revents: 0)  // POLLRDHUP, which Glibc does not show
        return poll(&entry, 1, Int32(milliseconds)) > 0
    }
}
