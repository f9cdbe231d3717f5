/// Text of a page in which every interpolated string is escaped: only markup goes in as it is, so that nothing that an
/// operator or an attacker wrote can become an element or an attribute. Values in attributes stand between quotes.
struct Markup: ExpressibleByStringInterpolation, Sendable {
    var text: String

    init(text: String) { self.text = text }
    init(stringLiteral value: String) { text = value }
    init(stringInterpolation: StringInterpolation) { text = stringInterpolation.text }

    static let nothing = Markup(text: "")

    /// Where the lane writes the age of the page.
    static func age(_ form: PageFile.AgeForm) -> Markup { Markup(text: String(form.mark)) }

    static func + (left: Markup, right: Markup) -> Markup { Markup(text: left.text + right.text) }

    struct StringInterpolation: StringInterpolationProtocol {
        var text = ""

        init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity * 2) }

        mutating func appendLiteral(_ literal: String) { text += literal }
        mutating func appendInterpolation(_ value: String) { text += value.escaped }
        mutating func appendInterpolation(_ value: Int) { text += String(value) }
        mutating func appendInterpolation(_ value: Markup) { text += value.text }
        mutating func appendInterpolation(_ values: [Markup]) { for value in values { text += value.text } }
    }
}

extension String {
    /// Without what cannot stand in XML (control characters, to which the marks of the age belong, and noncharacters), and without
    /// the characters that turn the direction of the text around.
    var cleaned: String {
        var scalars = UnicodeScalarView()
        for scalar in unicodeScalars {
            switch scalar.value {
            case 0x09, 0x0A, 0x0D: scalars.append(" ")
            case ..<0x20, 0x7F...0x9F, 0x202A...0x202E, 0x2066...0x2069, 0xFDD0...0xFDEF: continue
            case let value where value & 0xFFFE == 0xFFFE: continue
            default: scalars.append(scalar)
            }
        }
        return String(scalars)
    }

    /// For the text and the quoted attributes of HTML and XML.
    var escaped: String {
        var result = ""
        for scalar in cleaned.unicodeScalars {
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

    /// At most so many Unicode scalars, with "…" where there were more.
    func clipped(_ limit: Int) -> String {
        guard let end = unicodeScalars.index(startIndex, offsetBy: limit, limitedBy: unicodeScalars.endIndex),
            end < unicodeScalars.endIndex
        else { return self }
        return String(unicodeScalars[..<end]) + "…"
    }
}

extension PageFile.AgeForm {
    /// A control character, which no text from outside can hold (`cleaned`): it stands for the age until the page is done.
    var mark: Unicode.Scalar {
        switch self {
        case .dutch: "\u{81}"
        case .english: "\u{82}"
        case .seconds: "\u{83}"
        }
    }
}

extension PageFile {
    /// Takes the marks out of the text and keeps where they stood.
    init(path: String, contentType: String, text: String) {
        var body: [UInt8] = []
        var ages: [(offset: Int, form: AgeForm)] = []
        body.reserveCapacity(text.utf8.count)
        for scalar in text.unicodeScalars {
            if let form = AgeForm.allCases.first(where: { $0.mark == scalar }) {
                ages.append((body.count, form))
            } else {
                body.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
            }
        }
        self.init(path: path, contentType: contentType, body: body, ages: ages)
    }
}
