package import Addresses
package import Bytes

/// Whom the operator lets in or turns away beside the configuration, for now: what was said by hand, and where our own
/// prober comes from. Office to lane; it replaces the one before. Addresses are personal data: a lane keeps it in memory
/// alone, and each entry ends by itself, also where the office is gone.
package struct AccessList: Equatable, Sendable {
    /// Entries of one list; more cannot be said by hand.
    package static let limit = 8_192
    /// The form's version; any other is refused.
    package static let formVersion: UInt8 = 1

    package enum Kind: UInt8, CaseIterable, Sendable {
        case deny = 0
        case allow = 1
        case probe = 2
    }

    package struct Entry: Equatable, Sendable {
        package var kind: Kind
        package var prefix: Prefix
        /// The name of a site; empty: every site of the lane.
        package var site: String
        /// When it ends, in seconds since 1970.
        package var until: UInt64

        package init(_ kind: Kind, _ prefix: Prefix, site: String, until: UInt64) {
            self.kind = kind
            self.prefix = prefix
            self.site = site
            self.until = until
        }
    }

    /// Of two for the same block and site the later one counts.
    package var entries: [Entry]

    package init(_ entries: [Entry] = []) { self.entries = entries }
}

extension AccessList: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(Self.formVersion)
        writer.writeList(entries) {
            $1.write($0.kind.rawValue)
            $1.write($0.prefix)
            $1.writeText($0.site)
            $1.write($0.until)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        guard try reader.readByte() == Self.formVersion else { throw reader.malformed(.unsupported) }
        entries = try reader.readList(limit: Self.limit) { reader throws(Malformed) in
            Entry(
                try reader.readCase(), try reader.readPrefix(), site: try reader.readText(limit: 64),
                until: try reader.readUInt64())
        }
    }
}

/// Requests of one site by their standing; they are among the visitor classes too.
package struct AccessCounts: Equatable, Sendable {
    /// Passed because the operator named their source.
    package var allowed: UInt64 = 0
    /// Of our own prober.
    package var probes: UInt64 = 0
    /// Of crawlers that are proven, within their pace.
    package var bots: UInt64 = 0
    /// Of those that say they are a crawler, and are not.
    package var impostors: UInt64 = 0
    /// Answered with 403 because the operator named their source. These are in no class.
    package var denied: UInt64 = 0

    package init() {}

    package mutating func add(_ other: Self) {
        allowed &+= other.allowed
        probes &+= other.probes
        bots &+= other.bots
        impostors &+= other.impostors
        denied &+= other.denied
    }
}

extension AccessCounts: Message {
    package func write(to writer: inout ByteWriter) {
        for count in [allowed, probes, bots, impostors, denied] { writer.write(count) }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        allowed = try reader.readUInt64()
        probes = try reader.readUInt64()
        bots = try reader.readUInt64()
        impostors = try reader.readUInt64()
        denied = try reader.readUInt64()
    }
}
