internal import CLinux
internal import Glibc
internal import Messages
internal import Mitigations

/// The office's connection to the filter's process; commands have a `FilterLink`. It blocks the thread that asks, for a
/// bounded time; never the office's.
final class FilterLine {
    /// Milliseconds for an answer: an order may have a large set of rules compiled, and checked by the kernel.
    static let patience: Int64 = 10_000

    private let peer: Peer

    /// nil: nobody answers there.
    init?(socket path: String) {
        let socket = linux_unix_connect_at_once(path)
        guard socket >= 0 else { return nil }
        peer = Peer(Descriptor(socket), at: Clock.monotonic)
    }

    /// All rules that the filter has, page by page; nil: it does not answer.
    /// - Parameter ask: puts a question to it.
    static func rules(_ ask: (FilterRequest) -> FilterReply?) -> [FilterEntry]? {
        var entries: [FilterEntry] = []
        var next: UInt64 = 0
        while entries.count < FilterBook.ruleLimit {
            let request = FilterRequest.list(.rule, from: next, count: UInt32(FilterTalk.pageLimit))
            guard case .entries(let page) = ask(request) else { return nil }
            // Ids ascend; what does not would be asked for ever.
            guard let last = page.last, last.id >= next, last.id < .max else { break }
            entries += page
            next = last.id + 1
        }
        return entries
    }

    /// Asks, and waits for the answer; nil: it is gone, said what nobody asked, or took too long. The line is of no use
    /// from then on.
    func ask(_ request: FilterRequest) -> FilterReply? {
        let deadline = Clock.monotonic + Self.patience
        guard peer.send(Frame(.filterRequest, body: request.encoded()), at: Clock.monotonic) else { return nil }
        var reply: Frame?
        while reply == nil {
            let now = Clock.monotonic
            guard now < deadline else { return nil }
            let events = peer.hasBacklog ? POLLIN | POLLOUT : POLLIN
            var watched = [pollfd(fd: peer.socket.number, events: Int16(events), revents: 0)]
            poll(&watched, 1, Int32(deadline - now))
            guard peer.flush(at: now) else { return nil }
            let isOpen = peer.receive { reply = reply ?? $0 }
            guard isOpen || reply != nil else { return nil }
        }
        guard let reply, reply.kind == .filterReply else { return nil }
        return try? FilterReply(decoding: reply.body.span.bytes)
    }
}
