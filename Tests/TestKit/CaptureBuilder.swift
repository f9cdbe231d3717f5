/// Builds capture files in memory.
package enum CaptureBuilder {
    /// A frame with the time of its capture.
    package struct Record: Sendable {
        /// Nanoseconds since 1970.
        package var time: Int64
        package var frame: [UInt8]
        /// Bytes on the wire; those kept where nil.
        package var originalLength: Int?
        /// Number of the interface in its section (pcapng).
        package var interface: UInt32

        package init(_ time: Int64, _ frame: [UInt8], originalLength: Int? = nil, interface: UInt32 = 0) {
            self.time = time
            self.frame = frame
            self.originalLength = originalLength
            self.interface = interface
        }
    }

    /// A classic capture file.
    /// - Parameter isModified: with the eight extra bytes per record of Kuznetzov's format.
    package static func pcap(
        _ records: [Record], link: UInt32 = 1, isBigEndian: Bool = false, isNanoseconds: Bool = false,
        isModified: Bool = false, snapLength: UInt32 = 262_144
    ) -> [UInt8] {
        let writer = Writer(isBigEndian: isBigEndian)
        let magic: UInt32 = isModified ? 0xa1b2_cd34 : isNanoseconds ? 0xa1b2_3c4d : 0xa1b2_c3d4
        var file = writer.four(magic) + writer.two(2) + writer.two(4) + writer.four(0) + writer.four(0)
        file += writer.four(snapLength) + writer.four(link)
        for record in records {
            let part = record.time % 1_000_000_000
            file += writer.four(UInt32(record.time / 1_000_000_000))
            file += writer.four(UInt32(isNanoseconds ? part : part / 1000))
            file += writer.four(UInt32(record.frame.count))
            file += writer.four(UInt32(record.originalLength ?? record.frame.count))
            if isModified { file += [UInt8](repeating: 0, count: 8) }
            file += record.frame
        }
        return file
    }

    /// An interface of a pcapng section.
    package struct Interface: Sendable {
        package var link: UInt16
        package var snapLength: UInt32
        /// if_tsresol: a power of ten, or of two with the highest bit set; left out where nil (then 10^-6 s).
        package var resolution: UInt8?
        /// if_tsoffset: seconds to add.
        package var offset: Int64?

        package init(link: UInt16 = 1, snapLength: UInt32 = 0, resolution: UInt8? = nil, offset: Int64? = nil) {
            self.link = link
            self.snapLength = snapLength
            self.resolution = resolution
            self.offset = offset
        }

        /// The units of a time, rounded down.
        fileprivate func units(_ time: Int64) -> UInt64 {
            let time = time &- (offset ?? 0) &* 1_000_000_000
            let resolution = resolution ?? 6
            let perSecond: Int128
            if resolution & 0x80 != 0 {
                perSecond = 1 << Int128(resolution & 0x7f)
            } else {
                perSecond = (0..<resolution).reduce(1) { product, _ in product &* 10 }
            }
            return UInt64(truncatingIfNeeded: Int128(time) &* perSecond / 1_000_000_000)
        }
    }

    /// Kinds of block that hold a packet.
    package enum PacketBlock: CaseIterable, Sendable { case enhanced, simple, obsolete }

    /// One section of a pcapng file; sections may follow each other.
    package static func section(
        _ interfaces: [Interface], _ records: [Record], isBigEndian: Bool = false,
        block kind: PacketBlock = .enhanced
    ) -> [UInt8] {
        let writer = Writer(isBigEndian: isBigEndian)
        var file = writer.block(
            0x0a0d_0d0a, writer.four(0x1a2b_3c4d) + writer.two(1) + writer.two(0) + writer.eight(UInt64.max))
        for interface in interfaces {
            var body = writer.two(interface.link) + writer.two(0) + writer.four(interface.snapLength)
            if let resolution = interface.resolution { body += writer.option(9, [resolution]) }
            if let offset = interface.offset { body += writer.option(14, writer.eight(UInt64(bitPattern: offset))) }
            file += writer.block(1, body + writer.option(0, []))
        }
        for record in records {
            let units = interfaces[Int(record.interface)].units(record.time)
            let original = writer.four(UInt32(record.originalLength ?? record.frame.count))
            let time = writer.four(UInt32(units >> 32)) + writer.four(UInt32(units & 0xffff_ffff))
            let lengths = writer.four(UInt32(record.frame.count)) + original
            switch kind {
            case .enhanced:
                file += writer.block(6, writer.four(record.interface) + time + lengths + padded(record.frame))
            case .simple: file += writer.block(3, original + padded(record.frame))
            case .obsolete:
                let head = writer.two(UInt16(record.interface)) + writer.two(0)
                file += writer.block(2, head + time + lengths + padded(record.frame))
            }
        }
        return file
    }

    /// A block of any type: for what readers do not know.
    package static func block(_ type: UInt32, _ body: [UInt8], isBigEndian: Bool = false) -> [UInt8] {
        Writer(isBigEndian: isBigEndian).block(type, padded(body))
    }

    private static func padded(_ bytes: [UInt8]) -> [UInt8] {
        bytes + [UInt8](repeating: 0, count: (4 - bytes.count & 3) & 3)
    }

    private struct Writer {
        let isBigEndian: Bool

        func two(_ value: UInt16) -> [UInt8] { ordered([UInt8(value >> 8), UInt8(value & 255)]) }

        func four(_ value: UInt32) -> [UInt8] {
            ordered((0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * $0)) })
        }

        func eight(_ value: UInt64) -> [UInt8] {
            ordered((0..<8).map { UInt8(truncatingIfNeeded: value >> UInt64(56 - 8 * $0)) })
        }

        func option(_ code: UInt16, _ value: [UInt8]) -> [UInt8] {
            two(code) + two(UInt16(value.count)) + CaptureBuilder.padded(value)
        }

        func block(_ type: UInt32, _ body: [UInt8]) -> [UInt8] {
            let length = four(UInt32(body.count + 12))
            return four(type) + length + body + length
        }

        private func ordered(_ bytes: [UInt8]) -> [UInt8] { isBigEndian ? bytes : bytes.reversed() }
    }
}
