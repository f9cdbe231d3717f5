/// A request's target as a profile keeps it: path and names as they were, and of the values behind the "?" only which
/// kinds of characters stand where. What people search is theirs.
package enum MaskedTarget {
    /// What stands for a byte of a value: one letter or digit for each class that templates tell apart.
    package static func mask(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt8(ascii: "a")
        case UInt8(ascii: "g")...UInt8(ascii: "z"): UInt8(ascii: "g")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt8(ascii: "A")
        case UInt8(ascii: "G")...UInt8(ascii: "Z"): UInt8(ascii: "G")
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt8(ascii: "0")
        case 128...: 128
        default: byte
        }
    }

    /// Masks the values of a target. What has no "=" is a value too.
    package static func mask(_ target: inout [UInt8]) {
        guard var index = target.firstIndex(of: UInt8(ascii: "?")) else { return }
        index += 1
        while index < target.count {
            var end = index
            var name = index
            while end < target.count, target[end] != UInt8(ascii: "&") {
                if target[end] == UInt8(ascii: "="), name == index { name = end + 1 }
                end += 1
            }
            for place in name..<end { target[place] = mask(target[place]) }
            index = end + 1
        }
    }
}

extension Alphabet {
    /// Whether a masked byte may stand for one of it.
    fileprivate func mayHold(_ byte: UInt8) -> Bool {
        if contains(byte) { return true }
        let class_: ClosedRange<UInt8>
        switch byte {
        case UInt8(ascii: "a"): class_ = UInt8(ascii: "a")...UInt8(ascii: "f")
        case UInt8(ascii: "g"): class_ = UInt8(ascii: "g")...UInt8(ascii: "z")
        case UInt8(ascii: "A"): class_ = UInt8(ascii: "A")...UInt8(ascii: "F")
        case UInt8(ascii: "G"): class_ = UInt8(ascii: "G")...UInt8(ascii: "Z")
        case UInt8(ascii: "0"): class_ = UInt8(ascii: "0")...UInt8(ascii: "9")
        default: return false
        }
        return class_.contains { contains($0) }
    }
}

extension RequestTemplate {
    private static let maskedStepLimit = 4_096

    /// Whether a masked target may be one of the template's: never no where the target itself would be one. A comparison
    /// that takes too many steps says yes, for it is asked how many visitors a rule would hit.
    package func mayMatch(masked target: [UInt8]) -> Bool {
        var start = 0
        if scope == .query {
            guard let mark = target.firstIndex(of: UInt8(ascii: "?")) else {
                return mayMatch([], 0, part: 0)
            }
            start = mark + 1
        }
        return mayMatch(target, start, part: 0)
    }

    private func mayMatch(_ bytes: [UInt8], _ start: Int, part: Int) -> Bool {
        var steps = Self.maskedStepLimit
        return mayMatch(bytes, start, part: part, &steps)
    }

    private func mayMatch(_ bytes: [UInt8], _ start: Int, part: Int, _ steps: inout Int) -> Bool {
        steps -= 1
        guard steps > 0 else { return true }
        guard part < parts.count else { return start == bytes.count }
        switch parts[part] {
        case .literal(let text):
            guard bytes.count - start >= text.count else { return false }
            for (place, byte) in text.enumerated() {
                let other = bytes[start + place]
                if other != byte, other != MaskedTarget.mask(byte) { return false }
            }
            return mayMatch(bytes, start + text.count, part: part + 1, &steps)
        case .run(let alphabet, let lengths):
            let most = min(lengths.upperBound, bytes.count - start)
            var count = 0
            while count < most, alphabet.mayHold(bytes[start + count]) { count += 1 }
            while count >= lengths.lowerBound {
                if mayMatch(bytes, start + count, part: part + 1, &steps) { return true }
                count -= 1
            }
            return false
        }
    }
}
