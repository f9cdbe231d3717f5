package import Addresses
internal import Bytes

/// The little of DNS (RFC 1035) that proving a crawler takes: the names of an address, and the addresses of a name.
package enum DNSMessage {
    package enum Question: Hashable, Sendable {
        case names(of: Address)
        case addresses(of: String, isIPv4: Bool)
    }

    package enum Answer: Equatable, Sendable {
        case names([String])
        case addresses([Address])
        /// There is no such name, or it has nothing of the kind.
        case nothing
        /// The server could not say, or said more than fits: nobody knows.
        case failure
    }

    /// Names, aliases and addresses taken from one answer; more than a crawler's address has.
    private static let recordLimit = 64
    /// Bytes of a name on the wire, and jumps that one may make (RFC 1035, section 4.1.4): each goes back.
    private static let nameLimit = 255
    private static let jumpLimit = 16
    /// Types of records (RFC 1035, section 3.2.2; RFC 3596).
    private enum Kind {
        static let address: UInt16 = 1
        static let alias: UInt16 = 5
        static let name: UInt16 = 12
        static let address6: UInt16 = 28
    }
    private static let internet: UInt16 = 1

    /// The name that an address's names are asked under.
    static func reverseName(of address: Address) -> String {
        guard !address.isIPv4 else {
            let bytes = (0..<4).map { String(address.ipv4 >> UInt32(8 * $0) & 255) }
            return bytes.joined(separator: ".") + ".in-addr.arpa"
        }
        let digits = [address.low, address.high].flatMap { half in
            (0..<16).map { digit in String(half >> UInt64(4 * digit) & 15, radix: 16) }
        }
        return digits.joined(separator: ".") + ".ip6.arpa"
    }

    private static func target(of question: Question) -> (name: String, kind: UInt16) {
        switch question {
        case .names(let address): (reverseName(of: address), Kind.name)
        case .addresses(let name, let isIPv4): (name, isIPv4 ? Kind.address : Kind.address6)
        }
    }

    /// The datagram that asks; nil where the name is none that can be asked for.
    package static func query(_ question: Question, id: UInt16) -> [UInt8]? {
        let (name, kind) = target(of: question)
        guard let encoded = encode(name) else { return nil }
        var writer = ByteWriter(reserving: 16 + encoded.count)
        writer.write(id)
        // A question, and recursion wanted; one of it, and nothing else.
        for word in [0x0100, 1, 0, 0, 0] as [UInt16] { writer.write(word) }
        writer.write(encoded)
        writer.write(kind)
        writer.write(internet)
        return writer.bytes
    }

    private static func encode(_ name: String) -> [UInt8]? {
        var bytes: [UInt8] = []
        for label in name.split(separator: ".", omittingEmptySubsequences: false) {
            guard (1...63).contains(label.utf8.count) else { return nil }
            bytes.append(UInt8(label.utf8.count))
            bytes += Array(label.utf8)
        }
        bytes.append(0)
        return bytes.count <= nameLimit ? bytes : nil
    }

    /// What a datagram says to a question; nil where it is no answer to it, and a true one may still come.
    package static func answer(_ bytes: RawSpan, to question: Question, id: UInt16) -> Answer? {
        do throws(Malformed) {
            return try read(bytes, question, id)
        } catch {
            return nil
        }
    }

    private static func read(_ bytes: RawSpan, _ question: Question, _ id: UInt16) throws(Malformed) -> Answer? {
        var reader = ByteReader(bytes)
        let (name, kind) = target(of: question)
        guard try reader.readUInt16() == id else { return nil }
        let flags = try reader.readUInt16()
        // An answer to a plain question.
        guard flags & 0xf800 == 0x8000, try reader.readUInt16() == 1 else { return nil }
        let count = Int(try reader.readUInt16())
        try reader.skip(4)
        guard try readName(&reader, of: bytes) == name.lowercased(), try reader.readUInt16() == kind,
            try reader.readUInt16() == internet
        else { return nil }
        // Cut off, or an error other than "no such name".
        let isCut = flags & 0x0200 != 0
        guard !isCut, flags & 15 == 0 || flags & 15 == 3, count <= recordLimit else { return .failure }
        if flags & 15 == 3 { return .nothing }
        return try readRecords(&reader, count, of: bytes, name.lowercased(), kind)
    }

    private static func readRecords(
        _ reader: inout ByteReader, _ count: Int, of bytes: RawSpan, _ name: String, _ kind: UInt16
    ) throws(Malformed) -> Answer {
        // The name that was asked for, and what it is another name of.
        var owners: Set<String> = [name]
        var names: [String] = []
        var addresses: [Address] = []
        for _ in 0..<count {
            let owner = try readName(&reader, of: bytes)
            let type = try reader.readUInt16()
            let isOurs = try reader.readUInt16() == internet && owners.contains(owner)
            try reader.skip(4)
            var content = try reader.readPart(Int(try reader.readUInt16()))
            let length = content.remaining
            switch type {
            case _ where !isOurs: break
            case Kind.alias: owners.insert(try readName(&content, of: bytes))
            case Kind.name where kind == type: names.append(try readName(&content, of: bytes))
            case Kind.address where kind == type:
                guard length == 4 else { throw content.malformed(.invalid) }
                addresses.append(Address(ipv4: try content.readUInt32()))
            case Kind.address6 where kind == type:
                guard length == 16 else { throw content.malformed(.invalid) }
                addresses.append(Address(high: try content.readUInt64(), low: try content.readUInt64()))
            default: break
            }
        }
        guard !names.isEmpty || !addresses.isEmpty else { return .nothing }
        return kind == Kind.name ? .names(names) : .addresses(addresses)
    }

    /// A name in lower case, without a dot at its end. What is no letter, digit, hyphen or underscore becomes "?": such
    /// a name lies in no domain of ours, and can be asked for by nobody.
    private static func readName(_ reader: inout ByteReader, of bytes: RawSpan) throws(Malformed) -> String {
        var labels: [String] = []
        var size = 1
        var jumps = 0
        // Behind the first jump the name goes on elsewhere, and the reader stays behind it.
        var place: Int?
        while true {
            let length = try readByte(&reader, of: bytes, &place)
            if length == 0 { return labels.joined(separator: ".") }
            if length & 0xc0 == 0xc0 {
                let start = (place ?? reader.offset) - 1
                let low = try readByte(&reader, of: bytes, &place)
                let target = Int(length & 0x3f) << 8 | Int(low)
                jumps += 1
                guard target < start, jumps <= jumpLimit else { throw reader.malformed(.invalid) }
                place = target
                continue
            }
            size += Int(length) + 1
            guard length & 0xc0 == 0, size <= nameLimit else { throw reader.malformed(.overBudget) }
            var label = ""
            for _ in 0..<length { label.append(shown(try readByte(&reader, of: bytes, &place))) }
            labels.append(label)
        }
    }

    private static func readByte(
        _ reader: inout ByteReader, of bytes: RawSpan, _ place: inout Int?
    ) throws(Malformed) -> UInt8 {
        guard let elsewhere = place else { return try reader.readByte() }
        guard elsewhere < bytes.byteCount else { throw reader.malformed(.truncated) }
        place = elsewhere + 1
        var other = ByteReader(bytes.extracting(elsewhere..<elsewhere + 1))
        return try other.readByte()
    }

    private static func shown(_ byte: UInt8) -> Character {
        switch byte {
        case 48...57, 97...122, UInt8(ascii: "-"), UInt8(ascii: "_"): Character(UnicodeScalar(byte))
        case 65...90: Character(UnicodeScalar(byte | 32))
        default: "?"
        }
    }
}
