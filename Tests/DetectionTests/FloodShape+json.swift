import Foundation

extension FloodShape {
    private struct File: Decodable {
        struct Random: Decodable {
            var digit: Bool
            var upper: Bool
            var lower: Bool
            var min: Int
            var max: Int
        }
        struct Request: Decodable {
            var type: String
            var method: String
            var path: String
        }
        var randoms: [Random]
        var requests: [Request]
    }

    /// The HTTP shapes of a tool's list, each once.
    static func read(_ bytes: [UInt8]) throws -> [FloodShape] {
        let file = try JSONDecoder().decode(File.self, from: Data(bytes))
        let fillings = file.randoms.map {
            Filling(digit: $0.digit, upper: $0.upper, lower: $0.lower, lengths: $0.min...$0.max)
        }
        var seen: Set<String> = []
        return file.requests.compactMap { request in
            guard request.type.hasPrefix("http"), ["GET", "POST"].contains(request.method),
                seen.insert(request.method + request.path).inserted
            else { return nil }
            // A quote would end the text in a log; servers escape it.
            return FloodShape(
                method: request.method, path: request.path.replacing("\"", with: "%22"), fillings: fillings)
        }
    }
}
