import Exchange
import Fingerprints
import Moments
import Testing

/// Version 2 of the form: of packets, and of all that can be said of requests.
@Suite struct PacketFormTests {
    static let made = ExchangeTests.made
    let key: SigningKey

    init() throws { key = try SigningKey(raw: Array(0..<32)) }

    static func fingerprint(
        _ conditions: [Fingerprint.Condition] = [
            .init(.protocol, "udp"), .init(.sourcePort, "53"), .init(.length, "468-1500"),
            .init(.service, "dns response"), .init(.dnsName, "example.nl"), .init(.dnsType, "255"),
        ]
    ) -> Fingerprint {
        Fingerprint(
            conditions: conditions, kind: "dns-reflection",
            evidence: .init(
                coverage: 0.97, collateral: 0.000001, attackCount: 70_000, baselineCount: 12_345, sources: 3_178,
                from: made + -3_600, until: made + -3_599.5,
                bytes: .init(coverage: 0.99, collateral: nil, attackCount: 91_000_000, baselineCount: 4_000_000),
                peakRate: 71_234, isSpoofable: false,
                networks: [.init(prefix: "192.0.2.0/24", share: 0.25), .init(prefix: "2001:db8::/32", share: 0.125)],
                baseline: "shipped profile"),
            made: made, expires: made + 86_400)
    }

    private func code(of body: () throws -> Void) -> ExchangeError.Code? {
        do {
            try body()
            return nil
        } catch { return (error as? ExchangeError)?.code }
    }

    private func replaced(_ old: String, _ new: String) throws -> [UInt8] {
        let text = String(decoding: try Self.fingerprint().form, as: UTF8.self)
        #expect(text.contains(old), "\(old)")
        return Array(text.split(separator: old, omittingEmptySubsequences: false).joined(separator: new).utf8)
    }

    @Test func `what is written is read as the same, signed and unsigned`() throws {
        let fingerprint = Self.fingerprint()
        let unsigned = try FingerprintForm(parsing: fingerprint.form)
        #expect(unsigned.fingerprint == fingerprint && unsigned.seal == .unsigned && unsigned.version == .two)
        #expect(unsigned.identifier == fingerprint.identifier)
        #expect(try Fingerprint(unsignedForm: fingerprint.form) == fingerprint)
        let signed = try fingerprint.export(signedBy: "Gemeente Voorbeeld", with: key)
        let read = try FingerprintForm(parsing: signed)
        #expect(read.seal == .signed(key.signer(named: "Gemeente Voorbeeld")) && read.fingerprint == fingerprint)
        let accepted = try AcceptedFingerprint(
            ReceivedFingerprint(parsing: signed), trusting: [key.signer(named: "x")], at: Self.made)
        #expect(accepted.fingerprint == fingerprint && accepted.identifier == fingerprint.identifier)
        #expect(code { _ = try Fingerprint(unsignedForm: signed) } == .unknownKey)
    }

    @Test func `an unsigned form cannot be imported`() throws {
        let form = try Self.fingerprint().form
        #expect(code { _ = try ReceivedFingerprint(parsing: form) } == .missingKey)
        // A signer without a signature is neither.
        let half = form.dropLast() + Array(",\"signer\":{\"key\":\"\",\"name\":\"x\"}}".utf8)
        #expect(code { _ = try FingerprintForm(parsing: Array(half)) } == .missingKey)
    }

    @Test func `every truncation and every changed digit of an unsigned form is refused`() throws {
        let form = try Self.fingerprint().form
        for length in 0..<form.count {
            #expect(code { _ = try FingerprintForm(parsing: Array(form[..<length])) } == .truncated, "\(length)")
        }
        for place in form.indices {
            var bytes = form
            bytes[place] ^= 1
            #expect(throws: ExchangeError.self, "byte \(place)") { try FingerprintForm(parsing: bytes) }
        }
    }

