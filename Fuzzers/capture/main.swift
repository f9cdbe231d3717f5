import Bytes
import FuzzerSupport
import Glibc
import Packets

// A capture is read at once and in pieces, whose size the first byte gives: both give the same frames and errors, and
// every frame lies where it is said to lie.
private struct Outcome: Equatable {
    var frames: [CaptureFrame] = []
    var errors: [Malformed.Reason] = []
    var isLost = false
    var isClean = false
}

private func run(_ input: RawSpan) {
    guard input.byteCount >= 1 else { return }
    let step = Int(input.unsafeLoad(fromByteOffset: 0, as: UInt8.self)) + 1
    let file = input.extracting(1..<input.byteCount)
    let whole = read(file, step: file.byteCount)
    require(read(file, step: step) == whole, "pieces change what is read")
    var end = 0
    for frame in whole.frames {
        require(frame.start >= end && frame.length >= 0, "frames in order")
        end = frame.start + frame.length
        require(end <= file.byteCount && frame.length <= CaptureReader.recordLimit, "frame in the file")
        require(frame.originalLength >= 0, "length on the wire")
    }
    let isKnown = CaptureReader.recognises(file)
    require(isKnown || whole.frames.isEmpty, "frames of an unknown file")
}

/// Reads with a window that grows by `step` bytes: offsets stay those of the file.
private func read(_ file: RawSpan, step: Int) -> Outcome {
    var outcome = Outcome()
    var reader = CaptureReader()
    var offset = 0
    var end = min(step, file.byteCount)
    // Every step reads something or ends.
    for _ in 0...(2 * file.byteCount + 8) {
        let before = offset
        do throws(Malformed) {
            switch try reader.next(in: file.extracting(0..<end), from: &offset) {
            case .frame(let frame):
                require(offset > before && offset <= end, "a frame moves the cursor")
                outcome.frames.append(frame)
            case .more(let needed):
                require(offset >= before && offset <= end, "cursor")
                require(needed > end - offset && needed <= CaptureReader.recordLimit + 24, "asks for what is there")
                guard end < file.byteCount else {
                    outcome.isClean = (try? reader.finish(remaining: end - offset)) != nil
                    return outcome
                }
                end = min(end + max(step, 1), file.byteCount)
            }
        } catch {
            require((0...end).contains(error.offset), "place of the error")
            outcome.errors.append(error.reason)
            outcome.isLost = reader.isLost
            guard !reader.isLost else { return outcome }
            require(offset > before, "an error that is not lost moves the cursor")
        }
    }
    require(false, "does not end")
    return outcome
}

exit(
    runFuzzer { data, size in
        run(RawSpan(_unsafeStart: UnsafeRawPointer(data ?? UnsafePointer(bitPattern: 1)!), byteCount: size))
        return 0
    })
