package import Bytes
internal import Sketches

/// What a site's calm taught: enough to judge requests by from the first second, where a lane takes over from another in the
/// middle of an attack. Nothing of a request or a source can be read back from it; its numbers mean something under one
/// key alone.
package struct CalmProfile: Equatable, Sendable {
    /// Tells the key under which the numbers were made from others.
    var mark: UInt64
    /// How much sources usually ask for.
    var demands: DecayedHistogram
    /// Requests per second.
    var rate: Float
    /// Requests for pages, and for parts of pages.
    var totals: [2 of Float]
    /// For each value of each trait.
    var weights: [Float]
    var targets: SeenTargets
    var rows: [TraitRow]

    /// Sources' demands that are remembered.
    static let demandMemory: Float = 20_000
    private static let version: UInt8 = 2

    package static func == (one: CalmProfile, other: CalmProfile) -> Bool { one.encoded() == other.encoded() }
}

/// As bytes.
extension CalmProfile {
    /// The form in which it lies in files: some 130 KB.
    package func encoded() -> [UInt8] {
        var writer = ByteWriter(reserving: 160 << 10)
        writer.write(Self.version)
        writer.write(mark)
        for weight in demands.buckets { writer.write(weight.bitPattern) }
        writer.write(rate.bitPattern)
        writer.write(totals[0].bitPattern)
        writer.write(totals[1].bitPattern)
        for weight in weights { writer.write(weight.bitPattern) }
        for tag in targets.tags { writer.write(tag) }
        writer.write(UInt16(rows.count))
        for row in rows {
            for trait in row.places.indices { writer.write(row.places[trait]) }
            writer.write(UInt8(row.isAsset ? 1 : 0))
        }
        return writer.bytes
    }

    /// Throws where the bytes are cut off or more than a profile has, or hold what no profile can.
    package init(decoding bytes: RawSpan) throws(Malformed) {
        var reader = ByteReader(bytes)
        guard try reader.readByte() == Self.version else { throw reader.malformed(.unsupported) }
        mark = try reader.readUInt64()
        var buckets: [Float] = []
        for _ in 0..<DecayedHistogram.bucketCount { buckets.append(try Self.weight(&reader)) }
        guard let demands = DecayedHistogram(memory: Self.demandMemory, buckets: buckets) else {
            throw reader.malformed(.invalid)
        }
        self.demands = demands
        rate = try Self.weight(&reader)
        totals = [try Self.weight(&reader), try Self.weight(&reader)]
        weights = []
        weights.reserveCapacity(Trait.count * TraitRow.cells)
        for _ in 0..<Trait.count * TraitRow.cells { weights.append(try Self.weight(&reader)) }
        targets = SeenTargets()
        for place in targets.tags.indices { targets.tags[place] = try reader.readUInt16() }
        rows = []
        let count = Int(try reader.readUInt16())
        guard count <= TraitContrast.kept else { throw reader.malformed(.invalid) }
        for _ in 0..<count { rows.append(try TraitRow(reading: &reader)) }
        guard reader.remaining == 0 else { throw reader.malformed(.invalid) }
    }

    private static func weight(_ reader: inout ByteReader) throws(Malformed) -> Float {
        let weight = Float(bitPattern: try reader.readUInt32())
        guard weight >= 0, weight < 1e9 else { throw reader.malformed(.invalid) }
        return weight
    }
}

extension TraitRow {
    fileprivate init(reading reader: inout ByteReader) throws(Malformed) {
        places = [11 of UInt16](repeating: 0)
        for trait in places.indices {
            places[trait] = try reader.readUInt16()
            guard places[trait] < UInt16(Self.cells) else { throw reader.malformed(.invalid) }
        }
        isAsset = try reader.readByte() == 1
    }
}
