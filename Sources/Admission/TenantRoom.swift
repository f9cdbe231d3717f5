/// Something that a worker has only so much of, such as memory for what slow visitors have not taken, and how much of it
/// each tenant holds.
///
/// There is no number to set. An organisation may hold four times what is still free, times its share; a site eight times
/// what its organisation may still take (dynamic queue limits, Choudhury and Hahne 1998). So while half of it is free
/// nobody is refused anything; as it fills, the greedy meet their bound first; and something is left for who comes new,
/// however many are greedy. One tenant alone can have about three quarters.
///
/// *Our bug*: giving back what was not held. *Their fault*: none; who may hold no more is told so. *Ignored*: that who holds
/// more than it may now holds it still, for it was given when there was room. `mostOver` names whom to take it from.
///
/// Beside that an organisation may have a cap, a number that somebody set: what it holds does not go above, however much is
/// free. Who gives to it asks `isAtCap` first.
package struct TenantRoom: Sendable {
    private static let organisationFactor = 4
    private static let siteFactor = 8

    package var capacity: Int
    package private(set) var total = 0
    private var tenants: Tenants
    private var held: [Int]
    private var heldTogether: [Int]
    /// By organisation; empty: none has one.
    private var caps: [Int]

    /// - Parameter caps: by organisation, as `Tenants.together` has them; empty: none.
    package init(capacity: Int, _ tenants: Tenants = Tenants(), caps: [Int] = []) {
        self.capacity = capacity
        self.tenants = tenants
        self.caps = caps
        held = Array(repeating: 0, count: tenants.count)
        heldTogether = Array(repeating: 0, count: tenants.shares.count)
    }

    package func held(at place: Int) -> Int { held[place] }

    /// What the tenant's organisation holds.
    package func heldTogether(at place: Int) -> Int { heldTogether[tenants.organisations[place]] }

    /// Whether the tenant may hold so much more.
    package func mayHold(_ amount: Int, at place: Int) -> Bool {
        let organisation = tenants.organisations[place]
        let free = capacity - total - amount
        guard free >= 0 else { return false }
        let left = Self.organisationFactor * tenants.shares[organisation] * free - heldTogether[organisation] - amount
        return left >= 0 && held[place] + amount <= Self.siteFactor * left
    }

    /// Whether the tenant's organisation holds all that it may ever hold.
    package func isAtCap(_ place: Int) -> Bool {
        guard !caps.isEmpty else { return false }
        let organisation = tenants.organisations[place]
        return heldTogether[organisation] >= caps[organisation]
    }

    /// Counts what a tenant takes, or with a number below zero what it gives back.
    package mutating func add(_ amount: Int, at place: Int) {
        total += amount
        held[place] += amount
        heldTogether[tenants.organisations[place]] += amount
        assert(held[place] >= 0, "more is given back than was held")
    }

    /// The site that holds most in the organisation that is furthest over its share; nil: nobody holds anything.
    package var mostOver: Int? {
        var organisation: Int?
        for index in heldTogether.indices where heldTogether[index] > 0 {
            guard let present = organisation else {
                organisation = index
                continue
            }
            if heldTogether[index] * tenants.shares[present] > heldTogether[present] * tenants.shares[index] {
                organisation = index
            }
        }
        guard let organisation else { return nil }
        return held.indices.lazy.filter { tenants.organisations[$0] == organisation }.max { held[$0] < held[$1] }
    }

    /// Other sites, or others in their places, from now on.
    ///
    /// - Parameter moved: by former place, where its site is now.
    package mutating func change(to tenants: Tenants, moved: [Int], caps: [Int] = []) {
        var fresh = TenantRoom(capacity: capacity, tenants, caps: caps)
        for (former, place) in moved.enumerated() { fresh.add(held[former], at: place) }
        self = fresh
    }
}
