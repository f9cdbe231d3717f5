internal import Addresses
internal import Bytes

// Version 2: a signature, command and family in one byte each, the length of the rest, addresses, TLVs.
extension ProxyPreface {
    private static let fixedSize = 16
    private static let checksumType: UInt8 = 0x03

    /// Everything but the checksum is checked as soon as its bytes are there.
    static func readBinary(_ bytes: RawSpan) throws(Malformed) -> Reading {
        let signature: StaticString = "\r\n\r\n\0\r\nQUIT\n"
        for index in 0..<min(signature.utf8CodeUnitCount, bytes.byteCount) {
            guard bytes.unsafeLoad(fromByteOffset: index, as: UInt8.self) == signature.utf8Start[index] else {
                throw Malformed(.invalid, at: index)
            }
        }
        guard bytes.byteCount >= fixedSize else { return .more }
        var reader = ByteReader(bytes)
        try reader.skip(signature.utf8CodeUnitCount)
        let command = try reader.readByte()
        guard command >> 4 == 2 else { throw Malformed(.unsupported, at: 12) }
        guard command & 15 <= 1 else { throw Malformed(.unsupported, at: 12) }
        let family = try reader.readByte()
        let length = fixedSize + Int(try reader.readUInt16())
        guard length <= lengthLimit else { throw Malformed(.overBudget, at: 14) }
        guard bytes.byteCount >= length else { return .more }
        // LOCAL is the peer's own connection (a health check); its block is to be passed over, the family with it.
        guard command & 15 == 1 else { return .preface(Preface(length: length)) }

        var block = ByteReader(bytes.extracting(0..<length))
        try block.skip(fixedSize)
        var preface = Preface(length: length)
        switch family {
        case 0x00, 0x01, 0x02:
            // AF_UNSPEC: no addresses, and nothing says where TLVs would begin.
            return .preface(preface)
        case 0x11, 0x12:
            // The visitor's own transport may have been QUIC (0x12); the address counts either way.
            let source = Address(ipv4: try block.readUInt32())
            let destination = Address(ipv4: try block.readUInt32())
            preface.source = Endpoint(source, port: try block.readUInt16())
            preface.destination = Endpoint(destination, port: try block.readUInt16())
        case 0x21, 0x22:
            let source = Address(high: try block.readUInt64(), low: try block.readUInt64())
            let destination = Address(high: try block.readUInt64(), low: try block.readUInt64())
            preface.source = Endpoint(source, port: try block.readUInt16())
            preface.destination = Endpoint(destination, port: try block.readUInt16())
        case 0x31, 0x32:
            // AF_UNIX: two paths of 108 bytes.
            try block.skip(216)
        default:
            throw Malformed(.unsupported, at: 13)
        }
        if let checksum = try readFields(&block) {
            guard Self.checksum(bytes.extracting(0..<length), without: checksum.offset) == checksum.value else {
                throw Malformed(.contradictory, at: checksum.offset)
            }
        }
        return .preface(preface)
    }

    /// Walks over the TLVs (one byte of type, two of length, the value); their values are not ours to use, except the
    /// checksum's, whose place and value it returns.
    private static func readFields(_ block: inout ByteReader) throws(Malformed) -> (offset: Int, value: UInt32)? {
        var checksum: (offset: Int, value: UInt32)?
        while block.remaining > 0 {
            let type = try block.readByte()
            let length = Int(try block.readUInt16())
            guard type == checksumType else {
                try block.skip(length)
                continue
            }
            guard length == 4 else { throw block.malformed(.invalid) }
            guard checksum == nil else { throw block.malformed(.contradictory) }
            let offset = block.offset
            checksum = (offset, try block.readUInt32())
        }
        return checksum
    }

    /// CRC32C (RFC 9260, appendix A: reflected, polynomial 0x1edc6f41) of the header with the four bytes of the checksum
    /// itself as zeros. Bit by bit: 60 bytes once per connection, from a trusted peer, need no table.
    private static func checksum(_ header: RawSpan, without offset: Int) -> UInt32 {
        var sum = UInt32.max
        for index in 0..<header.byteCount {
            if !(offset..<offset + 4).contains(index) {
                sum ^= UInt32(header.unsafeLoad(fromByteOffset: index, as: UInt8.self))
            }
            for _ in 0..<8 { sum = sum >> 1 ^ (0x82f6_3b78 & (0 &- (sum & 1))) }
        }
        return ~sum
    }
}
