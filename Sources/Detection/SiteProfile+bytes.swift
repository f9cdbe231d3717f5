package import Bytes
internal import Fingerprints
internal import Sketches

// A profile as the register keeps it: version, seconds learnt, a level for each hour of the week and one for all, then
// shapes. Empty buckets take no room.
extension SiteProfile {
    private static let version: UInt8 = 2
    /// Its shapes do not say how a program speaks HTTP/2, so that all of them would be unlike those of now.
    private static let versionWithoutHTTP2: UInt8 = 1
    /// Bytes that a text of a shape may have; the route has its own limit.
    private static let textLimit = 64

    package var bytes: [UInt8] {
        var writer = ByteWriter(reserving: 16_384)
        writer.write(Self.version)
        writer.write(secondsLearnt)
        for level in hours + [week] { Self.write(level, to: &writer) }
        writer.write(shapes.draw)
        let shapes = shapes.weights.filter { Self.fits($0.key) }.sorted { $0.key.order < $1.key.order }
        writer.write(UInt16(shapes.count))
        for (shape, weight) in shapes {
            for text in [shape.method, shape.route, shape.ja4, shape.http2] {
                writer.write(UInt8(text.utf8.count))
                writer.write(text.utf8)
            }
            writer.write(weight.bitPattern)
        }
        return writer.bytes
    }

    /// Reads what `bytes` wrote; anything else is refused, with its place. Of a version before, the shapes are learnt anew.
    package init(bytes: [UInt8]) throws(Malformed) {
        var reader = ByteReader(bytes.span.bytes)
        self.init()
        let version = try reader.readByte()
        let isFormer = version == Self.versionWithoutHTTP2
        guard version == Self.version || isFormer else { throw reader.malformed(.unsupported) }
        secondsLearnt = try reader.readUInt64()
        for hour in hours.indices { hours[hour] = try Self.readLevel(&reader, memory: Self.hourMemory) }
        week = try Self.readLevel(&reader, memory: Self.weekMemory)
        let draw = try reader.readUInt64()
        let count = Int(try reader.readUInt16())
        guard count <= ShapeTally.limit else { throw reader.malformed(.overBudget) }
        var weights: [RequestShape: Double] = [:]
        for _ in 0..<count {
            let shape = RequestShape(
                method: try Self.readText(&reader, limit: Self.textLimit),
                route: try Self.readText(&reader, limit: RequestShape.routeLimit),
                ja4: try Self.readText(&reader, limit: Self.textLimit),
                http2: isFormer ? "" : try Self.readText(&reader, limit: Self.textLimit))
            guard weights.updateValue(Double(bitPattern: try reader.readUInt64()), forKey: shape) == nil else {
                throw reader.malformed(.contradictory)
            }
        }
        guard let tally = ShapeTally(weights: weights, draw: draw) else { throw reader.malformed(.invalid) }
        if !isFormer { shapes = tally }
        guard reader.remaining == 0 else { throw reader.malformed(.overBudget) }
    }

    private static func fits(_ shape: RequestShape) -> Bool {
        shape.method.utf8.count <= textLimit && shape.route.utf8.count <= RequestShape.routeLimit
            && shape.ja4.utf8.count <= textLimit && shape.http2.utf8.count <= textLimit
    }

    private static func write(_ level: Level, to writer: inout ByteWriter) {
        let filled = level.rates.buckets.enumerated().filter { $0.element > 0 }
        writer.write(UInt8(filled.count))
        for (index, weight) in filled {
            writer.write(UInt8(index))
            writer.write(weight.bitPattern)
        }
        if !filled.isEmpty { writer.write(level.mean.bitPattern) }
    }

    private static func readLevel(_ reader: inout ByteReader, memory: Float) throws(Malformed) -> Level {
        var level = Level(memory: memory)
        let count = try reader.readByte()
        guard count > 0 else { return level }
        var buckets = [Float](repeating: 0, count: DecayedHistogram.bucketCount)
        var next = 0
        for _ in 0..<count {
            let index = Int(try reader.readByte())
            guard index >= next, index < buckets.count else { throw reader.malformed(.invalid) }
            buckets[index] = Float(bitPattern: try reader.readUInt32())
            guard buckets[index] > 0 else { throw reader.malformed(.invalid) }
            next = index + 1
        }
        guard let rates = DecayedHistogram(memory: memory, buckets: buckets) else { throw reader.malformed(.invalid) }
        level.rates = rates
        level.mean = Double(bitPattern: try reader.readUInt64())
        // No rate is above that of a 64-bit count.
        guard level.mean >= 0, level.mean <= 0x1p64, rates.total > 0 else { throw reader.malformed(.invalid) }
        return level
    }

    private static func readText(_ reader: inout ByteReader, limit: Int) throws(Malformed) -> String {
        let count = Int(try reader.readByte())
        guard count <= limit else { throw reader.malformed(.overBudget) }
        guard let text = String(validating: try reader.readArray(count), as: UTF8.self) else {
            throw reader.malformed(.invalid)
        }
        return text
    }
}
