package import Addresses
package import Bytes

/// The PROXY protocol header, versions 1 and 2, with which a trusted peer in front of us says whose connection it passes
/// on (haproxy's proxy-protocol.txt, sections 2.1 and 2.2).
///
/// Read from what has arrived so far, without state and without allocating. What cannot become a header is refused at
/// the first byte that shows it, so that a peer which forgets the header is not waited for.
package enum ProxyPreface {
    /// Longest header: 16 bytes and 4 KiB of addresses and TLVs. Real ones stay under 300 bytes; the form itself would
    /// allow 64 KiB, which we would have to hold per connection.
    package static let lengthLimit = 16 + 4096
    /// Longest header of version 1, its CRLF included.
    package static let lineLimit = 107

    /// What the bytes so far amount to.
    package enum Reading: Equatable, Sendable {
        /// The beginning of a header; ask again when more bytes have come.
        case more
        case preface(Preface)
    }

    /// One whole header.
    package struct Preface: Equatable, Sendable {
        /// Bytes of the header; the connection's own bytes follow it.
        package var length: Int
        /// The visitor; nil where the header names none (LOCAL, UNKNOWN, AF_UNSPEC, AF_UNIX): the connection's own peer
        /// counts then.
        package var source: Endpoint?
        /// Where the visitor connected to; nil exactly where `source` is nil.
        package var destination: Endpoint?

        package init(length: Int, source: Endpoint? = nil, destination: Endpoint? = nil) {
            self.length = length
            self.source = source
            self.destination = destination
        }
    }

    /// Reads the header at the start of `bytes`; what follows it is not looked at.
    package static func read(_ bytes: RawSpan) throws(Malformed) -> Reading {
        guard bytes.byteCount > 0 else { return .more }
        return switch byte(bytes, 0) {
        case UInt8(ascii: "P"): try readLine(bytes)
        case 0x0d: try readBinary(bytes)
        default: throw Malformed(.invalid, at: 0)
        }
    }

    private static func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
        bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}

// Version 1: "PROXY TCP4 192.0.2.1 192.0.2.2 49152 443\r\n".
extension ProxyPreface {
    private static func readLine(_ bytes: RawSpan) throws(Malformed) -> Reading {
        let start: StaticString = "PROXY "
        for index in 0..<min(start.utf8CodeUnitCount, bytes.byteCount) {
            guard byte(bytes, index) == start.utf8Start[index] else { throw Malformed(.invalid, at: index) }
        }
        guard let end = try lineEnd(bytes) else { return .more }
        let line = bytes.extracting(0..<end)
        var words = Words(position: start.utf8CodeUnitCount)
        let length = end + 2
        let family = line.extracting(try words.next(in: line))
        let isIPv4 = family.equals("TCP4")
        guard isIPv4 || family.equals("TCP6") else {
            // The sender does not know; whatever else it wrote up to the end of the line is to be ignored.
            guard family.equals("UNKNOWN") else { throw Malformed(.unsupported, at: start.utf8CodeUnitCount) }
            return .preface(Preface(length: length))
        }
        let source = try words.nextAddress(in: line, isIPv4: isIPv4)
        let destination = try words.nextAddress(in: line, isIPv4: isIPv4)
        let sourcePort = try words.nextPort(in: line)
        let destinationPort = try words.nextPort(in: line)
        guard words.position == line.byteCount + 1 else { throw Malformed(.invalid, at: words.position) }
        return .preface(
            Preface(
                length: length, source: Endpoint(source, port: sourcePort),
                destination: Endpoint(destination, port: destinationPort)))
    }

    /// The offset of the CRLF, or nil while it has not come. Only printable ASCII may stand before it.
    private static func lineEnd(_ bytes: RawSpan) throws(Malformed) -> Int? {
        for index in 0..<min(lineLimit, bytes.byteCount) {
            switch byte(bytes, index) {
            case 0x20...0x7e: continue
            case 0x0d:
                guard index + 1 < lineLimit else { throw Malformed(.overBudget, at: index) }
                guard index + 1 < bytes.byteCount else { return nil }
                guard byte(bytes, index + 1) == 0x0a else { throw Malformed(.invalid, at: index + 1) }
                return index
            default: throw Malformed(.invalid, at: index)
            }
        }
        guard bytes.byteCount < lineLimit else { throw Malformed(.overBudget, at: lineLimit) }
        return nil
    }

    /// Walks over the words of a line, each set off from the one before by exactly one space.
    private struct Words {
        /// The first byte of the next word; one past the end of the line when there is none.
        var position: Int

        mutating func next(in line: RawSpan) throws(Malformed) -> Range<Int> {
            var end = position
            while end < line.byteCount, byte(line, end) != UInt8(ascii: " ") { end += 1 }
            guard end > position else { throw Malformed(.invalid, at: min(position, line.byteCount)) }
            defer { position = end + 1 }
            return position..<end
        }

        /// An address in the form of the family that was announced.
        mutating func nextAddress(in line: RawSpan, isIPv4: Bool) throws(Malformed) -> Address {
            let word = try next(in: line)
            guard let address = Address(text: line.extracting(word)) else {
                throw Malformed(.invalid, at: word.lowerBound)
            }
            let hasColon = word.contains { byte(line, $0) == UInt8(ascii: ":") }
            guard hasColon != isIPv4 else { throw Malformed(.contradictory, at: word.lowerBound) }
            return address
        }

        /// 0...65535, without leading zeros.
        mutating func nextPort(in line: RawSpan) throws(Malformed) -> UInt16 {
            let word = try next(in: line)
            let refusal = Malformed(.invalid, at: word.lowerBound)
            guard word.count <= 5 else { throw refusal }
            var value = 0
            for place in word {
                let digit = byte(line, place) &- UInt8(ascii: "0")
                guard digit <= 9, place == word.lowerBound || value > 0 else { throw refusal }
                value = value * 10 + Int(digit)
            }
            guard let port = UInt16(exactly: value) else { throw refusal }
            return port
        }
    }
}

extension RawSpan {
    fileprivate func equals(_ text: StaticString) -> Bool {
        guard byteCount == text.utf8CodeUnitCount else { return false }
        for index in 0..<byteCount where unsafeLoad(fromByteOffset: index, as: UInt8.self) != text.utf8Start[index] {
            return false
        }
        return true
    }
}
