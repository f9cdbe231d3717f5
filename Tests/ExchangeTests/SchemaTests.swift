import Detection
import Exchange
import Foundation
import Testing

@Suite struct SchemaTests {
    private func object(_ data: Data) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
    }

    private func schema(_ name: String) throws -> [String: Any] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try object(Data(contentsOf: root.appending(path: "Documentation/schemas/\(name).schema.json")))
    }

    /// The schema that one refers to, or the alternative that is not null.
    private func resolved(_ schema: [String: Any], in whole: [String: Any]) throws -> [String: Any] {
        if let reference = schema["$ref"] as? String {
            let name = try #require(reference.split(separator: "/").last)
            let all = try #require(whole["$defs"] as? [String: [String: Any]])
            return try #require(all[String(name)])
        }
        guard schema["items"] == nil, let list = schema["oneOf"] as? [[String: Any]],
            let other = list.first(where: { $0["type"] as? String != "null" }), other["properties"] == nil
        else { return schema }
        return try resolved(other, in: whole)
    }

    /// Whether an object has exactly the keys of its schema, those required among them and no other allowed, all the
    /// way down. Returns how many objects it compared.
    private func compare(
        _ value: Any, with schema: [String: Any], in whole: [String: Any], at path: String
    ) throws -> Int {
        let schema = try resolved(schema, in: whole)
        if let list = value as? [Any] {
            let items = try #require(schema["items"] as? [String: Any], "\(path)")
            return try list.reduce(0) { try $0 + compare($1, with: items, in: whole, at: path + "[]") }
        }
        guard let members = value as? [String: Any] else { return 0 }
        // The values of an open object, and the form that has a schema of its own.
        if schema["additionalProperties"] is [String: Any] || schema["properties"] == nil { return 1 }
        let properties = try #require(schema["properties"] as? [String: Any], "\(path)")
        #expect(Set(properties.keys) == Set(members.keys), "\(path)")
        #expect(Set(schema["required"] as? [String] ?? []).isSubset(of: members.keys), "\(path)")
        #expect(schema["additionalProperties"] as? Bool == false, "\(path)")
        return try members.reduce(1) { count, member in
            let inner = try #require(properties[member.key] as? [String: Any])
            return try count + compare(member.value, with: inner, in: whole, at: path + "." + member.key)
        }
    }

    private func format(of schema: [String: Any]) throws -> String? {
        let properties = try #require(schema["properties"] as? [String: Any])
        return try #require(properties["format"] as? [String: String])["const"]
    }

    @Test func `the exported form has exactly the keys of its schema`() throws {
        let schema = try schema("fingerprint")
        let key = try SigningKey(raw: Array(0..<32))
        let form = try object(Data(PacketFormTests.fingerprint().export(signedBy: "x", with: key)))
        // The form, its evidence, the bytes, two networks, the signer and six conditions.
        #expect(try compare(form, with: schema, in: schema, at: "form") == 12)
        #expect(try format(of: schema) == form["format"] as? String)
        // An unsigned one lacks what is not required.
        let unsigned = try object(Data(PacketFormTests.fingerprint().form))
        #expect(Set(schema["required"] as? [String] ?? []) == Set(unsigned.keys))
    }

    @Test func `version 1 keeps its schema`() throws {
        let schema = try schema("fingerprint-1")
        let form = try object(Data(PacketFormTests.versionOne.utf8))
        #expect(try compare(form, with: schema, in: schema, at: "form") == 6)
        #expect(try format(of: schema) == form["format"] as? String)
    }

    @Test func `a report has exactly the keys of its schema`() throws {
        let schema = try schema("dissect")
        let report = try object(Data(ReportTests.report().json(faults: [ReadFault(cause: "truncated", count: 3)])))
        // The report, a cause, growth, two attacks with three vectors, their conditions and forms, and two networks.
        #expect(try compare(report, with: schema, in: schema, at: "report") == 16)
    }
}
