package import Bytes
internal import Fingerprints
internal import Moments

// A profile of requests as the office keeps it over restarts: version, when it began, how many came, then the samples, with
// methods once each.
extension RequestProfile {
    private static let version: UInt8 = 1
    private static let methodLimit = 32

    package var bytes: [UInt8] {
        var writer = ByteWriter(reserving: samples.count * 80 + 64)
        writer.write(Self.version)
        writer.write(UInt8(since == nil ? 0 : 1))
        writer.write(UInt64(bitPattern: since?.milliseconds ?? 0))
        writer.write(UInt64(bitPattern: fadedAt.milliseconds))
        writer.write(requests)
        for number in [weight, rate, rateSeconds] { writer.write(number.bitPattern) }
        writer.write(UInt16(samples.count))
        for sample in samples {
            let method = sample.method.utf8.prefix(Self.methodLimit)
            writer.write(UInt8(method.count))
            writer.write(method)
            writer.write(UInt16(sample.target.count))
            writer.write(sample.target)
            writer.write(UInt8(sample.isCut ? 1 : 0))
            for number in [sample.program, sample.ja4, sample.http2, sample.agent] { writer.write(number) }
        }
        return writer.bytes
    }

    /// Reads what `bytes` wrote; anything else is refused, with its place.
    package init(bytes: [UInt8]) throws(Malformed) {
        var reader = ByteReader(bytes.span.bytes)
        self.init()
        guard try reader.readByte() == Self.version else { throw reader.malformed(.unsupported) }
        let isKnown = try reader.readByte()
        guard isKnown <= 1 else { throw reader.malformed(.invalid) }
        let began = Moment(milliseconds: Int64(bitPattern: try reader.readUInt64()))
        let faded = Moment(milliseconds: Int64(bitPattern: try reader.readUInt64()))
        let count = try reader.readUInt64()
        var numbers: [Double] = []
        for _ in 0..<3 {
            let number = Double(bitPattern: try reader.readUInt64())
            guard number.isFinite, number >= 0 else { throw reader.malformed(.invalid) }
            numbers.append(number)
        }
        let size = Int(try reader.readUInt16())
        guard size <= Self.limit else { throw reader.malformed(.overBudget) }
        var samples: [RequestFeatures] = []
        samples.reserveCapacity(size)
        for _ in 0..<size { samples.append(try Self.sample(&reader)) }
        guard reader.remaining == 0 else { throw reader.malformed(.invalid) }
        restore(
            samples, since: isKnown == 1 ? began : nil, fadedAt: faded, requests: count, weight: numbers[0],
            rate: numbers[1], rateSeconds: numbers[2])
    }

    private static func sample(_ reader: inout ByteReader) throws(Malformed) -> RequestFeatures {
        let methodCount = Int(try reader.readByte())
        guard methodCount <= methodLimit else { throw reader.malformed(.overBudget) }
        let method = String(decoding: try reader.readArray(methodCount), as: UTF8.self)
        let count = Int(try reader.readUInt16())
        guard count <= RequestFeatures.targetLimit else { throw reader.malformed(.overBudget) }
        var sample = RequestFeatures(method: method, target: try reader.readArray(count))
        sample.isCut = try reader.readByte() == 1
        sample.isMasked = true
        sample.program = try reader.readUInt64()
        sample.ja4 = try reader.readUInt64()
        sample.http2 = try reader.readUInt64()
        sample.agent = try reader.readUInt64()
        return sample
    }
}
