package import Bytes

/// A frame in a capture: where its bytes lie in the buffer, and what the file says of it.
package struct CaptureFrame: Equatable, Sendable, BitwiseCopyable {
    /// Of the buffer that was given.
    package var start: Int
    /// Bytes that were kept.
    package var length: Int
    /// Nanoseconds since 1970-01-01T00:00:00Z.
    package var time: Int64
    package var link: LinkType
    /// Bytes on the wire, as the file says.
    package var originalLength: Int
}

/// Reads a capture file in pieces, recognised by its content: pcap in both byte orders, with micro- or nanoseconds or
/// Kuznetzov's longer records, and pcapng (draft-ietf-opsawg-pcapng) with any number of sections and interfaces.
///
/// A cursor over the caller's buffer: nothing is copied. A call that throws has passed over what it refuses, so that
/// the next one goes on behind it; where that is impossible the reader `isLost` and stays so.
package struct CaptureReader: Sendable {
    /// Longest record or block of which the content is read. Frames of real links are under 64 KiB, of which loopback
    /// with segmentation offload comes near.
    package static let recordLimit = 1 << 20
    /// Interfaces kept of one section; frames of further ones are refused. A router has some dozens.
    package static let interfaceLimit = 256

    /// What the bytes from the cursor on amount to.
    package enum Step: Equatable, Sendable {
        case frame(CaptureFrame)
        /// Nothing more can be read before so many bytes lie in the buffer from the cursor on. At the end of the
        /// stream call `finish`.
        case more(needed: Int)
    }

    package enum Format: Sendable { case pcap, pcapng }

    /// Nil before the first bytes.
    package internal(set) var format: Format?
    /// No place to go on from is known: reading has ended.
    package internal(set) var isLost = false

    var isBigEndian = false
    /// Bytes to pass over before the next block: of one too long to be kept in the buffer.
    var pending = 0
    // pcap
    var link = LinkType.ethernet
    var isNanoseconds = false
    var recordHeaderSize = 16
    // pcapng
    var interfaces: [CaptureInterface] = []
    /// Interfaces of this section in the file, kept or not.
    var interfaceCount = 0
    /// For blocks that have no time of their own.
    var lastTime: Int64 = 0

    package init() {}

    /// Whether these are the first bytes of a capture; four are enough.
    package static func recognises(_ first: RawSpan) -> Bool {
        switch first.four(0) {
        case Magic.section: first.byteCount < 12 || [Magic.order, Magic.order.byteSwapped].contains(first.four(8))
        case Magic.micro, Magic.nano, Magic.modified: true
        case Magic.micro.byteSwapped, Magic.nano.byteSwapped, Magic.modified.byteSwapped: true
        default: false
        }
    }

    enum Magic {
        static var section: UInt32 { 0x0a0d_0d0a }
        static var order: UInt32 { 0x1a2b_3c4d }
        static var micro: UInt32 { 0xa1b2_c3d4 }
        static var nano: UInt32 { 0xa1b2_3c4d }
        static var modified: UInt32 { 0xa1b2_cd34 }
    }

    /// Reads on to the next frame. `offset` is the cursor: it is moved behind what was read, and bytes before it are
    /// not needed any more.
    package mutating func next(in bytes: RawSpan, from offset: inout Int) throws(Malformed) -> Step {
        guard !isLost, offset >= 0, offset <= bytes.byteCount else { throw Malformed(.invalid, at: max(0, offset)) }
        if pending > 0 {
            let passed = min(pending, bytes.byteCount - offset)
            offset += passed
            pending -= passed
            guard pending == 0 else { return .more(needed: 1) }
        }
        switch format {
        case .pcap: return try nextRecord(bytes, &offset)
        case .pcapng: return try nextBlock(bytes, &offset)
        case nil:
            guard bytes.holds(4, at: offset) else { return .more(needed: 4) }
            if bytes.four(offset) == Magic.section {
                let step = try nextBlock(bytes, &offset)
                return step
            }
            guard bytes.holds(24, at: offset) else {
                guard Self.recognises(bytes.extracting(offset..<bytes.byteCount)) else {
                    throw lost(.unsupported, at: offset)
                }
                return .more(needed: 24)
            }
            try readFileHeader(bytes, &offset)
            return try nextRecord(bytes, &offset)
        }
    }

    /// To be called at the end of the stream with the bytes left in the buffer from the cursor on.
    ///
    /// - Throws: `truncated` where a record is cut off, or nothing came at all; what was read before stands.
    package func finish(remaining: Int) throws(Malformed) {
        guard !isLost, remaining <= 0, pending == 0, format != nil else { throw Malformed(.truncated, at: 0) }
    }

    mutating func lost(_ reason: Malformed.Reason, at offset: Int) -> Malformed {
        isLost = true
        return Malformed(reason, at: offset)
    }

    @inline(__always)
    func integer(_ bytes: RawSpan, _ offset: Int) -> UInt32 {
        let value = bytes.four(offset)
        return isBigEndian ? value : value.byteSwapped
    }

    @inline(__always)
    func short(_ bytes: RawSpan, _ offset: Int) -> UInt16 {
        let value = bytes.two(offset)
        return isBigEndian ? value : value.byteSwapped
    }

    // MARK: pcap

    private mutating func readFileHeader(_ bytes: RawSpan, _ offset: inout Int) throws(Malformed) {
        let magic = bytes.four(offset)
        switch magic {
        case Magic.micro, Magic.nano, Magic.modified: isBigEndian = true
        case Magic.micro.byteSwapped, Magic.nano.byteSwapped, Magic.modified.byteSwapped: isBigEndian = false
        default: throw lost(.unsupported, at: offset)
        }
        let kind = isBigEndian ? magic : magic.byteSwapped
        isNanoseconds = kind == Magic.nano
        recordHeaderSize = kind == Magic.modified ? 24 : 16
        guard short(bytes, offset + 4) == 2 else { throw lost(.unsupported, at: offset + 4) }
        // The upper half of the field tells of frame check sequences, which lie behind what is read.
        link = LinkType(rawValue: UInt16(truncatingIfNeeded: integer(bytes, offset + 20)))
        format = .pcap
        offset += 24
    }

    @inline(__always)
    private mutating func nextRecord(_ bytes: RawSpan, _ offset: inout Int) throws(Malformed) -> Step {
        let start = offset + recordHeaderSize
        guard bytes.byteCount >= start else { return .more(needed: recordHeaderSize) }
        let length = Int(integer(bytes, offset + 8))
        // Nothing else says where the next record begins.
        guard length <= Self.recordLimit else { throw lost(.overBudget, at: offset + 8) }
        guard bytes.byteCount - start >= length else { return .more(needed: recordHeaderSize + length) }
        let part = Int64(integer(bytes, offset + 4))
        // At most 2^32 * (10^9 + 10^3): within Int64.
        let time = Int64(integer(bytes, offset)) &* 1_000_000_000 &+ (isNanoseconds ? part : part &* 1000)
        let original = Int(integer(bytes, offset + 12))
        offset = start + length
        return .frame(CaptureFrame(start: start, length: length, time: time, link: link, originalLength: original))
    }
}
