/// How one browser begins a connection, as it was recorded: what it says in TLS, in HTTP/2's settings, and its header
/// fields in their order.
package struct RecordedBrowser: Codable, Sendable {
    package var name: String
    /// It mixes in values without meaning (RFC 8701).
    package var grease: Bool
    /// Numbers of cipher suites, groups and signature algorithms, in the order of its ClientHello.
    package var ciphers: [UInt16]
    package var extensions: [UInt16]
    package var groups: [UInt16]
    package var signatures: [UInt16]
    /// Ways of packing certificates that it takes (RFC 8879).
    package var compressions: [UInt16]
    /// Pairs of name and value, in order.
    package var settings: [[UInt32]]
    /// What its first WINDOW_UPDATE adds for the whole connection.
    package var window: UInt32
    /// First letters of the pseudo-header fields in their order, such as "masp".
    package var pseudo: String
    /// Stream and weight in its HEADERS; nil: it says none.
    package var priority: [UInt32]?
    /// Pairs of name and value, in order, without cookies.
    package var fields: [[String]]
    /// The bytes of the recorded ClientHello, as hexadecimal digits.
    package var hello: String

    package init(
        name: String, grease: Bool, ciphers: [UInt16], extensions: [UInt16], groups: [UInt16], signatures: [UInt16],
        compressions: [UInt16], settings: [[UInt32]], window: UInt32, pseudo: String, priority: [UInt32]?,
        fields: [[String]], hello: String
    ) {
        self.name = name
        self.grease = grease
        self.ciphers = ciphers
        self.extensions = extensions
        self.groups = groups
        self.signatures = signatures
        self.compressions = compressions
        self.settings = settings
        self.window = window
        self.pseudo = pseudo
        self.priority = priority
        self.fields = fields
        self.hello = hello
    }

    /// The record with the ClientHello; empty where the digits are none.
    package var helloBytes: [UInt8] {
        let digits = hello.utf8.compactMap { Character(Unicode.Scalar($0)).hexDigitValue }
        guard digits.count == hello.utf8.count, digits.count.isMultiple(of: 2) else { return [] }
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
    }
}
