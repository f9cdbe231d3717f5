internal import Addresses
internal import Detection
internal import Exchange
internal import Mitigations
internal import Moments
internal import Telemetry

/// What a request on the admin socket asks for by its body: a flat JSON object, strictly read.
struct OrderForm {
    var act: ControlBook.Act
    /// Empty: all sites.
    var site: String
    var seconds: Int64
    var reason: String
    /// On whose behalf, as the asker says; empty: his own. It proves nothing, and is noted as said.
    var by: String

    /// Seconds of an order that does not say how long it holds.
    static let usualTime: Int64 = 3_600

    /// - Parameter kinds: what may be asked for here.
    init(_ body: [UInt8], kinds: [String], site: String? = nil) throws(ControlBook.Refusal) {
        let members = try Self.members(body, known: ["kind", "prefix", "site", "seconds", "reason", "by"])
        let kind = try Self.text(members, "kind")
        guard let kind, kinds.contains(kind) else {
            throw ControlBook.Refusal(.form, "'kind' is one of \(kinds.joined(separator: ", "))")
        }
        act = try Self.act(kind, try Self.text(members, "prefix"))
        let named = try Self.text(members, "site")
        guard site == nil || named == nil || named == site else {
            throw ControlBook.Refusal(.form, "'site' is another one than the path's")
        }
        self.site = site ?? named ?? ""
        reason = try Self.text(members, "reason") ?? ""
        by = try Self.text(members, "by") ?? ""
        switch members["seconds"] {
        case nil: seconds = Self.usualTime
        case .number(let text):
            guard let number = Int64(text) else { throw ControlBook.Refusal(.form, "'seconds' is a whole number") }
            seconds = number
        default: throw ControlBook.Refusal(.form, "'seconds' is a whole number")
        }
    }

    /// The body of an order on a rule: what is to be done with it, where, why, and on whose behalf.
    static func rule(
        _ body: [UInt8]
    ) throws(ControlBook.Refusal) -> (order: LiveRule.Order, site: String?, reason: String, by: String) {
        let members = try members(body, known: ["kind", "site", "reason", "by"])
        guard let order = try text(members, "kind").flatMap(LiveRule.Order.init) else {
            let kinds = LiveRule.Order.allCases.map(\.rawValue).joined(separator: ", ")
            throw ControlBook.Refusal(.form, "'kind' is one of \(kinds)")
        }
        let reason = try text(members, "reason") ?? ""
        return (order, try text(members, "site"), reason, try text(members, "by") ?? "")
    }

    private static func act(_ kind: String, _ text: String?) throws(ControlBook.Refusal) -> ControlBook.Act {
        if let source = ControlBook.Act.Source(rawValue: kind) { return try ControlBook.Act(source, text ?? "") }
        guard text == nil else { throw ControlBook.Refusal(.form, "a mode has no 'prefix'") }
        return kind == "observe" ? .observe : .protect
    }

    private static func members(
        _ body: [UInt8], known: [String]
    ) throws(ControlBook.Refusal) -> [String: JSONValue] {
        let value: JSONValue
        do throws(ExchangeError) {
            value = try JSONReader.read(body)
        } catch {
            throw ControlBook.Refusal(.form, "the body is no JSON: \(error)")
        }
        guard case .object(let members) = value else { throw ControlBook.Refusal(.form, "the body is no JSON object") }
        for member in members where !known.contains(member.key) {
            throw ControlBook.Refusal(
                .form, "'\(member.key)' is not known here; known are \(known.joined(separator: ", "))")
        }
        return Dictionary(members.map { ($0.key, $0.value) }, uniquingKeysWith: { $1 })
    }

    private static func text(_ members: [String: JSONValue], _ key: String) throws(ControlBook.Refusal) -> String? {
        switch members[key] {
        case nil, .null: return nil
        case .string(let text): return text
        default: throw ControlBook.Refusal(.form, "'\(key)' is a text")
        }
    }
}

extension JSONText {
    /// An order as the admin socket shows it.
    mutating func append(_ order: ControlBook.Order) {
        raw("{\"id\":")
        number(order.id)
        raw(",\"kind\":")
        string(order.act.name)
        raw(",\"prefix\":")
        if let prefix = order.act.prefix { string(prefix.description) } else { raw("null") }
        raw(",\"site\":")
        if order.site.isEmpty { raw("null") } else { string(order.site) }
        raw(",\"since\":")
        string(order.since.text)
        raw(",\"until\":")
        string(order.until.text)
        raw(",\"reason\":")
        string(order.reason)
        raw(",\"by\":")
        string(order.author)
        raw("}")
    }
}
