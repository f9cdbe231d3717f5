internal import Glibc
internal import Heads

/// The lane's own responses for HTTP/2, ready as header blocks: made of those for HTTP/1.1, so that both say the same.
/// Refusing a stream copies one into its connection's frames.
final class FramedReplies {
    struct Reply {
        var block: UnsafeRawBufferPointer
        var content: UnsafeRawBufferPointer
    }

    private struct Entry {
        var block: UnsafeMutableRawPointer
        var blockSize: Int
        var dateOffset: Int
        /// Where Retry-After's last digit is; nil: it has none.
        var retryOffset: Int?
        var content: UnsafeMutableRawBufferPointer
    }

    private var entries: [Entry] = []
    private var places: [UInt16: Int] = [:]
    private var jitter = 0

    init(_ replies: Replies) {
        for text in ReplyText.all {
            places[text.status] = entries.count
            for form in Replies.Form.allCases {
                let bytes = replies.bytes(text.status, form, closes: false, isHead: false)
                let head = replies.bytes(text.status, form, closes: false, isHead: true)
                entries.append(
                    Self.make(text.status, head, UnsafeRawBufferPointer(rebasing: bytes[head.count...]), replies.date))
            }
        }
    }

    deinit {
        for entry in entries {
            free(entry.block)
            entry.content.deallocate()
        }
    }

    /// A response's parts, right until the next call.
    func reply(_ status: UInt16, _ form: Replies.Form, date: [UInt8]) -> Reply {
        let entry = entries[(places[status] ?? 0) + form.rawValue]
        entry.block.advanced(by: entry.dateOffset).copyMemory(from: date, byteCount: 29)
        if let offset = entry.retryOffset {
            // Spread over ten seconds, so that those who were refused together do not come back together.
            jitter = (jitter + 7) % 10
            entry.block.advanced(by: offset).storeBytes(of: UInt8(48 + jitter), as: UInt8.self)
        }
        return Reply(
            block: UnsafeRawBufferPointer(start: entry.block, count: entry.blockSize),
            content: UnsafeRawBufferPointer(entry.content))
    }

    private static func make(
        _ status: UInt16, _ head: UnsafeRawBufferPointer, _ content: UnsafeRawBufferPointer, _ date: [UInt8]
    ) -> Entry {
        var response = ResponseHead()
        let refusal = head.withMemoryRebound(to: UInt8.self) { response.read($0.span, from: 0, method: .get) }
        precondition(refusal == nil, "our own response cannot be read")
        let block = malloc(head.count + 64)!
        var writer = HPACKWriter(UnsafeMutableRawBufferPointer(start: block, count: head.count + 64))
        writer.writeStatus(Int(status))
        date.withUnsafeBytes { writer.write("date", $0) }
        let dateOffset = writer.count - date.count
        var retryOffset: Int?
        if let retry = response.first(.retryAfter) {
            writer.write(retry, of: head)
            retryOffset = writer.count - 1
        }
        // The length is left out: where the visitor's window is shut, the content is left out too.
        writer.write(response, of: head) { ![.date, .retryAfter, .contentLength].contains($0.id) }
        precondition(!writer.isFull, "a block is longer than the head it says")
        let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: max(1, content.count), alignment: 1)
        copy.copyMemory(from: content)
        return Entry(
            block: block, blockSize: writer.count, dateOffset: dateOffset, retryOffset: retryOffset,
            content: UnsafeMutableRawBufferPointer(rebasing: copy[..<content.count]))
    }
}
