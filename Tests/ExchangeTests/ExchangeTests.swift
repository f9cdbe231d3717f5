import Exchange
import Fingerprints
import Foundation
import Moments
import Testing

@Suite struct ExchangeTests {
    static let made = Moment(seconds: 1_795_423_428)
    static let ja4 = "t13d190900_9dc949149365_97f8aa674fd9"
    let key: SigningKey
    let exported: [UInt8]
    var fingerprint = ExchangeTests.fingerprint()

    init() throws {
        key = try SigningKey(raw: Array(0..<32))
        exported = try Self.fingerprint().export(signedBy: "Gemeente Voorbeeld", with: key)
    }

    static func fingerprint(route: String = "/zoeken/0?q&pagina") -> Fingerprint {
        Fingerprint(
            conditions: [.init(.method, "GET"), .init(.route, route), .init(.ja4, ja4)],
            evidence: .init(
                coverage: 0.98765432, collateral: 0.0004, attackCount: 19_000, baselineCount: 30_000,
                sources: 512,
                from: made + -20, until: made),
            made: made, expires: made + 30 * 86_400)
    }

    func accept(
        _ bytes: [UInt8], trusting: [Signer]? = nil, acceptingUnknown: Bool = false, at now: Moment = made + 60
    ) throws -> AcceptedFingerprint {
        try AcceptedFingerprint(
            ReceivedFingerprint(parsing: bytes), trusting: trusting ?? [key.signer(named: "Voorbeeld")],
            acceptingUnknown: acceptingUnknown, at: now)
    }

    /// Whose fault it is said to be, of a form in which one text stands for another.
    func refusal(
        replacing old: String = "", with new: String = "", in bytes: [UInt8]? = nil, at now: Moment = made + 60,
        trusting: [Signer]? = nil
    ) throws -> ExchangeError.Code? {
        let text = String(decoding: bytes ?? exported, as: UTF8.self)
        #expect(old.isEmpty || text.contains(old), "\(old)")
        do {
            _ = try accept(Array(text.replacingOccurrences(of: old, with: new).utf8), trusting: trusting, at: now)
            return nil
        } catch let error as ExchangeError {
            #expect(!error.reason.isEmpty && !error.reason.contains("\n"))
            return error.code
        }
    }

    @Test func `what is exported is accepted elsewhere, and is the same`() throws {
        let accepted = try accept(exported)
        var sent = fingerprint
        sent.evidence.coverage = 0.987654
        #expect(accepted.fingerprint == sent)
        #expect(accepted.identifier == fingerprint.identifier && accepted.identifier == sent.identifier)
        #expect(accepted.trust == .listed && accepted.signer.name == "Voorbeeld")
        #expect(try accepted.fingerprint.export(signedBy: "Gemeente Voorbeeld", with: key).count == exported.count)
    }

    @Test func `the bytes are these`() throws {
        let text = String(decoding: exported, as: UTF8.self)
        let start = """
            {"conditions":[{"feature":"method","value":"GET"},{"feature":"route","value":"/zoeken/0?q&pagina"},\
            {"feature":"ja4","value":"t13d190900_9dc949149365_97f8aa674fd9"}],\
            "evidence":{"attack":19000,"baseline":30000,"baseline_name":null,"bytes":null,"collateral":0.0004,\
            "coverage":0.987654,"from":"2026-11-23T08:43:28Z","networks":[],"peak_rate":null,"sources":512,\
            "spoofable":null,"unit":"requests","until":"2026-11-23T08:43:48Z"},\
            "expires":"2026-12-23T08:43:48Z","format":"wasstraat-fingerprint-2","id":"
            """
        #expect(text.hasPrefix(start))
        // The public key of RFC 8032's arithmetic for the secret 00 01 ... 1f.
        #expect(text.contains("\"key\":\"03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8\""))
    }

