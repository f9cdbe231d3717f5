import Foundation
import Testing

@Suite struct SchemaTests {
    private func object(_ data: Data) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    /// Whether an object of the form has exactly the keys of its schema, all required and no other allowed, all the way
    /// down. Returns how many objects it compared.
    private func compare(_ value: Any, with schema: [String: Any], at path: String) throws -> Int {
        if let list = value as? [Any] {
            let items = try #require(schema["items"] as? [String: Any], "\(path)")
            return try list.reduce(0) { try $0 + compare($1, with: items, at: path + "[]") }
        }
        guard let members = value as? [String: Any] else { return 0 }
        let properties = try #require(schema["properties"] as? [String: Any], "\(path)")
        #expect(Set(properties.keys) == Set(members.keys), "\(path)")
        #expect(Set(schema["required"] as? [String] ?? []) == Set(members.keys), "\(path)")
        #expect(schema["additionalProperties"] as? Bool == false, "\(path)")
        return try members.reduce(1) { count, member in
            let inner = try #require(properties[member.key] as? [String: Any])
            return try count + compare(member.value, with: inner, at: path + "." + member.key)
        }
    }

    @Test func `the exported form has exactly the keys of its schema`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let file = root.appending(path: "Documentation/schemas/fingerprint.schema.json")
        let schema = try object(Data(contentsOf: file))
        let form = try object(Data(ExchangeTests().exported))
        // The form, its evidence, its signer and three conditions.
        #expect(try compare(form, with: schema, at: "form") == 6)
        let properties = try #require(schema["properties"] as? [String: Any])
        let format = try #require(properties["format"] as? [String: String])
        #expect(format["const"] == form["format"] as? String)
    }
}
