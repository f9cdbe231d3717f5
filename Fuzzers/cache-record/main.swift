import Bytes
import FuzzerSupport
import Glibc
import Heads

private let now: Int64 = 1_800_000_000

// Each input is a file of the cache's folder, without its seal. What is taken is written again as it was read, and can be
// put into a response as it is.
private func run(_ bytes: RawSpan) {
    do throws(Malformed) {
        let record = try CacheRecord(decoding: bytes)
        guard let again = record.encoded() else { return require(false, "taken, and not to be written") }
        require(again.count == bytes.byteCount, "written in another length")
        require(Digest.of(again.span) == Digest.of(Span(_bytes: bytes)), "written in another form")
        for variant in record.variants { check(variant) }
    } catch {
        require((0...bytes.byteCount).contains(error.offset), "place of the error")
    }
}

private func check(_ variant: CacheRecord.Variant) {
    for lines in [variant.fields, variant.shortFields] {
        let text = String(decoding: lines, as: UTF8.self).lowercased()
        require(lines.isEmpty || text.hasSuffix("\r\n"), "the last line has no end")
        require(!text.hasPrefix("\r\n") && !text.contains("\r\n\r\n"), "the head ends early")
        for name in ["set-cookie", "content-length", "transfer-encoding", "connection", "age"] {
            require(!text.hasPrefix("\(name):") && !text.contains("\n\(name):"), "a field that is no one's to keep")
        }
    }
    require(!variant.reason.contains(13) && !variant.reason.contains(10), "a line more")
    // Whatever is kept, counting with it does not overflow.
    for moment in [0, now, now + 1 << 40] {
        _ = variant.freshness.isUsableInNeed(at: moment, limit: .max)
        _ = variant.freshness.isUsableUnderPressure(at: moment)
        require(variant.freshness.age(at: moment) >= 0, "an age before nothing")
    }
    require(variant.validators.match(variant.validators), "not the same as itself")
}

exit(
    runFuzzer { data, size in
        run(RawSpan(_unsafeStart: UnsafeRawPointer(data ?? UnsafePointer(bitPattern: 1)!), byteCount: size))
        return 0
    })
