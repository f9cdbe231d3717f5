package import Bytes
package import Mitigations

/// What blocks hit, site by site.
package struct FilterTallies: Equatable, Sendable {
    /// false: what filters there counts all blocks together.
    package var isCounted: Bool
    package var tallies: [FilterTally]

    package init(_ tallies: [FilterTally], isCounted: Bool) {
        self.isCounted = isCounted
        self.tallies = tallies
    }
}

extension FilterTallies: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(isCounted)
        writer.writeList(tallies) {
            $1.write($0.number)
            $1.writeText($0.tenant)
            $1.writeText($0.site)
            $1.write($0.entries)
            $1.write($0.until)
            $0.dropped.write(to: &$1)
            $0.spared.write(to: &$1)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        let isCounted = try reader.readBool()
        let tallies = try reader.readList(limit: TallyTable.limit) { reader throws(Malformed) in
            FilterTally(
                number: try reader.readUInt32(), tenant: try reader.readText(limit: FilterNote.tenantLimit),
                site: try reader.readText(limit: FilterNote.siteLimit), entries: try reader.readUInt32(),
                until: try reader.readMoment(), dropped: try FilterCount(reading: &reader),
                spared: try FilterCount(reading: &reader))
        }
        self.init(tallies, isCounted: isCounted)
    }
}
