package import Bytes

extension Snapshot {
    /// What the lane keeps of one site's responses, and what it says when there is nothing else to say.
    package struct Caching: Equatable, Sendable {
        /// Longest fallback page.
        package static let fallbackLimit = 256 << 10

        package enum Mode: UInt8, Sendable, CaseIterable {
            /// Nothing is kept.
            case off = 0
            /// Kept, and used only where there would be an error or the site is under pressure.
            case hardTimes = 1
            /// As RFC 9111 says, and in hard times.
            case on = 2
        }

        package var mode = Mode.on
        /// Seconds for which a response may be used in hard times after it has become stale.
        package var stale: UInt32 = 86_400
        /// A page in HTML for when nothing else can be shown; empty: none.
        package var fallback: [UInt8] = []

        package init() {}
    }
}

extension Snapshot.Caching: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(mode.rawValue)
        writer.write(stale)
        writer.writeBlob(fallback)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        mode = try reader.readCase()
        stale = try reader.readUInt32()
        fallback = try reader.readBlob(limit: Self.fallbackLimit)
    }
}
