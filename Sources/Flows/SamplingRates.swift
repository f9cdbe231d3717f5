/// The sampling rates that one domain has told in options data: its own, and those of its samplers, interfaces and
/// templates.
struct SamplingRates {
    enum Scope: UInt8 { case sampler, interface, template }

    private struct Entry {
        var scope: Scope
        var id: UInt64
        var rate: UInt32
    }

    /// The domain's own; 0: none told.
    private(set) var common: UInt32 = 0
    private var entries: [Entry] = []
    private(set) var hasInterfaces = false
    var count: Int { entries.count }

    /// Notes a rate; returns false where there is no room for it.
    mutating func set(_ rate: UInt32, scope: Scope?, id: UInt64, limit: Int) -> Bool {
        guard let scope else {
            common = rate
            return true
        }
        for index in entries.indices where entries[index].scope == scope && entries[index].id == id {
            entries[index].rate = rate
            return true
        }
        guard entries.count < limit else { return false }
        entries.append(Entry(scope: scope, id: id, rate: rate))
        if scope == .interface { hasInterfaces = true }
        return true
    }

    /// The rate of a sampler or interface; 0 where none was told.
    func rate(_ scope: Scope, _ id: UInt64) -> UInt32 {
        for entry in entries where entry.id == id && entry.scope == scope { return entry.rate }
        return 0
    }
}
