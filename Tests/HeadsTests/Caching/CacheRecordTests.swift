import Bytes
import Heads
import Testing

/// What lies in a file of the cache's folder.
@Suite struct `The record of what is kept` {
    private func variant(
        _ content: String, _ change: (inout CacheRecord.Variant) -> Void = { _ in }
    ) -> CacheRecord.Variant {
        var variant = CacheRecord.Variant()
        variant.reason = Array("OK".utf8)
        variant.fields = Array("Content-Type: text/html\r\nETag: \"1\"\r\n".utf8)
        variant.shortFields = Array("ETag: \"1\"\r\n".utf8)
        variant.freshness.receivedAt = 1_800_000_000
        variant.freshness.lifetime = 60
        variant.freshness.isShared = true
        variant.validators.etag = Array("\"1\"".utf8)
        variant.validators.changedAt = -5
        variant.isPage = true
        variant.content = Array(content.utf8)
        change(&variant)
        return variant
    }

    private func record(_ change: (inout CacheRecord.Variant) -> Void = { _ in }) -> CacheRecord {
        let key = [0] + Array("www.example.nl\n/".utf8)
        return CacheRecord(site: Array("www".utf8), key: key, variants: [variant("kept", change)])
    }

    private func reason(_ bytes: [UInt8]) -> Malformed.Reason? {
        do throws(Malformed) {
            _ = try CacheRecord(decoding: bytes.span.bytes)
            return nil
        } catch {
            return error.reason
        }
    }

    private func reason(_ change: (inout CacheRecord.Variant) -> Void) throws -> Malformed.Reason? {
        reason(try #require(record(change).encoded()))
    }

    @Test func `is read as it was written`() throws {
        var whole = record()
        whole.variants.append(
            variant("other") {
                $0.varyNames = Array("accept-encoding,".utf8)
                $0.varyKey = [2, 10]
                $0.freshness.forbidsStale = true
            })
        let bytes = try #require(whole.encoded())
        #expect(try CacheRecord(decoding: bytes.span.bytes) == whole)
    }

    @Test func `is refused wherever it ends early, and with anything behind it`() throws {
        let bytes = try #require(record().encoded())
        for count in 0..<bytes.count { #expect(reason(Array(bytes[..<count])) != nil, "\(count) bytes") }
        #expect(reason(bytes + [0]) == .invalid)
    }

    @Test func `with any byte changed is refused, or is another one that can be written`() throws {
        let bytes = try #require(record().encoded())
        for index in bytes.indices {
            for value in [0, 1, 10, 13, 127, 255, bytes[index] ^ 1] as [UInt8] where value != bytes[index] {
                var changed = bytes
                changed[index] = value
                guard let read = try? CacheRecord(decoding: changed.span.bytes) else { continue }
                #expect(read.encoded() == changed)
            }
        }
    }

    @Test(arguments: [
        "X: a\r\n\r\nHTTP/1.1 200 OK\r\n", "\r\n", "X: a", "X: a\n", "Set-Cookie: a=b\r\n", "set-cookie: a=b\r\n",
        "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Connection: close\r\n", "Age: 1\r\n",
        "Keep-Alive: x\r\n", "no line\r\n", ": a\r\n", "X: a\u{0}\r\n",
    ])
    func `with fields that are no visitor's is refused`(lines: String) throws {
        #expect(try reason { $0.fields = Array(lines.utf8) } == .invalid)
        #expect(try reason { $0.shortFields = Array(lines.utf8) } == .invalid)
    }

    @Test func `with what no response can be is refused`() throws {
        for status in [0, 100, 206, 304, 416, 500, 503, 65_535] as [UInt16] {
            #expect(try reason { $0.status = status } == .invalid)
        }
        #expect(try reason { $0.reason = Array("OK\r\nX: 1".utf8) } == .invalid)
        #expect(try reason { $0.freshness.lifetime = .max } == .invalid)
        #expect(try reason { $0.freshness.initialAge = -1 } == .invalid)
        #expect(try reason { $0.freshness.receivedAt = 1 << 41 } == .invalid)
        #expect(try reason { $0.validators.changedAt = .min } == .invalid)
        #expect(try reason { $0.validators.etag = Array("1\"\r\n".utf8) } == .invalid)
        #expect(try reason { $0.validators.lastModified = [13, 10] } == .invalid)
        #expect(try reason { $0.varyNames = Array("accept".utf8) } == .invalid)
        #expect(try reason { $0.status = 204 } == .invalid)
        var bytes = try #require(record().encoded())
        bytes[5] = 2
        #expect(reason(bytes) == .unsupported)
    }

    @Test func `is not written where it is more than is read`() {
        #expect(record { $0.content = Array(repeating: 0, count: CacheRecord.contentLimit) }.encoded() != nil)
        #expect(record { $0.content = Array(repeating: 0, count: CacheRecord.contentLimit + 1) }.encoded() == nil)
        #expect(record { $0.varyKey = Array(repeating: 0, count: CacheRecord.textLimit + 1) }.encoded() == nil)
        #expect(CacheRecord(site: [], key: [1], variants: []).encoded() == nil)
        let many = (0...CacheRecord.variantLimit).map { variant("\($0)") }
        #expect(CacheRecord(site: [], key: [1], variants: many).encoded() == nil)
    }
}
