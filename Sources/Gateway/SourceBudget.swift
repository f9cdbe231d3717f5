internal import Addresses
internal import Heads

/// How many connections each source holds, asked right after accept.
///
/// There is no number to set: a source may hold an eighth of what is still free, its network half (dynamic queue limits,
/// Choudhury and Hahne 1998). While few connections are open that is plenty for a whole office behind one address; as
/// the lane fills, the greedy ones meet their bound first and some room is always left.
struct SourceBudget {
    private var sources: [Address: UInt32] = [:]
    private var networks: [Address: UInt32] = [:]
    private var open = 0
    /// Connections over all sources; those beyond a smaller one stay.
    var capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
    }

    /// Counts a connection in; false, and not counted, where its source or network holds its share already.
    mutating func admit(_ source: Address) -> Bool {
        let free = capacity - open
        let (subscriber, network) = (source.subscriber, source.network)
        guard free > 0, Int(sources[subscriber] ?? 0) < max(1, free / 8),
            Int(networks[network] ?? 0) < max(1, free / 2)
        else { return false }
        open += 1
        sources[subscriber, default: 0] += 1
        networks[network, default: 0] += 1
        return true
    }

    /// Connections that the source holds now.
    func held(by source: Address) -> Int { Int(sources[source.subscriber] ?? 0) }

    mutating func leave(_ source: Address) {
        open -= 1
        Self.drop(source.subscriber, from: &sources)
        Self.drop(source.network, from: &networks)
    }

    private static func drop(_ key: Address, from table: inout [Address: UInt32]) {
        guard let count = table[key] else { return }
        table[key] = count > 1 ? count - 1 : nil
    }
}

/// Sources whose HTTP/2 connections had to be restrained. Bounded: when there are too many, all are forgotten, for the
/// connections have budgets of their own.
struct Offences {
    private static let limit = 4096
    private var sources: [Address: HTTP2SourceBudget] = [:]

    mutating func add(_ source: Address, at now: UInt64) {
        let subscriber = source.subscriber
        if sources.count >= Self.limit, sources[subscriber] == nil { sources.removeAll(keepingCapacity: true) }
        sources[subscriber, default: HTTP2SourceBudget()].offended(at: now)
    }

    func isOffender(_ source: Address, at now: UInt64) -> Bool {
        guard !sources.isEmpty else { return false }
        return sources[source.subscriber]?.isOffender(at: now) ?? false
    }
}
