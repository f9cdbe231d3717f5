import FuzzerSupport
import Glibc
import Heads

/// Bounds so narrow that most lists pass them.
private let narrow = {
    var limits = HPACKFields.Limits()
    limits.bytes = 40
    limits.fields = 2
    return limits
}()
// Reused for each input, as a worker reuses them.
nonisolated(unsafe) private var fields = HPACKFields()  // libFuzzer calls from one thread
nonisolated(unsafe) private var few = HPACKFields(limits: narrow)  // libFuzzer calls from one thread
nonisolated(unsafe) private var again = HPACKFields()  // libFuzzer calls from one thread

// The first byte says what the settings allow; then each block stands behind its length in a byte.
private func run(_ bytes: Span<UInt8>) {
    var decoder = HPACKDecoder()
    var other = HPACKDecoder()
    guard bytes.count > 0 else { return }
    if bytes[0] & 1 == 1 {
        decoder.acknowledged(tableSize: Int(bytes[0]) * 32)
        other.acknowledged(tableSize: Int(bytes[0]) * 32)
    }
    var index = 1
    while index < bytes.count {
        let end = min(index + 1 + Int(bytes[index]), bytes.count)
        let block = bytes.extracting(index + 1..<end).bytes
        let fault = decoder.decode(block, into: &fields)
        check(block.byteCount)
        // What is kept of a list never changes what the table holds.
        require(other.decode(block, into: &few) == fault, "the limits change what is a fault")
        require(few.size == fields.size && few.count == fields.count, "the limits change the count")
        require(few.entries.count <= 2, "more than the limit is kept")
        if fault != nil { return }
        if !fields.isTooLarge { repeatBlock() }
        index = end
    }
}

private func check(_ length: Int) {
    require(fields.count <= length, "more fields than bytes")
    require(fields.entries.count <= min(fields.count, fields.limits.fields), "more entries than fields")
    var size = 0
    var end = 0
    for entry in fields.entries {
        require(Int(entry.name.start) == end && entry.name.range.upperBound == Int(entry.value.start), "a place")
        end = entry.value.range.upperBound
        size += Int(entry.name.count) + Int(entry.value.count) + 32
    }
    require(end <= fields.bytes.count, "places beyond the bytes")
    require(fields.isTooLarge || size == fields.size && fields.entries.count == fields.count, "the size")
}

/// The fields as the plainest block must be read alike.
private func repeatBlock() {
    var block: [UInt8] = []
    func write(_ slice: Slice) {
        var rest = Int(slice.count)
        if rest < 127 {
            block.append(UInt8(rest))
        } else {
            block.append(127)
            rest -= 127
            while rest >= 128 {
                block.append(UInt8(rest & 127) | 128)
                rest >>= 7
            }
            block.append(UInt8(rest))
        }
        block += fields.bytes[slice.range]
    }
    for entry in fields.entries {
        block.append(0x10)
        write(entry.name)
        write(entry.value)
    }
    var decoder = HPACKDecoder()
    require(decoder.decode(block.span.bytes, into: &again) == nil, "written anew: a fault")
    require(again.entries.count == fields.entries.count, "written anew: fields")
    let count = fields.entries.last?.value.range.upperBound ?? 0
    require(again.bytes[..<count] == fields.bytes[..<count], "written anew: bytes")
}

exit(
    runFuzzer { data, size in
        run(Span(_unsafeStart: data ?? UnsafePointer(bitPattern: 1)!, count: size))
        return 0
    })
