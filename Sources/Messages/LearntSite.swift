package import Bytes

/// What calm taught a lane of one site, on its way to the office's disk and from there to the lane that comes next.
package struct LearntSite: Message, Equatable {
    /// More than a profile has.
    package static let profileLimit = 1 << 20
    /// Sites that a new lane is told of.
    package static let countLimit = 250
    /// Seconds after which it says too little about the site.
    package static let lifetime: UInt64 = 7 * 86_400

    package var site: String
    /// Seconds since 1970.
    package var at: UInt64
    /// `CalmProfile`, as bytes.
    package var profile: [UInt8]

    package init(site: String, at: UInt64, profile: [UInt8]) {
        self.site = site
        self.at = at
        self.profile = profile
    }

    package func write(to writer: inout ByteWriter) {
        writer.writeText(site)
        writer.write(at)
        writer.writeBlob(profile)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        site = try reader.readText(limit: 64)
        at = try reader.readUInt64()
        profile = try reader.readBlob(limit: Self.profileLimit)
    }
}
