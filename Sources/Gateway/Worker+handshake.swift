internal import Addresses
internal import Admission
internal import Bytes
internal import CLinux
internal import Glibc
internal import Heads
internal import Messages
internal import Packets
internal import Sketches

/// From the first byte of TLS to a connection that is ready for requests. BoringSSL knows nothing of a visitor before its
/// ClientHello was read and its turn for a key exchange has come.
extension Worker {
    /// Bytes of incomplete ClientHellos that a worker keeps: 10,000 usual ones. Large ones may have a quarter of that. Whole
    /// ones are bounded by the places in the queue, so that who sends pieces takes nobody's.
    private static let helloLimit = 16 << 20
    private static let usualHello = 4096
    /// Bytes behind a whole one, of early data that is not taken: nothing else comes before our answer.
    private static let earlyLimit = 4096
    /// Nanoseconds that a round has for key exchanges at least: with a few at a time the others hardly notice.
    private static let leastTime: UInt64 = 1_000_000
    /// Of that time strangers get one part of so many while connections wait to be accepted.
    private static let strangersPart: UInt64 = 8

    /// Alerts (RFC 8446, section 6.2; RFC 6066, section 3; RFC 7301, section 3.2).
    private enum Alert: UInt8 {
        case decodeError = 50
        case protocolVersion = 70
        case unrecognizedName = 112
        case noApplicationProtocol = 120
    }

    // MARK: - The ClientHello

