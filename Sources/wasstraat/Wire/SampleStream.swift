internal import CLinux
internal import Glibc
internal import Messages

/// A connection to the filter's process by which samples come, and nothing else.
final class SampleStream {
    /// Samples asked for at once; asked for again when half of them have come.
    private static let portion: UInt32 = 1 << 20

    private let peer: Peer
    private var left: UInt32 = 0

    /// nil: nobody answers there.
    init?(socket path: String) {
        let socket = linux_unix_connect_at_once(path)
        guard socket >= 0 else { return nil }
        peer = Peer(Descriptor(socket), at: Clock.monotonic)
        guard askForMore() else { return nil }
    }

    private func askForMore() -> Bool {
        left = Self.portion
        return peer.send(Frame(.filterRequest, body: FilterRequest.samples(left).encoded()), at: Clock.monotonic)
    }

    /// Waits so long for samples, and gives what has come.
    /// - Returns: false when it is gone, or brought what is none of a filter's.
    func receive(within milliseconds: Int64, _ body: (FilterSamples) -> Void) -> Bool {
        var watched = [
            pollfd(fd: peer.socket.number, events: Int16(peer.hasBacklog ? POLLIN | POLLOUT : POLLIN), revents: 0)
        ]
        guard poll(&watched, 1, Int32(clamping: max(0, milliseconds))) > 0 else { return true }
        guard peer.flush(at: Clock.monotonic) else { return false }
        var isOurs = true
        let isOpen = peer.receive { frame in
            guard frame.kind == .filterSamples else {
                // The answer to being asked.
                isOurs = isOurs && frame.kind == .filterReply
                return
            }
            guard let came = try? FilterSamples(decoding: frame.body.span.bytes) else { return isOurs = false }
            left -= min(left, UInt32(came.samples.count))
            body(came)
        }
        guard isOpen, isOurs else { return false }
        return left > Self.portion / 2 || askForMore()
    }
}
