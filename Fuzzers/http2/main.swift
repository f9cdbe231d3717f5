import FuzzerSupport
import Glibc
import Heads

private let limits = HeadLimits()
// Reused for each input, as a worker reuses them.
nonisolated(unsafe) private var fields = HPACKFields()  // libFuzzer calls from one thread
nonisolated(unsafe) private var request = RequestHead()  // libFuzzer calls from one thread
nonisolated(unsafe) private var response = ResponseHead()  // libFuzzer calls from one thread
// libFuzzer calls from one thread
nonisolated(unsafe) private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 48 << 10, alignment: 8)

// Each input is read as the frames of a connection, and as an origin's response to write to one.
private func run(_ bytes: Span<UInt8>) {
    readFrames(bytes)
    writeResponse(bytes)
}

private func readFrames(_ bytes: Span<UInt8>) {
    var decoder = HPACKDecoder()
    var settings = HTTP2Settings()
    var index = 0
    while let frame = HTTP2Frame(bytes.bytes, at: index) {
        require(frame.length < 1 << 24 && frame.stream < 1 << 31, "a frame's bounds")
        index += HTTP2Frame.headSize
        if let fault = frame.fault() {
            if fault.scope == .connection { return }
            index += frame.length
            continue
        }
        guard index + frame.length <= bytes.count else { return }
        let payload = bytes.extracting(index..<index + frame.length)
        index += frame.length
        guard read(frame, payload, &decoder, &settings) else { return }
    }
    require(index + HTTP2Frame.headSize > bytes.count, "a frame that was not read")
}

private func read(
    _ frame: HTTP2Frame, _ payload: Span<UInt8>, _ decoder: inout HPACKDecoder, _ settings: inout HTTP2Settings
) -> Bool {
    switch frame.kind {
    case .data, .headers, .continuation:
        guard let content = try? frame.content(of: payload.bytes) else { return false }
        require(0 <= content.range.lowerBound && content.range.upperBound <= payload.count, "the content's place")
        if frame.kind == .data { return true }
        if decoder.decode(payload.extracting(content.range).bytes, into: &fields) != nil { return false }
        _ = HTTP2Request.pseudoOrder(fields)
        checkRequest(endsStream: frame.flags.contains(.endsStream))
        checkTrailers()
    case .settings:
        if settings.read(payload.bytes) != nil { return false }
        require((16384...0xff_ffff).contains(settings.payloadLimit), "the largest payload")
        require((0...0x7fff_ffff).contains(settings.initialWindow), "the window")
    case .windowUpdate:
        guard let increment = try? frame.increment(payload.bytes) else { return frame.stream != 0 }
        require((1...0x7fff_ffff).contains(increment), "the increment")
    case .priority:
        _ = frame.priorityFault(payload.bytes)
    default:
        break
    }
    return true
}

private func isName(_ entry: HPACKFields.Entry, _ name: StaticString) -> Bool {
    fields.bytes.span.holds(name, in: entry.name)
}

/// Whatever the fields are, the strict parser must see this method, target, host and these fields, or refuse.
private func checkRequest(endsStream: Bool) {
    guard
        case .head(let count) = HTTP2Request.write(fields, endsStream: endsStream, limits: limits, to: output)
    else { return }
    let head = UnsafeRawBufferPointer(rebasing: output[..<count])
    head.withMemoryRebound(to: UInt8.self) { head in
        var scanner = HeadScanner()
        require(scanner.scan(head.span, limit: count + 1) == .head(start: 0, end: count), "the head's end")
        if request.read(head.span, from: 0, limits: limits) == nil { compare(head, endsStream) }
    }
}

private func compare(_ head: UnsafeBufferPointer<UInt8>, _ endsStream: Bool) {
    func isSame(_ slice: Slice, _ value: Slice) -> Bool { head[slice.range].elementsEqual(fields.bytes[value.range]) }
    var place = 1
    var crumbs = 0
    var cookie: Field?
    var hasLength = false
    for entry in fields.entries {
        if isName(entry, ":method") {
            require(isSame(request.methodName, entry.value), "the method")
        } else if isName(entry, ":path") {
            require(isSame(request.target, entry.value), "the target")
        } else if isName(entry, ":authority") {
            require(isSame(request.authority, entry.value), "the authority")
        } else if isName(entry, ":scheme") || isName(entry, "host") {
            continue
        } else {
            require(fields.bytes[Int(entry.name.start)] != 58, "a pseudo-header field")
            if isName(entry, "content-length") { hasLength = true }
            if isName(entry, "cookie") {
                crumbs += Int(entry.value.count) + 2
                if cookie != nil { continue }
                cookie = request.fields[place]
            } else {
                require(isSame(request.fields[place].value, entry.value), "a value")
            }
            require(isSame(request.fields[place].name, entry.name), "a name")
            place += 1
        }
    }
    // Crumbs that are empty leave a space at the end, which the parser takes off.
    if let cookie {
        require(Int(cookie.value.count) <= crumbs - 2 && Int(cookie.value.count) + 2 >= crumbs - 2, "crumbs")
    }
    if !endsStream, !hasLength {
        require(request.framing == .chunked, "content without end")
        place += 1
    }
    require(request.fields.count == place, "a field too many")
    if endsStream { require(request.framing == .none, "content behind the end") }
}

private func checkTrailers() {
    guard case .head(let count) = HTTP2Request.writeTrailers(fields, to: output) else { return }
    UnsafeRawBufferPointer(rebasing: output[..<count]).withMemoryRebound(to: UInt8.self) { bytes in
        var body = ChunkedBody()
        require(body.next(bytes.span, from: 0) == .end(count), "trailers that are none")
    }
}

/// A response that the strict parser takes must be read from its block with the same fields.
private func writeResponse(_ bytes: Span<UInt8>) {
    var scanner = HeadScanner()
    guard case .head(let start, let end) = scanner.scan(bytes, limit: limits.bytes) else { return }
    let head = bytes.extracting(0..<end)
    guard response.read(head, from: start, method: .get) == nil else { return }
    var writer = HPACKWriter(output)
    writer.writeStatus(response.status)
    head.withUnsafeBytes { writer.write(response, of: $0) }
    require(!writer.isFull, "a head of 16 KiB in a block of 48")
    var decoder = HPACKDecoder()
    let block = UnsafeRawBufferPointer(rebasing: output[..<writer.count]).bytes
    require(decoder.decode(block, into: &fields) == nil, "our block is broken")
    if fields.isTooLarge { return }
    var place = 1
    for field in response.fields where !field.id.isHopByHop && field.id != .transferEncoding {
        if response.connectionNames(field, head) { continue }
        let entry = fields.entries[place]
        require(head.text(field.value) == fields.bytes.span.text(entry.value), "a value")
        require(head.text(field.name).lowercased() == fields.bytes.span.text(entry.name), "a name")
        place += 1
    }
    require(place == fields.count, "a field too many")
}

exit(
    runFuzzer { data, size in
        run(Span(_unsafeStart: data ?? UnsafePointer(bitPattern: 1)!, count: size))
        return 0
    })
