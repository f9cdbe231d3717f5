internal import Glibc

/// How far the reading is, on standard error where that is a terminal; nothing otherwise, so that no file and no pipe
/// is littered.
package struct ProgressBar: ~Copyable {
    /// Between two drawings, in milliseconds: an eye sees no more.
    package static let interval: Int64 = 100
    /// Narrowest bar worth drawing.
    private static let narrowest = 8

    private let descriptor: Int32
    private let isShown: Bool
    private var drawn: Int64?

    /// - Parameter descriptor: where to draw; standard error unless a test says otherwise.
    package init(descriptor: Int32 = 2) {
        self.descriptor = descriptor
        isShown = isatty(descriptor) == 1
    }

    /// Draws, unless it did so just before.
    /// - Parameters:
    ///   - done: bytes read.
    ///   - total: bytes there are; nil where nobody knows, as on standard input.
    ///   - milliseconds: a clock that only goes forward.
    ///   - unit: what `packets` are, if no packets.
    package mutating func show(
        done: UInt64, of total: UInt64?, packets: UInt64, at milliseconds: Int64, unit: String = "packets"
    ) {
        guard isShown, drawn.map({ milliseconds &- $0 >= Self.interval }) ?? true else { return }
        drawn = milliseconds
        put("\r" + Self.line(done: done, of: total, packets: packets, columns: columns, unit: unit) + "\u{1b}[K")
    }

    /// Takes the line away; the last thing to be done with it.
    package consuming func finish() {
        if isShown, drawn != nil { put("\r\u{1b}[K") }
    }

    /// One line of at most so many columns less one, for a line that is full wraps.
    package static func line(
        done: UInt64, of total: UInt64?, packets: UInt64, columns: Int, unit: String = "packets"
    ) -> String {
        let counts = "\(DissectFigure.count(packets)) \(unit)" + (done > 0 ? ", \(DissectFigure.bytes(done))" : "")
        let most = max(0, columns - 1)
        guard let total, total > 0 else { return String(counts.prefix(most)) }
        // A file may grow while it is read.
        let share = min(1, Double(done) / Double(total))
        let percent = "\(Int(share * 100)) %"
        let label = String(repeating: " ", count: max(0, 5 - percent.count)) + percent
        let room = most - label.count - counts.count - 5
        guard room >= narrowest else { return String("\(label)  \(counts)".prefix(most)) }
        let length = min(40, room)
        let full = Int(share * Double(length))
        let bar = String(repeating: "#", count: full) + String(repeating: ".", count: length - full)
        return "\(label) [\(bar)]  \(counts)"
    }

    private var columns: Int {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }

    private func put(_ text: String) {
        let bytes = Array(text.utf8)
        // A bar that cannot be drawn is no reason to stop.
        _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
    }
}
