/// Decodes a connection's header blocks (RFC 7541).
///
/// An idle connection costs the size of this struct: the table's memory comes with its first entry. Every error of the
/// RFC ends the connection with COMPRESSION_ERROR, for the table is out of step.
package struct HPACKDecoder: Sendable {
    /// What our SETTINGS_HEADER_TABLE_SIZE says when we do not say it.
    package static var tableSize: Int { 4096 }

    private var table = HPACKTable(limit: tableSize)
    /// The largest table that the peer may choose.
    private var tableLimit = tableSize
    /// The next block must begin with a smaller table.
    private var mustShrink = false

    package init() {}

    /// Our SETTINGS_HEADER_TABLE_SIZE was acknowledged: a table that is larger must be announced smaller in the next
    /// block (section 4.2).
    package mutating func acknowledged(tableSize: Int) {
        tableLimit = min(tableSize, HPACKFields.longestKept)
        mustShrink = table.limit > tableLimit
    }

    /// Decodes a whole block, HEADERS and its CONTINUATIONs put together, into `fields`, whose old content goes.
    ///
    /// Whatever comes out, the work is bounded by the block's length and the limits of `fields`. Fields that were too
    /// many or too long are no fault: see ``HPACKFields/isTooLarge``.
    package mutating func decode(_ block: RawSpan, into fields: inout HPACKFields) -> HTTP2Fault? {
        fields.clear()
        // Taken out so that both can be changed at the same time; nothing is copied.
        var scratch: [UInt8] = []
        swap(&scratch, &fields.scratch)
        defer { swap(&scratch, &fields.scratch) }
        return block.withUnsafeBytes { block in
            scratch.withUnsafeMutableBytes { scratch in
                var input = HPACKInput(block, scratch: scratch)
                return decode(&input, into: &fields)
            }
        }
    }

    private static let broken = HTTP2Fault(.connection, .compressionError)

    private mutating func decode(_ input: inout HPACKInput, into fields: inout HPACKFields) -> HTTP2Fault? {
        while let first = input.peek() {
            if first & 0x80 != 0 {
                guard let index = input.readInteger(prefix: 7), let isWithin = append(index, to: &fields) else {
                    return Self.broken
                }
                if !isWithin { return HTTP2Fault(.connection, .enhanceYourCalm) }
            } else if first & 0xe0 == 0x20 {
                // Only at the start of a block (section 4.2).
                guard fields.count == 0, let size = input.readInteger(prefix: 5), size <= tableLimit else {
                    return Self.broken
                }
                table.setLimit(size)
                mustShrink = false
                continue
            } else {
                guard let isWithin = literal(&input, isKept: first & 0x40 != 0, into: &fields) else {
                    return Self.broken
                }
                if !isWithin { return HTTP2Fault(.connection, .enhanceYourCalm) }
            }
            if mustShrink { return Self.broken }
        }
        return nil
    }

    /// An indexed field: nil where there is none, false where the work's bound is passed.
    private func append(_ index: Int, to fields: inout HPACKFields) -> Bool? {
        if index > HPACKStaticTable.count {
            return table.withEntry(index - HPACKStaticTable.count - 1) { name, value in fields.append(name, value) }
        }
        guard index > 0 else { return nil }
        let entry = HPACKStaticTable.entries[index - 1]
        return fields.append(entry.name, entry.value)
    }

    private mutating func literal(_ input: inout HPACKInput, isKept: Bool, into fields: inout HPACKFields) -> Bool? {
        guard let index = input.readInteger(prefix: isKept ? 6 : 4) else { return nil }
        var name = HPACKInput.Text()
        if index == 0 {
            guard let text = input.readText(.name) else { return nil }
            name = text
        } else if index <= HPACKStaticTable.count {
            name = HPACKInput.Text(HPACKStaticTable.entries[index - 1].name)
        } else {
            // Copied, for the entry may have to go for the one that takes its name.
            guard let text = table.withEntry(index - HPACKStaticTable.count - 1, { name, _ in input.keep(name) }) else {
                return nil
            }
            name = text
        }
        guard let value = input.readText(.value) else { return nil }
        if isKept {
            // What did not fit the scratch is larger than any table.
            if name.isWhole, value.isWhole {
                table.add(name.bytes, value.bytes)
            } else {
                table.removeAll()
            }
        }
        guard name.isWhole, value.isWhole else { return fields.count(length: name.count + value.count) }
        return fields.append(name.bytes, value.bytes)
    }
}
