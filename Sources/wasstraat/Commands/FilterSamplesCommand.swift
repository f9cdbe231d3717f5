internal import ArgumentParser
internal import Glibc
internal import Messages
internal import Mitigations
internal import Moments

struct FilterSamplesCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "samples", abstract: "Write samples of what comes in now to a capture, for an analyst.",
        discussion: """
            The filter copies the first 128 bytes of one frame in many, before it judges them. THE FILE HOLDS SOURCE \
            ADDRESSES and the beginning of what people sent: keep it as short as you need it. Only its owner may read it; an \
            existing file is not overwritten.
            """)

    /// Of 128 bytes: a file of 170 MB.
    private static let countLimit = 1_000_000
    private static let secondLimit = 3_600

    @Option(help: "How many.")
    var count: Int

    @Option(help: "The file to be written (pcapng).")
    var out: String

    @Option(help: "Wait for them so many seconds at most.")
    var seconds = 60

    @OptionGroup var filter: FilterOptions

    func validate() throws {
        guard (1...Self.countLimit).contains(count) else {
            throw ValidationError("--count takes 1 to \(Self.countLimit)")
        }
        guard (1...Self.secondLimit).contains(seconds) else {
            throw ValidationError("--seconds takes 1 to \(Self.secondLimit)")
        }
    }

    func run() throws {
        try asking {
            let link = try filter.link()
            let file = try SampleFile(out)
            let written: Int
            do {
                written = try take(from: link, into: file)
            } catch {
                // A file without a sample is of no use, and in the way of the next try.
                file.removeWhereEmpty()
                throw error
            }
            file.removeWhereEmpty()
            guard written > 0 else {
                throw FilterLinkError(
                    "no sample came in \(seconds) s: nothing comes in, or the filter takes none (wasstraat filter status)"
                )
            }
            print("\(DissectFigure.count(UInt64(written))) samples in \(out)")
            complain("\(out) HOLDS SOURCE ADDRESSES: erase it when it is not needed any more")
            if written < count { complain("\(written) of \(count) came in \(seconds) s") }
        }
    }

    private func take(from link: FilterLink, into file: SampleFile) throws -> Int {
        try link.send(.samples(UInt32(clamping: count)))
        let deadline = MonotonicClock.milliseconds + Int64(seconds) * 1_000
        var written = 0
        while written < count, let frame = try link.next(until: deadline) {
            switch frame.kind {
            // The answer to the request: that they will come, or a refusal.
            case .filterReply: _ = try FilterLink.reply(frame)
            case .filterSamples:
                guard let came = try? FilterSamples(decoding: frame.body.span.bytes) else { throw FilterLink.other }
                let samples = came.samples.prefix(count - written)
                try file.write(samples, at: SampleClock.now)
                written += samples.count
            default: continue
            }
        }
        return written
    }
}
