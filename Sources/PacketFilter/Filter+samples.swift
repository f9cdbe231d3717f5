internal import CLinux
internal import Filters
package import Mitigations

// Samples: the first bytes of one frame of so many.
extension Filter {
    package func takeSamples(_ most: Int, _ body: (FilterSample) -> Void) {
        guard most > 0 else { return }
        if let waiting = ring?.waiting, waiting > UInt64(FilterMaps.samples.entries) / 2 { sampled.wasFull = true }
        let taken = ring?.drain(atMost: most) { bytes in
            guard let sample = FilterSample(record: bytes) else { return }
            body(sample)
        }
        sampled.taken += UInt64(taken ?? 0)
        conduct.samples = sampled.taken
    }
}

/// How many samples came, and about how many there was no room for: the kernel does not count those.
struct SampleTally {
    var taken: UInt64 = 0
    private(set) var lost: UInt64 = 0
    /// The ring was half full since the last look: only then frames may have been lost.
    var wasFull = false
    private var packets: UInt64 = 0
    private var takenBefore: UInt64 = 0

    mutating func begin(counts: [FilterCount], at _: UInt64) { packets = Self.packets(counts) }

    /// Estimates from the packets since the last look what should have come.
    mutating func look(counts: [FilterCount], sampling: UInt32, at _: UInt64) {
        let all = Self.packets(counts)
        defer {
            packets = all
            takenBefore = taken
            wasFull = false
        }
        guard wasFull, sampling > 0, all > packets else { return }
        let expected = (all - packets) / UInt64(sampling)
        lost += expected - min(expected, taken - takenBefore)
    }

    /// Each packet ends in one reason that is not dry.
    private static func packets(_ counts: [FilterCount]) -> UInt64 {
        zip(FilterReason.allCases, counts).reduce(0) { $1.0.isDry ? $0 : $0 &+ $1.1.packets }
    }
}

extension FilterSample {
    /// A record of the ring; nil where it is shorter than it says.
    init?(record: RawSpan) {
        let head = FilterMaps.sampleHead
        guard record.byteCount >= head else { return nil }
        let length = record.unsafeLoad(fromByteOffset: 8, as: UInt32.self)
        let count = Int(record.unsafeLoad(fromByteOffset: 12, as: UInt32.self))
        guard count <= record.byteCount - head, count <= Self.byteLimit else { return nil }
        self.init(
            clock: record.unsafeLoad(fromByteOffset: 0, as: UInt64.self), length: length,
            bytes: record.extracting(head..<head + count).withUnsafeBytes { [UInt8]($0) })
    }
}
