import CLinux
import Filters
import PacketFilter
import TestKit
import Testing

private let ring = EBPF.Map("ring", .ring, key: 0, value: 0, entries: 4096)
private let numbers = EBPF.Map("numbers", .array, key: 4, value: 8, entries: 2)
/// Bytes of a record with 16 bytes in it, in the ring.
private let recordSize = 24
private let frame = PacketBuilder.udpFrame(1, 2)

private struct Sampler {
    let maps: KernelMaps
    let program: KernelProgram

    init() throws {
        maps = try KernelMaps(creating: [ring, numbers])
        program = try KernelProgram(sampling(into: PacketFilterTests.ring, numbering: numbers), name: "s", maps: maps)
    }

    func run(_ count: Int) throws { #expect(try program.run(frame, repeats: count).action == .pass) }
    func reader() throws -> SampleRing { try SampleRing(#require(maps[PacketFilterTests.ring])) }
}

extension SampleRing {
    /// The numbers in the records that are read, each of which must be of the frame that was run.
    fileprivate mutating func numbers(atMost limit: Int = drainLimit) -> [Int] {
        var numbers: [Int] = []
        let count = drain(atMost: limit) { record in
            let bytes = record.withUnsafeBytes { Array($0) }
            guard bytes.count == 16, bytes.prefix(14).elementsEqual(frame.prefix(14)) else { return }
            numbers.append(Int(bytes[14]) | Int(bytes[15]) << 8)
        }
        #expect(count == numbers.count)
        return numbers
    }
}

@Suite(.needsBPF) struct `A ring of samples` {
    @Test func `gives what programs put into it, in order and once`() throws {
        let sampler = try Sampler()
        var reader = try sampler.reader()
        #expect(reader.waiting == 0 && reader.numbers() == [])
        try sampler.run(5)
        #expect(reader.waiting == UInt64(5 * recordSize))
        #expect(reader.numbers() == Array(0..<5))
        #expect(reader.waiting == 0 && reader.numbers() == [])
        #expect(reader.read == 5 && reader.readBytes == 80)
    }

    @Test func `goes round, and gives no more than is asked`() throws {
        let sampler = try Sampler()
        var reader = try sampler.reader()
        var next = 0
        // Three times round, in steps that do not divide it.
        for _ in 0..<9 {
            try sampler.run(61)
            #expect(reader.numbers(atMost: 7) == Array(next..<(next + 7)))
            #expect(reader.numbers() == Array((next + 7)..<(next + 61)))
            next += 61
        }
        #expect(next * recordSize > 3 * Int(ring.entries))
    }

    @Test func `that is full loses what comes last, and then goes on`() throws {
        let sampler = try Sampler()
        var reader = try sampler.reader()
        let room = Int(ring.entries) / recordSize
        try sampler.run(room + 100)
        #expect(reader.numbers() == Array(0..<room))
        try sampler.run(2)
        #expect(reader.numbers() == [room + 100, room + 101])
    }

    @Test func `goes on in a second reader where the first has ended`() throws {
        let sampler = try Sampler()
        try sampler.run(10)
        do {
            var first = try sampler.reader()
            #expect(first.numbers(atMost: 4) == Array(0..<4))
        }
        var second = try sampler.reader()
        #expect(second.numbers() == Array(4..<10))
        #expect(second.read == 6)
    }

    @Test func `passes over what was taken back`() throws {
        let sampler = try Sampler()
        let takeBack = try KernelProgram(takingBack(from: ring), name: "back", maps: sampler.maps)
        var reader = try sampler.reader()
        try sampler.run(1)
        #expect(try takeBack.run(frame, repeats: 3).action == .pass)
        try sampler.run(1)
        #expect(reader.waiting == UInt64(5 * recordSize))
        #expect(reader.numbers() == [0, 1])
        #expect(reader.waiting == 0)
    }
}

/// A ring as the kernel would lay it out, in memory of our own: what a reader does with records that are not whole.
@Suite struct `A ring in memory` {
    private func drain(_ heads: [UInt32], produced: UInt64) -> (lengths: [Int], consumed: UInt64) {
        var data = [UInt8](repeating: 0, count: 128)
        var place = 0
        for head in heads {
            for byte in 0..<4 { data[place + byte] = UInt8(truncatingIfNeeded: head >> UInt32(8 * byte)) }
            place += (8 + Int(head & 0x3fff_ffff) + 7) & ~7
        }
        var (consumer, producer) = (UInt64(0), produced)
        var lengths: [Int] = []
        withUnsafeMutablePointer(to: &consumer) { consumer in
            withUnsafePointer(to: &producer) { producer in
                data.withUnsafeBufferPointer { data in
                    let ring = linux_ring(consumer: consumer, producer: producer, data: data.baseAddress, size: 64)
                    _ = SampleRing.drain(ring, 10) { lengths.append($0.byteCount) }
                }
            }
        }
        return (lengths, consumer)
    }

    @Test func `is read up to a record that is still written`() {
        let whole = drain([5, 8, 3], produced: 48)
        #expect(whole.lengths == [5, 8, 3] && whole.consumed == 48)
        let busy = drain([5, 8 | linux_ring_busy, 3], produced: 48)
        #expect(busy.lengths == [5] && busy.consumed == 16)
        let discarded = drain([5, 8 | linux_ring_discarded, 3], produced: 48)
        #expect(discarded.lengths == [5, 3] && discarded.consumed == 48)
    }

    @Test func `is not read beyond what was written`() {
        let early = drain([5, 8, 3], produced: 16)
        #expect(early.lengths == [5] && early.consumed == 16)
        let long = drain([5, 0x1000_0000], produced: 48)
        #expect(long.lengths == [5] && long.consumed == 16)
    }
}

@Suite(.needsBPF) struct `An array in memory` {
    @Test func `is the one that programs see`() throws {
        let sampler = try Sampler()
        let array = try MappedArray(try #require(sampler.maps[numbers]))
        #expect(array.count == 2 && array[0] == 0)
        try sampler.run(3)
        #expect(array[0] == 3)
        array[0] = 500
        array[1] = 7
        try sampler.run(1)
        #expect(array[0] == 501)
        #expect(try #require(sampler.maps[numbers]).value(of: UInt32(1)) == UInt64(7))
    }

    @Test func `has entries of any length, each cleared alone`() throws {
        let shape = EBPF.Map("odd", .array, key: 4, value: 12, entries: 3)
        let map = try KernelMap(creating: shape)
        let array = try MappedArray(map)
        #expect(array.count == 6)
        for index in 0..<6 { array[index] = .max }
        array.withBytes(of: 1) { bytes in
            #expect(bytes.byteCount == 12)
            #expect(bytes.withUnsafeBytes { $0.allSatisfy { $0 == 255 } })
        }
        array.clear(1)
        #expect((0..<6).map { array[$0] } == [.max, .max, 0, 0, .max, .max])
    }

    @Test func `holds the filter's own`() throws {
        for shape in [FilterMaps.presence, FilterMaps.sketch] {
            let map = try KernelMap(creating: shape)
            let array = try MappedArray(map)
            #expect(array.count == Int(shape.entries) * Int(shape.valueSize) / 8)
            array[array.count - 1] = 5
            array.withBytes(of: Int(shape.entries) - 1) { bytes in
                #expect(bytes.unsafeLoad(fromByteOffset: bytes.byteCount - 8, as: UInt64.self) == 5)
            }
        }
    }
}

@Suite(.needsBPF) struct `The clock` {
    @Test func `is the one that programs read`() throws {
        let maps = try KernelMaps(creating: [numbers])
        let program = try KernelProgram(timing(into: numbers), name: "clock", maps: maps)
        let before = KernelClock.now
        #expect(try program.run(frame).action == .pass)
        let after = KernelClock.now
        let map = try #require(maps[numbers])
        let between = try #require(try map.value(of: UInt32(0), as: UInt64.self))
        #expect(before > 0 && before <= between && between <= after)
        #expect(after - before < 1_000_000_000)
    }
}
