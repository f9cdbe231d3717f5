package import Bytes
package import Mitigations

/// What entries did, site by site.
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
            $0.owner.write(to: &$1)
            $1.write($0.entries)
            $1.write($0.live)
            $1.write($0.until)
            $0.dropped.write(to: &$1)
            $0.beside.write(to: &$1)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        let isCounted = try reader.readBool()
        let tallies = try reader.readList(limit: TallyTable.limit) { reader throws(Malformed) in
            FilterTally(
                number: try reader.readUInt32(), owner: try TallyTable.Owner(reading: &reader),
                entries: try reader.readUInt32(), live: try reader.readUInt32(), until: try reader.readMoment(),
                dropped: try FilterCount(reading: &reader), beside: try FilterCount(reading: &reader))
        }
        self.init(tallies, isCounted: isCounted)
    }
}
