internal import Admission
internal import Heads
internal import Messages
internal import Synchronization

/// Requests that are with their origin before they are whole: long bodies, and those of unknown length.
extension Worker {
    /// Of bodies that are not awaited whole so much is: who sends a head and no body asks no origin for anything.
    static let firstPart = 4 << 10

    /// Whether so much of the body is there that an origin may be asked for.
    func isGathered(_ visitor: UnsafeMutablePointer<Visitor>) -> Bool {
        let awaited = Int(visitor.pointee.awaited)
        let held = visitor.pointee.pending.bytes
        if held.count >= awaited || visitor.pointee.startsSlow { return true }
        guard visitor.pointee.isOpenEnded else { return false }
        return isWhole(visitor, UnsafeRawBufferPointer(rebasing: held[(awaited - Self.firstPart)...]))
    }

    /// Whether a body of unknown length is whole with these bytes, or is none.
    func isWhole(_ visitor: UnsafeMutablePointer<Visitor>, _ bytes: UnsafeRawBufferPointer) -> Bool {
        if let carriage = visitor.pointee.carriage { return carriage.pointee.isWhole }
        guard Self.hasEmptyLine(bytes) else { return false }
        var body = Body(.chunked)
        if case .refused = advance(&body, bytes.bindMemory(to: UInt8.self).span) { return true }
        return body.isDone
    }

    /// Each chunked body ends with one: without it the steps to here need not be taken again.
    private static func hasEmptyLine(_ bytes: UnsafeRawBufferPointer) -> Bool {
        var rest = bytes[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            if end >= 2, bytes[end - 1] == UInt8(ascii: "\r"), bytes[end - 2] == UInt8(ascii: "\n") { return true }
            rest = rest[(end + 1)...]
        }
        return false
    }

    /// What is wrong with the chunks that are here of the body in `request`; nil: nothing, as far as they go.
    func faultOfChunks(_ visitor: UnsafeMutablePointer<Visitor>, _ bytes: UnsafeRawBufferPointer) -> Refusal? {
        guard request.framing == .chunked, !isFramed(visitor) else { return nil }
        var body = Body(.chunked)
        guard case .refused(let refusal) = advance(&body, bytes.bindMemory(to: UInt8.self).span) else { return nil }
        return refusal
    }

    /// How long a body that is gathered may take, to begin with.
    func gatherTime(_ visitor: UnsafeMutablePointer<Visitor>) -> UInt32 {
        visitor.pointee.hasShortTime = visitor.pointee.isOpenEnded && !isPressed(visitor)
        return visitor.pointee.hasShortTime ? min(Self.slotTime, limits.progressTime) : limits.progressTime
    }

    /// The first part of a body of unknown length has not come. Who sends it may wait for an answer first: he gets on, but
    /// gives his slot back at once. Under pressure he has the time that others have; true: that is over.
    func isInVain(_ index: UInt32) -> Bool {
        let visitor = visitors[index]
        guard visitor.pointee.isOpenEnded else { return true }
        guard isPressed(visitor) else {
            visitor.pointee.startsSlow = true
            armVisitor(index, limits.progressTime)
            resume(index)
            return false
        }
        guard visitor.pointee.hasShortTime else { return true }
        visitor.pointee.hasShortTime = false
        armVisitor(index, limits.progressTime)
        return false
    }

    /// Says 100 (Continue). False: the visitor is gone.
    func sayContinue(_ index: UInt32) -> Bool {
        ink.clear()
        ink.write("HTTP/1.1 100 Continue\r\n\r\n")
        guard !visitors[index].pointee.isCarried else {
            readOwnHead(ink.bytes)
            carryHead(index, ink.bytes, ends: false)
            return true
        }
        guard send(&visitors[index].pointee.stream, ink.bytes) else {
            closeVisitor(index)
            return false
        }
        return true
    }

    /// Whether the site that the request is for has no place for all who ask, and acts on it.
    private func isPressed(_ visitor: UnsafeMutablePointer<Visitor>) -> Bool {
        let place = Int(visitor.pointee.stream.tenant) - 1
        guard table.sites.indices.contains(place) else { return false }
        let site = table.sites[place]
        return site.settings.mode != .observe && isPressed(site)
    }

    /// The body is still coming in. The origin waits for it, and works on others meanwhile: they get the slot.
    func uploadIsSlow(_ exchange: UnsafeMutablePointer<Exchange>, _ index: UInt32) {
        if !exchange.pointee.isSlowUpload {
            let source = visitors[exchange.pointee.visitor].pointee.source
            if pools[Int(upstreams[index].pointee.pool)].slowUploads.admit(source) {
                exchange.pointee.isSlowUpload = true
                giveSlot(exchange)
            } else if !exchange.pointee.startsSlow {
                report.connections.timedOut += 1
                return failExchange(exchange, 408, decision: "refused")
            }
        }
        // Who was slow before, and finds no place among such, has his slot for as long as others.
        let isLast = !exchange.pointee.startsSlow
        exchange.pointee.startsSlow = false
        armUpstream(index, isLast ? limits.originTime : min(Self.slotTime, limits.originTime))
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
