/// The characters that stand in a varying part of a request's target: one class of letters and digits, and the other
/// characters one by one.
package struct Alphabet: Hashable, Sendable {
    /// Characters 0-63 and 64-127 by bit.
    package private(set) var low: UInt64 = 0
    package private(set) var high: UInt64 = 0
    /// Every byte, those above 127 too.
    package private(set) var isEverything = false

    package init() {}

    private init(low: UInt64, high: UInt64) {
        self.low = low
        self.high = high
    }

    private static let digitBits: UInt64 = 0x3ff << 48
    private static let lowerBits: UInt64 = 0x3ff_ffff << 33
    private static let upperBits: UInt64 = 0x3ff_ffff << 1
    private static let hexBits: UInt64 = 0x3f << 33

    package static let digits = Alphabet(low: digitBits, high: 0)
    package static let everything: Alphabet = {
        var all = Alphabet(low: .max, high: .max)
        all.isEverything = true
        return all
    }()

    /// The classes of letters and digits, the smallest first, with their text.
    private static let classes: [(text: String, alphabet: Alphabet)] = [
        ("0-9", digits), ("a-f0-9", Alphabet(low: digitBits, high: hexBits)),
        ("a-z", Alphabet(low: 0, high: lowerBits)), ("A-Z", Alphabet(low: 0, high: upperBits)),
        ("a-z0-9", Alphabet(low: digitBits, high: lowerBits)), ("A-Z0-9", Alphabet(low: digitBits, high: upperBits)),
        ("a-zA-Z", Alphabet(low: 0, high: lowerBits | upperBits)),
        ("a-zA-Z0-9", Alphabet(low: digitBits, high: lowerBits | upperBits)),
    ]

    /// The classes of letters and digits, the smallest first.
    package static let classAlphabets = classes.map(\.alphabet)

    private static let alphanumericHigh = lowerBits | upperBits

    @inlinable
    package func contains(_ byte: UInt8) -> Bool {
        byte < 64
            ? low >> UInt64(byte) & 1 == 1 : byte < 128 ? high >> UInt64(byte & 63) & 1 == 1 : isEverything
    }

    /// Takes in a byte as it is; `widened` makes it a class.
    package mutating func insert(_ byte: UInt8) {
        if byte < 64 {
            low |= 1 << UInt64(byte)
        } else if byte < 128 {
            high |= 1 << UInt64(byte & 63)
        } else {
            self = .everything
        }
    }

    package mutating func formUnion(_ other: Alphabet) {
        low |= other.low
        high |= other.high
        isEverything = isEverything || other.isEverything
    }

    package func isSubset(of other: Alphabet) -> Bool {
        low & ~other.low == 0 && high & ~other.high == 0 && (!isEverything || other.isEverything)
    }

    /// Characters in it.
    package var count: Int { isEverything ? 256 : low.nonzeroBitCount + high.nonzeroBitCount }

    /// Letters and digits in it.
    package var alphanumerics: Alphabet {
        Alphabet(low: low & Self.digitBits, high: high & Self.alphanumericHigh)
    }

    /// The smallest class that holds the letters and digits, with the other characters as they are; everything, where
    /// there is a space, a control character or one above 127.
    package var widened: Alphabet {
        let controls: UInt64 = 0x1_ffff_ffff
        guard !isEverything, low & controls == 0, high >> 63 == 0 else { return .everything }
        var result = Alphabet(low: low & ~Self.digitBits, high: high & ~Self.alphanumericHigh)
        let own = alphanumerics
        if own.count > 0, let found = Self.classes.first(where: { own.isSubset(of: $0.alphabet) }) {
            result.formUnion(found.alphabet)
        }
        return result
    }

    /// "[a-z0-9-_%]": the class, then the other characters in the order of ASCII, "\", "[" and "]" behind a backslash;
    /// "[\x00-\xff]" for everything. Only for what `widened` makes.
    package var text: String {
        guard !isEverything else { return "[\\x00-\\xff]" }
        let own = alphanumerics
        var text = "[" + (Self.classes.first { $0.alphabet == own }?.text ?? "")
        // The minus first, so that it never looks like a range.
        if contains(UInt8(ascii: "-")) { text += "-" }
        for byte in UInt8(33)...126 where byte != UInt8(ascii: "-") && contains(byte) && !own.contains(byte) {
            if byte == UInt8(ascii: "\\") || byte == UInt8(ascii: "[") || byte == UInt8(ascii: "]") { text += "\\" }
            text += String(UnicodeScalar(byte))
        }
        return text + "]"
    }

    /// Reads what `text` writes, from behind the "[" at `index`, and goes behind the "]"; nil for anything else.
    static func read(_ bytes: [UInt8], _ index: inout Int) -> Alphabet? {
        var end = index
        while end < bytes.count, bytes[end] != UInt8(ascii: "]") {
            end += bytes[end] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard end < bytes.count else { return nil }
        let inner = bytes[index..<end]
        index = end + 1
        if inner.elementsEqual("\\x00-\\xff".utf8) { return .everything }
        var alphabet = Alphabet()
        var rest = inner
        if let found = classes.sorted(by: { $0.text.utf8.count > $1.text.utf8.count })
            .first(where: { inner.starts(with: $0.text.utf8) })
        {
            alphabet = found.alphabet
            rest = inner.dropFirst(found.text.utf8.count)
        }
        while let byte = rest.popFirst() {
            let character = byte == UInt8(ascii: "\\") ? rest.popFirst() : byte
            guard let character, character > 32, character < 127, !alphabet.contains(character) else { return nil }
            alphabet.insert(character)
        }
        return alphabet.count > 0 ? alphabet : nil
    }
}
