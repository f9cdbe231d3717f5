internal import Bytes

/// A template as an exporter sent it: which elements a record has, in which order and of which lengths.
struct FlowTemplate: Equatable {
    struct Field: Equatable {
        /// Whose element it is; 0: IANA's registry or, in NetFlow 9, Cisco's, which are one up to 127 and nearly so
        /// beyond.
        var enterprise: UInt32
        var element: UInt16
        /// Bytes; `variable`: each value says its own.
        var length: UInt16
    }

    /// The length that says: each value begins with its own (RFC 7011, section 7).
    static let variable: UInt16 = 65_535
    /// The enterprise number of elements that tell of the other direction (RFC 5103, section 6.1).
    static let reverse: UInt32 = 29_305
    /// Enterprise of NetFlow 9's scope types, a numbering of their own: no real one can be this.
    static let scopeType: UInt32 = .max

    var id: UInt16
    /// Fields that are the scope of options; 0 for a template of data.
    var scopeCount = 0
    var isOptions = false
    var fields: [Field] = []

    /// Reads the fields after the counts. Throws where the bytes do not hold them; a template whose fields are lies is
    /// read to its end, for others may follow.
    static func readFields(
        _ reader: inout ByteReader, count: Int, scopeCount: Int, isIPFIX: Bool, limit: Int
    ) throws(Malformed) -> (fields: [Field], refused: Malformed.Reason?) {
        var refused: Malformed.Reason?
        var fields: [Field] = []
        // The bytes at hand bound what a count can claim.
        guard count &* 4 <= reader.remaining else { throw reader.malformed(.truncated) }
        if count > limit { refused = .overBudget } else { fields.reserveCapacity(count) }
        var total = 0
        for index in 0..<count {
            var element = try reader.readUInt16()
            let length = try reader.readUInt16()
            var enterprise: UInt32 = 0
            if isIPFIX, element & 0x8000 != 0 {
                element &= 0x7fff
                enterprise = try reader.readUInt32()
            } else if !isIPFIX, index < scopeCount {
                enterprise = scopeType
            }
            if length == 0, isIPFIX || index >= scopeCount {
                refused = refused ?? .invalid
            }
            total &+= isIPFIX && length == variable ? 1 : Int(length)
            if refused == nil { fields.append(Field(enterprise: enterprise, element: element, length: length)) }
        }
        if total == 0 { refused = refused ?? .invalid }
        // A record must fit in a datagram, with two headers.
        if total > 65_535 - 20 { refused = refused ?? .contradictory }
        return (fields, refused)
    }
}
