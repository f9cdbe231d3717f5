internal import Addresses
package import Bytes
internal import Fingerprints
package import Mitigations

// The filter's book as it lies in its file, and the values that the talk about it shares.

extension FilterNote: Message {
    package func write(to writer: inout ByteWriter) {
        writer.writeText(tenant)
        writer.writeText(reason)
        writer.write(author.rawValue)
        writer.writeText(site)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        try self.init(reading: &reader, hasSite: true)
    }

    /// - Parameter hasSite: false in books of the first form.
    fileprivate init(reading reader: inout ByteReader, hasSite: Bool) throws(Malformed) {
        self.init(
            tenant: try reader.readText(limit: Self.tenantLimit), reason: try reader.readText(limit: Self.reasonLimit),
            author: try reader.readCase())
        if hasSite { site = try reader.readText(limit: Self.siteLimit) }
    }
}

extension FilterRule: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(id)
        note.write(to: &writer)
        writer.write(since)
        writer.write(until)
        fingerprint.write(to: &writer)
        writer.writeList(targets) { $1.write($0) }
        writer.write(counter)
        // 0: live, 1: dry, 2: dry by the operator's word.
        writer.write(UInt8(isDry ? isHeld ? 2 : 1 : 0))
        writer.writeOptional(suspension) { $1.writeText($0) }
        writer.write(observed.hits)
        writer.write(observed.samples)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        try self.init(reading: &reader, hasSite: true)
    }

    fileprivate init(reading reader: inout ByteReader, hasSite: Bool) throws(Malformed) {
        self.init(
            id: try reader.readUInt64(), note: try FilterNote(reading: &reader, hasSite: hasSite),
            since: try reader.readMoment(), until: try reader.readMoment(),
            fingerprint: try Fingerprint(reading: &reader),
            targets: try reader.readList(limit: FilterOrder.targetLimit) { reader throws(Malformed) in
                try reader.readPrefix()
            }, counter: try reader.readUInt32(), isDry: false)
        let conduct = try reader.readByte()
        guard conduct <= 2 else { throw reader.malformed(.invalid) }
        (isDry, isHeld) = (conduct > 0, conduct == 2)
        suspension = try reader.readOptional { reader throws(Malformed) in
            try reader.readText(limit: FilterTalk.sentenceLimit)
        }
        let (hits, samples) = (try reader.readUInt64(), try reader.readUInt64())
        guard hits <= samples, samples <= Observation.mostSamples else { throw reader.malformed(.invalid) }
        observed = Observation(hits: hits, samples: samples)
    }
}

extension StoredBook: Message {
    /// The form's version. The first one knew no sites and no tallies, the second one no causes of those; a book of a later
    /// one is not read.
    package static let formVersion: UInt16 = 3
    /// The longest file: all lists full, each note of the greatest length.
    package static let sizeLimit = 128 << 20
    /// More entries than that were never made.
    private static let idLimit: UInt64 = 1 << 62

