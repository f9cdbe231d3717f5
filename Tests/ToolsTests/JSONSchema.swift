import Foundation
import Testing

/// Holds a JSON value against a schema: the words of draft 2020-12 that our schemas use. Another word is a fault too, so
/// that none is passed over.
struct JSONSchema {
    private let whole: [String: Any]
    private static let passedOver: Set<String> = ["$schema", "$id", "$defs", "title", "description"]

    /// Of Documentation/schemas.
    init(_ name: String) throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let data = try Data(contentsOf: root.appending(path: "Documentation/schemas/\(name).schema.json"))
        whole = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// What does not fit, each with its place.
    func faults(of value: Any) -> [String] { faults(value, whole, "$") }

    private func faults(_ value: Any, _ schema: [String: Any], _ path: String) -> [String] {
        schema.flatMap { word, rule -> [String] in
            switch (word, rule) {
            case ("$ref", let reference as String):
                let names = reference.split(separator: "/").dropFirst()
                let found = names.reduce(whole as Any?) { ($0 as? [String: Any])?[String($1)] }
                return (found as? [String: Any]).map { faults(value, $0, path) } ?? ["\(path): no \(reference)"]
            case ("oneOf", let list as [[String: Any]]):
                return list.count { faults(value, $0, path).isEmpty } == 1
                    ? [] : ["\(path): not one of the alternatives"]
            case ("type", _):
                let types = (rule as? [String]) ?? [rule as? String ?? ""]
                return types.contains { Self.isOf($0, value) } ? [] : ["\(path): not \(types)"]
            case ("enum", let list as [String]):
                return (value as? String).map(list.contains) ?? false ? [] : ["\(path): not in \(list)"]
            case ("pattern", let pattern as String):
                guard let text = value as? String else { return [] }
                return text.range(of: pattern, options: .regularExpression) != nil ? [] : ["\(path): \(text)"]
            case ("minimum", let least as Double):
                return (value as? Double).map { $0 >= least } ?? true ? [] : ["\(path): less than \(least)"]
            case ("maximum", let most as Double):
                return (value as? Double).map { $0 <= most } ?? true ? [] : ["\(path): more than \(most)"]
            case ("items", let items as [String: Any]):
                return (value as? [Any] ?? []).enumerated().flatMap { faults($1, items, "\(path)[\($0)]") }
            case ("required", let names as [String]):
                guard let object = value as? [String: Any] else { return [] }
                return names.filter { object[$0] == nil }.map { "\(path).\($0) is not there" }
            case ("properties", let properties as [String: [String: Any]]):
                guard let object = value as? [String: Any] else { return [] }
                return properties.flatMap { name, inner in
                    object[name].map { faults($0, inner, "\(path).\(name)") } ?? []
                }
            case ("additionalProperties", _):
                guard let object = value as? [String: Any] else { return [] }
                let known = schema["properties"] as? [String: Any] ?? [:]
                let others = object.filter { known[$0.key] == nil }
                if let inner = rule as? [String: Any] {
                    return others.flatMap { faults($1, inner, "\(path).\($0)") }
                }
                return rule as? Bool == false ? others.map { "\(path).\($0.key) is not known" } : []
            default: return Self.passedOver.contains(word) ? [] : ["\(path): the word \(word) is not understood"]
            }
        }
    }

    private static func isOf(_ type: String, _ value: Any) -> Bool {
        switch type {
        case "object": value is [String: Any]
        case "array": value is [Any]
        case "string": value is String
        case "null": value is NSNull
        case "boolean": isBool(value)
        case "number": value is NSNumber && !isBool(value)
        case "integer": !isBool(value) && (value as? Double).map { $0.rounded() == $0 } ?? false
        default: false
        }
    }

    /// Foundation's true and 1 are both numbers.
    private static func isBool(_ value: Any) -> Bool {
        guard let number = value as? NSNumber else { return false }
        return String(cString: number.objCType) == "c" || value is Bool && "\(type(of: value))".contains("Bool")
    }
}
