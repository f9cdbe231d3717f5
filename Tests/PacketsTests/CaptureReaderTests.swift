import Bytes
import Packets
import TestKit
import Testing

private let frames: [[UInt8]] = [
    PacketBuilder.udpFrame(53, to: PacketBuilder.destination, 4000, PacketBuilder.dns("example.nl", isResponse: true)),
    PacketBuilder.tcpFrame(40_000, to: PacketBuilder.destination, 443, flags: 2),
    [],
    [1, 2, 3],
]
/// Exact in every unit that is used here: milliseconds that are multiples of 1/1024 s have 125 ms steps.
private let times: [Int64] = [1_700_000_000_125_000_000, 1_700_000_000_250_000_000, 0, 4_000_000_000_500_000_000]
private let records = zip(times, frames).map { CaptureBuilder.Record($0, $1, originalLength: $1.count + 5) }
private let expected = zip(times, frames).map {
    CaptureContent.Frame(time: $0, link: .ethernet, originalLength: $1.count + 5, bytes: $1)
}

private let pcaps: [(String, [UInt8])] = [
    ("little", CaptureBuilder.pcap(records)),
    ("big", CaptureBuilder.pcap(records, isBigEndian: true)),
    ("nano", CaptureBuilder.pcap(records, isNanoseconds: true)),
    ("big nano", CaptureBuilder.pcap(records, isBigEndian: true, isNanoseconds: true)),
    ("modified", CaptureBuilder.pcap(records, isModified: true)),
]

/// Every resolution and offset that has to give the same times.
private let interfaces: [CaptureBuilder.Interface] = [
    .init(), .init(resolution: 9), .init(resolution: 3), .init(resolution: 10),
    .init(resolution: 12, offset: 1_699_999_000), .init(resolution: 0x80 | 10),
    .init(resolution: 0x80 | 30), .init(resolution: 9, offset: -3600), .init(resolution: 6, offset: 0),
]

private func isRecognised(_ file: [UInt8]) -> Bool { CaptureReader.recognises(file.span.bytes) }

@Suite struct `A capture` {
    @Test(arguments: pcaps) func `of the classic format is read in each variant`(name: String, file: [UInt8]) {
        #expect(isRecognised(file))
        #expect(content(of: file) == CaptureContent(frames: expected))
    }

    @Test(arguments: [false, true], CaptureBuilder.PacketBlock.allCases)
    func `of blocks is read in each variant`(isBigEndian: Bool, kind: CaptureBuilder.PacketBlock) {
        let file = CaptureBuilder.section([.init()], records, isBigEndian: isBigEndian, block: kind)
        #expect(isRecognised(file))
        var expected = expected
        if kind == .simple { for index in expected.indices { expected[index].time = 0 } }
        // A simple block does not say how much was kept: all that was on the wire, up to the block's end.
        if kind == .simple {
            let found = content(of: file)
            #expect(found.frames.map(\.originalLength) == expected.map(\.originalLength))
            #expect(found.frames.map { $0.bytes.prefix(3) } == expected.map { $0.bytes.prefix(3) } || isBigEndian)
            #expect(found.errors.isEmpty && found.ended == nil)
            return
        }
        #expect(content(of: file) == CaptureContent(frames: expected))
    }

    @Test func `reads the time of each interface in its own resolution`() {
        for isBigEndian in [false, true] {
            let records = interfaces.indices.map {
                CaptureBuilder.Record(times[0] + 125_000_000 * Int64($0), [7], interface: UInt32($0))
            }
            let file = CaptureBuilder.section(interfaces, records, isBigEndian: isBigEndian)
            #expect(content(of: file).frames.map(\.time) == records.map(\.time))
        }
    }

    @Test func `gives each interface's link and forgets them with the section`() {
        let links: [UInt16] = [1, 113, 101, 276]
        let records = links.indices.map { CaptureBuilder.Record(times[0], [7], interface: UInt32($0)) }
        let first = CaptureBuilder.section(links.map { .init(link: $0) }, records)
        let second = CaptureBuilder.section([.init(link: 108)], [records[0]], isBigEndian: true)
        let third = CaptureBuilder.section([], [])
        let found = content(of: first + third + second)
        #expect(found.frames.map(\.link.rawValue) == [1, 113, 101, 276, 108])
        #expect(found.errors.isEmpty && found.ended == nil)
        // An interface of an earlier section is none of this one.
        let orphan = CaptureBuilder.section([.init()], [records[0]]).dropFirst(28 + 20 + 4)
        #expect(content(of: first + third + orphan).errors == [.invalid])
    }

    @Test func `passes over blocks that it does not know`() {
        let section = CaptureBuilder.section([.init()], records)
        let strange = CaptureBuilder.block(0x0bad, [1, 2, 3])
        let long = CaptureBuilder.block(5, Array(repeating: 9, count: CaptureReader.recordLimit + 1000))
        let file = section + strange + long + section
        #expect(content(of: file) == CaptureContent(frames: expected + expected))
        // In small pieces, too, though no buffer ever holds the long block.
        #expect(content(of: file, step: 4096) == CaptureContent(frames: expected + expected))
    }