    /// Made outside this program (OpenSSL, key 00 01 … 1f), by the schema of version 1.
    static let versionOne = """
        {"conditions":[{"feature":"method","value":"GET"},{"feature":"route","value":"/zoeken/0?q&pagina"},{\
        "feature":"ja4","value":"t13d190900_9dc949149365_97f8aa674fd9"}],"evidence":{"attack_requests":19000\
        ,"baseline_requests":30000,"collateral":0.0004,"coverage":0.987654,"from":"2026-11-23T08:43:28Z","so\
        urces":512,"until":"2026-11-23T08:43:48Z"},"expires":"2026-12-23T08:43:48Z","format":"wasstraat-fing\
        erprint-1","id":"8492d7a4bc6a25a273d066fac2ab24cbf77bce01ad42b09aa5b8b13f2ccbd617","made":"2026-11-2\
        3T08:43:48Z","signature":"4625b8a32d702b46804eedd83f1b36bfe119ff1788e8598dbe2df21b6cbd88dcf158b2a3a4\
        49d7cb62311884d015f90b8214b8f1454eeb8ce9da6e43d85fc501","signer":{"key":"03a107bff3ce10be1d70dd18e74\
        bc09967e4d6309ba50d5f1ddc8664125531b8","name":"Gemeente Voorbeeld"}}
        """

    @Test func `a form of version 1 keeps its identifier and its signature`() throws {
        let bytes = Array(Self.versionOne.utf8)
        let accepted = try AcceptedFingerprint(
            ReceivedFingerprint(parsing: bytes), trusting: [key.signer(named: "Voorbeeld")], at: Self.made + 60)
        #expect(accepted.identifier == "8492d7a4bc6a25a273d066fac2ab24cbf77bce01ad42b09aa5b8b13f2ccbd617")
        #expect(accepted.fingerprint.identifier(as: .one) == accepted.identifier)
        #expect(accepted.fingerprint.identifier != accepted.identifier)
        #expect(try FingerprintForm(parsing: bytes).version == .one)
        var sent = ExchangeTests.fingerprint()
        sent.evidence.coverage = 0.987654
        #expect(accepted.fingerprint == sent)
        // And what version 1 could not say, it still cannot.
        let kinds = Self.versionOne.split(separator: ",\"id\"").joined(separator: ",\"kind\":null,\"id\"")
        #expect(code { _ = try ReceivedFingerprint(parsing: Array(kinds.utf8)) } == .unknownKey)
        let older = Self.versionOne.split(separator: "2026-11-23T08:43:28Z").joined(separator: "2019-11-23T08:43:28Z")
        #expect(code { _ = try ReceivedFingerprint(parsing: Array(older.utf8)) } == .wrongTime)
        let changed = Self.versionOne.split(separator: "19000").joined(separator: "19001")
        #expect(code { _ = try FingerprintForm(parsing: Array(changed.utf8)) } == .wrongIdentifier)
    }

    @Test func `an old capture may be measured`() throws {
        var old = Self.fingerprint()
        old.evidence.from = Moment(seconds: 0)
        old.evidence.until = Moment(seconds: 1)
        #expect(try Fingerprint(unsignedForm: old.form) == old)
    }

    @Test(arguments: [
        ("\"packets\"", "\"requests\""), ("\"kind\":\"dns-reflection\"", "\"kind\":\"DNS\""),
        ("\"kind\":\"dns-reflection\"", "\"kind\":\"dns--x\""), ("\"udp\"", "\"UDP\""), ("\"udp\"", "\"17\""),
        ("\"53\"", "\"053\""), ("\"53\"", "\"65536\""), ("\"468-1500\"", "\"1500-468\""),
        ("dns response", "dns answer"), ("example.nl", "Example.nl"), ("\"255\"", "\"ANY\""),
        ("\"spoofable\":false", "\"spoofable\":true"), ("\"spoofable\":false", "\"spoofable\":null"),
        ("\"spoofable\":false", "\"spoofable\":0"), ("\"peak_rate\":71234", "\"peak_rate\":71234.5"),
        ("192.0.2.0/24", "192.0.2.1/24"), ("192.0.2.0/24", "192.000.2.0/24"), ("0.25", "0.1"),
        ("2001:db8::/32", "192.0.2.0/24"), ("2001:db8::/32", "2001:DB8::/32"),
        ("shipped profile", "shipped\\u001bprofile"),
        ("{\"feature\":\"protocol\",\"value\":\"udp\"}", "{\"feature\":\"method\",\"value\":\"GET\"}"),
    ])
    func `a value that its key does not allow is refused`(old: String, new: String) throws {
        let bytes = try replaced(old, new)
        #expect(code { _ = try FingerprintForm(parsing: bytes) } == .wrongValue)
    }

