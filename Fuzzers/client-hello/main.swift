import Bytes
import FuzzerSupport
import Glibc
import Packets

// The input is read as records from a connection and as a message body. What is waited for, however it is cut, ends in
// the same verdict, and what was taken keeps its promises.
private func run(_ bytes: RawSpan) {
    records(bytes)
    if let hello = try? ClientHello(decoding: bytes) {
        check(hello)
        let record = wrapped(bytes)
        guard let record else { return }
        let again = Result { () throws(Malformed) in try ClientHello.read(records: record.span.bytes) }
        require(again == .success(.hello(hello, length: record.count)), "a message in a record")
    }
}

private func records(_ bytes: RawSpan) {
    let whole = Result { () throws(Malformed) in try ClientHello.read(records: bytes) }
    switch whole {
    case .success(.more(let needed)):
        require(needed > bytes.byteCount, "asks for what is there")
        require(needed <= ClientHello.recordBytesLimit + 16 << 10, "asks for more than the bound")
    case .success(.hello(let hello, let length)):
        require(length <= bytes.byteCount && length <= ClientHello.recordBytesLimit, "length")
        check(hello)
        let exact = Result { () throws(Malformed) in try ClientHello.read(records: bytes.extracting(0..<length)) }
        require(exact == whole, "what follows changes it")
    case .failure(let malformed):
        require((0...bytes.byteCount).contains(malformed.offset), "place of the error")
    }
    // Waiting for what is asked for leads to the same end.
    var length = 0
    while length <= bytes.byteCount {
        let part = Result { () throws(Malformed) in try ClientHello.read(records: bytes.extracting(0..<length)) }
        guard case .success(.more(let needed)) = part else {
            if case .failure(let malformed) = part, case .failure(let other) = whole {
                require(malformed.reason == other.reason || malformed.offset <= other.offset, "another refusal")
            } else {
                require(part == whole, "more bytes changed the verdict")
            }
            return
        }
        require(needed > length, "asks for what is there")
        length = needed
    }
    if case .success(.hello) = whole { require(false, "waited beyond a whole message") }
}

private func check(_ hello: ClientHello) {
    require(hello.ciphers.count <= ClientHello.cipherLimit, "ciphers")
    require(hello.extensions.count <= ClientHello.extensionLimit, "extensions")
    require(hello.protocols.count <= ClientHello.protocolLimit, "protocols")
    if let name = hello.serverName {
        require((1...253).contains(name.count), "name's length")
        for byte in name { require(byte > 32 && byte < 127 && !(65...90).contains(byte), "name's characters") }
    }
    let source = JA4.Source(hello)
    require(source.shape.count == 10, "shape")
    require(
        source.shape.allSatisfy { (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) }, "shape"
    )
    let text = JA4(source) { bytes in Array(repeating: UInt8(truncatingIfNeeded: bytes.count), count: 32) }.description
    require(text.utf8.count == 36, "fingerprint")
}

/// The body as one handshake message in one record; nil where it does not fit.
private func wrapped(_ body: RawSpan) -> [UInt8]? {
    let size = body.byteCount
    guard size + 4 <= 1 << 14 else { return nil }
    var record: [UInt8] = [
        22, 3, 1, UInt8((size + 4) >> 8), UInt8((size + 4) & 255), 1, 0, UInt8(size >> 8), UInt8(size & 255),
    ]
    body.withUnsafeBytes { record.append(contentsOf: $0) }
    return record
}

exit(
    runFuzzer { data, size in
        run(RawSpan(_unsafeStart: UnsafeRawPointer(data ?? UnsafePointer(bitPattern: 1)!), byteCount: size))
        return 0
    })
