internal import CLinux
internal import Glibc
internal import Messages

/// Looks on at the office, as `wasstraat top` does: the lane's status, each second. It is for the view only; nothing that
/// is measured depends on it.
struct OfficeWatch {
    let path: String
    private(set) var status: LaneStatus?
    /// The status before, for rates, and the seconds between the two.
    private(set) var before: LaneStatus?
    private(set) var seconds = 1.0
    private var at: UInt64 = 0
    private var socket: Int32 = -1
    private var frames = FrameAssembler()
    private var triedAt: UInt64 = 0

    init(path: String) { self.path = path }

    /// Takes what has come, and dials (anew) once a second where there is no connection.
    mutating func look(at now: UInt64) {
        if socket < 0 {
            guard now > triedAt + 1_000_000_000 else { return }
            triedAt = now
            socket = linux_unix_connect(path)
            guard socket >= 0 else { return }
            let watch = Frame(.watch).encoded()
            _ = send(socket, watch, watch.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
        var bytes = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(socket, &bytes, bytes.count, Int32(MSG_DONTWAIT))
            if count < 0, errno == EAGAIN { return }
            guard count > 0 else { return hangUp() }
            frames.append(bytes[..<count])
            do {
                while let frame = try frames.next() {
                    guard frame.kind == .status else { continue }
                    let next = try LaneStatus(decoding: frame.body.span.bytes)
                    before = next.started == status?.started ? status : nil
                    seconds = max(0.1, Double(now - at) / 1e9)
                    at = now
                    status = next
                }
            } catch {
                return hangUp()
            }
        }
    }

    mutating func hangUp() {
        if socket >= 0 { close(socket) }
        socket = -1
        frames = FrameAssembler()
    }
}
