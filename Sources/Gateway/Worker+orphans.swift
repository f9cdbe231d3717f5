internal import Admission
internal import Synchronization

/// Connections to origins that work on a request whose visitor is gone. The origin does not know that, and few stop
/// even when their connection closes: so the request keeps its slot until the answer begins, else a visitor who asks and
/// resets, over and over, would have the origin do any number at once.
extension Worker {
    /// Orphans at once in one worker; each holds a slot, so that the sites' limits bound them first, but for sites that
    /// are only observed.
    private static let orphanLimit = 1024

    /// Leaves the exchange's slot with its connection, where the origin has the request and has not answered. False:
    /// nothing was done.
    func orphanUpstream(_ exchange: UnsafeMutablePointer<Exchange>) -> Bool {
        let index = exchange.pointee.upstream
        guard index != Exchange.noUpstream, exchange.pointee.holdsSlot, let slot = exchange.pointee.slot,
            exchange.pointee.request.isDone, upstreams[index].pointee.phase == .awaiting,
            upstreams[index].pointee.stream.out.isEmpty, orphanCount < Self.orphanLimit
        else { return false }
        exchange.pointee.holdsSlot = false
        exchange.pointee.upstream = Exchange.noUpstream
        upstreams[index].pointee.exchange = nil
        upstreams[index].pointee.phase = .orphaned
        upstreams[index].pointee.orphan = Orphan(slot: slot, site: Unmanaged.passRetained(site(exchange)))
        orphanCount += 1
        // The timer goes on: the origin has the time that it had.
        return true
    }

    /// Something came from the origin, or its connection ended: it works on the request no more.
    func endOrphan(_ index: UInt32) {
        let count = receive(&upstreams[index].pointee.stream, at: 0)
        guard count != 0 else { return }
        if count > 0, let orphan = upstreams[index].pointee.orphan {
            orphan.site._withUnsafeGuaranteedRef { site in
                site.state.admission.withLock { $0.answered(orphan.slot, at: instant) }
            }
        }
        closeUpstream(index)
    }

    /// The origin has not answered in time, which says something of it even if nobody waits any more.
    func orphanTimedOut(_ index: UInt32) {
        if let orphan = upstreams[index].pointee.orphan {
            orphan.site._withUnsafeGuaranteedRef { site in
                site.state.admission.withLock { $0.failed(orphan.slot) }
            }
        }
        closeUpstream(index)
    }

    /// Gives back what the orphan holds; its connection closes.
    func releaseOrphan(_ index: UInt32) {
        guard let orphan = upstreams[index].pointee.orphan else { return }
        upstreams[index].pointee.orphan = nil
        orphanCount -= 1
        let site = orphan.site.takeRetainedValue()
        if release(orphan.slot, at: site.state), let place = place(of: site) { freed.append(place) }
    }
}