    @Test func `goes on behind a block that is too long or wrong`() {
        let interface = CaptureBuilder.section([.init()], [])
        let block = Array(CaptureBuilder.section([.init()], [records[0]]).dropFirst(interface.count))
        let long = CaptureBuilder.block(6, Array(repeating: 0, count: CaptureReader.recordLimit))
        var wrong = block
        wrong[20] = 0xff
        wrong[21] = 0xff
        var mismatched = block
        mismatched[mismatched.count - 4] ^= 4
        let found = content(of: interface + block + long + wrong + mismatched + block)
        #expect(found.errors == [.overBudget, .contradictory, .contradictory])
        #expect(found.frames == [expected[0], expected[0]])
        #expect(found.ended == nil)
    }

    @Test func `ends where nothing says how it goes on`() {
        var file = CaptureBuilder.pcap(records)
        file[24 + 8 + 3] = 1
        #expect(content(of: file) == CaptureContent(errors: [.overBudget]))
        for length: UInt8 in [0, 8, 13] {
            var blocks = CaptureBuilder.section([.init()], records)
            blocks[28 + 4] = length
            #expect(content(of: blocks) == CaptureContent(errors: [.invalid]))
        }
        // The reader stays lost.
        var reader = CaptureReader()
        var offset = 0
        for _ in 0..<2 {
            let bytes: [UInt8] = [9, 9, 9, 9]
            let step = try? reader.next(in: bytes.span.bytes, from: &offset)
            #expect(step == nil)
            #expect(reader.isLost)
        }
    }

    @Test func `keeps a bounded number of interfaces`() {
        let limit = CaptureReader.interfaceLimit
        let many = Array(repeating: CaptureBuilder.Interface(), count: limit + 2)
        let numbers = [0, limit - 1, limit, limit + 1]
        let records = numbers.map { CaptureBuilder.Record(times[0], [1], interface: UInt32($0)) }
        let found = content(of: CaptureBuilder.section(many, records))
        #expect(found.frames.count == 2)
        #expect(found.errors == [.overBudget, .overBudget])
    }

    @Test func `refuses the frames of an interface that it could not read`() {
        // The resolution's option claims two bytes.
        var file = CaptureBuilder.section([.init(resolution: 9), .init()], [])
        file[28 + 16 + 2] = 2
        let both = CaptureBuilder.section([.init(), .init()], [records[0], .init(times[1], [5], interface: 1)])
        let blocks = both.dropFirst(CaptureBuilder.section([.init(), .init()], []).count)
        let found = content(of: file + blocks)
        #expect(found.errors == [.invalid, .invalid])
        #expect(found.frames.map(\.bytes) == [[5]])
    }

    @Test func `is read alike however it comes in pieces`() {
        let blocks =
            CaptureBuilder.section([.init(), .init(resolution: 9)], records) + CaptureBuilder.block(77, [1, 2])
        for file in pcaps.map(\.1) + [blocks] {
            for step in 1..<file.count {
                #expect(content(of: file, step: step) == CaptureContent(frames: expected), "steps of \(step)")
            }
        }
    }

    @Test func `that is cut off keeps what came before`() {
        for file in pcaps.map(\.1) + [CaptureBuilder.section([.init()], records)] {
            for length in 0..<file.count {
                let found = content(of: Array(file[..<length]))
                #expect(found.errors.isEmpty, "cut at \(length)")
                #expect(found.frames == Array(expected.prefix(found.frames.count)))
            }
            let cuts = (0..<file.count).filter { content(of: Array(file[..<$0])).ended == nil }
            // Behind the header (and the interface), and behind each record but the last.
            #expect((4...5).contains(cuts.count))
        }
    }

    @Test func `has times that do not overflow`() {
        let extreme: [CaptureBuilder.Interface] = [
            .init(resolution: 0), .init(resolution: 0x80), .init(resolution: 0xff), .init(resolution: 127),
            .init(resolution: 0, offset: .max), .init(resolution: 6, offset: .min), .init(resolution: 0x80 | 64),
        ]
        let header = CaptureBuilder.section(extreme, [])
        var times: [Int64] = []
        for number in extreme.indices {
            var block = Array(
                CaptureBuilder.section(extreme, [.init(0, [1], interface: UInt32(number))]).dropFirst(header.count))
            for index in 12..<20 { block[index] = 0xff }
            times += content(of: header + block).frames.map(\.time)
        }
        #expect(times.count == extreme.count)
        #expect(times[0] == .max && times[1] == .max && times[2] == 0 && times[3] == 0)
        #expect(times[4] == .max && times[5] < 0 && times[6] == 999_999_999)
    }

    @Test func `is not recognised in other files`() {
        for bytes: [UInt8] in [[], [0xa1], [0xa1, 0xb2, 0xc3], Array("\u{1f}\u{8b}\u{8}\u{0}".utf8), [0, 0, 0, 0]] {
            #expect(!isRecognised(bytes))
        }
        let other: [UInt8] = [0x0a, 0x0d, 0x0d, 0x0a, 0, 0, 0, 28, 1, 2, 3, 4]
        #expect(!isRecognised(other))
        #expect(content(of: other).errors == [.invalid])
    }
}
