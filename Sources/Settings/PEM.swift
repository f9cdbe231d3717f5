/// The blocks of a PEM file (RFC 7468): found and checked for form, not decoded; that is the lane's work.
struct PEM {
    struct Block {
        var label: String
        /// The block with its first and last line.
        var bytes: [UInt8]
        /// RFC 1421 encryption, as old tools write it.
        var isEncrypted = false
    }

    /// Blocks in a file; a bundle of all authorities of a system has about 150.
    static let blockLimit = 1000

    var blocks: [Block] = []

    /// Text between the blocks is left out, as tools put descriptions there.
    init(_ bytes: [UInt8]) throws(Misfit) {
        var open: (label: String, line: Int, bytes: [UInt8], isEncrypted: Bool)?
        let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, raw) in lines.enumerated() {
            let line = Self.trimmed(raw)
            if let label = Self.label(line, after: "-----BEGIN ") {
                if let open { throw Misfit("the block \(shown(open.label)) from line \(open.line) on does not end") }
                open = (label, index + 1, line + [10], false)
            } else if let label = Self.label(line, after: "-----END ") {
                guard let block = open, block.label == label else {
                    throw Misfit("line \(index + 1) ends a block \(shown(label)) that does not begin")
                }
                open = nil
                guard blocks.count < Self.blockLimit else { throw Misfit("more than \(Self.blockLimit) blocks") }
                let whole = block.bytes + line + [10]
                blocks.append(Block(label: label, bytes: whole, isEncrypted: block.isEncrypted))
            } else if open != nil {
                guard line.allSatisfy(Self.isInBlock) else {
                    throw Misfit("line \(index + 1) is damaged: neither base64 nor the end of its block")
                }
                open?.bytes += line + [10]
                if line.starts(with: Array("Proc-Type:".utf8)), line.suffix(9) == Array("ENCRYPTED".utf8)[...] {
                    open?.isEncrypted = true
                }
            }
        }
        if let open { throw Misfit("the block \(shown(open.label)) from line \(open.line) on does not end") }
    }

    var certificates: [Block] { blocks.filter { $0.label == "CERTIFICATE" } }

    var keys: [Block] { blocks.filter { $0.label.hasSuffix("PRIVATE KEY") } }

    private static func label(_ line: [UInt8], after start: String) -> String? {
        let (start, end) = (Array(start.utf8), Array("-----".utf8))
        guard line.starts(with: start), line.count > start.count + end.count, line.suffix(5) == end[...] else {
            return nil
        }
        return String(decoding: line[start.count..<line.count - 5], as: UTF8.self)
    }

    /// Base64, and the header lines of encrypted keys.
    private static func isInBlock(_ byte: UInt8) -> Bool {
        switch byte {
        case 48...57, 65...90, 97...122: true
        default: "+/=:,- ".utf8.contains(byte)
        }
    }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> [UInt8] {
        var line = line
        while let last = line.last, last == 13 || last == 32 || last == 9 { line.removeLast() }
        return Array(line)
    }
}