    @Test func `space and order are free, and do not change who signed what`() throws {
        let value = try JSONSerialization.jsonObject(with: Data(exported))
        let pretty = try JSONSerialization.data(withJSONObject: value, options: [.prettyPrinted])
        // Foundation may write a fraction with more digits than it has: then it is refused, never misread.
        let text = String(decoding: pretty, as: UTF8.self)
        #expect(text.contains("\n"))
        let spaced = String(decoding: exported, as: UTF8.self).replacingOccurrences(of: ",\"", with: " ,\n\t\"") + "\n"
        #expect(try accept(Array(spaced.utf8)) == accept(exported))
        let escaped = String(decoding: exported, as: UTF8.self).replacingOccurrences(of: "GET", with: "\\u0047\\u0045T")
        #expect(try accept(Array(escaped.utf8)) == accept(exported))
    }

    @Test func `an unknown signer is refused unless the operator accepts it`() throws {
        let other = SigningKey.generate()
        #expect(try refusal(trusting: []) == .unknownSigner)
        #expect(try refusal(trusting: [other.signer(named: "Gemeente Voorbeeld")]) == .unknownSigner)
        let accepted = try accept(exported, trusting: [], acceptingUnknown: true)
        #expect(accepted.trust == .unlisted && accepted.signer.name == "Gemeente Voorbeeld")
        #expect(accepted.signer == key.signer(named: "Gemeente Voorbeeld"))
    }

    @Test func `each fault has its own error`() throws {
        let id = fingerprint.identifier
        #expect(try refusal() == nil)
        #expect(try refusal(replacing: "19000", with: "19001") == .wrongIdentifier)
        #expect(try refusal(replacing: id, with: String(repeating: "a", count: 64)) == .wrongIdentifier)
        #expect(try refusal(replacing: "Gemeente V", with: "Provincie V") == .wrongSignature)
        let other = SigningKey.generate().signer(named: "").hexadecimalKey
        #expect(try refusal(replacing: key.signer(named: "").hexadecimalKey, with: other) == .wrongSignature)
        #expect(try refusal(at: Self.made + 30 * 86_400) == .expired)
        #expect(try refusal(at: Self.made + -7_200) == .wrongTime)
        #expect(try refusal(replacing: "fingerprint-2", with: "fingerprint-3") == .unknownFormat)
        #expect(try refusal(replacing: "\"made\"", with: "\"maker\"") == .unknownKey)
        #expect(try refusal(replacing: "\"made\":\"2026-11-23T08:43:48Z\",", with: "") == .missingKey)
        #expect(try refusal(replacing: "\"sources\":512", with: "\"sources\":512,\"sources\":512") == .repeatedKey)
        #expect(try refusal(replacing: "\"sources\":512", with: "\"sources\":512,\"address\":1") == .unknownKey)
        #expect(try refusal(replacing: "{\"cond", with: "[{\"cond") == .truncated)
        #expect(try refusal(replacing: "{\"cond", with: "{{\"cond") == .notJSON)
        #expect(try refusal(replacing: "\"}}", with: "\"}}}") == .notJSON || refusal(in: exported + [0x7d]) == .notJSON)
        #expect(try refusal(in: Array(repeating: 0x20, count: 65_537)) == .tooLong)
        #expect(try refusal(in: Array(repeating: 0x20, count: 65_536)) == .truncated)
        #expect(try refusal(in: []) == .truncated)
        #expect(try refusal(in: Array(repeating: UInt8(ascii: "["), count: 60_000)) == .notJSON)
        #expect(try refusal(in: Array("[]".utf8)) == .wrongValue)
        #expect(throws: ExchangeError.self) { try SigningKey(raw: [1, 2, 3]) }
    }

