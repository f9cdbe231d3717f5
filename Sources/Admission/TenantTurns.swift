/// Work of heavy sites that waits until everyone else's is done: a line for each site, served in turn, each for as long as
/// its share says (deficit round robin, Shreedhar and Varghese 1995). Who had more than that in one turn, because a piece
/// of work was long, has less in the next.
///
/// *Our bug*: `spent` without a piece of work. *Bound*: whoever adds has each piece in a line once; no line outlives its
/// work.
package struct TenantTurns: Sendable {
    /// Nanoseconds in a turn, for a share of 1.
    package static let quantum = 50_000
    /// One long piece of work is paid back over so many turns at most.
    private static let debtLimit = 100

    private struct Line: Sendable {
        var place: Int
        var share: Int
        var work: [UInt64] = []
        var first = 0
        var credit = 0
    }

    private var lines: [Line] = []
    private var turn = 0
    /// Room of lines that ended, to be used again.
    private var spare: [[UInt64]] = []
    package private(set) var count = 0

    package init() {}

    package var isEmpty: Bool { count == 0 }

    package mutating func add(_ work: UInt64, at place: Int, share: Int) {
        count += 1
        if let index = lines.firstIndex(where: { $0.place == place }) {
            lines[index].work.append(work)
            return
        }
        var line = Line(place: place, share: share)
        line.work = spare.popLast() ?? []
        line.work.append(work)
        line.credit = Self.quantum * share
        lines.append(line)
    }

    /// The next piece of work, and whose it is. Tell with `spent` what it took.
    package mutating func next() -> (work: UInt64, place: Int)? {
        while !lines.isEmpty {
            if turn >= lines.count { turn = 0 }
            guard lines[turn].credit > 0 else {
                lines[turn].credit += Self.quantum * lines[turn].share
                turn += 1
                continue
            }
            let work = lines[turn].work[lines[turn].first]
            let place = lines[turn].place
            lines[turn].first += 1
            count -= 1
            // A line that never ends gives its front back.
            if lines[turn].first > 1024, lines[turn].first * 2 > lines[turn].work.count {
                lines[turn].work.removeFirst(lines[turn].first)
                lines[turn].first = 0
            }
            return (work, place)
        }
        return nil
    }

    /// The piece of work that `next` gave last took so long.
    package mutating func spent(_ nanoseconds: Int) {
        guard turn < lines.count else { return }
        let least = -Self.debtLimit * Self.quantum * lines[turn].share
        lines[turn].credit = max(least, lines[turn].credit - nanoseconds)
        guard lines[turn].first == lines[turn].work.count else { return }
        lines[turn].work.removeAll(keepingCapacity: true)
        if spare.count < 16 { spare.append(lines[turn].work) }
        lines.swapAt(turn, lines.count - 1)
        lines.removeLast()
    }

    /// All that waits, in no order; nothing waits afterwards.
    package mutating func takeAll() -> [UInt64] {
        let all = lines.flatMap { $0.work[$0.first...] }
        lines = []
        count = 0
        return all
    }
}
