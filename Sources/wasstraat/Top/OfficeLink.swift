internal import CLinux
internal import Glibc
internal import Messages

/// A viewer's connection to the office.
final class OfficeLink {
    private let peer: Peer

    /// nil: no office answers there.
    init?(socket path: String) {
        let socket = linux_unix_connect(path)
        guard socket >= 0 else { return nil }
        _ = fcntl(socket, F_SETFL, O_NONBLOCK)
        peer = Peer(Descriptor(socket), at: Clock.monotonic)
        guard peer.send(Frame(.watch), at: Clock.monotonic) else { return nil }
    }

    var descriptor: Int32 { peer.socket.number }

    /// Waits until something can be read, or the time has passed.
    func wait(milliseconds: Int32) {
        var watched = [pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)]
        poll(&watched, 1, milliseconds)
    }

    /// Reads what the office said into the model.
    /// - Returns: whether something came; nil when the office is gone.
    func receive(into model: inout TopModel) -> Bool? {
        var frames: [Frame] = []
        let isOpen = peer.receive { frames.append($0) }
        for frame in frames {
            let bytes = frame.body.span.bytes
            switch frame.kind {
            case .lane: (try? LaneState(decoding: bytes)).map { model.received($0) }
            case .status: (try? LaneStatus(decoding: bytes)).map { model.received($0, at: Clock.monotonic) }
            case .filterReply: (try? FilterReply(decoding: bytes)).map { model.received($0, at: Clock.monotonic) }
            case .handed: (try? HandedSources(decoding: bytes)).map { model.received($0) }
            case .requestRules: (try? RequestRules(decoding: bytes)).map { model.received($0) }
            case .busiest: (try? BusiestTraffic(decoding: bytes)).map { model.received($0) }
            default: break
            }
        }
        return isOpen ? !frames.isEmpty : nil
    }
}
