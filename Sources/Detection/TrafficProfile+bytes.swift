package import Addresses
package import Bytes
internal import Packets

/// A profile as it is kept in a file: bounded, checked when read, without a source address in it.
extension TrafficProfile {
    /// "WSTP", and the version of the form.
    package static let magic: UInt32 = 0x5753_5450
    private static let version: UInt16 = 1
    /// Longest name in bytes.
    private static let nameLimit = 128
    /// Longest file: the limits of its parts together.
    package static let sizeLimit = 4 << 20

    /// The file's bytes. Single hosts are named only where they lie in one of `targets`: the others may be visitors. The
    /// sample holds what packets look like, not whose they were.
    package func bytes(namingHostsIn targets: [Prefix]) -> [UInt8] {
        var writer = ByteWriter(reserving: 64 << 10)
        writer.write(Self.magic)
        writer.write(Self.version)
        let name = Array(name.utf8.prefix(Self.nameLimit))
        writer.write(UInt8(name.count))
        writer.write(name)
        writer.write(seconds.bitPattern)
        writer.write(UInt16(ordinary.count))
        for class_ in ordinary {
            for value in [class_.peakFromFew, class_.peakFromMany, class_.mean, class_.share] {
                writer.write(value.bitPattern)
            }
        }
        let named = known.values.filter { item in
            let isHost = item.target.length == (item.target.address.isIPv4 ? 32 : 128)
            return !isHost || targets.contains { $0.contains(item.target.address) }
        }.sorted { ($0.target.description, $0.kind.number) < ($1.target.description, $1.kind.number) }
        writer.write(UInt32(named.count))
        for item in named {
            writer.write(item.target.address.high)
            writer.write(item.target.address.low)
            writer.write(UInt8(item.target.length))
            writer.write(item.kind.number)
            writer.write(item.usual.bitPattern)
            writer.write(item.usualBytes.bitPattern)
            writer.write(UInt32(bitPattern: item.seconds))
        }
        let packets = samples.prefix(Self.sampleLimit)
        writer.write(UInt32(packets.count))
        for sample in packets { Self.write(sample, to: &writer) }
        return writer.bytes
    }

    private static func write(_ sample: WeightedPacket, to writer: inout ByteWriter) {
        let packet = sample.packet
        writer.write(sample.weight.bitPattern)
        writer.write(packet.sourcePort)
        writer.write(packet.destinationPort)
        for byte in [
            packet.protocolNumber, packet.flags, packet.ttl, packet.fragment.rawValue, packet.icmpType, packet.icmpCode,
            packet.service.rawValue, packet.role.rawValue, packet.isPayloadSeen ? 1 : 0, packet.tunnel.rawValue,
        ] {
            writer.write(byte)
        }
        writer.write(packet.length)
        writer.write(packet.payloadLength)
        writer.write(packet.payloadPrefix)
        writer.write(packet.dnsType)
        writer.write(packet.dnsNameHash)
    }

    /// Reads a file's bytes; an error with its place for what no writer made.
    package init(reading reader: inout ByteReader) throws(Malformed) {
        guard try reader.readUInt32() == Self.magic else { throw reader.malformed(.invalid) }
        guard try reader.readUInt16() == Self.version else { throw reader.malformed(.unsupported) }
        let length = Int(try reader.readByte())
        guard length <= Self.nameLimit else { throw reader.malformed(.overBudget) }
        let name = String(decoding: try reader.readArray(length), as: UTF8.self)
        let seconds = Double(bitPattern: try reader.readUInt64())
        guard seconds >= 0, seconds < 1e10 else { throw reader.malformed(.invalid) }
        guard Int(try reader.readUInt16()) == TrafficClass.count else { throw reader.malformed(.unsupported) }
        var ordinary: [Ordinary] = []
        for _ in 0..<TrafficClass.count {
            ordinary.append(
                Ordinary(
                    peakFromFew: try Self.amount(&reader), peakFromMany: try Self.amount(&reader),
                    mean: try Self.amount(&reader), share: try Self.amount(&reader)))
        }
        let knownCount = Int(try reader.readUInt32())
        guard knownCount <= Self.knownLimit else { throw reader.malformed(.overBudget) }
        var known: [Key: Known] = [:]
        for _ in 0..<knownCount {
            let address = Address(high: try reader.readUInt64(), low: try reader.readUInt64())
            let length = Int(try reader.readByte())
            let kind = TrafficClass(number: try reader.readByte())
            let target = Prefix(address, length: length)
            guard target.address == address, target.length == length, kind.isNamed else {
                throw reader.malformed(.invalid)
            }
            let usual = try Self.amount(&reader)
            let usualBytes = try Self.amount(&reader)
            let seconds = Int32(bitPattern: try reader.readUInt32())
            guard (0...Self.memory).contains(seconds) else { throw reader.malformed(.invalid) }
            known[Key(target: target, kind: kind)] = Known(
                target: target, kind: kind, usual: usual, usualBytes: usualBytes, seconds: seconds)
        }
        let sampleCount = Int(try reader.readUInt32())
        guard sampleCount <= Self.sampleLimit else { throw reader.malformed(.overBudget) }
        var samples: [WeightedPacket] = []
        for _ in 0..<sampleCount { samples.append(try Self.sample(&reader)) }
        guard reader.remaining == 0 else { throw reader.malformed(.invalid) }
        self.init(name: name, ordinary: ordinary, known: known, seconds: seconds, samples: samples)
    }

    /// A rate or share that traffic can have.
    private static func amount(_ reader: inout ByteReader) throws(Malformed) -> Float {
        let value = Float(bitPattern: try reader.readUInt32())
        guard value >= 0, value < 1e15 else { throw reader.malformed(.invalid) }
        return value
    }

    private static func sample(_ reader: inout ByteReader) throws(Malformed) -> WeightedPacket {
        let weight = try amount(&reader)
        var packet = PacketSummary()
        packet.sourcePort = try reader.readUInt16()
        packet.destinationPort = try reader.readUInt16()
        packet.protocolNumber = try reader.readByte()
        packet.flags = try reader.readByte()
        packet.ttl = try reader.readByte()
        let fragment = PacketSummary.Fragment(rawValue: try reader.readByte())
        packet.icmpType = try reader.readByte()
        packet.icmpCode = try reader.readByte()
        let service = Service(rawValue: try reader.readByte())
        let role = Role(rawValue: try reader.readByte())
        packet.isPayloadSeen = try reader.readByte() == 1
        let tunnel = PacketSummary.Tunnel(rawValue: try reader.readByte())
        guard let fragment, let service, let role, let tunnel else { throw reader.malformed(.invalid) }
        packet.fragment = fragment
        packet.service = service
        packet.role = role
        packet.tunnel = tunnel
        packet.length = try reader.readUInt32()
        packet.payloadLength = try reader.readUInt16()
        packet.payloadPrefix = try reader.readUInt64()
        packet.dnsType = try reader.readUInt16()
        packet.dnsNameHash = try reader.readUInt64()
        return WeightedPacket(packet: packet, weight: weight)
    }
}
