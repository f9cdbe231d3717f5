import Addresses
import Flows
import TestKit
import Testing

/// What a record may hold of one kind; one of them is taken, or none.
private let choices: [[TemplateField]] = [
    [.init(8, 4), .init(27, 16)], [.init(12, 4), .init(28, 16)], [.init(7, 2), .init(180, 2), .init(7, 8)],
    [.init(11, 2), .init(183, 3)], [.init(4, 1), .init(4, 2)], [.init(6, 1), .init(6, 2)],
    [.init(5, 1), .init(195, 1)], [.init(2, 4), .init(2, 8), .init(86, 3)], [.init(1, 4), .init(1, 8)],
    [.init(10, 2), .init(10, 4)], [.init(14, 8)], [.init(16, 2), .init(16, 4)], [.init(17, 4)],
    [.init(9, 1), .init(29, 1)], [.init(13, 1), .init(30, 1)], [.init(32, 2), .init(177, 1), .init(176, 1)],
    [.init(139, 2), .init(179, 2), .init(178, 1)], [.init(22, 4), .init(152, 8), .init(150, 4), .init(156, 8)],
    [.init(21, 4), .init(153, 8), .init(151, 4), .init(158, 4)], [.init(3000, 5)], [.init(3001, 1)],
]

@Suite struct `Records of one length` {
    /// With a sampler's number they are read one by one, without it value by value.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func `tell the same, read one by one and value by value`(seed: UInt64) throws {
        var chance = Generator(state: seed)
        let known = choices.compactMap { choice in
            Int.random(in: 0..<5, using: &chance) > 0 ? choice.randomElement(using: &chance) : nil
        }
        let fields = ([.init(8, 4), .init(2, 4)] + known).shuffled(using: &chance)
        let length = fields.reduce(0) { $0 + Int($1.length) }
        // Of more than one block, and some of ICMP.
        let records = (0..<70).map { _ in (0..<length).map { _ in UInt8.random(in: 0..<60, using: &chance) } }
        let version = [FlowBuilder.Version.netflow9, .ipfix].randomElement(using: &chance) ?? .ipfix
        let columns = try read(version, fields, records)
        let single = try read(version, fields + [.init(48, 1)], records.map { $0 + [0] })
        #expect(columns.flows.count == 70)
        #expect(columns.flows == single.flows)
        #expect(columns.counters == single.counters)
    }

    private func read(
        _ version: FlowBuilder.Version, _ fields: [TemplateField], _ records: [[UInt8]]
    ) throws -> Collector {
        var made = message(version)
        made.addTemplate(300, fields)
        made.addData(300, records)
        var collector = Collector()
        try collector.take(made.bytes)
        return collector
    }

    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var mixed = (state ^ state >> 30) &* 0xbf58_476d_1ce4_e5b9
            mixed = (mixed ^ mixed >> 27) &* 0x94d0_49bb_1331_11eb
            return mixed ^ mixed >> 31
        }
    }
}
