import Addresses
import Bytes
import FuzzerSupport
import Glibc
import Heads

// The reader must say the same of a header however much of it has come, and never look beyond its end.
private func run(_ bytes: RawSpan) {
    let whole = Result { () throws(Malformed) in try ProxyPreface.read(bytes) }
    let cut = Digest.of(Span(_bytes: bytes)).place(in: bytes.byteCount)
    check(bytes, cut, whole)
    if case .success(.preface(let preface)) = whole {
        require(preface.length >= 15 && preface.length <= min(bytes.byteCount, ProxyPreface.lengthLimit), "length")
        require((preface.source == nil) == (preface.destination == nil), "both addresses or none")
        let exact = Result { () throws(Malformed) in try ProxyPreface.read(bytes.extracting(0..<preface.length)) }
        require(exact == whole, "what follows the header changes it")
        check(bytes, preface.length - 1, whole)
    }
}

private func check(_ bytes: RawSpan, _ cut: Int, _ whole: Result<ProxyPreface.Reading, Malformed>) {
    let part = Result { () throws(Malformed) in try ProxyPreface.read(bytes.extracting(0..<cut)) }
    switch part {
    case .success(.more):
        if case .success(.preface(let preface)) = whole { require(preface.length > cut, "a whole header waited") }
    case .success(.preface), .failure:
        require(part == whole, "more bytes changed the verdict")
    }
    if case .failure(let malformed) = part { require((0...cut).contains(malformed.offset), "place of the error") }
}

exit(
    runFuzzer { data, size in
        run(RawSpan(_unsafeStart: UnsafeRawPointer(data ?? UnsafePointer(bitPattern: 1)!), byteCount: size))
        return 0
    })
