/// What a stored response is known by to its origin and to visitors who have a copy of it.
package struct Validators: Equatable, Sendable {
    /// As it came, with its quotes and perhaps "W/"; empty: none.
    package var etag: [UInt8] = []
    /// Last-Modified as it came; empty: none.
    package var lastModified: [UInt8] = []
    /// The same in seconds since 1970; where there is none, when the response was made.
    package var changedAt: Int64 = 0

    package init() {}

    /// - Parameter now: seconds since 1970.
    package init(_ response: CacheResponse, _ bytes: Span<UInt8>, now: Int64) {
        if let etag = response.etag, EntityTag(bytes, etag) != nil { self.etag = bytes.copy(etag) }
        let date = response.date.flatMap { HTTPDate.seconds(bytes, $0, now: now) } ?? now
        changedAt = date
        if let place = response.lastModified, let changed = HTTPDate.seconds(bytes, place, now: now) {
            lastModified = bytes.copy(place)
            changedAt = changed
        }
    }

    package var isEmpty: Bool { etag.isEmpty && lastModified.isEmpty }

    /// Whether it is the same as what another response says of itself; where neither has an entity tag, by the date.
    package func match(_ other: Validators) -> Bool {
        guard other.etag.isEmpty else { return EntityTag.isSame(etag, other.etag) }
        return other.lastModified.isEmpty || other.lastModified == lastModified
    }
}

/// What a request gets of a stored response (RFC 9110, sections 13.2.2 and 14.2; RFC 9111, section 4.3.2).
package enum Portion: Equatable, Sendable {
    case whole
    case notModified
    case part(Range<Int>)
    /// It asks for a part behind the end.
    case nothing
}

extension RequestHead {
    /// - Parameters:
    ///   - count: bytes of content that are stored.
    ///   - now: seconds since 1970.
    package func portion(
        of validators: Validators, count: Int, asking wants: CacheRequest, _ bytes: Span<UInt8>, now: Int64
    ) -> Portion {
        if wants.hasIfNoneMatch {
            if noneMatchNames(validators.etag, bytes) { return .notModified }
        } else if let since = wants.ifModifiedSince, let date = HTTPDate.seconds(bytes, since, now: now),
            validators.changedAt <= date
        {
            return .notModified
        }
        guard method == .get, let range = wants.range, wants.ifRange.map({ holds($0, validators, bytes) }) ?? true
        else { return .whole }
        return bytes.part(range, of: count)
    }

    /// Whether If-None-Match names the tag, by weak comparison.
    private func noneMatchNames(_ etag: [UInt8], _ bytes: Span<UInt8>) -> Bool {
        for field in fields where field.id == .other && bytes.holds("if-none-match", in: field.name) {
            if bytes.holds("*", in: field.value) { return true }
            guard !etag.isEmpty else { continue }
            var index = Int(field.value.start)
            let end = field.value.range.upperBound
            while index < end {
                if bytes[index] == Octets.space || bytes[index] == Octets.tab || bytes[index] == UInt8(ascii: ",") {
                    index += 1
                    continue
                }
                // What is no tag ends the list: nothing behind it is believed.
                guard let tag = EntityTag(bytes, Slice(index, end), isAlone: false) else { break }
                if tag.isSame(bytes, as: etag) { return true }
                index = tag.end
            }
        }
        return false
    }

    /// If-Range: a strong tag, or the very date.
    private func holds(_ ifRange: Slice, _ validators: Validators, _ bytes: Span<UInt8>) -> Bool {
        if let tag = EntityTag(bytes, ifRange) {
            return !tag.isWeak && validators.etag.first == UInt8(ascii: "\"") && tag.isSame(bytes, as: validators.etag)
        }
        return !validators.lastModified.isEmpty && bytes.copy(ifRange) == validators.lastModified
    }
}

/// A place in a head that holds an entity tag: `[W/] DQUOTE etagc DQUOTE`.
struct EntityTag {
    var isWeak: Bool
    /// With its quotes.
    var opaque: Slice
    var end: Int { opaque.range.upperBound }

    /// - Parameter isAlone: nothing may come behind it.
    init?(_ bytes: Span<UInt8>, _ slice: Slice, isAlone: Bool = true) {
        var index = Int(slice.start)
        let end = min(slice.range.upperBound, bytes.count)
        isWeak = index + 1 < end && bytes[index] == UInt8(ascii: "W") && bytes[index + 1] == UInt8(ascii: "/")
        if isWeak { index += 2 }
        let start = index
        guard index < end, bytes[index] == UInt8(ascii: "\"") else { return nil }
        index += 1
        while index < end, bytes[index] > 32, bytes[index] != 127, bytes[index] != UInt8(ascii: "\"") { index += 1 }
        guard index < end, bytes[index] == UInt8(ascii: "\""), !isAlone || index + 1 == end else { return nil }
        opaque = Slice(start, index + 1)
    }

    /// Weak comparison.
    func isSame(_ bytes: Span<UInt8>, as other: [UInt8]) -> Bool {
        let start = other.first == UInt8(ascii: "W") ? 2 : 0
        guard Int(opaque.count) == other.count - start else { return false }
        for offset in 0..<Int(opaque.count) where bytes[Int(opaque.start) + offset] != other[start + offset] {
            return false
        }
        return true
    }

    /// Weak comparison of two tags as they were sent.
    static func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        one.drop { $0 != UInt8(ascii: "\"") } == other.drop { $0 != UInt8(ascii: "\"") }
    }
}

extension Span<UInt8> {
    /// One range of bytes, of a content of `count`. Several ranges, other units and broken ones are passed over: who asked
    /// gets the whole.
    func part(_ slice: Slice, of count: Int) -> Portion {
        guard slice.count > 6, slice.count < 64, holds("bytes=", in: Slice(Int(slice.start), Int(slice.start) + 6))
        else {
            return .whole
        }
        let start = Int(slice.start) + 6
        let end = slice.range.upperBound
        var dash: Int?
        for index in start..<end where self[index] == UInt8(ascii: "-") {
            dash = index
            break
        }
        guard let dash else { return .whole }
        let first = RequestHead.number(self, Slice(start, dash))
        let last = RequestHead.number(self, Slice(dash + 1, end))
        guard first != nil || dash == start, last != nil || dash + 1 == end else { return .whole }
        switch (first, last) {
        case (nil, let last?):
            guard last > 0, count > 0 else { return .nothing }
            return .part(Swift.max(0, count - Int(clamping: last))..<count)
        case (let first?, let last):
            guard last.map({ $0 >= first }) ?? true else { return .whole }
            guard first < UInt64(count) else { return .nothing }
            let behind = last.map { Int(Swift.min($0, UInt64(count) - 1)) + 1 } ?? count
            return .part(Int(first)..<behind)
        default: return .whole
        }
    }

    func copy(_ slice: Slice) -> [UInt8] {
        var copy: [UInt8] = []
        copy.reserveCapacity(Int(slice.count))
        for index in slice.range { copy.append(self[index]) }
        return copy
    }
}
