package import Addresses
package import Messages
package import Mitigations
package import Moments
package import Settings

/// Sources that lanes have proven hostile, on their way to the filter: in orders of many, for a time that grows with each
/// time that one comes back. It tells nobody itself, and reads no clock. What it knows of addresses is in memory alone, and
/// bounded.
///
/// *Our bug* (ignored, because the counts alone would be wrong): an answer to what was not asked. *Their fault*: what the
/// filter refuses is counted, and said again only when the lane does. *Ignored, because it is fine*: a source that is said
/// twice; the filter's book holds it once.
package struct SourceHandover: Sendable {
    /// Sources that wait for the filter; a lane says a thousand a second at most.
    package static let waitingLimit = 8_192
    /// Seconds that one may wait: later it is somebody else's turn, and the lane says it again if it goes on.
    package static let patience = 10.0
    /// Sources whose blocks are remembered, so that they last longer the next time.
    package static let memoryLimit = 65_536
    /// Seconds after a block's end for which it is remembered.
    package static let memory = 21_600.0
    /// The longest block in seconds, unless the first one is longer.
    package static let longest: UInt32 = 7_200

    private struct Waiting: Sendable {
        var prefix: Prefix
        var note: FilterNote
        var at: Moment
    }

    private struct Block: Sendable {
        var times: Int
        var until: Moment
    }

    /// Prefixes that wait to be let in: no more than orders are given.
    package static let letInLimit = 1_024

    package private(set) var counts = HandedSources()
    /// What the operator lets in, for the filter to let go.
    private var letIn: [Prefix] = []
    private var waiting: [Waiting] = []
    /// Under way: the sources of the order that was given last, and its seconds.
    private var asked: [Waiting] = []
    private var seconds: UInt32 = 0
    private var blocks: [Prefix: Block] = [:]
    /// By lane: its own figures as it last said them; they begin at zero when it starts anew.
    private var heard: [String: (omitted: UInt64, spared: UInt64)] = [:]

    package init() {}

    /// Takes in what a lane said.
    /// - Parameter organisations: by the name of the site; what is nobody's is left out.
    package mutating func take(
        _ proven: ProvenSources, from lane: String, organisations: [String: String], conduct: Settings.Filter.Rules,
        at now: Moment
    ) {
        let before = heard[lane] ?? (0, 0)
        counts.omitted &+= Self.more(proven.omitted, than: before.omitted)
        counts.spared &+= Self.more(proven.spared, than: before.spared)
        heard[lane] = (proven.omitted, proven.spared)
        guard conduct != .off else { return }
        for source in proven.sources {
            guard let organisation = organisations[source.site], waiting.count < Self.waitingLimit else {
                counts.omitted &+= 1
                continue
            }
            let took = (source.milliseconds + 500) / 1_000
            let reason =
                "site \(source.site) under pressure: \(source.refusals) requests refused in \(took) s, no sign of a visitor"
            let note = FilterNote(
                tenant: organisation, reason: String(reason.prefix(FilterNote.reasonLimit)), author: .gateway,
                site: source.site)
            waiting.append(Waiting(prefix: source.prefix, note: note, at: now))
        }
    }

    /// The operator lets sources in: what waits of them is left out, and they begin anew.
    package mutating func letIn(_ prefix: Prefix) {
        waiting.removeAll { prefix.contains($0.prefix) }
        blocks = blocks.filter { !prefix.contains($0.key) }
        if letIn.count < Self.letInLimit, !letIn.contains(prefix) { letIn.append(prefix) }
    }

    /// What the filter is to let go next; nil: nothing. Asked again until it is done.
    package var nextLetIn: Prefix? { letIn.first }

    /// The filter has no block of a machine's within it any more.
    package mutating func isLetIn(_ prefix: Prefix) { letIn.removeAll { $0 == prefix } }

    private static func more(_ now: UInt64, than before: UInt64) -> UInt64 { now >= before ? now - before : now }

    /// What the filter is to be told next; nil: nothing. Each is to be followed by its answer before the next is asked for.
    /// - Parameter blockTime: seconds of a first block.
    package mutating func next(
        _ conduct: Settings.Filter.Rules, blockTime: UInt32, at now: Moment
    ) -> FilterOrder? {
        drop { conduct == .off || now - $0.at > Self.patience }
        guard let first = waiting.first else { return nil }
        seconds = lifetime(first.prefix, blockTime, at: now)
        // One order has one reason and one end.
        var rest: [Waiting] = []
        asked = []
        for source in waiting {
            if asked.count < FilterOrder.batchLimit, source.note == first.note,
                lifetime(source.prefix, blockTime, at: now) == seconds
            {
                asked.append(source)
            } else {
                rest.append(source)
            }
        }
        waiting = rest
        return FilterOrder(
            .block(asked.map(\.prefix)), note: first.note, seconds: seconds, isDry: conduct != .live)
    }

    private mutating func drop(_ isLate: (Waiting) -> Bool) {
        let before = waiting.count
        waiting.removeAll(where: isLate)
        counts.omitted &+= UInt64(before - waiting.count)
    }

    /// Twice as long each time that a source is proven again after its block.
    private func lifetime(_ prefix: Prefix, _ blockTime: UInt32, at now: Moment) -> UInt32 {
        guard let block = blocks[prefix] else { return blockTime }
        let times = block.until > now ? block.times - 1 : block.times
        let longest = max(Self.longest, blockTime)
        let (doubled, isTooLong) = blockTime.multipliedReportingOverflow(by: 1 << UInt32(min(max(0, times), 16)))
        return isTooLong ? longest : min(doubled, longest)
    }

    /// The filter did what it was asked: one id for each source, 0 where it refused.
    package mutating func done(ids: [UInt64], at now: Moment) {
        for (source, id) in zip(asked, ids) {
            guard id != 0 else {
                counts.refused &+= 1
                continue
            }
            counts.taken &+= 1
            remember(source.prefix, at: now)
        }
        asked = []
    }

    /// The filter did none of it.
    package mutating func refused() {
        counts.refused &+= UInt64(asked.count)
        asked = []
    }

    /// It did not answer: they wait for it, or for the next one.
    package mutating func unanswered() {
        waiting = asked + waiting
        asked = []
        let excess = max(0, waiting.count - Self.waitingLimit)
        waiting.removeLast(excess)
        counts.omitted &+= UInt64(excess)
    }

    private mutating func remember(_ prefix: Prefix, at now: Moment) {
        let until = now + Double(seconds)
        if let block = blocks[prefix] {
            let times = block.until > now ? block.times : min(block.times + 1, 16)
            blocks[prefix] = Block(times: times, until: max(block.until, until))
            return
        }
        if blocks.count >= Self.memoryLimit { blocks = blocks.filter { now - $0.value.until < Self.memory } }
        // Where all are of late, one more counts as a first one the next time too.
        if blocks.count < Self.memoryLimit { blocks[prefix] = Block(times: 1, until: until) }
    }

    /// Forgets what is long over; to be called now and then, so that no address stays for want of another one.
    package mutating func forget(at now: Moment) {
        blocks = blocks.filter { now - $0.value.until < Self.memory }
    }
}
