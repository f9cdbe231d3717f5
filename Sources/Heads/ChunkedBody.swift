/// Follows a body in the chunked coding (RFC 9112, section 7.1) through the buffers it arrives in, without copying it.
///
/// Strict: sizes are hexadecimal without sign or space, every line ends with CRLF, extensions and trailers are bounded
/// and hold no control character, and a trailer that would change the framing or routing is refused.
package struct ChunkedBody: Sendable {
    package enum Event: Equatable, Sendable {
        /// Bytes of content.
        case data(Range<Int>)
        /// All bytes given are used up; the body goes on.
        case more
        /// The body ended before this place.
        case end(Int)
        case refused(Refusal)
    }

    private enum State: Equatable, Sendable {
        case size, sizeDigits, extensions, sizeLineFeed, data, dataReturn, dataLineFeed
        case trailerStart, trailerName, trailerValue, trailerLineFeed, endLineFeed, ended
    }

    /// Longest chunk extensions in one line.
    private static let extensionLimit = 256
    /// Longest trailer section.
    private static let trailerLimit = 4096

    private var state = State.size
    private var remaining: UInt64 = 0
    private var budget = 0
    /// FNV-1a over the lower-case name of the present trailer, to know the forbidden ones without keeping the name.
    private var nameHash: UInt32 = 0
    /// Where the trailer section begins in the bytes given last, or goes on; nil while it has not begun. It ends where
    /// they end, or the body.
    package private(set) var trailerPlace: Int?

    package init() {}

    package var isEnded: Bool { state == .ended }

    /// Reads on from `offset`; call again with the upper bound of `data` until `more`, `end` or `refused`.
    package mutating func next(_ bytes: Span<UInt8>, from offset: Int) -> Event {
        var index = offset
        if trailerPlace != nil { trailerPlace = offset }
        while index < bytes.count {
            if state == .data {
                let count = Int(min(remaining, UInt64(bytes.count - index)))
                remaining -= UInt64(count)
                if remaining == 0 { state = .dataReturn }
                return .data(index..<index + count)
            }
            if let reason = step(bytes[index]) { return .refused(Refusal(reason, at: index)) }
            index += 1
            if state == .trailerStart, trailerPlace == nil { trailerPlace = index }
            if state == .ended { return .end(index) }
        }
        return .more
    }

    private mutating func step(_ byte: UInt8) -> Refusal.Reason? {
        switch state {
        case .size:
            guard let digit = Octets.hexDigit(byte) else { return .badChunkSize }
            remaining = UInt64(digit)
            budget = 15
            state = .sizeDigits
        case .sizeDigits:
            if let digit = Octets.hexDigit(byte) {
                budget -= 1
                guard budget > 0 else { return .badChunkSize }
                remaining = remaining << 4 | UInt64(digit)
            } else if byte == UInt8(ascii: ";") {
                budget = Self.extensionLimit
                state = .extensions
            } else if byte == Octets.carriageReturn {
                state = .sizeLineFeed
            } else {
                return .badChunkSize
            }
        case .extensions:
            if byte == Octets.carriageReturn {
                state = .sizeLineFeed
            } else {
                budget -= 1
                guard Octets.isValue(byte) else { return .badChunkSize }
                guard budget > 0 else { return .chunkExtensionTooLong }
            }
        case .sizeLineFeed:
            guard byte == Octets.lineFeed else { return .bareCarriageReturn }
            budget = Self.trailerLimit
            state = remaining > 0 ? .data : .trailerStart
        case .data, .ended:
            break
        case .dataReturn:
            guard byte == Octets.carriageReturn else { return .badChunkEnd }
            state = .dataLineFeed
        case .dataLineFeed:
            guard byte == Octets.lineFeed else { return .badChunkEnd }
            state = .size
        case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .endLineFeed:
            return stepTrailer(byte)
        }
        return nil
    }

    private mutating func stepTrailer(_ byte: UInt8) -> Refusal.Reason? {
        budget -= 1
        guard budget > 0 else { return .trailersTooLong }
        switch state {
        case .trailerStart:
            if byte == Octets.carriageReturn {
                state = .endLineFeed
                return nil
            }
            guard Octets.isToken(byte) else { return .badTrailer }
            nameHash = Self.hash(2_166_136_261, byte)
            state = .trailerName
        case .trailerName:
            if byte == Octets.colon {
                guard !Self.forbidden.contains(nameHash) else { return .badTrailer }
                state = .trailerValue
            } else {
                guard Octets.isToken(byte) else { return .badTrailer }
                nameHash = Self.hash(nameHash, byte)
            }
        case .trailerValue:
            if byte == Octets.carriageReturn {
                state = .trailerLineFeed
            } else {
                guard Octets.isValue(byte) else { return .badTrailer }
            }
        case .trailerLineFeed:
            guard byte == Octets.lineFeed else { return .bareCarriageReturn }
            state = .trailerStart
        default:
            guard byte == Octets.lineFeed else { return .bareCarriageReturn }
            state = .ended
        }
        return nil
    }

    private static func hash(_ hash: UInt32, _ byte: UInt8) -> UInt32 {
        (hash ^ UInt32(Octets.lowered(byte))) &* 16_777_619
    }

    /// Whether a field of this name, which must be lower-case, may come as a trailer.
    static func mayTrail(_ name: UnsafeRawBufferPointer) -> Bool {
        !forbidden.contains(name.reduce(2_166_136_261) { hash($0, $1) })
    }

    /// Fields that must not come as trailers: framing, routing, credentials (RFC 9110, section 6.5.1).
    private static let forbidden: [UInt32] = [
        "content-length", "transfer-encoding", "host", "connection", "trailer", "te", "upgrade", "expect", "cookie",
        "set-cookie", "authorization", "proxy-authorization", "content-type", "content-encoding", "content-range",
        "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto",
    ].map { (name: String) in name.utf8.reduce(2_166_136_261) { hash($0, $1) } }
}
