internal import Bytes

extension FlowDecoder {
    /// Whether a UDP payload is of flows, and in which protocol: by its header and all that the header promises, so
    /// that a capture's other traffic is told apart by content. It costs a walk over sets or samples.
    package static func recognises(_ payload: RawSpan) -> Kind? {
        guard payload.byteCount >= 20, let kind = try? kind(payload) else { return nil }
        let fits =
            switch kind {
            case .netflow5: isNetFlow5(payload)
            case .netflow9: isNetFlow9(payload)
            case .ipfix: isIPFIX(payload)
            case .sflow: isSFlow(payload)
            }
        return fits ? kind : nil
    }

    private static func isNetFlow5(_ payload: RawSpan) -> Bool {
        let count = Int(payload.load16(2))
        return 1...limit5 ~= count && payload.byteCount == header5 + count * record5
            && payload.load32(12) < 1_000_000_000
    }

    private static func isNetFlow9(_ payload: RawSpan) -> Bool {
        let count = Int(payload.load16(2))
        // The fewest bytes of a record, that is one of a template without fields, are four.
        guard count >= 1, count <= payload.byteCount, payload.byteCount > header9 else { return false }
        guard (try? checkSets(payload, from: header9)) != nil else { return false }
        var offset = header9
        while offset < payload.byteCount {
            let id = payload.load16(offset)
            guard id <= 1 || id >= 256 else { return false }
            offset &+= Int(payload.load16(offset &+ 2))
        }
        return true
    }

    private static func isIPFIX(_ payload: RawSpan) -> Bool {
        guard Int(payload.load16(2)) == payload.byteCount else { return false }
        guard (try? checkSets(payload, from: headerIPFIX)) != nil else { return false }
        var offset = headerIPFIX
        while offset < payload.byteCount {
            let id = payload.load16(offset)
            guard id == 2 || id == 3 || id >= 256 else { return false }
            offset &+= Int(payload.load16(offset &+ 2))
        }
        return true
    }

    private static func isSFlow(_ payload: RawSpan) -> Bool {
        let type = payload.load32(4)
        guard type == 1 || type == 2 else { return false }
        let start = type == 1 ? 28 : 40
        guard payload.byteCount >= start else { return false }
        let count = Int(payload.load32(start &- 4))
        guard 1...sampleLimit ~= count else { return false }
        var offset = start
        for _ in 0..<count {
            guard payload.byteCount &- offset >= 8 else { return false }
            // The standard's own samples; what vendors add stands beside them.
            if offset == start, !(1...5 ~= payload.load32(offset)) { return false }
            let length = Int(payload.load32(offset &+ 4))
            guard length <= payload.byteCount &- offset &- 8 else { return false }
            offset &+= 8 &+ length
        }
        return true
    }
}
