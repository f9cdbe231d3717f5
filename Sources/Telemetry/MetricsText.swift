/// Writes metrics in the Prometheus text format, version 0.0.4: HELP and TYPE once per family, then its samples.
package struct MetricsText: Sendable {
    /// The media type to serve it under.
    package static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    package enum Kind: String, Sendable {
        case counter, gauge, histogram
    }

    /// A name and a value that tell series of one family apart.
    package typealias Label = (name: String, value: String)

    package private(set) var bytes: [UInt8] = []
    private var family = ""

    package init() {}

    /// Begins a family; the samples that follow are its own. `name` is made valid (see ``validName(_:)``).
    package mutating func family(_ name: String, _ kind: Kind, help: String) {
        family = Self.validName(name)
        append("# HELP \(family) ")
        for scalar in help.unicodeScalars {
            switch scalar {
            case "\\": append("\\\\")
            case "\n": append("\\n")
            default: append(String(scalar))
            }
        }
        append("\n# TYPE \(family) \(kind.rawValue)\n")
    }

    package mutating func sample(_ value: UInt64, _ labels: [Label] = []) {
        sample(suffix: "", labels, String(value))
    }

    package mutating func sample(_ value: Double, _ labels: [Label] = []) {
        sample(suffix: "", labels, Self.number(value))
    }

    /// A whole histogram: `counts[i]` values lay at or under `bounds[i]` and over the bound before; the last count is of
    /// those over all bounds, so that there is one count more than there are bounds.
    package mutating func histogram(_ labels: [Label] = [], bounds: [Double], counts: [UInt64], sum: Double) {
        var cumulated: UInt64 = 0
        for (index, count) in counts.enumerated() {
            cumulated &+= count
            let bound = index < bounds.count ? Self.number(bounds[index]) : "+Inf"
            sample(suffix: "_bucket", labels + [("le", bound)], String(cumulated))
        }
        sample(suffix: "_sum", labels, Self.number(sum))
        sample(suffix: "_count", labels, String(cumulated))
    }

    /// Puts a text made elsewhere behind this one. Families must not occur in both.
    package mutating func append(_ other: MetricsText) {
        bytes.append(contentsOf: other.bytes)
    }

    private mutating func sample(suffix: String, _ labels: [Label], _ value: String) {
        append(family + suffix)
        for (index, label) in labels.enumerated() {
            append((index == 0 ? "{" : ",") + Self.validLabel(label.name) + "=\"")
            for scalar in label.value.unicodeScalars {
                switch scalar {
                case "\\": append("\\\\")
                case "\"": append("\\\"")
                case "\n": append("\\n")
                default: append(String(scalar))
                }
            }
            append("\"")
        }
        append(labels.isEmpty ? " \(value)\n" : "} \(value)\n")
    }

    private mutating func append(_ text: String) { bytes.append(contentsOf: text.utf8) }

    /// The shortest text that reads back as the same value; whole numbers without a fraction.
    static func number(_ value: Double) -> String {
        guard value.isFinite else { return value.isNaN ? "NaN" : value < 0 ? "-Inf" : "+Inf" }
        if value == value.rounded(), value.magnitude < 1e15 { return String(Int64(value)) }
        return String(value)
    }

    /// A name out of [a-zA-Z0-9_:] that does not begin with a digit; every other character becomes "_".
    package static func validName(_ name: String) -> String { valid(name, colon: true) }

    private static func validLabel(_ name: String) -> String { valid(name, colon: false) }

    private static func valid(_ name: String, colon: Bool) -> String {
        var text = ""
        for (index, scalar) in name.unicodeScalars.enumerated() {
            switch scalar {
            case "a"..."z", "A"..."Z", "_": text.unicodeScalars.append(scalar)
            case "0"..."9":
                if index == 0 { text += "_" }
                text.unicodeScalars.append(scalar)
            case ":" where colon: text.unicodeScalars.append(scalar)
            default: text += "_"
            }
        }
        return text.isEmpty ? "_" : text
    }
}
