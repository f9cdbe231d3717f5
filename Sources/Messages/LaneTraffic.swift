package import Bytes
package import Detection
internal import Fingerprints
internal import Sketches

/// Who asked for what at each site of one lane since its last report, a second ago: sketches, never a list of visitors.
package struct LaneTraffic: Equatable, Sendable {
    package var sites: [Site] = []

    package init() {}

    package struct Site: Equatable, Sendable {
        package var name: String
        package var traffic: Traffic

        package init(name: String, traffic: Traffic) {
            self.name = name
            self.traffic = traffic
        }
    }
}

extension LaneTraffic: Message {
    package func write(to writer: inout ByteWriter) {
        writer.writeList(sites) {
            $1.writeText($0.name)
            $0.traffic.write(to: &$1)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        sites = try reader.readList { reader throws(Malformed) in
            Site(name: try reader.readText(limit: 64), traffic: try Traffic(reading: &reader))
        }
    }
}

extension Traffic: Message {
    package func write(to writer: inout ByteWriter) {
        // Most seconds of most sites hold nothing.
        writer.writeBlob(sources.isEmpty ? [] : sources.ranks)
        writer.writeList(networks.sorted { $0.key < $1.key }) {
            $1.writeText($0.key)
            $1.write($0.value)
        }
        let shapes = shapes.sorted { Self.goesBefore($0.key, $1.key) }
        writer.writeList(shapes) {
            $1.writeText($0.key.method)
            $1.writeText($0.key.route)
            $1.writeText($0.key.ja4)
            $1.writeText($0.key.http2)
            $1.write($0.value)
        }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init()
        let ranks = try reader.readBlob(limit: HyperLogLog.registers)
        if !ranks.isEmpty {
            guard let sketch = HyperLogLog(ranks: ranks), !sketch.isEmpty else { throw reader.malformed(.invalid) }
            sources = sketch
        }
        // In the order in which they are written, each once: one value has one form.
        var lastNetwork: String?
        networks = Dictionary(
            try reader.readList(limit: 2 * Self.limit) { reader throws(Malformed) in
                let network = try reader.readText(limit: 64)
                guard lastNetwork.map({ $0 < network }) ?? true else { throw reader.malformed(.invalid) }
                lastNetwork = network
                return (network, try reader.readUInt64())
            }, uniquingKeysWith: { $0 &+ $1 })
        var lastShape: RequestShape?
        shapes = Dictionary(
            try reader.readList(limit: 2 * Self.limit) { reader throws(Malformed) in
                let shape = RequestShape(
                    method: try reader.readText(limit: 32), route: try reader.readText(limit: RequestShape.routeLimit),
                    ja4: try reader.readText(limit: 64), http2: try reader.readText(limit: 64))
                guard lastShape.map({ Self.goesBefore($0, shape) }) ?? true else { throw reader.malformed(.invalid) }
                lastShape = shape
                return (shape, try reader.readUInt64())
            }, uniquingKeysWith: { $0 &+ $1 })
    }

    private static func goesBefore(_ one: RequestShape, _ other: RequestShape) -> Bool {
        (one.route, one.method, one.ja4, one.http2) < (other.route, other.method, other.ja4, other.http2)
    }
}
