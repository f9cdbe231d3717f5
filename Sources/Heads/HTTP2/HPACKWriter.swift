/// Writes header blocks (RFC 7541) into a caller's buffer: indices of the static table and literals that no table keeps.
///
/// It knows nothing of the connection, so constant answers can be written once and sent to everyone. What does not fit
/// sets `isFull` and is left out: check it once at the end.
package struct HPACKWriter {
    private var outlet: Outlet

    package var count: Int { outlet.count }
    package var isFull: Bool { outlet.isFull }

    package init(_ output: UnsafeMutableRawBufferPointer) {
        outlet = Outlet(output)
    }

    /// Tells the peer that the table is empty and stays so. Must begin the first block of a connection whose
    /// SETTINGS_HEADER_TABLE_SIZE is below 4096, and may begin that of any other (RFC 7541, section 4.2); one byte, 0x20.
    package mutating func writeEmptyTable() { outlet.write(0x20) }

    /// Writes ":status", which is the first field of every response: three digits.
    package mutating func writeStatus(_ status: Int) {
        switch status {
        case 200: outlet.write(0x88)
        case 204: outlet.write(0x89)
        case 206: outlet.write(0x8a)
        case 304: outlet.write(0x8b)
        case 400: outlet.write(0x8c)
        case 404: outlet.write(0x8d)
        case 500: outlet.write(0x8e)
        default:
            outlet.write(0x08)
            outlet.write(3)
            for divisor in [100, 10, 1] { outlet.write(UInt8(48 + status / divisor % 10)) }
        }
    }

    /// Writes one field; `name` is lower-case.
    package mutating func write(_ name: StaticString, _ value: UnsafeRawBufferPointer) {
        writeName(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
        writeText(value)
    }

    package mutating func write(_ name: StaticString, _ value: StaticString) {
        write(name, UnsafeRawBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
    }

    package mutating func write(_ name: StaticString, decimal value: UInt64) {
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { place in
            var index = place.count
            var rest = value
            repeat {
                index -= 1
                place[index] = UInt8(48 + rest % 10)
                rest /= 10
            } while rest > 0
            write(name, UnsafeRawBufferPointer(rebasing: place[index...]))
        }
    }

    /// Writes a field of an HTTP/1.1 message in `bytes`, its name made lower-case.
    package mutating func write(_ field: Field, of bytes: UnsafeRawBufferPointer) {
        writeName(UnsafeRawBufferPointer(rebasing: bytes[field.name.range]))
        writeText(UnsafeRawBufferPointer(rebasing: bytes[field.value.range]))
    }

    /// Writes those fields of an HTTP/1.1 response that pass: none that ends at this hop (RFC 9113, section 8.2.2), and
    /// none that `passes` does not let. The head must have been accepted by `ResponseHead.read` from these bytes.
    package mutating func write(
        _ head: ResponseHead, of bytes: UnsafeRawBufferPointer, passes: (Field) -> Bool = { _ in true }
    ) {
        for field in head.fields where !Self.endsHere(field) && passes(field) {
            if head.hasConnectionOptions,
                bytes.withMemoryRebound(to: UInt8.self, { head.connectionNames(field, $0.span) })
            {
                continue
            }
            write(field, of: bytes)
        }
    }

    /// Writes the trailer lines of a chunked body ("name: value CRLF"), which end with an empty line, as fields. Returns
    /// false where they are no such lines; then nothing was written.
    package mutating func writeTrailers(_ lines: UnsafeRawBufferPointer) -> Bool {
        var fields: [Field] = []
        let refusal = lines.withMemoryRebound(to: UInt8.self) {
            RequestHead.readFields($0.span, from: 0, limit: Self.trailerLimit, into: &fields)
        }
        guard refusal == nil else { return false }
        for field in fields where !Self.endsHere(field) { write(field, of: lines) }
        return true
    }

    /// Trailer fields of one message.
    private static let trailerLimit = 64

    private static func endsHere(_ field: Field) -> Bool { field.id.isHopByHop || field.id == .transferEncoding }

    /// The name of a literal that no table keeps, as an index of the static table where it has one. Set-Cookie is marked
    /// so that nobody behind us keeps it either (RFC 7541, section 7.1.3).
    private mutating func writeName(_ name: UnsafeRawBufferPointer) {
        let index = HPACKStaticTable.index(of: name)
        guard index == 0 else { return writeInteger(index, prefix: 4, index == HPACKStaticTable.setCookie ? 0x10 : 0) }
        outlet.write(0)
        writeInteger(name.count, prefix: 7, 0)
        outlet.writeLowered(name)
    }

    private mutating func writeText(_ text: UnsafeRawBufferPointer) {
        writeInteger(text.count, prefix: 7, 0)
        outlet.write(text)
    }

    /// RFC 7541, section 5.1.
    private mutating func writeInteger(_ value: Int, prefix: Int, _ pattern: UInt8) {
        let mask = 1 << prefix - 1
        guard value >= mask else { return outlet.write(pattern | UInt8(value)) }
        outlet.write(pattern | UInt8(mask))
        var rest = value - mask
        while rest >= 0x80 {
            outlet.write(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        outlet.write(UInt8(rest))
    }
}
