internal import Bytes
internal import CLinux
internal import Filters
internal import Glibc
internal import Messages

/// One connection of who tells the filter what to do.
final class Client {
    /// Requests of one turn, so that one client cannot hold the thread.
    static let turnLimit = 16
    /// Milliseconds that answers may wait for a client to take them.
    static let stuckLimit: UInt64 = 30_000

    let socket: Int32
    /// Samples that it still wants.
    var wanted: UInt32 = 0
    /// What the sketch had counted when it asked last, and when that was, in milliseconds.
    var counted: (counts: SketchCounts, at: UInt64)?
    private(set) var stuckSince: UInt64?
    /// When it said something last.
    private(set) var heardAt: UInt64
    private var assembler = FrameAssembler(bodyLimit: FilterTalk.requestLimit)
    private var outgoing: [UInt8] = []
    private var sent = 0
    /// Bytes came that may hold further requests.
    private(set) var hasMore = false

    init(_ socket: Int32, at now: UInt64) {
        self.socket = socket
        heardAt = now
    }

    deinit { close(socket) }

    /// While answers wait nothing is read: a client that does not listen is not worked for.
    var isWaiting: Bool { sent < outgoing.count }

    /// Reads what is there.
    /// - Returns: false when it is gone.
    func receive(at now: UInt64) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(socket, &chunk, chunk.count, 0)
        if count < 0 { return errno == EAGAIN || errno == EINTR }
        guard count > 0 else { return false }
        heardAt = now
        assembler.append(chunk[..<count])
        hasMore = true
        return true
    }

    /// The requests that are whole, some at a time.
    /// - Returns: false when it broke the form.
    func take(_ body: (FilterRequest) -> FilterReply, at now: UInt64) -> Bool {
        do throws(Malformed) {
            for _ in 0..<Self.turnLimit {
                guard !isWaiting else { return true }
                guard let frame = try assembler.next() else {
                    hasMore = false
                    return true
                }
                guard frame.kind == .filterRequest else { return false }
                let reply = body(try FilterRequest(decoding: frame.body.span.bytes))
                guard send(Frame(.filterReply, body: reply.encoded()), at: now) else { return false }
            }
            return true
        } catch { return false }
    }

    /// Sends a frame, now or when the socket takes it.
    /// - Returns: false when it is gone.
    func send(_ frame: Frame, at now: UInt64) -> Bool {
        if !isWaiting {
            outgoing = []
            sent = 0
        }
        outgoing += frame.encoded()
        return flush(at: now)
    }

    func flush(at now: UInt64) -> Bool {
        while isWaiting {
            let count = outgoing.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress! + sent, $0.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count < 0, errno == EINTR { continue }
            if count < 0, errno == EAGAIN {
                stuckSince = stuckSince ?? now
                return now < (stuckSince ?? now) + Self.stuckLimit
            }
            guard count > 0 else { return false }
            sent += count
            stuckSince = nil
        }
        outgoing = []
        sent = 0
        stuckSince = nil
        return true
    }
}
