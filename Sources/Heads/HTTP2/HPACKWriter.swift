/// Writes header blocks (RFC 7541) into a caller's buffer: indices of the static table and literals that no table keeps.
///
/// It has no state of its own connection, so constant answers can be written once and sent to everyone. What does not
/// fit sets `isFull` and is left out: check it once at the end.
package struct HPACKWriter {
    private let output: UnsafeMutableRawBufferPointer
    package private(set) var count = 0
    package private(set) var isFull = false

    package init(_ output: UnsafeMutableRawBufferPointer) {
        self.output = output
    }

    /// Tells the peer that the table is empty and stays so. Must begin the first block of a connection whose
    /// SETTINGS_HEADER_TABLE_SIZE is below 4096, and may begin that of any other (RFC 7541, section 4.2); one byte, 0x20.
    package mutating func writeEmptyTable() {}

    /// Writes ":status", which is the first field of every response.
    package mutating func writeStatus(_ status: Int) {}

    /// Writes one field; `name` is lower-case.
    package mutating func write(_ name: StaticString, _ value: UnsafeRawBufferPointer) {}

    package mutating func write(_ name: StaticString, _ value: StaticString) {}

    package mutating func write(_ name: StaticString, decimal value: UInt64) {}

    /// Writes a field of an HTTP/1.1 message in `bytes`, its name made lower-case.
    package mutating func write(_ field: Field, of bytes: UnsafeRawBufferPointer) {}

    /// Writes those fields of an HTTP/1.1 response that pass: none that ends at this hop (RFC 9113, section 8.2.2), and
    /// none that `passes` does not let. The head must have been accepted by `ResponseHead.read` from these bytes.
    package mutating func write(
        _ head: ResponseHead, of bytes: UnsafeRawBufferPointer, passes: (Field) -> Bool = { _ in true }
    ) {}

    /// Writes the trailer lines of a chunked body ("name: value CRLF", with or without the last empty line) as fields.
    /// Returns false where they are no field lines; then nothing was written.
    package mutating func writeTrailers(_ lines: UnsafeRawBufferPointer) -> Bool { false }
}
