internal import Bytes
internal import Collector
internal import Exchange
internal import Packets

/// What takes in the frames of captures.
protocol FrameTaker: ~Copyable {
    /// - Parameters:
    ///   - frame: the bytes that were kept of it.
    ///   - found: what the capture says of it; its place is of no meaning here.
    mutating func take(_ frame: RawSpan, _ found: CaptureFrame)
}

/// Reads the frames of captures as they are, also those that no reader of packets understands; pcap and pcapng, plain or
/// packed. What cannot be read is counted by its cause, and reading goes on.
struct CapturedFrames: ~Copyable {
    /// Different causes; they are of closed sets, and the limit is for us.
    private static let causeLimit = 64

    private var causes: [String: UInt64] = [:]
    private var bar = ProgressBar()
    private var taken: UInt64 = 0

    /// All causes, the most frequent first.
    var faults: [ReadFault] {
        causes.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map { ReadFault(cause: $0.key, count: $0.value) }
    }

    consuming func finish() { bar.finish() }

    private mutating func count(_ cause: String) {
        guard causes[cause] != nil || causes.count < Self.causeLimit else { return }
        causes[cause, default: 0] += 1
    }

    mutating func read(_ path: String, into taker: inout some FrameTaker & ~Copyable) throws(InputError) {
        var file = try InputFile(opening: path)
        var fault: InputError?
        do {
            while file.count < InputKind.headSize, try file.fill(needing: InputKind.headSize) {}
        } catch {
            // A short file that is cut off still has a beginning.
            guard file.count > 0 else { throw error }
            fault = error
        }
        switch InputKind.recognise(file.bytes) {
        case .pcap, .pcapng: break
        case .unknown(let reason): throw fault ?? InputError(.unsupported, path, "no capture: \(reason)")
        default:
            throw InputError(.unsupported, path, "no capture: whole packets are needed, as pcap or pcapng has them")
        }
        var capture = CaptureReader()
        while true {
            let (used, needed) = frames(in: file.bytes, &capture, into: &taker)
            file.consume(used)
            bar.show(done: file.bytesRead, of: file.fileSize, packets: taken, at: MonotonicClock.milliseconds)
            if capture.isLost { return }
            do {
                guard try file.fill(needing: needed) else { break }
            } catch {
                // What was read of a file before it broke off stands.
                count(error.reason)
                return
            }
        }
        do {
            try capture.finish(remaining: file.count)
        } catch {
            count("capture: \(error.reason.words)")
        }
    }

    /// Takes in the whole frames of a chunk; says how many bytes they took, and how many the next one needs.
    private mutating func frames(
        in bytes: RawSpan, _ capture: inout CaptureReader, into taker: inout some FrameTaker & ~Copyable
    ) -> (used: Int, needed: Int) {
        var offset = 0
        while true {
            do {
                switch try capture.next(in: bytes, from: &offset) {
                case .more(let needed): return (offset, needed)
                case .frame(let found):
                    taken &+= 1
                    taker.take(bytes.extracting(found.start..<found.start + found.length), found)
                }
            } catch {
                count("capture: \(error.reason.words)")
                if capture.isLost { return (bytes.byteCount, 0) }
            }
        }
    }
}
