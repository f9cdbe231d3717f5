internal import Glibc
internal import Heads
internal import Messages

/// A response of the public pages on its way to a visitor who does not take it at once.
struct PageSending {
    /// Kept alive until the last byte, whatever pages come meanwhile.
    var file: Unmanaged<PageFile>
    /// Seconds, as they were when the response began.
    var age: UInt64
    /// Bytes of the body that went out, and the place where it ends.
    var offset = 0
    var length: Int
    var closes: Bool
    /// Something of the request is still to come in.
    var lingers: Bool
    /// When it must be done: nanoseconds on the clock that only goes forward.
    var until: UInt64
}

/// The public pages: answered from memory, outside every site's limits and out of the access log.
extension Worker {
    /// Bytes given to a socket at once in clear, where nothing of them is kept.
    private static let clearPiece = 64 << 10
    /// Under TLS: a record's content. At most one of them waits for a slow visitor.
    private static let securePiece = 16 << 10
    /// Longest time that a page may take, in milliseconds: a slow visitor keeps the files of its moment in memory.
    private static let pageTime: UInt64 = 120_000

    /// Answers the request in `request`. True: the connection stands and goes on.
    func answerPage(_ asker: UInt32, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        report.connections.pages += 1
        if table.certificate(of: TLSPort.pagesSite) != nil, !visitors[asker].pointee.isTLS,
            !table.snapshot.listeners[Int(visitors[asker].pointee.listener)].servesClear
        {
            return redirect(asker, nil, bytes)
        }
        let index = placeOfRequest(asker)
        let visitor = visitors[index]
        let file = page(bytes)
        let wall = Clock.wall() / 1_000_000
        let made = pages?.made ?? wall
        let age = wall > made ? (wall - made) / 1000 : 0
        let length = file.length(age: age, scratch: scratch)
        let closes = !request.keepsAlive || request.framing != .none || isDraining
        ink.clear()
        ink.write(file.head)
        ink.write("Date: ")
        ink.write(replies.date)
        if visitor.pointee.isTLS { ink.write("\r\nStrict-Transport-Security: max-age=31536000") }
        ink.write("\r\nContent-Length: ")
        ink.write(decimal: UInt64(length))
        if closes {
            ink.write("\r\nConnection: close")
        } else if request.minorVersion == 0 {
            ink.write("\r\nConnection: keep-alive")
        }
        ink.write("\r\n\r\n")
        return startSending(
            index,
            PageSending(
                file: .passRetained(file), age: age, length: request.method == .head ? 0 : length, closes: closes,
                lingers: request.framing != .none, until: now + Self.pageTime * 1_000_000))
    }

    /// Sends the head in the ink, and what of a file `page` says, as the visitor takes it. True: all is out, and the
    /// connection goes on.
    func startSending(_ index: UInt32, _ page: PageSending) -> Bool {
        let visitor = visitors[index]
        let sending = UnsafeMutablePointer<PageSending>.allocate(capacity: 1)
        sending.initialize(to: page)
        visitor.pointee.page = sending
        visitor.pointee.phase = .page
        if visitor.pointee.isCarried {
            readOwnHead(ink.bytes)
            carryHead(index, ink.bytes, ends: sending.pointee.length == sending.pointee.offset)
            ink.clear()
        }
        let goesOn = sendPage(index, headCount: ink.count)
        if visitor.pointee.phase == .page {
            // From here on its pace is judged.
            visitor.pointee.moved = 0
            visitor.pointee.held = untaken(index) ?? 0
            armVisitor(index, limits.progressTime)
        }
        return goesOn
    }

    private func page(_ bytes: UnsafeBufferPointer<UInt8>) -> PageFile {
        guard request.method == .get || request.method == .head else { return pageReplies.file(405, form(bytes)) }
        guard let pages else { return pageReplies.file(503, form(bytes)) }
        let start = Int(request.path.start)
        let path = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[start..<start + request.pathLength])
        // An absolute form without a path means "/".
        let found = path.isEmpty ? [UInt8(ascii: "/")].withUnsafeBytes { pages.find($0) } : pages.find(path)
        return found ?? pageReplies.file(404, form(bytes))
    }

    /// Sends as much as the visitor takes. True: the response is out, and the connection goes on.
    ///
    /// - Parameter headCount: bytes of the response's head, which lie in the ink.
    func sendPage(_ index: UInt32, headCount: Int = 0) -> Bool {
        let visitor = visitors[index]
        guard let sending = visitor.pointee.page else { return false }
        let isCarried = visitor.pointee.isCarried
        let piece = visitor.pointee.stream.tls == nil && !isCarried ? Self.clearPiece : Self.securePiece
        var lead = headCount
        while true {
            if lead == 0 {
                guard visitor.pointee.stream.out.isEmpty else { return false }
                ink.clear()
            }
            let rest = min(piece, sending.pointee.length - sending.pointee.offset)
            sending.pointee.file._withUnsafeGuaranteedRef {
                $0.write(
                    age: sending.pointee.age, from: sending.pointee.offset, limit: rest, to: ink, scratch: scratch)
            }
            let isLast = sending.pointee.offset + rest == sending.pointee.length
            if isCarried {
                carry(index, ink.bytes, ends: isLast)
                visitor.pointee.moved += UInt64(ink.count)
                sending.pointee.offset += ink.count
                if isLast { return finishPage(index) }
                continue
            }
            let endsTLS = isLast && sending.pointee.closes && !sending.pointee.lingers
            let taken = sendSome(&visitor.pointee.stream, ink.bytes, keeping: lead, isLast: endsTLS)
            guard taken >= lead else {
                closeVisitor(index)
                return false
            }
            visitor.pointee.moved += UInt64(taken)
            sending.pointee.offset += taken - lead
            if sending.pointee.offset == sending.pointee.length { return finishPage(index) }
            // What is left waits for the socket, not in memory.
            guard taken == ink.count else { return false }
            lead = 0
        }
    }

    private func finishPage(_ index: UInt32) -> Bool {
        let visitor = visitors[index]
        guard let sending = visitor.pointee.page?.pointee else { return false }
        dropPage(index)
        visitor.pointee.moved = 0
        guard !visitor.pointee.isCarried else {
            endCarried(index)
            return false
        }
        visitor.pointee.phase = .head
        if sending.closes {
            endReply(index, lingers: sending.lingers)
            return false
        }
        if isDraining {
            endReply(index, lingers: true)
            return false
        }
        armVisitor(index, limits.idleTime)
        return true
    }

    /// Gives back what is kept of a page under way.
    func dropPage(_ index: UInt32) {
        guard let sending = visitors[index].pointee.page else { return }
        visitors[index].pointee.page = nil
        sending.pointee.file.release()
        sending.deallocate()
    }

    /// Whether a page has had its time.
    func isOverdue(_ index: UInt32) -> Bool { visitors[index].pointee.page.map { now >= $0.pointee.until } ?? false }
}

/// What the pages' host says instead of a file, in each form.
final class PageReplies {
    private let files: [PageFile]

    init() {
        files = ReplyText.pages.flatMap { text in Replies.Form.allCases.map { PageFile(text, $0) } }
    }

    func file(_ status: UInt16, _ form: Replies.Form) -> PageFile {
        files[(ReplyText.pages.firstIndex { $0.status == status } ?? 0) * Replies.Form.allCases.count + form.rawValue]
    }
}
