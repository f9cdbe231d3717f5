internal import Bytes
internal import CLinux
internal import Glibc
internal import Messages
internal import Mitigations

/// Why the filter's process could not be asked, or what it refused: one line, for people.
package struct FilterLinkError: Error, Equatable, Sendable, CustomStringConvertible {
    package var reason: String
    /// The filter answered, and does not do it.
    package var isRefusal: Bool

    package init(_ reason: String, isRefusal: Bool = false) {
        self.reason = reason
        self.isRefusal = isRefusal
    }

    package var description: String { reason }
}

/// A command's connection to the filter's process. Not for more than one thread.
final class FilterLink {
    /// Milliseconds that an answer may take: adding a rule loads programs into the kernel, whose verifier takes seconds of a
    /// large set.
    static let patience: Int64 = 30_000

    private let path: String
    private let socket: Descriptor
    private var assembler = FrameAssembler()

    init(_ folder: StateFolder) throws(FilterLinkError) {
        path = folder.filterSocket
        guard path.utf8.count <= StateFolder.socketPathLimit else {
            throw FilterLinkError("the path is too long for a socket: \(path)")
        }
        let opened = linux_unix_connect(path)
        guard opened >= 0 else { throw FilterLinkError(Self.advice(-opened, path)) }
        socket = Descriptor(opened)
        _ = fcntl(opened, F_SETFL, O_NONBLOCK)
    }

    /// What to do where nobody answers.
    private static func advice(_ error: Int32, _ path: String) -> String {
        switch error {
        case ENOENT:
            "no filter answers: there is no \(path). Start it (systemctl start wasstraat-filter), or name its state folder "
                + "with --state or --config"
        case ECONNREFUSED:
            "no filter answers at \(path): its process has ended. Look why (journalctl -u wasstraat-filter) and start it "
                + "(systemctl start wasstraat-filter)"
        case EACCES, EPERM:
            "you may not ask the filter at \(path): run this as the user that runs the filter, or as root (sudo)"
        default: "no filter answers at \(path): \(OfficeError.text(error))"
        }
    }

    /// Asks one thing and waits for the answer; a refusal is an error with the filter's own words.
    func ask(_ request: FilterRequest) throws(FilterLinkError) -> FilterReply {
        try send(request)
        let deadline = MonotonicClock.milliseconds + Self.patience
        while let frame = try next(until: deadline) {
            guard frame.kind == .filterReply else { continue }
            return try Self.reply(frame)
        }
        throw FilterLinkError("the filter at \(path) has not answered for \(Self.patience / 1_000) s")
    }

    static func reply(_ frame: Frame) throws(FilterLinkError) -> FilterReply {
        guard frame.body.count <= FilterTalk.replyLimit,
            let reply = try? FilterReply(decoding: frame.body.span.bytes)
        else { throw FilterLinkError("the filter's answer cannot be read: it is of another version than this program") }
        if case .refused(_, let reason) = reply {
            throw FilterLinkError("refused: \(DissectText.plain(reason))", isRefusal: true)
        }
        return reply
    }

    func send(_ request: FilterRequest) throws(FilterLinkError) {
        let body = request.encoded()
        guard body.count <= FilterTalk.requestLimit else {
            throw FilterLinkError("too long to be asked: \(body.count) bytes, at most \(FilterTalk.requestLimit)")
        }
        let bytes = Frame(.filterRequest, body: body).encoded()
        let deadline = MonotonicClock.milliseconds + Self.patience
        var offset = 0
        while offset < bytes.count {
            let sent = bytes.withUnsafeBytes {
                linux_send_descriptors(socket.number, $0.baseAddress! + offset, $0.count - offset, nil, 0)
            }
            if sent == -Int(EINTR) { continue }
            if sent == -Int(EAGAIN) {
                guard wait(for: POLLOUT, until: deadline) else { throw gone }
                continue
            }
            guard sent > 0 else { throw gone }
            offset += sent
        }
    }

    /// The next frame that comes; nil where none came in time.
    func next(until deadline: Int64) throws(FilterLinkError) -> Frame? {
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            do throws(Malformed) {
                if let frame = try assembler.next() { return frame }
            } catch {
                throw FilterLinkError("what answers at \(path) is no filter of ours")
            }
            let count = Glibc.read(socket.number, &chunk, chunk.count)
            if count > 0 {
                assembler.append(chunk[..<count])
            } else if count < 0, errno == EINTR {
                continue
            } else if count < 0, errno == EAGAIN {
                guard wait(for: POLLIN, until: deadline) else { return nil }
            } else {
                throw gone
            }
        }
    }

    private var gone: FilterLinkError {
        FilterLinkError("the filter at \(path) has gone away: journalctl -u wasstraat-filter says why")
    }

    private func wait(for events: Int32, until deadline: Int64) -> Bool {
        while true {
            let left = deadline - MonotonicClock.milliseconds
            guard left > 0 else { return false }
            var watched = [pollfd(fd: socket.number, events: Int16(events), revents: 0)]
            if poll(&watched, 1, Int32(clamping: left)) > 0 { return true }
        }
    }
}

extension FilterLink {
    /// What the filter says of itself.
    func status() throws(FilterLinkError) -> FilterStatus {
        guard case .status(let status) = try ask(.status) else { throw Self.other }
        return status
    }

    /// All entries of a kind, page by page in the order of their ids.
    func entries(_ kind: FilterKind, _ body: ([FilterEntry]) throws -> Void) throws {
        var from: UInt64 = 0
        while true {
            guard case .entries(let page) = try ask(.list(kind, from: from, count: UInt32(FilterTalk.pageLimit))) else {
                throw Self.other
            }
            // Ids ascend; what does not would be asked for ever.
            guard let last = page.last?.id, last >= from, last < .max else { return }
            try body(page)
            from = last + 1
        }
    }

    static var other: FilterLinkError { FilterLinkError("the filter answers something else than it was asked") }
}

extension StateFolder {
    /// Where the filter's process answers.
    var filterSocket: String { file("filter.sock") }
}
