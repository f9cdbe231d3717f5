package import Bytes
package import Fingerprints
package import Moments

extension ByteWriter {
    package mutating func write(_ moment: Moment) { write(UInt64(bitPattern: moment.milliseconds)) }
    package mutating func write(_ number: Double) { write(number.bitPattern) }

    /// What may be missing: whether it is there, then it.
    package mutating func writeOptional<Value>(_ value: Value?, _ write: (Value, inout ByteWriter) -> Void) {
        self.write(value != nil)
        if let value { write(value, &self) }
    }
}

extension ByteReader {
    /// A moment from 1970 to 9999: what is counted with cannot overflow.
    package mutating func readMoment() throws(Malformed) -> Moment {
        let moment = Moment(milliseconds: Int64(bitPattern: try readUInt64()))
        guard (0..<253_402_300_800_000).contains(moment.milliseconds) else { throw malformed(.invalid) }
        return moment
    }

    /// A finite number that is not below zero.
    package mutating func readNumber() throws(Malformed) -> Double {
        let number = Double(bitPattern: try readUInt64())
        guard number.isFinite, number.sign == .plus else { throw malformed(.invalid) }
        return number
    }

    package mutating func readShare() throws(Malformed) -> Double {
        let share = try readNumber()
        guard share <= 1 else { throw malformed(.invalid) }
        return share
    }

    package mutating func readOptional<Value>(
        _ read: (inout ByteReader) throws(Malformed) -> Value
    ) throws(Malformed) -> Value? {
        try readBool() ? try read(&self) : nil
    }
}

extension Fingerprint: Message {
    private static let kindLimit = 64

    package func write(to writer: inout ByteWriter) {
        writer.writeList(conditions) {
            $1.writeText($0.feature.rawValue)
            $1.writeText($0.value)
        }
        writer.writeOptional(kind) { $1.writeText($0) }
        evidence.write(to: &writer)
        writer.write(made)
        writer.write(expires)
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        var order: [Int] = []
        let conditions = try reader.readList(limit: Feature.allCases.count) { reader throws(Malformed) in
            guard let feature = Feature(rawValue: try reader.readText(limit: 32)),
                let place = Feature.allCases.firstIndex(of: feature)
            else { throw reader.malformed(.invalid) }
            order.append(place)
            return Condition(feature, try reader.readText())
        }
        // Each feature once, in their order, and of one of both: what a fingerprint promises.
        guard !order.isEmpty, zip(order, order.dropFirst()).allSatisfy({ $0 < $1 }),
            Set(conditions.map(\.feature.isOfPacket)).count == 1
        else { throw reader.malformed(.invalid) }
        self.init(
            conditions: conditions,
            kind: try reader.readOptional { reader throws(Malformed) in try reader.readText(limit: Self.kindLimit) },
            evidence: try Evidence(reading: &reader), made: try reader.readMoment(), expires: try reader.readMoment())
    }
}

extension Fingerprint.Evidence: Message {
    package func write(to writer: inout ByteWriter) {
        writer.write(coverage)
        writer.writeOptional(collateral) { $1.write($0) }
        writer.write(attackCount)
        writer.write(baselineCount)
        writer.write(sources)
        writer.write(from)
        writer.write(until)
        writer.writeOptional(bytes) {
            $1.write($0.coverage)
            $1.writeOptional($0.collateral) { $1.write($0) }
            $1.write($0.attackCount)
            $1.write($0.baselineCount)
        }
        writer.writeOptional(peakRate) { $1.write($0) }
        writer.writeOptional(isSpoofable) { $1.write($0) }
        writer.writeList(networks) {
            $1.writeText($0.prefix)
            $1.write($0.share)
        }
        writer.writeOptional(baseline) { $1.writeText($0) }
    }

    package init(reading reader: inout ByteReader) throws(Malformed) {
        self.init(
            coverage: try reader.readShare(),
            collateral: try reader.readOptional { reader throws(Malformed) in try reader.readShare() },
            attackCount: try reader.readUInt64(), baselineCount: try reader.readUInt64(),
            sources: try reader.readUInt64(), from: try reader.readMoment(), until: try reader.readMoment())
        bytes = try reader.readOptional { reader throws(Malformed) in
            Bytes(
                coverage: try reader.readShare(),
                collateral: try reader.readOptional { reader throws(Malformed) in try reader.readShare() },
                attackCount: try reader.readUInt64(), baselineCount: try reader.readUInt64())
        }
        peakRate = try reader.readOptional { reader throws(Malformed) in try reader.readNumber() }
        isSpoofable = try reader.readOptional { reader throws(Malformed) in try reader.readBool() }
        networks = try reader.readList(limit: Self.networkLimit) { reader throws(Malformed) in
            Network(prefix: try reader.readText(limit: 64), share: try reader.readShare())
        }
        baseline = try reader.readOptional { reader throws(Malformed) in try reader.readText(limit: 256) }
    }
}
