internal import Bytes
internal import CLinux
internal import Glibc
internal import Messages

/// One connection on the control socket: a lane, a viewer, or one that has not said yet. Confined to the office's thread.
final class Peer {
    enum Role: Equatable {
        case unknown
        case lane
        case viewer
    }

    /// Bytes read in one turn, so that one peer cannot hold the thread.
    static let turnLimit = 1 << 20
    /// Descriptors that a peer may have sent and no frame has taken yet.
    static let descriptorLimit = 250
    /// Bytes that may wait for a lane: two snapshots of the largest size. A lane that reads no more is cut off.
    static let backlogLimit = 2 * (Frame.bodyLimit + Frame.headerSize)

    let socket: Descriptor
    /// When it connected; milliseconds.
    let since: Int64
    var role = Role.unknown
    /// Since when something waits to be sent; nil while nothing does.
    private(set) var stuckSince: Int64?
    private var assembler = FrameAssembler()
    private var received: [Descriptor] = []
    private var outgoing: [Outgoing] = []
    private var backlog = 0

    private struct Outgoing {
        var bytes: [UInt8]
        var offset = 0
        /// They travel with the first byte.
        var descriptors: [Descriptor]
    }

    init(_ socket: Descriptor, at now: Int64) {
        self.socket = socket
        since = now
    }

    var hasBacklog: Bool { !outgoing.isEmpty }

    /// Reads what is there.
    /// - Returns: false when the peer is gone or broke the form.
    func receive(_ take: (Frame) -> Void) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        var numbers = [Int32](repeating: -1, count: Self.descriptorLimit)
        var total = 0
        while total < Self.turnLimit {
            var count = Int32(numbers.count)
            let length = linux_receive_descriptors(socket.number, &chunk, chunk.count, &numbers, &count)
            received += numbers[..<Int(count)].map { Descriptor($0) }
            if length == -Int(EAGAIN) { return true }
            if length == -Int(EINTR) { continue }
            guard length > 0, received.count <= Self.descriptorLimit else { return false }
            total += length
            assembler.append(chunk[..<length])
            do throws(Malformed) {
                while let frame = try assembler.next() { take(frame) }
            } catch {
                return false
            }
        }
        return true
    }

    /// The next `count` descriptors that came; nil when there are fewer.
    func takeDescriptors(_ count: Int) -> [Descriptor]? {
        guard count >= 0, received.count >= count else { return nil }
        defer { received.removeFirst(count) }
        return Array(received.prefix(count))
    }

    /// Sends a frame, now or when the socket takes it.
    /// - Returns: false when the peer is gone or too much waits for it.
    func send(_ frame: Frame, with descriptors: [Descriptor] = [], at now: Int64) -> Bool {
        let bytes = frame.encoded()
        guard backlog + bytes.count <= Self.backlogLimit else { return false }
        backlog += bytes.count
        outgoing.append(Outgoing(bytes: bytes, descriptors: descriptors))
        return flush(at: now)
    }

    /// Sends what waits, as far as the socket takes it.
    /// - Returns: false when the peer is gone.
    func flush(at now: Int64) -> Bool {
        while var first = outgoing.first {
            let numbers = first.offset == 0 ? first.descriptors.map(\.number) : []
            let sent = first.bytes.withUnsafeBytes { raw in
                linux_send_descriptors(
                    socket.number, raw.baseAddress! + first.offset, raw.count - first.offset, numbers,
                    Int32(numbers.count))
            }
            if sent == -Int(EINTR) { continue }
            if sent == -Int(EAGAIN) {
                stuckSince = stuckSince ?? now
                return true
            }
            guard sent > 0 else { return false }
            backlog -= sent
            first.offset += sent
            stuckSince = nil
            if first.offset == first.bytes.count { outgoing.removeFirst() } else { outgoing[0] = first }
        }
        stuckSince = nil
        return true
    }
}
