package import Addresses
package import Bytes

extension Snapshot {
    /// Crawlers of one installation.
    package static let botLimit = 64
    /// Address blocks that one crawler may have: the largest published lists have a few hundred.
    package static let botRangeLimit = 4_096

    /// A crawler that may be proven to be the one it says: by its addresses here, or by its name, which the office asks for.
    package struct Bot: Equatable, Sendable {
        /// Unique.
        package var name: String
        /// What its agent string holds, whatever the case; 1-32 bytes. It says what is to be proven, and proves nothing.
        package var agent: String
        /// Its published addresses.
        package var ranges: [Prefix] = []
        /// Whether its addresses have names by which the office can prove it.
        package var hasDomains = false
        /// Requests a second that it may make at each site.
        package var rate: UInt32 = 5

        package init(name: String, agent: String) {
            self.name = name
            self.agent = agent
        }
    }
}

extension Snapshot.Bot: Message {
    package func write(to writer: inout ByteWriter) {
        writer.writeText(name)
        writer.writeText(agent)
        writer.writeList(ranges) { $1.write($0) }
        writer.write(hasDomains)
        writer.write(rate)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init(name: try reader.readText(limit: 64), agent: try reader.readText(limit: 32))
        ranges = try reader.readList(limit: Snapshot.botRangeLimit) { reader throws(Malformed) in
            try reader.readPrefix()
        }
        hasDomains = try reader.readBool()
        rate = try reader.readUInt32()
    }
}
