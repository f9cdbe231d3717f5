import Bytes
import Packets

extension File {
    /// The Ethernet frames of a capture; others are passed over. A capture that breaks off ends there.
    static func frames(_ bytes: [UInt8]) -> [[UInt8]] {
        var reader = CaptureReader()
        var frames: [[UInt8]] = []
        var offset = 0
        while let step = try? reader.next(in: bytes.span.bytes, from: &offset) {
            switch step {
            case .frame(let frame):
                guard frame.link == .ethernet else { continue }
                frames.append(Array(bytes[frame.start..<frame.start + frame.length]))
            case .more: return frames
            }
        }
        return frames
    }
}