    package func write(to writer: inout ByteWriter) {
        writer.write(Self.formVersion)
        writer.write(saved)
        writer.write(nextID)
        writer.write(key)
        writer.writeList(notes) { $1.writeOptional($0) { $0.write(to: &$1) } }
        for list in records {
            writer.write(UInt32(list.count { !$0.isErased }))
            for record in list where !record.isErased {
                writer.write(record.prefix)
                writer.write(record.id)
                writer.write(record.since)
                writer.write(record.until)
                writer.write(record.note)
                writer.write(record.isDry)
            }
        }
        writer.writeList(rules) { $0.write(to: &$1) }
        writer.writeList(tallies) {
            $0.owner.write(to: &$1)
            $1.write($0.until)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        let version = try reader.readUInt16()
        guard (1...Self.formVersion).contains(version) else { throw reader.malformed(.unsupported) }
        let hasSites = version > 1
        self.init(
            saved: try reader.readMoment(), nextID: try reader.readUInt64(), key: try reader.readUInt64(),
            notes: [], records: [], rules: [])
        guard (1...Self.idLimit).contains(nextID) else { throw reader.malformed(.invalid) }
        notes = try reader.readList(limit: FilterBook.noteLimit) { reader throws(Malformed) in
            try reader.readOptional { reader throws(Malformed) in
                try FilterNote(reading: &reader, hasSite: hasSites)
            }
        }
        for list in FilterList.allCases {
            var last: UInt64 = 0
            records.append(
                try reader.readList(limit: list.limit) { reader throws(Malformed) in
                    let record = FilterRecord(
                        prefix: try reader.readPrefix(), id: try reader.readUInt64(), since: try reader.readUInt32(),
                        until: try reader.readUInt32(), note: try reader.readUInt32(), isDry: try reader.readBool())
                    // In the order of their ids, each once, of a note that is there.
                    guard record.id > last, record.id < nextID, notes.indices.contains(Int(record.note)),
                        notes[Int(record.note)] != nil
                    else { throw reader.malformed(.invalid) }
                    last = record.id
                    return record
                })
        }
        rules = try reader.readList(limit: FilterBook.ruleLimit) { reader throws(Malformed) in
            try FilterRule(reading: &reader, hasSite: hasSites)
        }
        var last: UInt64 = 0
        for rule in rules {
            guard rule.id > last, rule.id < nextID else { throw reader.malformed(.invalid) }
            last = rule.id
        }
        guard hasSites else { return }
        tallies = try reader.readList(limit: TallyTable.limit) { reader throws(Malformed) in
            let owner = try TallyTable.Owner(reading: &reader, hasCause: version > 2)
            return TallyTable.Held(owner: owner, until: try reader.readUInt32())
        }
    }
}

extension TallyTable.Owner: Message {
    package func write(to writer: inout ByteWriter) {
        writer.writeText(tenant)
        writer.writeText(site)
        writer.write(cause.rawValue)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        try self.init(reading: &reader, hasCause: true)
    }

    /// - Parameter hasCause: false in books of the second form, which counted all for sources that a machine named.
    fileprivate init(reading reader: inout ByteReader, hasCause: Bool) throws(Malformed) {
        self.init(
            tenant: try reader.readText(limit: FilterNote.tenantLimit),
            site: try reader.readText(limit: FilterNote.siteLimit), cause: hasCause ? try reader.readCase() : .proven)
    }
}

extension FilterEntry: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(id)
        writer.write(kind.rawValue)
        writer.writeOptional(prefix) { $1.write($0) }
        writer.writeOptional(rule) { $0.write(to: &$1) }
        note.write(to: &writer)
        writer.write(since)
        writer.write(until)
        switch status {
        case .live: writer.write(UInt8(0))
        case .dry: writer.write(UInt8(1))
        case .suspended(let why):
            writer.write(UInt8(2))
            writer.writeText(why)
        case .ended: writer.write(UInt8(3))
        case .undone: writer.write(UInt8(4))
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init(
            id: try reader.readUInt64(), kind: try reader.readCase(),
            prefix: try reader.readOptional { reader throws(Malformed) in try reader.readPrefix() },
            rule: try reader.readOptional { reader throws(Malformed) in try FilterRule(reading: &reader) },
            note: try FilterNote(reading: &reader), since: try reader.readMoment(), until: try reader.readMoment(),
            status: .live)
        guard (prefix == nil) == (kind == .rule), (rule != nil) == (kind == .rule) else {
            throw reader.malformed(.contradictory)
        }
        switch try reader.readByte() {
        case 0: status = .live
        case 1: status = .dry
        case 2: status = .suspended(try reader.readText(limit: FilterTalk.sentenceLimit))
        case 3: status = .ended
        case 4: status = .undone
        default: throw reader.malformed(.invalid)
        }
    }
}
