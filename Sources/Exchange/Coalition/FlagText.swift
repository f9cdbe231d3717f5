internal import Packets

/// Sets of TCP flags as a condition has them: "S,SA".
enum FlagText {
    static func text(_ sets: [UInt8]) -> String {
        var seen: [UInt8] = []
        for flags in sets where !seen.contains(flags) { seen.append(flags) }
        return seen.map { TCPFlag.letters($0) }.joined(separator: ",")
    }

    static func flags(_ text: String) -> UInt8? { TCPFlag.flags(text) }
}
