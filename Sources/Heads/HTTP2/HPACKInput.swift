/// A block being read, and the places where its strings are decoded to.
struct HPACKInput {
    enum Part { case name, value }

    /// A string's bytes: in the block, in the scratch or in the static table; they hold until the next of its part.
    struct Text {
        var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
        /// Bytes of the whole string.
        var count = 0

        init() {}

        init(_ bytes: UnsafeRawBufferPointer) {
            self.bytes = bytes
            count = bytes.count
        }

        /// The scratch was long enough.
        var isWhole: Bool { bytes.count == count }
    }

    private let block: UnsafeRawBufferPointer
    private let names: UnsafeMutableRawBufferPointer
    private let values: UnsafeMutableRawBufferPointer
    private var offset = 0

    /// One half of `scratch` is for names and one for values. Neither is smaller than the largest table.
    init(_ block: UnsafeRawBufferPointer, scratch: UnsafeMutableRawBufferPointer) {
        self.block = block
        let half = scratch.count / 2
        names = UnsafeMutableRawBufferPointer(rebasing: scratch[..<half])
        values = UnsafeMutableRawBufferPointer(rebasing: scratch[half...])
    }

    func peek() -> UInt8? { offset < block.count ? block[offset] : nil }

    /// An integer (RFC 7541, section 5.1) of 28 bits at most: longer ones name nothing that could be there.
    mutating func readInteger(prefix: UInt8) -> Int? {
        guard offset < block.count else { return nil }
        let mask = UInt8(truncatingIfNeeded: (1 << Int(prefix)) - 1)
        var value = Int(block[offset] & mask)
        offset += 1
        guard value == Int(mask) else { return value }
        for shift in stride(from: 0, to: 28, by: 7) {
            guard offset < block.count else { return nil }
            let byte = block[offset]
            offset += 1
            value += Int(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }

    /// A string (section 5.2), decoded where it is in Huffman's code.
    mutating func readText(_ part: Part) -> Text? {
        guard let first = peek(), let length = readInteger(prefix: 7), length <= block.count - offset else {
            return nil
        }
        let raw = UnsafeRawBufferPointer(rebasing: block[offset..<offset + length])
        offset += length
        guard first & 0x80 != 0 else { return Text(raw) }
        let place = part == .name ? names : values
        guard let count = HPACKHuffman.shared.decode(raw, to: place) else { return nil }
        var text = Text(UnsafeRawBufferPointer(rebasing: place[..<min(count, place.count)]))
        text.count = count
        return text
    }

    /// A copy of a name in the table.
    func keep(_ name: UnsafeRawBufferPointer) -> Text {
        names.copyMemory(from: name)
        return Text(UnsafeRawBufferPointer(rebasing: names[..<name.count]))
    }
}
