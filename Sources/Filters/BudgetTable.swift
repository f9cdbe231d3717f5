package import Addresses

/// What is left of a budget for each address that has used it: the generic cell rate algorithm, as two times for each.
///
/// It holds at most ``limit`` addresses, as the kernel's map does. Where that forgets the one that was silent longest,
/// this forgets those whose budget is whole again, and where there are none all of them: a test that must agree to the
/// packet stays below the limit.
package struct BudgetTable: Sendable {
    /// When the budget is whole again, in nanoseconds; the present or before: it is whole.
    package struct Times: Equatable, Sendable, BitwiseCopyable {
        /// Of the budget of packets.
        package var packets: UInt64 = 0
        /// Of the budget of bytes.
        package var bytes: UInt64 = 0

        /// Whole at all times.
        package init() {}
    }

    /// Addresses: as many as ``FilterMaps/sourceBudgets`` has.
    package let limit: Int
    private var times: [Address: Times] = [:]

    /// - Parameter limit: 1 or more.
    package init(limit: Int = Int(FilterMaps.sourceBudgets.entries)) { self.limit = max(1, limit) }

    /// Addresses that something is known of.
    package var count: Int { times.count }

    /// What is known of an address; nil: nothing, its budget is whole.
    package subscript(address: Address) -> Times? { times[address] }

    /// Takes a frame of `bytes` bytes from the budget of an address; false where it does not fit, and then nothing is
    /// taken. Numbers wrap as the program's do: a clock near its end is none of ours.
    mutating func take(
        _ bytes: Int, for address: Address, from budget: FilterPlan.Budget, at now: UInt64
    ) -> Bool {
        if times[address] == nil { makeRoom(at: now) }
        // The program puts in an entry of zeros before it judges: the address is known even where nothing fits.
        let before = times[address, default: Times()]
        var after = Times()
        after.packets = max(before.packets, now) &+ budget.packetCost
        after.bytes = max(before.bytes, now) &+ (UInt64(bytes) &* budget.byteCost) >> 16
        let last = now &+ budget.burstCost
        let fits = after.packets <= last && after.bytes <= last
        times[address] = fits ? after : before
        return fits
    }

    private mutating func makeRoom(at now: UInt64) {
        guard times.count >= limit else { return }
        times = times.filter { max($0.value.packets, $0.value.bytes) > now }
        // Little room would soon be looked for again, at the price of all addresses each time.
        if times.count > limit / 4 * 3 || times.count >= limit { times.removeAll(keepingCapacity: true) }
    }
}
