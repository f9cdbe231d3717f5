import FuzzerSupport
import Glibc
import Heads

private let limits = HeadLimits()
// Reused for each input, as a worker reuses them.
nonisolated(unsafe) private var request = RequestHead()  // libFuzzer calls from one thread
nonisolated(unsafe) private var again = RequestHead()  // libFuzzer calls from one thread
nonisolated(unsafe) private var response = ResponseHead()  // libFuzzer calls from one thread

// Each input is read as the start of a request, as a response and as a chunked body.
private func run(_ bytes: Span<UInt8>) {
    let cut = Digest.of(bytes).place(in: bytes.count)
    if let (start, end) = scan(bytes, cut) {
        let head = bytes.extracting(0..<end)
        if let refusal = request.read(head, from: start, limits: limits) {
            require((0...end).contains(refusal.offset), "place of the refusal")
            require((400...599).contains(refusal.status), "status of the refusal")
        } else {
            checkRequest(head, start)
        }
        for method in [Method.get, .head] where response.read(head, from: start, method: method) == nil {
            checkResponse(head, method)
        }
    }
    checkChunks(bytes, cut)
}

/// The end of the head must be found at the same place however the bytes come.
private func scan(_ bytes: Span<UInt8>, _ cut: Int) -> (Int, Int)? {
    var scanner = HeadScanner()
    let whole = scanner.scan(bytes, limit: limits.bytes)
    var other = HeadScanner()
    var pieces = other.scan(bytes.extracting(0..<cut), limit: limits.bytes)
    if pieces == .more { pieces = other.scan(bytes, limit: limits.bytes) }
    require(pieces == whole, "the scanner's finding depends on where the bytes are cut")
    guard case .head(let start, let end) = whole else { return nil }
    require(start < end && end <= bytes.count && start <= 4, "place of the head")
    return (start, end)
}

private func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...90, 97...122: true
    default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}

/// What a plain reader, which knows nothing of the one under test, sees in the fields.
private struct Plain {
    var lengths = 0
    var codings = 0
    var hosts = 0
    var fields = 0

    init(_ bytes: Span<UInt8>, fields list: [Field]) {
        for field in list {
            fields += 1
            require(field.name.range.upperBound <= bytes.count && !field.name.range.isEmpty, "a name's place")
            require(field.value.range.upperBound <= bytes.count, "a value's place")
            for index in field.name.range { require(isToken(bytes[index]), "a name's byte") }
            for index in field.value.range {
                require(bytes[index] >= 32 && bytes[index] != 127 || bytes[index] == 9, "a value's byte")
            }
            let name = bytes.text(field.name).lowercased()
            if name == "content-length" { lengths += 1 }
            if name == "transfer-encoding" { codings += 1 }
            if name == "host" { hosts += 1 }
        }
    }
}

private func checkRequest(_ bytes: Span<UInt8>, _ start: Int) {
    for slice in [request.methodName, request.target, request.path, request.authority, request.upgrade] {
        require(slice.range.upperBound <= bytes.count, "a slice's place")
    }
    for index in request.methodName.range { require(isToken(bytes[index]), "the method's byte") }
    for index in request.target.range { require(bytes[index] > 32 && bytes[index] < 127, "the target's byte") }
    require(request.path.count == 0 || bytes[Int(request.path.start)] == UInt8(ascii: "/"), "the path's start")
    require(request.pathLength <= Int(request.path.count), "the path's length")
    require(request.fields.count <= limits.fields && request.minorVersion <= 1, "bounds")
    let host = request.host(bytes)
    require(request.authority.range.contains(host.range) || host.range.isEmpty, "the host's place")
    require(request.authority.count == 0 || !host.range.isEmpty, "an empty host")

    let plain = Plain(bytes, fields: request.fields)
    require(plain.lengths + plain.codings <= 1, "two statements of the body's end")
    require(plain.hosts == 1 || request.minorVersion == 0 && plain.hosts == 0, "Host")
    switch request.framing {
    case .chunked: require(plain.codings == 1, "chunked without a coding")
    case .length: require(plain.lengths == 1, "a length without a field")
    case .none: require(plain.codings == 0, "a coding that was passed over")
    case .untilClose: require(false, "a request that ends with the connection")
    }
    repeatRequest(bytes)
}

/// What was understood, written out anew in the plainest way, must be understood alike.
private func repeatRequest(_ bytes: Span<UInt8>) {
    var text: [UInt8] = []
    func write(_ slice: Slice) { for index in slice.range { text.append(bytes[index]) } }
    write(request.methodName)
    text.append(32)
    write(request.target)
    text += Array(" HTTP/1.\(request.minorVersion)\r\n".utf8)
    for field in request.fields {
        write(field.name)
        text += [58, 32]
        write(field.value)
        text += [13, 10]
    }
    text += [13, 10]
    // The space after each colon may carry it over the limit.
    if text.count >= limits.bytes { return }
    var scanner = HeadScanner()
    require(scanner.scan(text.span, limit: limits.bytes) == .head(start: 0, end: text.count), "written anew: its end")
    require(again.read(text.span, from: 0, limits: limits) == nil, "written anew: refused")
    require(again.framing == request.framing, "written anew: framing")
    require(again.keepsAlive == request.keepsAlive && again.method == request.method, "written anew: meaning")
    require(again.fields.count == request.fields.count, "written anew: fields")
    require(text.span.text(again.authority) == bytes.text(request.authority), "written anew: authority")
}

private func checkResponse(_ bytes: Span<UInt8>, _ method: Method) {
    require((100...599).contains(response.status), "status")
    require(response.reason.range.upperBound <= bytes.count, "the reason's place")
    let plain = Plain(bytes, fields: response.fields)
    require(plain.lengths == 0 || plain.codings == 0, "two statements of the body's end")
    switch response.framing {
    case .chunked: require(plain.codings == 1, "chunked without a coding")
    case .length: require(plain.lengths >= 1, "a length without a field")
    case .untilClose: require(plain.codings == 0 && plain.lengths == 0 && !response.keepsAlive, "until close")
    case .none: break
    }
    if method == .head { require(response.framing == .none, "a body after HEAD") }
}

/// The content and the end of a chunked body do not depend on how its bytes come.
private func checkChunks(_ bytes: Span<UInt8>, _ cut: Int) {
    var whole = ChunkedBody()
    var wholeContent = Digest()
    let expected = feed(&whole, bytes, from: 0, &wholeContent)
    var parts = ChunkedBody()
    var partsContent = Digest()
    var found = feed(&parts, bytes.extracting(0..<cut), from: 0, &partsContent)
    if found == .more { found = feed(&parts, bytes, from: cut, &partsContent) }
    require(found == expected && partsContent == wholeContent, "a chunked body depends on where it is cut")
    if case .end(let end) = expected {
        require(whole.isEnded && end >= 5 && end <= bytes.count, "a chunked body's end")
    }
}

private func feed(
    _ body: inout ChunkedBody, _ bytes: Span<UInt8>, from start: Int, _ content: inout Digest
) -> ChunkedBody.Event {
    var offset = start
    while true {
        let event = body.next(bytes, from: offset)
        guard case .data(let range) = event else { return event }
        require(range.lowerBound >= offset && range.upperBound <= bytes.count && !range.isEmpty, "a chunk's place")
        for index in range { content.add(bytes[index]) }
        offset = range.upperBound
    }
}

exit(
    runFuzzer { data, size in
        run(Span(_unsafeStart: data ?? UnsafePointer(bitPattern: 1)!, count: size))
        return 0
    })
