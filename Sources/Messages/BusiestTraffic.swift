package import Bytes

/// What is asked for most at the busiest sites, and from which networks, over the last seconds. Office to viewer. Networks
/// of many subscribers, never an address.
package struct BusiestTraffic: Equatable, Sendable {
    /// Sites of one message, and lines of each kind for a site.
    package static let siteLimit = 64
    package static let lineLimit = 8
    /// The form's version; any other is refused.
    package static let formVersion: UInt8 = 2

    package struct Line: Equatable, Sendable {
        package var text: String
        /// Requests over `seconds`, at least.
        package var requests: UInt64

        package init(_ text: String, requests: UInt64) {
            self.text = text
            self.requests = requests
        }
    }

    package struct Site: Equatable, Sendable {
        package var name: String
        /// Sources told apart, about.
        package var sources: UInt64
        /// Method and route without values, such as "GET /zoek", most asked for first.
        package var routes: [Line]
        /// IPv4 /24 and IPv6 /48, busiest first.
        package var networks: [Line]
        /// JA4 and, where it speaks HTTP/2, the lane's number for how it does: "t13d1516h2_… h2 8f0c1a9be2d45571", most
        /// used first. What shows neither has no line.
        package var programs: [Line]

        package init(name: String, sources: UInt64, routes: [Line], networks: [Line], programs: [Line]) {
            self.name = name
            self.sources = sources
            self.routes = routes
            self.networks = networks
            self.programs = programs
        }
    }

    /// Seconds that the figures are of.
    package var seconds: UInt32
    package var sites: [Site]

    package init(seconds: UInt32 = 0, sites: [Site] = []) {
        self.seconds = seconds
        self.sites = sites
    }
}

extension BusiestTraffic: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(Self.formVersion)
        writer.write(seconds)
        writer.writeList(sites) {
            $1.writeText($0.name)
            $1.write($0.sources)
            for lines in [$0.routes, $0.networks, $0.programs] {
                $1.writeList(lines) {
                    $1.writeText($0.text)
                    $1.write($0.requests)
                }
            }
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        guard try reader.readByte() == Self.formVersion else { throw reader.malformed(.unsupported) }
        self.init(seconds: try reader.readUInt32())
        sites = try reader.readList(limit: Self.siteLimit) { reader throws(Malformed) in
            Site(
                name: try reader.readText(limit: 64), sources: try reader.readUInt64(),
                routes: try Self.readLines(&reader), networks: try Self.readLines(&reader),
                programs: try Self.readLines(&reader))
        }
    }

    private static func readLines(_ reader: inout ByteReader) throws(Malformed) -> [Line] {
        try reader.readList(limit: lineLimit) { reader throws(Malformed) in
            Line(try reader.readText(limit: 512), requests: try reader.readUInt64())
        }
    }
}
