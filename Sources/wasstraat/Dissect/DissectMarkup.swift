/// Text of the report's page in which every interpolated string is escaped: only markup goes in as it is, so that
/// nothing that stood in the traffic can become an element or an attribute. Values in attributes stand between quotes.
struct DissectMarkup: ExpressibleByStringInterpolation {
    var text: String

    init(text: String) { self.text = text }
    init(stringLiteral value: String) { text = value }
    init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

    static let nothing = DissectMarkup(text: "")

    struct StringInterpolation: StringInterpolationProtocol {
        var text = ""

        init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity * 2) }

        mutating func appendLiteral(_ literal: String) { text += literal }
        mutating func appendInterpolation(_ value: String) { text += DissectMarkup.escaped(value) }
        mutating func appendInterpolation(_ value: Int) { text += String(value) }
        mutating func appendInterpolation(_ value: DissectMarkup) { text += value.text }
        mutating func appendInterpolation(_ values: [DissectMarkup]) { for value in values { text += value.text } }
    }

    /// For text and quoted attributes.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in DissectText.plain(text).unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }
}
