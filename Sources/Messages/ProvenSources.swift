package import Addresses
package import Bytes

/// Sources that a lane has proven hostile since it last said so, for the filter of packets. Addresses are personal data:
/// whoever reads this hands them on or lets them go, and neither logs nor stores them.
package struct ProvenSources: Equatable, Sendable {
    /// Sources of one message; a lane that finds more between two of them counts the rest as left out.
    package static let limit = 1_024
    /// The form's version; any other is refused.
    package static let formVersion: UInt8 = 1

    package struct Source: Equatable, Sendable {
        /// The IPv4 address, or the IPv6 /64, that connections came from: no spoofed one gets so far.
        package var prefix: Prefix
        /// The site that it went for.
        package var site: String
        /// Requests refused in a row, and how long that took.
        package var refusals: UInt32
        package var milliseconds: UInt32

        package init(_ prefix: Prefix, site: String, refusals: UInt32, milliseconds: UInt32) {
            self.prefix = prefix
            self.site = site
            self.refusals = refusals
            self.milliseconds = milliseconds
        }
    }

    package var sources: [Source]
    /// Since the lane's start: proven, but left out, because they were too many or nobody heard.
    package var omitted: UInt64
    /// Since the lane's start: refused as often, but several people's address, or a known visitor's.
    package var spared: UInt64

    package init(_ sources: [Source] = [], omitted: UInt64 = 0, spared: UInt64 = 0) {
        self.sources = sources
        self.omitted = omitted
        self.spared = spared
    }

    package func hasSameFigures(as other: ProvenSources) -> Bool {
        (omitted, spared) == (other.omitted, other.spared)
    }
}

extension ProvenSources: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(Self.formVersion)
        writer.write(omitted)
        writer.write(spared)
        writer.writeList(sources) {
            $1.write($0.prefix)
            $1.writeText($0.site)
            $1.write($0.refusals)
            $1.write($0.milliseconds)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        guard try reader.readByte() == Self.formVersion else { throw reader.malformed(.unsupported) }
        let (omitted, spared) = (try reader.readUInt64(), try reader.readUInt64())
        self.init(
            try reader.readList(limit: Self.limit) { reader throws(Malformed) in
                let prefix = try reader.readPrefix()
                // One subscriber each: a lane that errs must not block a network.
                guard prefix.length == (prefix.address.isIPv4 ? 32 : 64) else { throw reader.malformed(.invalid) }
                return Source(
                    prefix, site: try reader.readText(limit: 64), refusals: try reader.readUInt32(),
                    milliseconds: try reader.readUInt32())
            }, omitted: omitted, spared: spared)
    }
}

/// What became of proven sources, since the office's start, for viewers. No address is in it.
package struct HandedSources: Equatable, Sendable {
    /// What the operator wants done with them.
    package enum Conduct: UInt8, CaseIterable, Sendable {
        case off = 0
        /// Counted in the kernel, not dropped.
        case dry = 1
        case live = 2
    }

    package var conduct = Conduct.off
    /// In the filter's book. One that is said again counts again.
    package var taken: UInt64 = 0
    /// The filter refused: allowed by the operator, or no room.
    package var refused: UInt64 = 0
    /// Never said to the filter: too many, too late, or nobody there.
    package var omitted: UInt64 = 0
    /// Spared by the lanes: shared addresses, and those of known visitors.
    package var spared: UInt64 = 0

    package init() {}
}

extension HandedSources: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(conduct.rawValue)
        for count in [taken, refused, omitted, spared] { writer.write(count) }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        conduct = try reader.readCase()
        taken = try reader.readUInt64()
        refused = try reader.readUInt64()
        omitted = try reader.readUInt64()
        spared = try reader.readUInt64()
    }
}
