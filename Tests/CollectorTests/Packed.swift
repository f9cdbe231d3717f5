import Bytes

/// gzip and Zstandard files written by hand, so that the tests need no program for it: content as it is, or runs of zeros.
enum Packed {
    /// One gzip member of stored blocks (RFC 1951, section 3.2.4).
    static func gzip(_ content: [UInt8]) -> [UInt8] {
        var bytes = gzipHead
        var start = 0
        repeat {
            let end = min(content.count, start + 65535)
            let size = UInt16(end - start)
            bytes += [end == content.count ? 1 : 0] + little(size) + little(~size) + content[start..<end]
            start = end
        } while start < content.count
        return bytes + little(checksum(content)) + little(UInt32(content.count))
    }

    /// One gzip member of 1 + 258 * `runs` zeros, 13 bits a run (RFC 1951, section 3.2.6).
    static func gzip(zeroRuns runs: Int) -> [UInt8] {
        var bits = Bits()
        bits.add(0b1, 1)
        bits.add(0b01, 2)
        bits.add(code: 0b0011_0000, 8)
        for _ in 0..<runs {
            bits.add(code: 0b1100_0101, 8)
            bits.add(code: 0, 5)
        }
        bits.add(code: 0, 7)
        let zeros = [UInt8](repeating: 0, count: 1 + 258 * runs)
        return gzipHead + bits.whole + little(checksum(zeros)) + little(UInt32(truncatingIfNeeded: zeros.count))
    }

    /// One Zstandard frame of raw blocks (RFC 8878, section 3.1.1.2).
    static func zstandard(_ content: [UInt8], windowLog: UInt8 = 20) -> [UInt8] {
        var bytes = zstandardHead(windowLog)
        var start = 0
        repeat {
            let end = min(content.count, start + 1000)
            bytes += block(isLast: end == content.count, type: 0, size: end - start) + content[start..<end]
            start = end
        } while start < content.count
        return bytes
    }

    /// One Zstandard frame of blocks of 128 KiB zeros, 4 bytes each.
    static func zstandard(zeroBlocks count: Int) -> [UInt8] {
        var bytes = zstandardHead(20)
        for index in 0..<count { bytes += block(isLast: index == count - 1, type: 1, size: 128 << 10) + [0] }
        return bytes
    }

    /// A frame that decoders pass over.
    static func skippable(_ content: [UInt8]) -> [UInt8] {
        [0x5a, 0x2a, 0x4d, 0x18] + little(UInt32(content.count)) + content
    }

    private static let gzipHead: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]

    private static func zstandardHead(_ windowLog: UInt8) -> [UInt8] {
        [0x28, 0xb5, 0x2f, 0xfd, 0, (windowLog - 10) << 3]
    }

    private static func block(isLast: Bool, type: Int, size: Int) -> [UInt8] {
        let header = (isLast ? 1 : 0) | type << 1 | size << 3
        return [UInt8(header & 255), UInt8(header >> 8 & 255), UInt8(header >> 16)]
    }

    private static func little(_ value: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: value.littleEndian) { Array($0) }
    }

    private static let table: [UInt32] = (0..<256).map { index in
        (0..<8).reduce(UInt32(index)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
    }

    private static func checksum(_ content: [UInt8]) -> UInt32 {
        let table = table
        var value = UInt32.max
        for byte in content { value = table[Int(UInt8(truncatingIfNeeded: value) ^ byte)] ^ value >> 8 }
        return ~value
    }

    /// deflate's bits: from the lowest of each byte up, codes with their highest bit first.
    private struct Bits {
        private var bytes: [UInt8] = []
        private var current: UInt8 = 0
        private var filled: UInt8 = 0

        mutating func add(_ value: Int, _ length: Int) {
            for place in 0..<length {
                current |= UInt8(value >> place & 1) << filled
                filled += 1
                if filled == 8 {
                    bytes.append(current)
                    current = 0
                    filled = 0
                }
            }
        }

        mutating func add(code: Int, _ length: Int) {
            for place in (0..<length).reversed() { add(code >> place & 1, 1) }
        }

        var whole: [UInt8] { filled == 0 ? bytes : bytes + [current] }
    }
}