    @Test(arguments: [
        ("\"coverage\":0.987654", "\"coverage\":1.5"), ("0.987654", "0.9876540"), ("0.987654", "0.98765432"),
        ("0.987654", "9e-1"), ("0.987654", "-0"), ("0.987654", "\"0.98\""), ("0.987654", "null"), ("0.987654", "true"),
        ("512", "-1"), ("512", "9007199254740992"), ("512", "512.0"), ("512", "99999999999999999999999999"),
        ("\"GET\"", "\"get\""), ("\"GET\"", "\"\""), ("\"GET\"", "\"G T\""), ("\"/zoeken", "\"zoeken"),
        ("/zoeken", "/zoe\\u202eken"), ("/zoeken", "/zoe\\nken"), ("t13d", "T13d"), ("_97f8", "_97g8"),
        ("\"method\"", "\"source\""), ("\"method\"", "\"ja4\""), ("2026-11-23T08:43:28Z", "2026-11-23T09:43:28+01:00"),
        ("2026-11-23T08:43:28Z", "2026-11-23T08:43:28.000Z"), ("2026-11-23T08:43:28Z", "2026-02-30T08:43:28Z"),
        ("Gemeente", "\\u0000"), ("Gemeente", String(repeating: "x", count: 129)),
    ])
    func `a value that its key does not allow is refused`(old: String, new: String) throws {
        #expect(try refusal(replacing: old, with: new) == .wrongValue)
    }

    @Test(arguments: [
        ("2026-12-23", "2026-10-23"), ("2026-12-23", "2028-12-23"), ("2026-11-23T08:43:28Z", "2026-11-24T08:43:28Z"),
        ("2026-11-23T08:43:28Z", "2025-11-20T08:43:28Z"),
    ])
    func `times that cannot be are refused`(old: String, new: String) throws {
        #expect(try refusal(replacing: old, with: new) == .wrongTime)
    }

    @Test(arguments: [
        "/192.0.2.7", "/x?192.0.2.7", "/2001:db8::1", "/0db0::0:0", "/from/fe80::c0de", "/10", "/00", "/a:b:c", "/::",
    ])
    func `a route that may hold an address is neither sent nor taken`(route: String) throws {
        #expect(throws: ExchangeError(.holdsAddress, "the route holds digits or groups that may be an address")) {
            try Self.fingerprint(route: route).export(signedBy: "x", with: key)
        }
        #expect(try refusal(replacing: "/zoeken/0?q&pagina", with: route) == .holdsAddress)
    }

    @Test(arguments: ["/", "/0.0.0.0", "/nieuws/0-0-0", "/a:b", "/é/ü?naam", "/%0C\"\\/", "/xmlrpc.php"])
    func `other routes pass`(route: String) throws {
        let sent = Self.fingerprint(route: route)
        #expect(try accept(sent.export(signedBy: "x", with: key)).fingerprint.conditions == sent.conditions)
    }

    @Test func `nobody sends what nobody takes`() throws {
        var odd = fingerprint
        odd.conditions.reverse()
        #expect(throws: ExchangeError.self) { try odd.export(signedBy: "x", with: key) }
        odd = fingerprint
        odd.conditions = []
        #expect(throws: ExchangeError.self) { try odd.export(signedBy: "x", with: key) }
        #expect(throws: ExchangeError.self) { try fingerprint.export(signedBy: "", with: key) }
        odd = fingerprint
        odd.expires = Moment(milliseconds: .max)
        odd.made = Moment(milliseconds: .min)
        #expect(throws: ExchangeError.self) { try odd.export(signedBy: "x", with: key) }
        // What is no number is not passed off as one.
        odd = fingerprint
        odd.evidence.coverage = .nan
        odd.evidence.attackCount = .max
        #expect(try accept(odd.export(signedBy: "x", with: key)).fingerprint.evidence.coverage == 0)
    }

    @Test func `a key kept as 32 bytes signs as before`() throws {
        let first = SigningKey.generate()
        let second = try SigningKey(raw: first.raw)
        #expect(first.raw.count == 32 && first.signer(named: "a") == second.signer(named: "a"))
        let bytes = try fingerprint.export(signedBy: "a", with: second)
        #expect(try accept(bytes, trusting: [first.signer(named: "a")]).trust == .listed)
        let signer = first.signer(named: "a")
        #expect(Signer(name: "a", hexadecimalKey: signer.hexadecimalKey) == signer)
    }
}
