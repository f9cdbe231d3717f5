/// The units that a number can be written in; the file always spells one, so that nobody has to guess.
struct Units: Sendable {
    /// What is measured.
    var name: String
    /// Name and worth in the smallest unit, in rising order.
    var names: [(String, UInt64)]
    /// Other spellings of the same.
    var synonyms: [String: String] = [:]
    /// What people write and do not mean, or not clearly.
    var hints: [String: String] = [:]

    /// Milliseconds.
    static let time = Units(
        name: "time", names: [("ms", 1), ("s", 1000), ("min", 60_000), ("h", 3_600_000), ("days", 86_400_000)],
        synonyms: ["day": "days"],
        hints: ["m": "min", "sec": "s", "hour": "h", "hours": "h", "d": "days", "minutes": "min", "seconds": "s"])
    /// Bytes.
    static let size = Units(
        name: "size", names: [("B", 1), ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)],
        hints: [
            "KB": "KiB", "kB": "KiB", "K": "KiB", "k": "KiB", "MB": "MiB", "M": "MiB", "GB": "GiB", "G": "GiB",
            "b": "B", "bytes": "B",
        ])
    /// Bytes in a second.
    static let pace = Units(
        name: "pace", names: [("B/s", 1), ("KiB/s", 1 << 10), ("MiB/s", 1 << 20)], hints: ["B": "B/s"])

    /// "ms, s, min, h or days"
    var choices: String { orList(names.map(\.0)) }

    /// Reads "10 s" or "10s".
    func parse(_ text: String) throws(Misfit) -> UInt64 {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = String(text.dropFirst(digits.count).drop { $0 == " " })
        let number = try Self.number(String(digits), of: text)
        if unit.isEmpty {
            // Nothing is nothing in every unit.
            guard number != 0 else { return 0 }
            throw Misfit("the number \(shown(text)) needs a unit: \(choices)")
        }
        let name = synonyms[unit] ?? unit
        guard let worth = names.first(where: { $0.0 == name })?.1 else {
            let hint = hints[unit].map { "; did you mean '\(digits) \($0)'?" } ?? ""
            throw Misfit("\(shown(unit)) is no unit that is used here: \(choices)\(hint)")
        }
        let (product, overflow) = number.multipliedReportingOverflow(by: worth)
        guard !overflow else { throw Misfit("the number \(shown(text)) is too large") }
        return product
    }

    /// A whole number without sign; leading zeros are refused, for some readers take such a number as octal.
    static func number(_ digits: String, of text: String) throws(Misfit) -> UInt64 {
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }) else {
            throw Misfit("\(shown(text)) is not a whole number")
        }
        guard digits.count == 1 || !digits.hasPrefix("0") else {
            throw Misfit("the number \(shown(text)) begins with a zero")
        }
        guard let number = UInt64(digits) else { throw Misfit("the number \(shown(text)) is too large") }
        return number
    }

    /// The value in the largest unit that leaves a whole number.
    func text(_ value: UInt64) -> String {
        let unit = names.last { value != 0 && value.isMultiple(of: $0.1) } ?? names[0]
        let number = value / unit.1
        return "\(number) \(unit.0 == "days" && number == 1 ? "day" : unit.0)"
    }
}

/// "a, b or c"
func orList(_ words: [String]) -> String {
    guard let last = words.last, words.count > 1 else { return words.first ?? "" }
    return words.dropLast().joined(separator: ", ") + " or " + last
}