    /// Gathers the ClientHello; it may come in many pieces.
    func readHello(_ index: UInt32) -> Bool {
        let visitor = visitors[index]
        var held = visitor.pointee.pending.count
        let kept = held
        if held > 0 { memcpy(cipherBuffer, visitor.pointee.pending.bytes.baseAddress!, held) }
        while true {
            if held > 0, held >= Int(visitor.pointee.helloNeeds) {
                let all = UnsafeRawBufferPointer(start: cipherBuffer, count: held)
                do throws(Malformed) {
                    switch try ClientHello.read(records: all.bytes) {
                    case .more(let needed): visitor.pointee.helloNeeds = UInt32(needed)
                    case .hello(let hello, let length):
                        guard held - length <= Self.earlyLimit else {
                            report.connections.tls.malformed += 1
                            resetVisitor(index)
                            return false
                        }
                        return judge(index, hello, all)
                    }
                } catch {
                    report.connections.tls.malformed += 1
                    // Who speaks no TLS does not understand an alert either.
                    refuseHello(index, all[0] == 22 ? .decodeError : nil)
                    return false
                }
            }
            guard visitor.pointee.stream.isReadable else { break }
            // What is there already is shorter than what it needs, which is half of the buffer at most.
            let room = Self.receiveSize - held
            let count = recv(visitor.pointee.stream.socket, cipherBuffer + held, room, 0)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                visitor.pointee.stream.isReadable = false
                if count < 0, errno == EAGAIN { break }
                report.connections.tls.abandoned += 1
                report.connections.failedHandshakes += 1
                closeVisitor(index)
                return false
            }
            if count < room, !visitor.pointee.stream.isHungUp { visitor.pointee.stream.isReadable = false }
            visitor.pointee.moved &+= UInt64(count)
            held += count
        }
        guard held > kept else { return false }
        guard keepHello(index, UnsafeRawBufferPointer(start: cipherBuffer, count: held), isWhole: false) else {
            report.connections.refused += 1
            resetVisitor(index)
            return false
        }
        return false
    }

    /// False: too much is kept already.
    private func keepHello(_ index: UInt32, _ bytes: UnsafeRawBufferPointer, isWhole: Bool) -> Bool {
        let visitor = visitors[index]
        let added = bytes.count - visitor.pointee.pending.count
        let limit = bytes.count <= Self.usualHello ? Self.helloLimit : Self.helloLimit / 4
        guard isWhole || helloBytes + added <= limit else { return false }
        helloBytes += added
        visitor.pointee.pending.clear()
        visitor.pointee.pending.append(bytes)
        return true
    }

    /// Whom it wants and how, before anything is computed: what cannot be served is refused here.
    private func judge(_ index: UInt32, _ hello: ClientHello, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let visitor = visitors[index]
        let isSafe =
            hello.versions.isEmpty
            ? hello.version >= 0x0303 : hello.versions.contains { $0 == 0x0303 || $0 == 0x0304 }
        guard isSafe else { return refuseUnsupported(index, .protocolVersion) }
        guard hello.protocols.isEmpty || hello.protocols.contains(where: { isSpoken($0, visitor) }) else {
            return refuseUnsupported(index, .noApplicationProtocol)
        }
        guard let site = site(named: hello.serverName), table.certificate(of: site) != nil else {
            report.connections.tls.unknownNames += 1
            refuseHello(index, .unrecognizedName)
            return false
        }
        guard mayOpen(site, index), Int(site) >= table.sites.count || own(index, site) else {
            resetVisitor(index)
            return false
        }
        visitor.pointee.site = site
        visitor.pointee.ja4 = JA4(of: hello) { TLS.sha256(copy $0) }
        queue(index, hello, bytes)
        return false
    }

    private func site(named name: [UInt8]?) -> UInt16? {
        // Without a name (old monitors): the first site that has a certificate.
        guard let name else { return table.firstSecure }
        return name.withUnsafeBytes { table.find($0) }
    }

    private func isSpoken(_ name: [UInt8], _ visitor: UnsafeMutablePointer<Visitor>) -> Bool {
        switch name.count {
        case 2: name[0] == UInt8(ascii: "h") && name[1] == UInt8(ascii: "2") && speaksHTTP2(visitor)
        case 8: memcmp(name, "http/1.1", 8) == 0 || memcmp(name, "http/1.0", 8) == 0
        default: false
        }
    }

    // MARK: - Its turn

    private static func ticket(_ index: UInt32, _ visitor: UnsafeMutablePointer<Visitor>) -> UInt64 {
        UInt64(visitor.pointee.generation) << 32 | UInt64(index)
    }

    private func queue(_ index: UInt32, _ hello: ClientHello, _ bytes: UnsafeRawBufferPointer) {
        let visitor = visitors[index]
        let ticket = Self.ticket(index, visitor)
        let source = visitor.pointee.source
        let (subscriber, network, region) = (source.subscriber, source.network, source.region)
        let known = knownHash(visitor)
        var arrival = HandshakeArrival(
            ticket: ticket, source: table.sources(subscriber.high, subscriber.low, 3),
            network: table.sources(network.high, network.low, 4), region: table.sources(region.high, region.low, 5),
            client: visitor.pointee.ja4?.mixed ?? 0, isKnown: known.map { history?.contains($0) ?? false } ?? false,
            session: nil)
        if visitor.pointee.isTrustedPeer, !visitor.pointee.hasPreface {
            // A load balancer asks for many visitors: nothing is counted against it.
            arrival.session = ticket
        } else if !hello.ticket.isEmpty, !handshakes.isEmpty || handshakes.isPressed(at: instant),
            table.listenerContext.wrote(hello.ticket)
        {
            arrival.session = session(hello.ticket)
        }
        visitor.pointee.isFamiliar = arrival.isKnown || arrival.session != nil
        switch handshakes.arrived(arrival, at: instant) {
        case .refused(let isHostile):
            if isHostile, let known { watchHandshake(visitor, known) }
            resetVisitor(index)
        case .waits(let place, let evicted):
            if let evicted { resetVisitor(UInt32(truncatingIfNeeded: evicted)) }
            visitor.pointee.turn = place
            visitor.pointee.phase = .ready
            visitor.pointee.moved = 0
            _ = keepHello(index, bytes, isWhole: true)
            armVisitor(index, min(limits.queueTime, limits.headTime))
        }
    }

    /// What the history knows the visitor's source by at the site that it asks for; nil for the public pages.
    private func knownHash(_ visitor: UnsafeMutablePointer<Visitor>) -> UInt64? {
        guard Int(visitor.pointee.site) < table.sites.count else { return nil }
        let subscriber = visitor.pointee.source.subscriber
        let salt = table.sites[Int(visitor.pointee.site)].state.salt
        return table.sources(subscriber.high, subscriber.low, salt)
    }

    /// The last bytes of a ticket are its proof, which is as good as a keyed hash.
    private func session(_ ticket: [UInt8]) -> UInt64 {
        ticket.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: $0.count - 8, as: UInt64.self) }
    }

    /// As many key exchanges as there is time for: as long as the rest of the round took, and a little at least. Who is
    /// left waits for the next round.
    ///
    /// Strangers get less while connections wait to be accepted: whoever is known may be among those, and the kernel
    /// turns away what it has no room for.
    func takeUpHandshakes() {
        defer { isAcceptBehind = false }
        guard !handshakes.isEmpty else { return }
        let began = Clock.monotonic()
        let time = max(Self.leastTime, began &- now)
        let timeOfStrangers = isAcceptBehind ? time / Self.strangersPart : time
        var ended = began
        while ended &- began < (handshakes.isNextKnown ? time : timeOfStrangers),
            let ticket = handshakes.next(at: instant)
        {
            startHandshake(ticket)
            charge()
            ended = Clock.monotonic()
        }
        report.connections.tls.busyNanoseconds += ended &- began
        handshakes.roundEnded(at: instant)
    }

    private func startHandshake(_ ticket: UInt64) {
        let index = UInt32(truncatingIfNeeded: ticket)
        let visitor = visitors[index]
        // Whoever goes gives its place up, so it is here.
        guard visitor.pointee.phase == .ready, Self.ticket(index, visitor) == ticket else { return }
        helloBytes -= visitor.pointee.pending.count
        visitor.pointee.phase = .handshake
        work(for: visitor.pointee.stream.tenant)
        guard let tls = TLS.connection(table.listenerContext, port) else { return resetVisitor(index) }
        visitor.pointee.stream.tls = tls
        // A ticket is worth a place before others: none is given away while that counts.
        if !visitor.pointee.isFamiliar, handshakes.isPressed(at: instant) { TLS.withholdTickets(tls) }
        armVisitor(index, limits.headTime / 2)
        drive(index)
    }

    func shakeHands(_ index: UInt32) -> Bool {
        let visitor = visitors[index]
        guard let tls = visitor.pointee.stream.tls else { return false }
        if visitor.pointee.pending.isEmpty {
            guard visitor.pointee.stream.isReadable else { return false }
            let count = recv(visitor.pointee.stream.socket, cipherBuffer, Self.receiveSize, 0)
            guard count > 0 else {
                visitor.pointee.stream.isReadable = false
                if count < 0, errno == EAGAIN || errno == EINTR { return false }
                report.connections.tls.abandoned += 1
                report.connections.failedHandshakes += 1
                closeVisitor(index)
                return false
            }
            port.pointee.inputCount = count
        } else {
            let pending = visitor.pointee.pending.bytes
            memcpy(cipherBuffer, pending.baseAddress!, pending.count)
            port.pointee.inputCount = pending.count
            visitor.pointee.pending.free()
        }
        port.pointee.input = UnsafeRawPointer(cipherBuffer)
        port.pointee.site = visitor.pointee.site
        port.pointee.offersHTTP2 = speaksHTTP2(visitor)
        let result = TLS.handshake(tls)
        let isSent = flushPort(&visitor.pointee.stream)
        switch result {
        case .more where isSent:
            return true
        case .bytes where isSent:
            report.connections.handshakes += 1
            if TLS.isResumed(tls) { report.connections.resumed += 1 }
            visitor.pointee.phase = .head
            armVisitor(index, limits.headTime)
            // The first request may have come along.
            let count = readPlain(&visitor.pointee.stream, tls, at: 0)
            if count > 0 { visitor.pointee.pending.append(UnsafeRawBufferPointer(start: buffer, count: count)) }
            if TLS.speaksHTTP2(tls) { beginCarrying(index) }
            return true
        default:
            report.connections.failedHandshakes += 1
            closeVisitor(index)
            return false
        }
    }

    // MARK: - Refusing

    private func refuseUnsupported(_ index: UInt32, _ alert: Alert) -> Bool {
        report.connections.tls.unsupported += 1
        refuseHello(index, alert)
        return false
    }

    private func refuseHello(_ index: UInt32, _ alert: Alert?) {
        let visitor = visitors[index]
        report.connections.failedHandshakes += 1
        if let alert {
            let record: [7 of UInt8] = [21, 3, 3, 0, 2, 2, alert.rawValue]
            _ = withUnsafeBytes(of: record) {
                Glibc.send(visitor.pointee.stream.socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
        }
        closeVisitor(index)
    }

    /// It waited in vain.
    func refuseHandshake(_ index: UInt32) {
        handshakes.left(visitors[index].pointee.turn, Self.ticket(index, visitors[index]), isRefused: true)
        resetVisitor(index)
    }

    /// It left while it waited.
    func leaveBeforeTurn(_ index: UInt32) {
        report.connections.tls.abandoned += 1
        report.connections.failedHandshakes += 1
        closeVisitor(index)
    }

    /// Ends it at the least cost: nothing is kept of it, here or in the kernel.
    private func resetVisitor(_ index: UInt32) {
        linux_reset_on_close(visitors[index].pointee.stream.socket)
        closeVisitor(index)
    }

    /// A closing visitor gives back what it held before its handshake.
    func dropHello(_ index: UInt32) {
        let visitor = visitors[index]
        guard visitor.pointee.phase == .hello || visitor.pointee.phase == .ready else { return }
        helloBytes -= visitor.pointee.pending.count
        guard visitor.pointee.phase == .ready else { return }
        handshakes.left(visitor.pointee.turn, Self.ticket(index, visitor), isRefused: false)
    }

    /// Behind a load balancer the kernel sees the balancer.
    private func watchHandshake(_ visitor: UnsafeMutablePointer<Visitor>, _ source: UInt64) {
        guard !visitor.pointee.hasPreface, !visitor.pointee.isTrustedPeer, handshakes.isPressed(at: instant) else {
            return
        }
        let client = visitor.pointee.ja4?.mixed ?? 0
        shared.hostile.saw(
            HostileSources.Sight(
                source: source, agent: UInt32(truncatingIfNeeded: client ^ client >> 32), isKnown: false,
                isSuspect: true, isRefused: true),
            of: visitor.pointee.source.subscriber, at: table.sites[Int(visitor.pointee.site)], now: instant)
    }

    func countHandshakes(in status: inout TLSStatus) {
        status.refused = handshakes.counts.refused
        status.refusedKnown = handshakes.counts.refusedKnown
        status.waited = handshakes.counts.waited
        status.waitedMicroseconds = handshakes.counts.waitedMicroseconds
        status.waiting = UInt64(handshakes.count)
        status.pressed = handshakes.isPressed(at: instant) ? 1 : 0
    }
}
