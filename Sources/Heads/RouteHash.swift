/// Names a request's route by a number: method, path and the names of the query's parameters, with every run of digits
/// taken for one and what follows the fourth segment left out, so that "/nieuws/2024/17" and "/nieuws/2025/3" are one
/// route and a random search word does not make a new one.
package enum RouteHash {
    /// - Parameters:
    ///   - path: the path with its query.
    ///   - pathLength: bytes before the "?".
    package static func of(_ bytes: Span<UInt8>, method: Method, path: Slice, pathLength: Int) -> UInt64 {
        var hash = (0xcbf2_9ce4_8422_2325 ^ UInt64(method.rawValue)) &* 0x100_0000_01b3
        var segments = 0
        var wasDigit = false
        let start = Int(path.start)
        for index in start..<min(start + pathLength, bytes.count) {
            let byte = bytes[index]
            let isDigit = Octets.isDigit(byte)
            if isDigit && wasDigit { continue }
            wasDigit = isDigit
            if byte == UInt8(ascii: "/") {
                segments += 1
                if segments > 4 { break }
            }
            hash = (hash ^ UInt64(isDigit ? 48 : byte)) &* 0x100_0000_01b3
        }
        // Names of parameters, not their values.
        var isName = true
        var names = 0
        for index in min(start + pathLength, bytes.count)..<min(path.range.upperBound, bytes.count) {
            let byte = bytes[index]
            if byte == UInt8(ascii: "&") || byte == UInt8(ascii: "?") {
                isName = true
                names += 1
                if names > 8 { break }
            } else if byte == UInt8(ascii: "=") {
                isName = false
            }
            if isName { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        // Spread over all bits: tables take both ends of the number.
        hash ^= hash >> 32
        hash = hash &* 0xd6e8_feb8_6659_fd93
        return hash ^ hash >> 32
    }
}
