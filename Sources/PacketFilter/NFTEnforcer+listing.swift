internal import Mitigations

/// What nft says is in one table, by name.
struct NFTListing: Equatable {
    private(set) var chains: Set<String> = []
    private(set) var sets: [String] = []
    private(set) var counters: [String: FilterCount] = [:]

    /// Reads the JSON of `nft -j list` (libnftables-json(5)); other tables are passed over.
    init(reading bytes: [UInt8], table: String) throws(EnforcerError) {
        var reader = NFTReader(bytes)
        try reader.expect(UInt8(ascii: "{"))
        while let key = try reader.key() {
            guard key == "nftables" else {
                try reader.skip()
                continue
            }
            try reader.expect(UInt8(ascii: "["))
            while try reader.hasElement() { try take(&reader, table) }
        }
    }

    private mutating func take(_ reader: inout NFTReader, _ table: String) throws(EnforcerError) {
        try reader.expect(UInt8(ascii: "{"))
        while let kind = try reader.key() {
            guard ["chain", "set", "counter"].contains(kind) else {
                try reader.skip()
                continue
            }
            var (name, owner, count) = ("", "", FilterCount())
            try reader.expect(UInt8(ascii: "{"))
            while let key = try reader.key() {
                switch key {
                case "name": name = try reader.text()
                case "table": owner = try reader.text()
                case "packets": count.packets = try reader.number()
                case "bytes": count.bytes = try reader.number()
                default: try reader.skip()
                }
            }
            guard owner == table else { continue }
            switch kind {
            case "chain": chains.insert(name)
            case "set": sets.append(name)
            default: counters[name] = count
            }
        }
    }
}

/// As much of JSON as nft's listing needs, forward only: each step consumes at least a byte, so that the input's length
/// bounds all of it. Values that nobody asks for are passed over by their brackets.
private struct NFTReader {
    private let bytes: [UInt8]
    private var place = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private var error: EnforcerError { EnforcerError("nft's listing cannot be read at byte \(place)") }

    /// The next byte that is no space, and no comma: whether one stands where it must is nft's business.
    private mutating func next() throws(EnforcerError) -> UInt8 {
        while place < bytes.count, [9, 10, 13, 32, UInt8(ascii: ",")].contains(bytes[place]) { place += 1 }
        guard place < bytes.count else { throw error }
        return bytes[place]
    }

    mutating func expect(_ byte: UInt8) throws(EnforcerError) {
        guard try next() == byte else { throw error }
        place += 1
    }

    /// The next key of an object, with its colon; nil behind the object's end.
    mutating func key() throws(EnforcerError) -> String? {
        if try next() == UInt8(ascii: "}") {
            place += 1
            return nil
        }
        let key = try text()
        try expect(UInt8(ascii: ":"))
        return key
    }

    /// Whether an array goes on; where it does not, its end is passed.
    mutating func hasElement() throws(EnforcerError) -> Bool {
        guard try next() == UInt8(ascii: "]") else { return true }
        place += 1
        return false
    }

    /// A string as it is written, with its escapes: names of ours have none.
    mutating func text() throws(EnforcerError) -> String {
        try expect(UInt8(ascii: "\""))
        let start = place
        while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
            place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard place < bytes.count else { throw error }
        defer { place += 1 }
        return String(decoding: bytes[start..<place], as: UTF8.self)
    }

    mutating func number() throws(EnforcerError) -> UInt64 {
        guard (48...57).contains(try next()) else { throw error }
        var number: UInt64 = 0
        while place < bytes.count, (48...57).contains(bytes[place]) {
            let (tens, isLarge) = number.multipliedReportingOverflow(by: 10)
            let (sum, isLarger) = tens.addingReportingOverflow(UInt64(bytes[place] - 48))
            guard !isLarge, !isLarger else { throw error }
            number = sum
            place += 1
        }
        return number
    }

    /// Passes one value over.
    mutating func skip() throws(EnforcerError) {
        var depth = 0
        repeat {
            switch try next() {
            case UInt8(ascii: "\""): _ = try text()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                place += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                guard depth > 0 else { throw error }
                depth -= 1
                place += 1
            case UInt8(ascii: ":"):
                guard depth > 0 else { throw error }
                place += 1
            default:
                // A number or a word: up to what ends it.
                while place < bytes.count, !Self.ends.contains(bytes[place]) { place += 1 }
            }
        } while depth > 0
    }

    private static let ends: Set<UInt8> = Set(" \t\r\n,:]}\"{[".utf8)
}
