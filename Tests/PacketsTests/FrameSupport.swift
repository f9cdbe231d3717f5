import Addresses
import Bytes
import Packets
import TestKit

/// Reads one frame with a new reader.
func read(
    _ frame: [UInt8], link: LinkType = .ethernet, originalLength: Int? = nil, time: Int64 = 0
) throws(Malformed) -> PacketSummary? {
    var reader = FrameReader()
    return try reader.read(
        frame.span.bytes, link: link, originalLength: originalLength ?? frame.count, time: time)
}

/// The reason and place of what is thrown; nil where nothing is.
func refusal(_ frame: [UInt8], link: LinkType = .ethernet, originalLength: Int? = nil) -> Malformed? {
    do throws(Malformed) {
        _ = try read(frame, link: link, originalLength: originalLength)
        return nil
    } catch {
        return error
    }
}

/// What a capture holds, read in buffers that end wherever `cut` says.
struct CaptureContent: Equatable {
    struct Frame: Equatable {
        var time: Int64
        var link: LinkType
        var originalLength: Int
        var bytes: [UInt8]
    }

    var frames: [Frame] = []
    var errors: [Malformed.Reason] = []
    var ended: Malformed.Reason?
}

/// Reads a capture as a caller does: a buffer that is refilled when more is needed, `step` bytes at a time.
func content(of file: [UInt8], step: Int = .max) -> CaptureContent {
    var content = CaptureContent()
    var reader = CaptureReader()
    var buffer: [UInt8] = []
    var place = 0
    var offset = 0
    while true {
        do throws(Malformed) {
            switch try reader.next(in: buffer.span.bytes, from: &offset) {
            case .frame(let frame):
                content.frames.append(
                    .init(
                        time: frame.time, link: frame.link, originalLength: frame.originalLength,
                        bytes: Array(buffer[frame.start..<frame.start + frame.length])))
            case .more(let needed):
                buffer.removeFirst(offset)
                offset = 0
                precondition(needed > buffer.count, "asks for what is there")
                guard place < file.count else {
                    do throws(Malformed) {
                        try reader.finish(remaining: buffer.count)
                    } catch { content.ended = error.reason }
                    return content
                }
                let end = step > file.count - place ? file.count : place + step
                buffer += file[place..<end]
                place = end
            }
        } catch {
            content.errors.append(error.reason)
            if reader.isLost { return content }
        }
    }
}
