internal import Admission
internal import Messages
internal import Synchronization

/// Requests that are with their origin before they are whole: long bodies, and those of unknown length.
extension Worker {
    /// The body is still coming in. The origin waits for it, and works on others meanwhile: they get the slot.
    func uploadIsSlow(_ exchange: UnsafeMutablePointer<Exchange>, _ index: UInt32) {
        if exchange.pointee.holdsSlot {
            let source = visitors[exchange.pointee.visitor].pointee.source
            guard pools[Int(upstreams[index].pointee.pool)].slowUploads.admit(source) else {
                report.connections.timedOut += 1
                return failExchange(exchange, 408, decision: "refused")
            }
            exchange.pointee.isSlowUpload = true
            giveSlot(exchange)
        }
        armUpstream(index, limits.originTime)
    }

    /// The origin has all of the request: now it works on it, and its time begins.
    func requestIsWhole(_ exchange: UnsafeMutablePointer<Exchange>, _ index: UInt32) {
        // An origin that answers meanwhile has what it needs.
        guard upstreams[index].pointee.phase == .awaiting, let slot = exchange.pointee.slot else { return }
        if exchange.pointee.holdsSlot {
            // How long the visitor took to send says nothing of the origin.
            exchange.pointee.slot?.since = instant
        } else {
            endSlowUpload(exchange, index)
            exchange.pointee.slot = site(exchange).state.admission.withLock { $0.resumed(slot, at: instant) }
            exchange.pointee.holdsSlot = true
        }
        exchange.pointee.sent = now
        armUpstream(index, limits.originTime)
    }

    func endSlowUpload(_ exchange: UnsafeMutablePointer<Exchange>, _ index: UInt32) {
        guard exchange.pointee.isSlowUpload else { return }
        exchange.pointee.isSlowUpload = false
        let source = visitors[exchange.pointee.visitor].pointee.source
        pools[Int(upstreams[index].pointee.pool)].slowUploads.leave(source)
    }
}
