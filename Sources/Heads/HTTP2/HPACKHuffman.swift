/// The Huffman code of HPACK (RFC 7541, section 5.2 and appendix B), decoded eight bits at a time.
///
/// The code is canonical: the lengths of its symbols say all. Eight bits tell every symbol that headers are made of;
/// the few longer ones are found by comparing with where the codes of each length end.
struct HPACKHuffman: Sendable {
    static let shared = HPACKHuffman()

    private static let endOfString = 256
    private static let longest = 30
    private static let lengths: [UInt8] = [
        13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28,
        28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15,
        6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6,
        15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22,
        20,
        20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23,
        24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22,
        22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27,
        24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26,
        26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
    ]

    /// For every eight bits: the length of the symbol they begin with and the symbol, or 0 where it is longer.
    private var short = [UInt16](repeating: 0, count: 256)
    /// Symbols in the order of their codes.
    private var symbols: [UInt16] = []
    /// For each length: where its codes end, as the highest of 32 bits, and what to add to a code for its place in
    /// `symbols`.
    private var ends = [UInt64](repeating: 0, count: longest + 1)
    private var bases = [Int](repeating: 0, count: longest + 1)

    private init() {
        var code = 0
        for length in 1...Self.longest {
            code <<= 1
            bases[length] = symbols.count - code
            for (symbol, own) in Self.lengths.enumerated() where own == length {
                if length <= 8 {
                    for rest in 0..<1 << (8 - length) {
                        short[code << (8 - length) | rest] = UInt16(length) << 8 | UInt16(symbol)
                    }
                }
                symbols.append(UInt16(symbol))
                code += 1
            }
            ends[length] = UInt64(code) << UInt64(32 - length)
        }
    }

    /// Decodes `source` into `output` and returns how many bytes came out; what does not fit is counted and not
    /// written. Nil where the code is broken: a symbol cut off, the end-of-string symbol itself, or an end that is
    /// longer than seven bits or not all ones.
    func decode(_ source: UnsafeRawBufferPointer, to output: UnsafeMutableRawBufferPointer) -> Int? {
        short.withUnsafeBufferPointer { short in
            var index = 0
            var bits: UInt64 = 0
            var have = 0
            var count = 0
            while true {
                while have <= 56, index < source.count {
                    bits |= UInt64(source[index]) << UInt64(56 - have)
                    have += 8
                    index += 1
                }
                // Below the bits that are there lie zeros: a symbol that reaches into them is cut off.
                let entry = short[Int(bits >> 56)]
                var length = Int(entry >> 8)
                var symbol = Int(entry & 0xff)
                if length == 0 { (length, symbol) = long(bits >> 32) }
                guard length <= have else { break }
                guard symbol != Self.endOfString else { return nil }
                if count < output.count { output[count] = UInt8(truncatingIfNeeded: symbol) }
                count += 1
                bits <<= UInt64(length)
                have -= length
            }
            guard have < 8, bits >> UInt64(64 - have) == UInt64(1) << UInt64(have) - 1 else { return nil }
            return count
        }
    }

    /// The symbol of more than eight bits that the 32 bits in `top` begin with.
    private func long(_ top: UInt64) -> (length: Int, symbol: Int) {
        var length = 9
        // The last length's codes end where 32 bits do.
        while top >= ends[length] { length += 1 }
        return (length, Int(symbols[Int(top >> UInt64(32 - length)) + bases[length]]))
    }
}
