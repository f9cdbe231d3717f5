import Heads

func hex(_ text: some StringProtocol) -> [UInt8] {
    let digits = Array(text.utf8.filter { $0 != 32 })
    return stride(from: 0, to: digits.count, by: 2).map {
        UInt8(String(decoding: digits[$0..<$0 + 2], as: UTF8.self), radix: 16) ?? 0
    }
}

/// A field as tests write it.
struct PlainField: Equatable, CustomStringConvertible {
    var name: [UInt8]
    var value: [UInt8]

    init(_ name: String, _ value: String) { self.init(Array(name.utf8), Array(value.utf8)) }

    init(_ name: [UInt8], _ value: [UInt8]) {
        self.name = name
        self.value = value
    }

    var description: String { "\(String(decoding: name, as: UTF8.self)): \(String(decoding: value, as: UTF8.self))" }
}

extension HPACKFields {
    var plain: [PlainField] {
        entries.map { PlainField(Array(bytes[$0.name.range]), Array(bytes[$0.value.range])) }
    }
}

extension HPACKDecoder {
    mutating func decode(_ block: [UInt8], into fields: inout HPACKFields) -> HTTP2Fault? {
        decode(block.span.bytes, into: &fields)
    }

    /// What a block says, or the fault.
    mutating func read(_ block: [UInt8], limits: HPACKFields.Limits = .init()) -> Result<[PlainField], HTTP2Fault> {
        var fields = HPACKFields(limits: limits)
        if let fault = decode(block.span.bytes, into: &fields) { return .failure(fault) }
        return .success(fields.plain)
    }
}

/// Blocks in the plainest form: literals that no table keeps, or that it keeps.
enum PlainBlock {
    static func integer(_ value: Int, prefix: Int, _ pattern: UInt8) -> [UInt8] {
        let mask = 1 << prefix - 1
        if value < mask { return [pattern | UInt8(value)] }
        var bytes = [pattern | UInt8(mask)]
        var rest = value - mask
        while rest >= 128 {
            bytes.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    static func text(_ text: [UInt8]) -> [UInt8] { integer(text.count, prefix: 7, 0) + text }

    static func field(_ field: PlainField, isKept: Bool = false) -> [UInt8] {
        [isKept ? 0x40 : 0] + text(field.name) + text(field.value)
    }

    static func fields(_ fields: [PlainField]) -> [UInt8] { fields.flatMap { field($0) } }
}

/// Fields as the decoder hands them on.
func decoded(_ list: [PlainField], limits: HPACKFields.Limits = .init()) -> HPACKFields {
    var fields = HPACKFields(limits: limits)
    var decoder = HPACKDecoder()
    let block = PlainBlock.fields(list)
    precondition(decoder.decode(block, into: &fields) == nil)
    return fields
}
