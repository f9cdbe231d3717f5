package import Bytes

/// What is kept under one key, as it lies in a file of the cache's folder: the key, and its responses with all that is
/// needed to use them. One value has one form. The reader believes nothing: what it takes can be sent to a visitor.
package struct CacheRecord: Equatable, Sendable {
    /// The form's version; files of any other are none of ours.
    package static let formVersion: UInt16 = 1
    package static let variantLimit = 8
    /// Longest content of one response.
    package static let contentLimit = 2 << 20
    /// Longest of all other byte strings.
    package static let textLimit = 128 << 10
    /// Times and ages in seconds lie within, so that sums of them do not overflow.
    fileprivate static let times: ClosedRange<Int64> = 0...1 << 40
    private static let mark: UInt32 = 0x5753_4352

    package struct Variant: Equatable, Sendable {
        package var status: UInt16 = 200
        package var reason: [UInt8] = []
        /// Lines of its fields, and those of them that go with 304.
        package var fields: [UInt8] = []
        package var shortFields: [UInt8] = []
        package var freshness = Freshness()
        package var validators = Validators()
        package var varyNames: [UInt8] = []
        package var varyKey: [UInt8] = []
        package var isPage = false
        package var content: [UInt8] = []

        package init() {}
    }

    package var site: [UInt8]
    package var key: [UInt8]
    package var variants: [Variant]

    package init(site: [UInt8], key: [UInt8], variants: [Variant]) {
        self.site = site
        self.key = key
        self.variants = variants
    }

    // MARK: - Writing

    /// - Returns: nil where it is more than a reader takes.
    package func encoded() -> [UInt8]? {
        var writer = ByteWriter(reserving: variants.reduce(1024) { $0 + $1.content.count + 3 * $1.fields.count + 512 })
        writer.write(Self.mark)
        writer.write(Self.formVersion)
        guard writer.put(site), writer.put(key), (1...Self.variantLimit).contains(variants.count) else { return nil }
        writer.write(UInt8(variants.count))
        for variant in variants { guard variant.write(to: &writer) else { return nil } }
        return writer.bytes
    }

    // MARK: - Reading

    /// Reads a record that fills the bytes exactly.
    package init(decoding bytes: RawSpan) throws(Malformed) {
        var reader = ByteReader(bytes)
        guard try reader.readUInt32() == Self.mark else { throw reader.malformed(.invalid) }
        guard try reader.readUInt16() == Self.formVersion else { throw reader.malformed(.unsupported) }
        site = try reader.take()
        key = try reader.take()
        let count = Int(try reader.readByte())
        guard !key.isEmpty, (1...Self.variantLimit).contains(count) else { throw reader.malformed(.invalid) }
        variants = []
        for _ in 0..<count { variants.append(try Variant(reading: &reader)) }
        guard reader.remaining == 0 else { throw reader.malformed(.invalid) }
    }
}

extension CacheRecord.Variant {
    /// Statuses that are kept at all.
    private static let statuses: Set<UInt16> = [200, 203, 204, 300, 301, 302, 303, 307, 308, 404, 410]

    fileprivate func write(to writer: inout ByteWriter) -> Bool {
        writer.write(status)
        guard writer.put(reason), writer.put(fields), writer.put(shortFields) else { return false }
        for time in [
            freshness.receivedAt, freshness.initialAge, freshness.lifetime, freshness.heuristicLifetime,
            freshness.staleWhileRevalidate, freshness.staleIfError, validators.changedAt,
        ] { writer.write(UInt64(bitPattern: time)) }
        writer.write(UInt8(freshness.forbidsStale ? 1 : 0))
        writer.write(UInt8(freshness.isShared ? 1 : 0))
        writer.write(UInt8(isPage ? 1 : 0))
        guard writer.put(validators.etag), writer.put(validators.lastModified), writer.put(varyNames),
            writer.put(varyKey)
        else { return false }
        return writer.put(content, limit: CacheRecord.contentLimit)
    }

    fileprivate init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        status = try reader.readUInt16()
        guard Self.statuses.contains(status) else { throw reader.malformed(.invalid) }
        reason = try reader.take()
        fields = try reader.take()
        shortFields = try reader.take()
        freshness.receivedAt = try reader.takeTime()
        freshness.initialAge = try reader.takeTime()
        freshness.lifetime = try reader.takeTime()
        freshness.heuristicLifetime = try reader.takeTime()
        freshness.staleWhileRevalidate = try reader.takeTime()
        freshness.staleIfError = try reader.takeTime()
        // A date may lie before 1970.
        validators.changedAt = try reader.takeTime(from: -CacheRecord.times.upperBound)
        freshness.forbidsStale = try reader.takeFlag()
        freshness.isShared = try reader.takeFlag()
        isPage = try reader.takeFlag()
        validators.etag = try reader.take()
        validators.lastModified = try reader.take()
        varyNames = try reader.take()
        varyKey = try reader.take()
        content = try reader.take(limit: CacheRecord.contentLimit)
        guard reason.allSatisfy(Octets.isValue), Self.areLines(fields, status, reason),
            Self.areLines(shortFields, status, reason),
            validators.etag.isEmpty || EntityTag(validators.etag.span, Slice(0, validators.etag.count)) != nil,
            validators.lastModified.allSatisfy(Octets.isValue),
            varyNames.isEmpty || varyNames.last == UInt8(ascii: ","),
            status != 204 || content.isEmpty
        else { throw reader.malformed(.invalid) }
    }

    /// Whether these are lines of fields, with none that is written anew for each visitor or is for one visitor alone.
    private static func areLines(_ lines: [UInt8], _ status: UInt16, _ reason: [UInt8]) -> Bool {
        let head = Array("HTTP/1.1 \(status) ".utf8) + reason + [13, 10] + lines + [13, 10]
        var scanner = HeadScanner()
        // An empty line among them would end the head early.
        guard scanner.scan(head.span, limit: head.count + 1) == .head(start: 0, end: head.count) else { return false }
        var response = ResponseHead()
        guard response.read(head.span, from: 0, method: .head) == nil else { return false }
        return response.fields.allSatisfy { field in
            switch field.id {
            case .contentLength, .transferEncoding, .trailer, .setCookie: false
            case .other: !head.span.holds("age", in: field.name) && !head.span.holds("set-cookie2", in: field.name)
            default: !field.id.isHopByHop
            }
        }
    }
}

extension ByteWriter {
    /// A byte string, its length first; false where it is too long.
    fileprivate mutating func put(_ bytes: [UInt8], limit: Int = CacheRecord.textLimit) -> Bool {
        guard bytes.count <= limit else { return false }
        write(UInt32(bytes.count))
        write(bytes)
        return true
    }
}

extension ByteReader {
    fileprivate mutating func take(limit: Int = CacheRecord.textLimit) throws(Malformed) -> [UInt8] {
        let count = Int(try readUInt32())
        guard count <= limit else { throw malformed(.overBudget) }
        return try readArray(count)
    }

    fileprivate mutating func takeTime(from least: Int64 = 0) throws(Malformed) -> Int64 {
        let time = Int64(bitPattern: try readUInt64())
        guard (least...CacheRecord.times.upperBound).contains(time) else { throw malformed(.invalid) }
        return time
    }

    fileprivate mutating func takeFlag() throws(Malformed) -> Bool {
        switch try readByte() {
        case 0: false
        case 1: true
        default: throw malformed(.invalid)
        }
    }
}
