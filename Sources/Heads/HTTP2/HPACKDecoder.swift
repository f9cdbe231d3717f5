/// Decodes a connection's header blocks (RFC 7541).
///
/// An idle connection costs the size of this struct: the table's memory comes with its first entry. Every error of the
/// RFC ends the connection with COMPRESSION_ERROR, for the table is out of step.
package struct HPACKDecoder: Sendable {
    /// What our SETTINGS_HEADER_TABLE_SIZE says when we do not say it.
    package static var tableSize: Int { 4096 }

    package init() {}

    /// Our SETTINGS_HEADER_TABLE_SIZE was acknowledged: a smaller table must be announced in the next block.
    package mutating func acknowledged(tableSize: Int) {}

    /// Decodes a whole block, HEADERS and its CONTINUATIONs put together, into `fields`, whose old content goes.
    ///
    /// Whatever comes out, the work is bounded by the block's length and the limits of `fields`. Fields that were too
    /// many or too long are no fault: see ``HPACKFields/isTooLarge``.
    package mutating func decode(_ block: RawSpan, into fields: inout HPACKFields) -> HTTP2Fault? {
        fields.clear()
        return nil
    }
}
