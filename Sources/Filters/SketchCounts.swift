package import Addresses

/// What the sketch has counted until now: packets to each destination, and from each network of sources. Of two readings the
/// difference is what came between them: never too little, and too much only where others meet an address in each row.
package struct SketchCounts: Equatable, Sendable {
    private let key: UInt64
    /// Both tables, row by row; they wrap around.
    private var cells: [UInt32]

    /// - Parameter key: of the hashes, as the plan has it.
    package init(key: UInt64) {
        self.key = key
        cells = Array(repeating: 0, count: Int(FilterMaps.Sketch.size) / 4)
    }

    /// Adds what one processor has counted; what is shorter than a sketch is none.
    package mutating func add(_ part: RawSpan) {
        guard part.byteCount >= cells.count * 4 else { return }
        for place in cells.indices { cells[place] &+= part.unsafeLoad(fromByteOffset: place * 4, as: UInt32.self) }
    }

    /// Packets to a destination since an earlier reading.
    package func packets(to destination: Address, since earlier: SketchCounts) -> UInt32 {
        least(destination, table: 0, since: earlier)
    }

    /// Packets from the network of a source since an earlier reading.
    package func packets(from source: Address, since earlier: SketchCounts) -> UInt32 {
        least(FilterMaps.Sketch.network(of: source).address, table: 1, since: earlier)
    }

    private func least(_ address: Address, table: Int, since earlier: SketchCounts) -> UInt32 {
        // Another key is another sketch: nothing can be said.
        guard earlier.key == key else { return 0 }
        let size = FilterMaps.Sketch.tableSize / 4
        return FilterMaps.Sketch.columns(of: address, key: key).enumerated().map { row, column in
            let place = table * size + row * FilterMaps.Sketch.columns + column
            return cells[place] &- earlier.cells[place]
        }.min() ?? 0
    }
}
