/// Names a request's route by a number: method, path and the names of the query's parameters, with every run of digits
/// taken for one and what follows the fourth segment left out, so that "/nieuws/2024/17" and "/nieuws/2025/3" are one
/// route and a random search word does not make a new one. What stands in a query without "=" is a value, not a name.
package enum RouteHash {
    /// Parameters whose names count; what follows is left out.
    private static let nameLimit = 8

    /// - Parameters:
    ///   - path: the path with its query.
    ///   - pathLength: bytes before the "?".
    package static func of(_ bytes: Span<UInt8>, method: Method, path: Slice, pathLength: Int) -> UInt64 {
        var hash = (0xcbf2_9ce4_8422_2325 ^ UInt64(method.rawValue)) &* 0x100_0000_01b3
        walk(bytes, path: path, pathLength: pathLength) { byte in
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3
            return true
        }
        // Spread over all bits: tables take both ends of the number.
        hash ^= hash >> 32
        hash = hash &* 0xd6e8_feb8_6659_fd93
        return hash ^ hash >> 32
    }

    /// Writes the same for people, without the method: "/nieuws/0/0?pagina". Printable ASCII, cut off where the room
    /// ends. Returns how many bytes were written; there is always one where there is room.
    package static func label(
        _ bytes: Span<UInt8>, path: Slice, pathLength: Int, into room: UnsafeMutableBufferPointer<UInt8>
    ) -> Int {
        var count = 0
        walk(bytes, path: path, pathLength: pathLength) { byte in
            guard count < room.count else { return false }
            room[count] = byte > 32 && byte < 127 ? byte : UInt8(ascii: "?")
            count += 1
            return true
        }
        if count == 0, room.count > 0 {
            // An absolute form without a path means "/".
            room[0] = UInt8(ascii: "/")
            count = 1
        }
        return count
    }

    /// Gives the bytes that make the route, until `take` says that it has enough.
    @inline(__always)
    private static func walk(_ bytes: Span<UInt8>, path: Slice, pathLength: Int, _ take: (UInt8) -> Bool) {
        let start = Int(path.start)
        let query = min(start + pathLength, bytes.count)
        let end = min(path.range.upperBound, bytes.count)
        var segments = 0
        var wasDigit = false
        var index = start
        while index < query {
            let byte = bytes[index]
            index += 1
            let isDigit = Octets.isDigit(byte)
            if isDigit && wasDigit { continue }
            wasDigit = isDigit
            if byte == UInt8(ascii: "/") {
                segments += 1
                if segments > 4 { break }
            }
            guard take(isDigit ? UInt8(ascii: "0") : byte) else { return }
        }
        index = query
        var names = 0
        while index < end {
            // At "?" or "&"; the name, if it is one, ends at "=".
            guard names < nameLimit, take(bytes[index]) else { return }
            names += 1
            index += 1
            var close = index
            while close < end, bytes[close] != UInt8(ascii: "="), bytes[close] != UInt8(ascii: "&") { close += 1 }
            if close < end, bytes[close] == UInt8(ascii: "=") {
                wasDigit = false
                while index < close {
                    let isDigit = Octets.isDigit(bytes[index])
                    if !isDigit || !wasDigit {
                        guard take(isDigit ? UInt8(ascii: "0") : bytes[index]) else { return }
                    }
                    wasDigit = isDigit
                    index += 1
                }
            }
            index = close
            while index < end, bytes[index] != UInt8(ascii: "&") { index += 1 }
        }
    }
}
