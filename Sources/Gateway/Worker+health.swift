internal import Admission
internal import Messages
internal import Synchronization

/// Which origins can be reached: taken out after failures, tried again until they are back.
extension Worker {
    /// After this many failures in a row the origin is taken out until a probe succeeds.
    private static let failureLimit = 3
    /// Milliseconds between probes of an origin that is out.
    private static let probeTime: UInt32 = 1000

    func originFailed(_ pool: Int) {
        pools[pool].failures += 1
        guard pools[pool].failures >= Self.failureLimit else { return }
        setHealth(pool, to: false)
        probeLater(pool)
    }

    func originIsBack(_ pool: Int) {
        pools[pool].failures = 0
        pools[pool].isProbing = false
        setHealth(pool, to: true)
    }

    private func setHealth(_ pool: Int, to isHealthy: Bool) {
        for site in table.sites {
            for (index, origin) in site.origins.enumerated() where origin.pool == pool {
                site.state.admission.withLock { $0.setHealth(of: index, to: isHealthy) }
                if isHealthy { freed.append(site.index) }
            }
        }
    }

    /// Sets a record aside that will try to connect after a while.
    func probeLater(_ pool: Int) {
        guard !pools[pool].isProbing else { return }
        pools[pool].isProbing = true
        let index = upstreams.take()
        let generation = upstreams[index].pointee.generation &+ 1
        upstreams[index].pointee = Upstream()
        upstreams[index].pointee.generation = generation
        upstreams[index].pointee.phase = .resting
        upstreams[index].pointee.pool = Int32(pool)
        armUpstream(index, Self.probeTime)
    }

    func probe(_ pool: Int) {
        pools[pool].isProbing = false
        guard let origin = table.sites.lazy.flatMap(\.origins).first(where: { $0.pool == pool }) else { return }
        var plain = origin
        plain.context = nil
        guard case .begun(let index) = connect(plain, for: UInt16(Tenants.nobody)) else { return probeLater(pool) }
        pools[pool].isProbing = true
        armUpstream(index, limits.connectTime)
    }
}
