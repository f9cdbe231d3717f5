internal import Heads

/// A response that is kept, ready to be sent. Never changed: all workers share it, and visitors who take it slowly.
final class StoredResponse: Sendable {
    /// What there is of it before its content is whole.
    struct Head: Sendable {
        var status: UInt16
        var reason: [UInt8]
        /// Lines of its fields, without those that are written anew for each visitor.
        var fields: [UInt8]
        /// Those of them that go with 304 (RFC 9110, section 15.4.5).
        var shortFields: [UInt8]
        var freshness: Freshness
        var validators: Validators
        /// Names of the request's fields that it varies by, and what the request said in them.
        var varyNames: [UInt8]
        var varyKey: [UInt8]
        /// HTML.
        var isPage = false
    }

    let head: Head
    let content: PageFile
    /// Bytes that it takes, about.
    let cost: Int

    private static let overhead = 512

    init(_ head: Head, _ content: PageFile) {
        self.head = head
        self.content = content
        cost =
            Self.overhead + content.body.count + head.fields.count + head.shortFields.count + head.varyKey.count
            + head.varyNames.count
    }

    /// Whether it is one for this request, by the fields that it varies by.
    func suits(_ request: RequestHead, _ bytes: Span<UInt8>) -> Bool {
        head.varyNames.isEmpty || request.secondaryKey(bytes, names: head.varyNames) == head.varyKey
    }
}

extension StoredResponse.Head {
    /// - Parameters:
    ///   - bytes: those that `response` was read from.
    ///   - request: the one it answers, read from `asked`.
    ///   - now: seconds since 1970.
    ///   - date: the same as a date of HTTP, for a response that has none.
    init(
        _ response: ResponseHead, _ bytes: Span<UInt8>, caching: CacheResponse, freshness: Freshness,
        to request: RequestHead, _ asked: Span<UInt8>, now: Int64, date: [UInt8]
    ) {
        status = UInt16(response.status)
        reason = response.reason.range.map { bytes[$0] }
        fields = []
        shortFields = []
        self.freshness = freshness
        validators = Validators(caching, bytes, now: now)
        varyNames = caching.varyNames(bytes)
        varyKey = varyNames.isEmpty ? [] : request.secondaryKey(asked, names: varyNames)
        for field in response.fields where Self.isKept(field, response, bytes) {
            if field.id == .contentType { isPage = bytes.holds("text/html", in: Self.start(of: field.value, 9)) }
            let line = Self.line(field, bytes)
            fields += line
            if !Self.isOfContent(field, bytes) { shortFields += line }
        }
        guard response.first(.date) == nil else { return }
        let line = Array("Date: ".utf8) + date + [13, 10]
        fields += line
        shortFields += line
    }

    /// The same response as its origin has just said that it still holds: with the newer fields (RFC 9111, section 3.2), as
    /// the bytes of a head.
    func freshened(by response: ResponseHead, _ bytes: Span<UInt8>) -> [UInt8] {
        var text = Array("HTTP/1.1 ".utf8) + Array("\(status) ".utf8) + reason + [13, 10]
        var newer: [[UInt8]] = []
        for field in response.fields where Self.isKept(field, response, bytes) && !Self.isOfBytes(field, bytes) {
            newer.append(Self.name(field, bytes))
            text += Self.line(field, bytes)
        }
        // Age counts from here, so that of the newer response goes along.
        for field in response.fields where field.id == .other && bytes.holds("age", in: field.name) {
            text += Self.line(field, bytes)
        }
        var old = ResponseHead()
        let whole = Array("HTTP/1.1 200 OK\r\n".utf8) + fields + [13, 10]
        if old.read(whole.span, from: 0, method: .head) == nil {
            for field in old.fields where !newer.contains(Self.name(field, whole.span)) {
                text += Self.line(field, whole.span)
            }
        }
        return text + [13, 10]
    }

    private static func isKept(_ field: Field, _ response: ResponseHead, _ bytes: Span<UInt8>) -> Bool {
        switch field.id {
        case .contentLength, .transferEncoding, .trailer: false
        case .other where bytes.holds("age", in: field.name): false
        case let id where id.isHopByHop: false
        default: !response.connectionNames(field, bytes)
        }
    }

    /// Fields that say how the bytes that are kept are to be read, which no newer head changes.
    private static func isOfBytes(_ field: Field, _ bytes: Span<UInt8>) -> Bool {
        bytes.holds("content-encoding", in: field.name) || bytes.holds("content-range", in: field.name)
    }

    /// Fields that describe content, which 304 does not have.
    private static func isOfContent(_ field: Field, _ bytes: Span<UInt8>) -> Bool {
        let name = field.name
        return field.id == .contentType || bytes.holds("content-encoding", in: name)
            || bytes.holds("content-language", in: name) || bytes.holds("content-range", in: name)
    }

    private static func line(_ field: Field, _ bytes: Span<UInt8>) -> [UInt8] {
        var line = field.name.range.map { bytes[$0] }
        line += [UInt8(ascii: ":"), 32]
        for index in field.value.range { line.append(bytes[index]) }
        return line + [13, 10]
    }

    private static func name(_ field: Field, _ bytes: Span<UInt8>) -> [UInt8] {
        field.name.range.map { bytes[$0] >= 65 && bytes[$0] <= 90 ? bytes[$0] | 32 : bytes[$0] }
    }

    private static func start(of slice: Heads.Slice, _ count: Int) -> Heads.Slice {
        Heads.Slice(Int(slice.start), min(Int(slice.start) + count, slice.range.upperBound))
    }
}

/// The content of a response on its way into the cache, out of its coding.
final class CacheCapture {
    let head: StoredResponse.Head
    let key: [UInt8]
    private(set) var content: [UInt8] = []
    private var body: Body

    init(_ head: StoredResponse.Head, key: [UInt8], framing: Framing) {
        self.head = head
        self.key = key
        body = Body(framing)
    }

    var isWhole: Bool { body.isDone }

    /// Takes bytes as they came from the origin. False: it is no content, or more than `limit`.
    func take(_ bytes: UnsafeBufferPointer<UInt8>, limit: Int) -> Bool {
        var offset = 0
        while offset < bytes.count, !body.isDone {
            var piece = offset..<bytes.count
            switch body.framing {
            case .length:
                piece = offset..<offset + Int(min(body.remaining, UInt64(bytes.count - offset)))
                body.remaining -= UInt64(piece.count)
                body.isDone = body.remaining == 0
            case .chunked:
                switch body.chunks.next(bytes.span, from: offset) {
                case .data(let range): piece = range
                case .more: return true
                case .end:
                    body.isDone = true
                    return true
                case .refused: return false
                }
            case .none, .untilClose: return false
            }
            guard content.count + piece.count <= limit else { return false }
            content.append(contentsOf: UnsafeBufferPointer(rebasing: bytes[piece]))
            offset = piece.upperBound
        }
        return true
    }
}