    @Test(arguments: ["192.0.2.0/25", "192.0.2.1", "192.0.2.1/32", "2001:db8::/49", "2001:db8::1"])
    func `a network smaller than 24 or 48 bits is refused`(network: String) throws {
        let bytes = try replaced("192.0.2.0/24", network)
        let expected: ExchangeError.Code = network.contains("/") ? .holdsAddress : .wrongValue
        #expect(code { _ = try FingerprintForm(parsing: bytes) } == expected)
    }

    @Test(arguments: [true, nil] as [Bool?])
    func `networks of sources that may be forged are never written`(isSpoofable: Bool?) throws {
        var fingerprint = Self.fingerprint()
        fingerprint.evidence.isSpoofable = isSpoofable
        let form = try fingerprint.form
        #expect(!String(decoding: form, as: UTF8.self).contains("192.0.2"))
        #expect(try Fingerprint(unsignedForm: form).evidence.networks.isEmpty)
    }

    @Test func `every feature has a grammar, with values that fit and values that do not`() throws {
        let fit: [Feature: String] = [
            .method: "GET", .route: "/a/0?q", .ja4: ExchangeTests.ja4,
            .parameters: "trefwoord=[a-z]{5,12}&p=[0-9]{1,3}",
            .headers: "host,User-Agent,accept", .http2: "1:65536;2:0;4:6291456",
            .agent: "Mozilla/5.0 (X11) Chrome/120.0.0.0",
            .assets: "none", .protocol: "47", .sourcePort: "53,1024-65535", .destinationPort: "80,443", .flags: "S,SA",
            .length: "60", .ttl: "1-255", .fragment: "first,later", .icmpType: "8", .icmpCode: "0",
            .service: "ntp response", .dnsName: ".", .dnsType: "1,28", .payload: "17000327",
        ]
        let unfit: [Feature: String] = [
            .method: "get", .route: "a", .ja4: "x", .parameters: "a=\u{1b}", .headers: "host,,accept",
            .http2: "1:65536;",
            .agent: "a\nb", .assets: "None", .protocol: "256", .sourcePort: "", .destinationPort: "80,80", .flags: "AS",
            .length: "-1", .ttl: "256", .fragment: "last", .icmpType: "256", .icmpCode: "x", .service: "none",
            .dnsName: "a b", .dnsType: "65536", .payload: "1",
        ]
        for feature in Feature.allCases {
            let good = try Self.fingerprint([.init(feature, #require(fit[feature]))])
            #expect(try Fingerprint(unsignedForm: good.form).conditions == good.conditions, "\(feature)")
            let bad = try Self.fingerprint([.init(feature, #require(unfit[feature]))])
            #expect(code { _ = try bad.form } == .wrongValue, "\(feature)")
        }
    }

    @Test(arguments: ["ip=192.0.2.7", "a=[0-9]&b=2001:db8::1", "x=1.2.3.4.5"])
    func `parameters that may hold an address are refused`(value: String) {
        #expect(code { _ = try Self.fingerprint([.init(.parameters, value)]).form } == .holdsAddress)
    }

    @Test func `bounds hold at their edge`() throws {
        let longest = String(repeating: "a", count: 256)
        #expect(code { _ = try Self.fingerprint([.init(.agent, longest)]).form } == nil)
        #expect(code { _ = try Self.fingerprint([.init(.agent, longest + "a")]).form } == .wrongValue)
        let names = Array(repeating: "x", count: 64).joined(separator: ",")
        #expect(code { _ = try Self.fingerprint([.init(.headers, names)]).form } == nil)
        #expect(code { _ = try Self.fingerprint([.init(.headers, names + ",x")]).form } == .wrongValue)
        var fingerprint = Self.fingerprint()
        fingerprint.evidence.networks = (0..<20).map { .init(prefix: "192.0.\($0).0/24", share: 0.05) }
        #expect(code { _ = try fingerprint.form } == nil)
        fingerprint.evidence.networks.append(.init(prefix: "198.51.100.0/24", share: 0))
        #expect(code { _ = try fingerprint.form } == .wrongValue)
    }
}
