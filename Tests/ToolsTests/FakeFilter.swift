import Addresses
import Bytes
import CLinux
import Filters
import Glibc
import Messages
import Mitigations
import Moments
import Synchronization
import TestKit

/// A filter's process without a kernel: the real book behind the real talk, one connection at a time.
final class FakeFilter: Sendable {
    /// What it is like, set before a command asks.
    struct Nature: Sendable {
        var mode = EnforcerConduct.Mode.native
        var missing: [String] = []
        /// What the kernel says to what is undone.
        var trouble = ""
        var samples: [FilterSample] = []
        /// Answers with what no filter of ours says.
        var isBroken = false
        /// Closes the connection in place of an answer.
        var isDying = false
    }

    let nature = Mutex(Nature())
    /// Orders that came.
    private let orders = Mutex(0)
    var orderCount: Int { orders.withLock { $0 } }
    private let isStopped = Atomic(false)
    private let listener: Int32
    private let thread = Mutex<TestThread?>(nil)

    /// Answers at the state folder's socket.
    init(in folder: TemporaryFolder, prepare: @Sendable (inout FilterBook) throws -> Void = { _ in }) throws {
        listener = linux_unix_listen(folder.path("filter.sock"))
        guard listener >= 0 else { throw TestKitError.system("listen", -listener) }
        var book = FilterBook(key: 1)
        try prepare(&book)
        let start = book
        thread.withLock { thread in
            thread = try? TestThread { [self] in serve(start) }
        }
    }

    /// Ends it, and leaves the socket's file as a process does that was killed.
    func stop() {
        isStopped.store(true, ordering: .relaxed)
        thread.withLock { thread in
            thread?.join()
            if thread != nil { close(listener) }
            thread = nil
        }
    }

    static var now: FilterTime {
        var (wall, monotonic) = (timespec(), timespec())
        clock_gettime(CLOCK_REALTIME, &wall)
        clock_gettime(CLOCK_MONOTONIC, &monotonic)
        return FilterTime(
            wall: Moment(milliseconds: Int64(wall.tv_sec) * 1_000 + Int64(wall.tv_nsec) / 1_000_000),
            clock: UInt64(monotonic.tv_sec) * 1_000_000_000 + UInt64(monotonic.tv_nsec))
    }

    private func serve(_ start: FilterBook) {
        var book = start
        while !isStopped.load(ordering: .relaxed) {
            var watched = [pollfd(fd: listener, events: Int16(POLLIN), revents: 0)]
            guard poll(&watched, 1, 20) > 0 else { continue }
            var (address, port) = ([UInt8](repeating: 0, count: 16), UInt16(0))
            let peer = linux_accept(listener, &address, &port)
            guard peer >= 0 else { continue }
            talk(peer, &book)
            close(peer)
        }
    }

    private func talk(_ peer: Int32, _ book: inout FilterBook) {
        var assembler = FrameAssembler()
        var chunk = [UInt8](repeating: 0, count: 65_536)
        var looks: UInt64 = 0
        while !isStopped.load(ordering: .relaxed) {
            var watched = [pollfd(fd: peer, events: Int16(POLLIN), revents: 0)]
            guard poll(&watched, 1, 20) > 0 else { continue }
            let count = read(peer, &chunk, chunk.count)
            guard count > 0 else { return }
            assembler.append(chunk[..<count])
            while let frame = try? assembler.next() {
                let nature = nature.withLock { $0 }
                guard !nature.isDying, let request = try? FilterRequest(decoding: frame.body.span.bytes) else { return }
                if case .status = request { looks += 1 }
                let reply = answer(request, &book, nature, looks)
                let body = nature.isBroken ? [9, 9, 9] : reply.encoded()
                send(Frame(.filterReply, body: body), to: peer)
                guard case .samples(let most) = request else { continue }
                send(
                    Frame(
                        .filterSamples, body: FilterSamples(Array(nature.samples.prefix(Int(most))), rate: 1).encoded()),
                    to: peer)
            }
        }
    }

    private func send(_ frame: Frame, to peer: Int32) {
        let bytes = frame.encoded()
        var offset = 0
        while offset < bytes.count {
            var watched = [pollfd(fd: peer, events: Int16(POLLOUT), revents: 0)]
            guard poll(&watched, 1, 5_000) > 0 else { return }
            let count = bytes.withUnsafeBytes {
                linux_send_descriptors(peer, $0.baseAddress! + offset, $0.count - offset, nil, 0)
            }
            guard count > 0 else { return }
            offset += count
        }
    }

    private func answer(
        _ request: FilterRequest, _ book: inout FilterBook, _ nature: Nature, _ looks: UInt64
    ) -> FilterReply {
        do throws(FilterRefusal) {
            switch request {
            case .status: return .status(status(book, nature, looks))
            case .add(let order):
                orders.withLock { $0 += 1 }
                let added = try book.add(order, at: Self.now)
                return .done(
                    ids: added.ids, refused: UInt32(added.refused), reason: added.refusal?.reason ?? "")
            case .remove(let id): _ = try book.remove(id: id)
            case .removePrefix(let kind, let prefix): _ = try book.remove(kind, prefix)
            case .explain(let address): return .lines(book.explain(address))
            case .explainEntry(let id):
                guard let lines = book.explain(id: id) else {
                    throw FilterRefusal(.unknown, "there is no entry \(id)")
                }
                return .lines(lines)
            case .list(let kind, let from, let count):
                return .entries(book.entries(kind, from: from, count: Int(count)))
            case .conduct(let rule, let isDry, let author):
                _ = try book.conduct(rule: rule, isDry: isDry, by: author, at: Self.now)
            case .tallies:
                let counts = (0..<book.tallyPlaces).map { FilterCount(packets: UInt64($0), bytes: 60 * UInt64($0)) }
                return .tallies(FilterTallies(book.tallies(counts), isCounted: true))
            case .letIn(let prefix): return .done(ids: book.letIn(prefix).ids, reason: nature.trouble)
            case .samples, .observed, .rates: break
            }
            return .done(ids: [], reason: nature.trouble)
        } catch {
            return .refused(code: error.code.rawValue, reason: error.reason)
        }
    }

    /// Counters that grow each time they are asked for.
    private func status(_ book: FilterBook, _ nature: Nature, _ looks: UInt64) -> FilterStatus {
        var status = FilterStatus(since: Self.now.wall + -7_200)
        status.interface = "eth0"
        status.conduct.mode = nature.mode
        status.conduct.missing = nature.missing
        status.conduct.samples = 12
        status.counts = FilterReason.allCases.map { reason in
            switch reason {
            case .passed: FilterCount(packets: 1_000_000 + 5_000 * looks, bytes: 1_000_000_000)
            case .blockedSource: FilterCount(packets: 250_000, bytes: 25_000_000)
            default: FilterCount()
            }
        }
        status.sizes = FilterList.allCases.map { UInt32(book.count(of: $0)) }
        status.rules = book.rules.map {
            .init(
                id: $0.id, conduct: $0.isLive ? .live : $0.suspension == nil ? .dry : .suspended,
                hits: FilterCount(packets: 40, bytes: 4_000), observed: $0.observed)
        }
        return status
    }
}
