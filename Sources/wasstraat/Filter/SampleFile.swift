internal import Bytes
internal import Collector
internal import Glibc
package import Mitigations

/// The two clocks of a machine at one moment, in nanoseconds: samples have the monotonic one, captures the wall's.
package struct SampleClock: Equatable, Sendable {
    /// Since 1970.
    package var wall: Int64
    /// Since the machine's start.
    package var monotonic: UInt64

    package init(wall: Int64, monotonic: UInt64) {
        self.wall = wall
        self.monotonic = monotonic
    }

    static var now: SampleClock {
        var (wall, monotonic) = (timespec(), timespec())
        clock_gettime(CLOCK_REALTIME, &wall)
        clock_gettime(CLOCK_MONOTONIC, &monotonic)
        return SampleClock(
            wall: Int64(wall.tv_sec) * 1_000_000_000 + Int64(wall.tv_nsec),
            monotonic: UInt64(clamping: Int64(monotonic.tv_sec) * 1_000_000_000 + Int64(monotonic.tv_nsec)))
    }

    /// The wall's time of a sample; one that is ahead of the clock is of now.
    package func time(of sample: UInt64) -> UInt64 {
        let age = monotonic >= sample ? monotonic - sample : 0
        return UInt64(clamping: wall - Int64(clamping: age))
    }
}

/// A capture file in memory (pcapng, draft-ietf-opsawg-pcapng): one section, one Ethernet interface, nanoseconds.
package enum SampleCapture {
    /// Stands in the file, where every reader of captures shows it.
    static let warning =
        "Samples of the Wasstraat packet filter. They hold source addresses: erase them when not needed."

    /// The section and its interface.
    package static func head() -> [UInt8] {
        var writer = ByteWriter(reserving: 256)
        block(0x0a0d_0d0a, &writer) {
            $0.write(UInt32(0x1a2b_3c4d))
            $0.write(UInt16(1))
            $0.write(UInt16(0))
            // Nobody knows how long the section will be.
            $0.write(UInt64.max)
            option(1, Array(warning.utf8), &$0)
            option(0, [], &$0)
        }
        block(1, &writer) {
            // Ethernet.
            $0.write(UInt16(1))
            $0.write(UInt16(0))
            $0.write(UInt32(FilterSample.byteLimit))
            // if_tsresol: 10^-9 s.
            option(9, [9], &$0)
            option(0, [], &$0)
        }
        return writer.bytes
    }

    package static func packet(_ sample: FilterSample, at clock: SampleClock) -> [UInt8] {
        var writer = ByteWriter(reserving: 48 + sample.bytes.count)
        let time = clock.time(of: sample.clock)
        block(6, &writer) {
            $0.write(UInt32(0))
            $0.write(UInt32(time >> 32))
            $0.write(UInt32(truncatingIfNeeded: time))
            $0.write(UInt32(sample.bytes.count))
            $0.write(max(sample.length, UInt32(sample.bytes.count)))
            pad(sample.bytes, &$0)
        }
        return writer.bytes
    }

    private static func block(_ type: UInt32, _ writer: inout ByteWriter, _ body: (inout ByteWriter) -> Void) {
        var inner = ByteWriter()
        body(&inner)
        // Type and the length twice.
        let length = UInt32(inner.bytes.count + 12)
        writer.write(type)
        writer.write(length)
        writer.write(inner.bytes)
        writer.write(length)
    }

    private static func option(_ code: UInt16, _ value: [UInt8], _ writer: inout ByteWriter) {
        writer.write(code)
        writer.write(UInt16(value.count))
        pad(value, &writer)
    }

    private static func pad(_ bytes: [UInt8], _ writer: inout ByteWriter) {
        writer.write(bytes)
        writer.write(repeatElement(UInt8(0), count: -bytes.count & 3))
    }
}

/// The file that samples are written to, readable by its owner alone.
final class SampleFile {
    private let path: String
    private let descriptor: Descriptor
    private var isEmpty = true

    /// Makes the file; what is there already is not touched.
    init(_ path: String) throws(InputError) {
        self.path = path
        let opened = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard opened >= 0 else {
            throw InputError(.cannotOpen, path, "cannot write: \(String(cString: strerror(errno)))")
        }
        descriptor = Descriptor(opened)
        try write(SampleCapture.head())
    }

    func write(_ samples: some Sequence<FilterSample>, at clock: SampleClock) throws(InputError) {
        let bytes = samples.flatMap { SampleCapture.packet($0, at: clock) }
        guard !bytes.isEmpty else { return }
        isEmpty = false
        try write(bytes)
    }

    func removeWhereEmpty() {
        if isEmpty { unlink(path) }
    }

    private func write(_ bytes: [UInt8]) throws(InputError) {
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor.number, $0.baseAddress! + offset, $0.count - offset)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw InputError(.cannotRead, path, "cannot write: \(String(cString: strerror(errno)))")
            }
            offset += count
        }
    }
}
