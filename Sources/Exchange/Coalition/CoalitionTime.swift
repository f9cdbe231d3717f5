package import Moments

/// A time as Python writes it: ISO 8601 with "T" or a space, a fraction of up to nine digits, and an offset, "Z" or
/// nothing (UTC). The text is kept, so that it is written as it was read.
package struct CoalitionTime: Equatable, Sendable {
    package let text: String
    package let moment: Moment

    package init(_ moment: Moment) {
        let clamped = min(max(moment, Moment(seconds: 0)), Moment(seconds: 253_402_300_799))
        let rest = clamped.milliseconds - clamped.seconds * 1_000
        let base = Moment(seconds: clamped.seconds).text.dropLast()
        // Six digits, as Python has it, and none where there is no fraction.
        let fraction = rest == 0 ? "" : "." + String(rest + 1_000).dropFirst() + "000"
        text = base + fraction + "+00:00"
        self.moment = clamped
    }

    package init?(_ text: String) {
        var bytes = Array(text.utf8)
        guard (19...35).contains(bytes.count), bytes[10] == UInt8(ascii: "T") || bytes[10] == 0x20 else { return nil }
        bytes[10] = UInt8(ascii: "T")
        var end = bytes.count
        var offset: Int64 = 0
        if bytes[end - 1] == UInt8(ascii: "Z") {
            end -= 1
        } else if end >= 25, bytes[end - 6] == UInt8(ascii: "+") || bytes[end - 6] == UInt8(ascii: "-") {
            guard let read = Self.offset(bytes[(end - 6)...]) else { return nil }
            offset = read
            end -= 6
        }
        guard end <= 29, let local = Moment(String(decoding: bytes[..<end], as: UTF8.self) + "Z") else { return nil }
        self.text = text
        moment = Moment(milliseconds: local.milliseconds - offset * 60_000)
    }

    /// "+02:00", in minutes.
    private static func offset(_ text: ArraySlice<UInt8>) -> Int64? {
        let bytes = Array(text)
        guard bytes[3] == UInt8(ascii: ":"),
            [1, 2, 4, 5].allSatisfy({ (48...57).contains(bytes[$0]) })
        else { return nil }
        let digits = bytes.map { Int64($0) - 48 }
        let minutes = (digits[1] * 10 + digits[2]) * 60 + digits[4] * 10 + digits[5]
        guard minutes < 1_440 else { return nil }
        return bytes[0] == UInt8(ascii: "-") ? -minutes : minutes
    }
}
