internal import Heads

/// Where a response sends its reader: by Location, by Retry-After, by a refresh in its head or in its page.
extension ResponseReader {
    /// The fields of a response in HTTP/2; false: no status is in them.
    mutating func takeFields(_ fields: HPACKFields) -> Bool {
        hasBegun = true
        for entry in fields.entries {
            let name = fields.bytes[Int(entry.name.start)..<Int(entry.name.start + entry.name.count)]
            let value = fields.bytes[Int(entry.value.start)..<Int(entry.value.start + entry.value.count)]
            if Self.same(name, ":status") {
                guard let number = Self.number(value, radix: 10), (100...599).contains(number) else { return false }
                status = number
            } else {
                takeDirection(name, value)
            }
        }
        return status != 0
    }

    mutating func takeBody(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { keep($0, 0, $0.count) }
    }

    /// Keeps a field that says where to go on.
    mutating func takeDirection(_ name: ArraySlice<UInt8>, _ value: ArraySlice<UInt8>) {
        guard keepsCookies else { return }
        if Self.same(name, "set-cookie") {
            cookies.append(Array(value))
        } else if Self.same(name, "location") {
            location = Array(value)
        } else if Self.same(name, "retry-after") {
            retryAfter = Self.number(value, radix: 10)
        } else if Self.same(name, "refresh") {
            refresh = Refresh(value)
        }
    }

    /// What `<meta http-equiv="refresh" content="…">` says.
    var pageRefresh: Refresh? {
        let page = String(decoding: body.prefix(16 << 10), as: UTF8.self).lowercased()
        guard let mark = page.range("http-equiv=\"refresh\""),
            let content = page[mark.upperBound...].range("content=\"")
        else { return nil }
        return Refresh(Array(page[content.upperBound...].utf8.prefix { $0 != UInt8(ascii: "\"") })[...])
    }
}

/// "5" or "5; url=/path": load again after so many seconds, there.
package struct Refresh: Equatable, Sendable {
    package var seconds: Int
    package var target: [UInt8] = []

    init?(_ text: ArraySlice<UInt8>) {
        let parts = text.split(separator: UInt8(ascii: ";"), maxSplits: 1)
        guard let first = parts.first, let seconds = Int(String(decoding: first, as: UTF8.self)), seconds >= 0 else {
            return nil
        }
        self.seconds = seconds
        guard parts.count == 2 else { return }
        let rest = parts[1].drop { $0 == 32 }
        guard rest.count > 4, String(decoding: rest.prefix(4), as: UTF8.self).lowercased() == "url=" else { return }
        target = Array(rest.dropFirst(4))
    }
}

extension StringProtocol {
    /// Where a text begins and ends in this one.
    fileprivate func range(_ text: String) -> Range<Index>? {
        var at = startIndex
        while at < endIndex {
            if self[at...].hasPrefix(text) { return at..<index(at, offsetBy: text.count) }
            at = index(after: at)
        }
        return nil
    }
}
