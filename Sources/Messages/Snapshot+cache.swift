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

extension Snapshot {
    /// Where the lane keeps responses on disk too.
    package struct CacheFolder: Equatable, Sendable {
        /// An absolute path, or one from where the office was started. The lane makes a folder of its own in it.
        package var path: String
        /// Bytes that the files of this lane may take.
        package var size: UInt64
        /// What the lane's own folder is called.
        package var lane: String

        package init(path: String, size: UInt64, lane: String) {
            self.path = path
            self.size = size
            self.lane = lane
        }
    }
}

extension Snapshot.CacheFolder: Message {
    package func write(to writer: inout ByteWriter) {
        writer.writeText(path)
        writer.write(size)
        writer.writeText(lane)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init(
            path: try reader.readText(limit: 8192), size: try reader.readUInt64(), lane: try reader.readText(limit: 64))
        // It becomes a part of a path.
        guard size <= 1 << 50, !lane.isEmpty, !lane.utf8.contains(UInt8(ascii: "/")), !path.utf8.contains(0),
            !lane.utf8.contains(0)
        else { throw reader.malformed(.invalid) }
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
