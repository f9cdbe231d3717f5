/// The fields of one decoded block: all bytes in one place, and where each name and value lies.
///
/// It is made once for a worker and filled again for each block, so that decoding allocates nothing once it is warm.
package struct HPACKFields: Sendable {
    package struct Entry: Sendable, BitwiseCopyable {
        package var name: Slice
        package var value: Slice
    }

    /// The bounds of a block's list. Every field counts, crumbs of cookies too.
    package struct Limits: Sendable {
        /// Bytes as SETTINGS_MAX_HEADER_LIST_SIZE counts them: 32 more for each field (RFC 9113, section 6.5.2). Holds
        /// the longest HTTP/1.1 head with its hundred fields.
        package var bytes = 24 << 10
        /// Browsers send each cookie as a field of its own.
        package var fields = 200
        /// Bytes, counted the same way, after which decoding stops and the connection ends: no client with a cookie
        /// too many is ten times over, and what is left to do is the sender's choice (an "HPACK bomb" names a long field
        /// of the table once for each byte of the block).
        package var work = 256 << 10

        package init() {}
    }

    /// The largest table that ``HPACKDecoder`` may keep.
    static let longestKept = 64 << 10

    package let limits: Limits
    package private(set) var entries: [Entry] = []
    /// Where the entries' slices lie.
    package private(set) var bytes: [UInt8]
    private var used = 0
    /// Where the decoder puts strings together: half for a name, half for a value, each as long as any that is kept.
    var scratch: [UInt8]
    /// The list's size as SETTINGS_MAX_HEADER_LIST_SIZE counts it, with what was not kept.
    package private(set) var size = 0
    /// Fields in the block, with those not kept.
    package private(set) var count = 0

    package init(limits: Limits = Limits()) {
        self.limits = limits
        bytes = [UInt8](repeating: 0, count: limits.bytes)
        scratch = [UInt8](repeating: 0, count: 2 * max(limits.bytes, Self.longestKept))
        entries.reserveCapacity(limits.fields)
    }

    /// More than the limits allow: the entries are not all that came, and are not to be used. The decoder's table is in
    /// step all the same, so the connection lives: 431.
    package var isTooLarge: Bool { size > limits.bytes || count > limits.fields }

    mutating func clear() {
        entries.removeAll(keepingCapacity: true)
        used = 0
        size = 0
        count = 0
    }

    /// Adds a field, or only counts it once there is too much. Returns false when the work's bound is passed.
    mutating func append(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Bool {
        let isWithin = count(length: name.count + value.count)
        if isTooLarge { return isWithin }
        let start = used
        // The size counts these bytes and is within the bytes there are.
        bytes.withUnsafeMutableBytes { all in
            let place = UnsafeMutableRawBufferPointer(rebasing: all[start...])
            place.copyMemory(from: name)
            UnsafeMutableRawBufferPointer(rebasing: place[name.count...]).copyMemory(from: value)
        }
        used = start + name.count + value.count
        entries.append(Entry(name: Slice(start, start + name.count), value: Slice(start + name.count, used)))
        return true
    }

    /// Counts a field that is not kept.
    mutating func count(length: Int) -> Bool {
        count += 1
        size += length + HPACKTable.entryCost
        return size <= limits.work
    }
}
