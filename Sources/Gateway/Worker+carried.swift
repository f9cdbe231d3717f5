internal import Admission
internal import Glibc
internal import Heads
internal import Messages

/// Requests that an HTTP/2 connection carries: their heads become HTTP/1.1 heads and go the way of all others; their
/// content waits until the origin takes it.
extension Worker {
    /// Records of carried requests that a worker keeps ready.
    private static let spareCarriageLimit = 1024

    /// The fields in `fields` open a stream.
    func takeRequest(_ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ stream: UInt32) {
        if carrier.pointee.lastStream == 0 {
            carrier.pointee.mixAgent(UInt64(HTTP2Request.pseudoOrder(fields)))
        }
        carrier.pointee.lastStream = stream
        carrier.pointee.highestSeen = stream
        carrier.pointee.activeAt = now
        carrier.pointee.candidate = Carrier.Candidate(id: stream, isWhole: carrier.pointee.blockEndsStream)
        report.connections.streams += 1
        guard carrier.pointee.streams.count < Carrier.streamLimit else {
            writeReset(index, stream, .refusedStream)
            carrier.pointee.recent.add(stream, wasReset: true)
            return spend(index, .noise)
        }
        var headLimits = HeadLimits()
        headLimits.bytes = Int(limits.headBytes)
        headLimits.target = Int(limits.targetBytes)
        headLimits.fields = Int(limits.headFields)
        let place = UnsafeMutableRawBufferPointer(
            start: buffer + Self.headPlace, count: Self.bufferSize - Self.headPlace)
        switch HTTP2Request.write(
            fields, endsStream: carrier.pointee.candidate.isWhole, limits: headLimits, to: place)
        {
        case .head(let count):
            let bytes = UnsafeBufferPointer(
                start: place.baseAddress!.assumingMemoryBound(to: UInt8.self), count: count)
            _ = received(index, bytes, 0, count)
        case .malformed:
            report.connections.malformed += 1
            fault(index, HTTP2Fault(.stream, .protocolError), stream)
        case .refused(let refusal):
            malformed(index, refusal)
            spend(index, .badHeaders)
        }
    }

    /// A record for the request that is being decided on, which is admitted, or is to be answered piece by piece; the
    /// visitor's own record where no connection carries it.
    func placeOfRequest(_ index: UInt32) -> UInt32 {
        let visitor = visitors[index]
        guard let carrier = visitor.pointee.carrier else { return index }
        let place = visitors.take()
        let candidate = carrier.pointee.candidate
        var record = Visitor()
        record.generation = visitors[place].pointee.generation &+ 1
        record.phase = .head
        record.listener = visitor.pointee.listener
        record.isTLS = visitor.pointee.isTLS
        record.isTrustedPeer = visitor.pointee.isTrustedPeer
        record.hasPreface = visitor.pointee.hasPreface
        record.isReused = true
        record.site = visitor.pointee.site
        record.ja4 = visitor.pointee.ja4
        record.source = visitor.pointee.source
        record.stream.tenant = worksFor
        record.carriage = takeCarriage()
        record.carried.agent = carrier.pointee.agent
        record.carried.id = candidate.id
        record.carried.carrier = index
        record.carried.isWhole = candidate.isWhole
        record.carried.sendWindow = carrier.pointee.settings.initialWindow
        record.carried.receiveWindow = Carrier.streamWindow
        record.carried.urgency = urgency(of: fields)
        switch request.framing {
        case .length(let length): record.carried.remaining = length
        case .chunked: record.carried.isChunked = true
        case .none: if !candidate.isWhole { record.carried.remaining = 0 }
        case .untilClose: break
        }
        visitors[place].pointee = record
        carrier.pointee.streams.append(Carrier.Stream(id: candidate.id, place: place))
        carriedCount += 1
        return place
    }

    private func takeCarriage() -> UnsafeMutablePointer<Carried> {
        let carriage = spareCarriages.popLast() ?? .allocate(capacity: 1)
        carriage.initialize(to: Carried())
        return carriage
    }

    private func giveCarriage(_ visitor: UnsafeMutablePointer<Visitor>) {
        guard let carriage = visitor.pointee.carriage else { return }
        visitor.pointee.carriage = nil
        guard spareCarriages.count < Self.spareCarriageLimit else { return carriage.deallocate() }
        spareCarriages.append(carriage)
    }

    /// What the client says of the response's urgency (RFC 9218).
    private func urgency(of fields: HPACKFields) -> UInt8 {
        let name: StaticString = "priority"
        return fields.bytes.withUnsafeBytes { bytes in
            for entry in fields.entries where entry.name.count == 8 {
                guard memcmp(bytes.baseAddress! + Int(entry.name.start), name.utf8Start, 8) == 0 else { continue }
                return Carried.urgency(UnsafeRawBufferPointer(rebasing: bytes[entry.value.range]))
            }
            return Carried().urgency
        }
    }

    // MARK: - Content

    /// A frame of DATA begins: its whole length counts against the windows. Returns how many bytes of the payload this
    /// used up.
    func beginContent(
        _ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ frame: HTTP2Frame, _ padding: UInt8
    ) -> Int {
        let isPadded = frame.flags.contains(.padded)
        let lead = isPadded ? 1 : 0
        guard frame.length >= lead + Int(padding) else {
            // A padded frame without room for its padding's length is of the wrong size.
            fail(index, frame.length < lead ? .frameSizeError : .protocolError)
            return 0
        }
        guard frame.stream & 1 == 1, frame.stream <= carrier.pointee.highestSeen else {
            fail(index, .protocolError)
            return 0
        }
        carrier.pointee.receiveWindow -= frame.length
        guard carrier.pointee.receiveWindow >= 0 else {
            fail(index, .flowControlError)
            return 0
        }
        let size = frame.length - lead - Int(padding)
        carrier.pointee.content = Carrier.Content(
            stream: frame.stream, left: size, padding: Int(padding), endsStream: frame.flags.contains(.endsStream))
        if size == 0, !frame.flags.contains(.endsStream) { spend(index, .emptyData) }
        acceptContent(index, carrier, frame)
        if size == 0 { endContent(index, carrier) }
        return lead
    }

    /// Whether the content may come; where it may not, it is passed over.
    private func acceptContent(_ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ frame: HTTP2Frame) {
        guard let place = carrier.pointee.place(of: frame.stream) else {
            // Content for a stream that we reset was under way (RFC 9113, section 5.1).
            if carrier.pointee.recent.ending(of: frame.stream) != .reset {
                writeReset(index, frame.stream, .streamClosed)
                spend(index, .noise)
            } else if carrier.pointee.content.left == 0 {
                spend(index, .noise)
            }
            // All of it is given back here, nothing as it comes.
            carrier.pointee.content.stream = 0
            return credit(index, nil, frame.length)
        }
        let visitor = visitors[place]
        visitor.pointee.carried.receiveWindow -= frame.length
        let size = carrier.pointee.content.left
        var fault: HTTP2Code?
        if visitor.pointee.carried.isWhole {
            fault = .streamClosed
        } else if visitor.pointee.carried.receiveWindow < 0 {
            fault = .flowControlError
        } else if let remaining = visitor.pointee.carried.remaining, UInt64(size) > remaining {
            fault = .protocolError
        } else if !isGathering(visitor),
            !books.taken.mayHold(size, at: Int(visitor.pointee.stream.tenant))
        {
            fault = .enhanceYourCalm
        }
        if let fault {
            carrier.pointee.content.stream = 0
            self.fault(index, HTTP2Fault(.stream, fault), frame.stream)
            return credit(index, nil, frame.length)
        }
        if turnsOut(place, size) { return credit(index, nil, frame.length - size) }
        // The padding is used up at once.
        credit(index, place, frame.length - size)
    }

    /// Whether the request waits in vain: its content has no place below its organisation's cap. What an origin has begun
    /// to take goes on.
    private func turnsOut(_ place: UInt32, _ size: Int) -> Bool {
        let visitor = visitors[place]
        guard size > 0, visitor.pointee.phase == .waiting, let exchange = visitor.pointee.exchange,
            !books.isWithinMemory(size, at: Int(visitor.pointee.stream.tenant), isRequest: true)
        else { return false }
        if let site = self.place(of: site(exchange)) { counters[Int(site)].capRefused += 1 }
        turnOut(place)
        return true
    }

    /// Takes what is there of the content, and of the padding behind it. Returns the place behind them.
    func takeContent(
        _ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ bytes: UnsafeRawBufferPointer, _ offset: Int
    ) -> Int {
        var offset = offset
        let size = min(carrier.pointee.content.left, bytes.count - offset)
        if size > 0 {
            if let place = carrier.pointee.place(of: carrier.pointee.content.stream) {
                let visitor = visitors[place]
                let isWanted = wantsContent(visitor)
                if isWanted {
                    let isGathered = isGathering(visitor)
                    if visitor.pointee.phase == .body { visitor.pointee.moved &+= UInt64(size) }
                    visitor.pointee.pending.append(UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + size]))
                    if isGathered {
                        gathered(size, visitor)
                        credit(index, place, size)
                    } else {
                        visitor.pointee.carried.taken += size
                        take(size, visitor)
                    }
                } else {
                    credit(index, nil, size)
                }
                if let remaining = visitor.pointee.carried.remaining {
                    visitor.pointee.carried.remaining = remaining - UInt64(size)
                }
                if isWanted { resume(place) }
            } else if carrier.pointee.content.stream != 0 {
                // Given up in the middle of the frame.
                credit(index, nil, size)
            }
            carrier.pointee.content.left -= size
            offset += size
            if carrier.pointee.content.left == 0 { endContent(index, carrier) }
        }
        let padding = min(carrier.pointee.content.padding, bytes.count - offset)
        if carrier.pointee.content.left == 0 {
            carrier.pointee.content.padding -= padding
            offset += padding
        }
        return offset
    }

    /// Whether the request's content is awaited: its place is its own already.
    private func isGathering(_ visitor: UnsafeMutablePointer<Visitor>) -> Bool {
        visitor.pointee.phase == .body && visitor.pointee.pending.count < Int(visitor.pointee.awaited)
    }

    /// So much of what is awaited came; the last piece may be longer than that.
    private func gathered(_ size: Int, _ visitor: UnsafeMutablePointer<Visitor>) {
        visitor.pointee.carried.gathered += size
        let held = visitor.pointee.pending.count
        if held > Int(visitor.pointee.reserved) { reserve(held, visitor) }
    }

    /// More is awaited now than before: what came in the meantime is of it.
    func takeAsGathered(_ visitor: UnsafeMutablePointer<Visitor>) {
        guard let carriage = visitor.pointee.carriage, carriage.pointee.taken > 0 else { return }
        let taken = carriage.pointee.taken
        carriage.pointee.taken = 0
        carriage.pointee.gathered += taken
        take(-taken, visitor)
        credit(carriage.pointee.carrier, nil, taken)
    }

    /// Whether anybody may still take the request's content: not once it has its answer.
    private func wantsContent(_ visitor: UnsafeMutablePointer<Visitor>) -> Bool {
        switch visitor.pointee.phase {
        // In `head` it is on its way from `body` to where its head is read again.
        case .head, .body, .waiting, .exchange: true
        default: false
        }
    }

    /// The last byte of a frame's content is here.
    private func endContent(_ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>) {
        guard carrier.pointee.content.endsStream, let place = carrier.pointee.place(of: carrier.pointee.content.stream)
        else { return }
        carrier.pointee.content.stream = 0
        requestIsHere(index, place)
    }

    private func requestIsHere(_ index: UInt32, _ place: UInt32) {
        let visitor = visitors[place]
        guard visitor.pointee.carried.remaining ?? 0 == 0 else {
            // Less than Content-Length promised (RFC 9113, section 8.1.1).
            return fault(index, HTTP2Fault(.stream, .protocolError), visitor.pointee.carried.id)
        }
        visitor.pointee.carried.isWhole = true
        resume(place)
    }

    /// The fields in `fields` end a request.
    func takeTrailers(_ index: UInt32, _ place: UInt32, endsStream: Bool) {
        let visitor = visitors[place]
        let stream = visitor.pointee.carried.id
        guard !visitor.pointee.carried.isWhole else { return fault(index, HTTP2Fault(.stream, .streamClosed), stream) }
        guard endsStream, !fields.isTooLarge else {
            return fault(index, HTTP2Fault(.stream, .protocolError), stream)
        }
        if visitor.pointee.carried.isChunked, wantsContent(visitor) {
            let room = UnsafeMutableRawBufferPointer(
                start: buffer + Self.headPlace, count: Self.bufferSize - Self.headPlace)
            guard case .head(let count) = HTTP2Request.writeTrailers(fields, to: room) else {
                return fault(index, HTTP2Fault(.stream, .protocolError), stream)
            }
            visitor.pointee.pending.append(UnsafeRawBufferPointer(rebasing: room[..<count]))
            visitor.pointee.carried.pendingTail = count
        }
        requestIsHere(index, place)
    }

    /// Moves a carried request's content on to its origin, as far as that takes it.
    func pumpCarried(_ index: UInt32, _ exchange: UnsafeMutablePointer<Exchange>, _ upstream: UInt32) {
        let visitor = visitors[index]
        while !exchange.pointee.request.isDone, upstreams[upstream].pointee.stream.out.isEmpty {
            let held = visitor.pointee.pending.count - visitor.pointee.carried.pendingTail
            let size = min(held, Self.receiveSize)
            // With the last byte of Content-Length the origin has all of it, whether or not END_STREAM comes.
            let isHere = visitor.pointee.carried.isWhole || visitor.pointee.carried.remaining == 0
            let isLast = isHere && size == held
            guard size > 0 || isLast else { return }
            writeContent(visitor, size, isLast: isLast)
            visitor.pointee.pending.consume(isLast ? visitor.pointee.pending.count : size)
            if visitor.pointee.pending.isEmpty { freePending(visitor) }
            exchange.pointee.request.isDone = isLast
            exchange.pointee.bytesIn += UInt64(size)
            exchange.pointee.bodyWasTaken = true
            visitor.pointee.moved += UInt64(size)
            // What was gathered had its window back as it came.
            let gathered = min(size, visitor.pointee.carried.gathered)
            visitor.pointee.carried.gathered -= gathered
            visitor.pointee.carried.taken -= size - gathered
            take(gathered - size, visitor)
            credit(visitor.pointee.carried.carrier, index, size - gathered)
            guard exchange.pointee.bytesIn <= site(exchange).settings.bodyLimit &+ 4096 else {
                return failExchange(exchange, 413, decision: "malformed")
            }
            guard send(&upstreams[upstream].pointee.stream, ink.bytes) else { return upstreamBroke(upstream) }
            if isLast { requestIsWhole(exchange, upstream) }
        }
    }

    /// Content and, behind its last piece, the end of a chunked body, into the ink.
    private func writeContent(_ visitor: UnsafeMutablePointer<Visitor>, _ size: Int, isLast: Bool) {
        let bytes = visitor.pointee.pending.bytes
        let isChunked = visitor.pointee.carried.isChunked
        ink.clear()
        if isChunked, size > 0 {
            ink.write(hexadecimal: UInt64(size), digits: 5)
            ink.write("\r\n")
        }
        ink.write(UnsafeRawBufferPointer(rebasing: bytes[..<size]))
        guard isChunked else { return }
        if size > 0 { ink.write("\r\n") }
        guard isLast else { return }
        if visitor.pointee.carried.pendingTail > 0 {
            ink.write(UnsafeRawBufferPointer(rebasing: bytes[size...]))
            visitor.pointee.carried.pendingTail = 0
        } else {
            ink.write("0\r\n\r\n")
        }
    }

    /// Content was used up: the peer may send as much again, and is told so by the quarter of a window.
    func credit(_ index: UInt32, _ place: UInt32?, _ size: Int) {
        guard let carrier = visitors[index].pointee.carrier else { return }
        carrier.pointee.owed += size
        if carrier.pointee.owed >= Carrier.window / 4 {
            writeWindowUpdate(index, 0, carrier.pointee.owed)
            carrier.pointee.receiveWindow += carrier.pointee.owed
            carrier.pointee.owed = 0
        }
        guard let place, !visitors[place].pointee.carried.isWhole else { return }
        let visitor = visitors[place]
        visitor.pointee.carried.owed += size
        if visitor.pointee.carried.owed >= Carrier.streamWindow / 4 {
            writeWindowUpdate(index, visitor.pointee.carried.id, visitor.pointee.carried.owed)
            visitor.pointee.carried.receiveWindow += visitor.pointee.carried.owed
            visitor.pointee.carried.owed = 0
        }
    }

    // MARK: - Ends

    /// The response is complete here: the record lives until the visitor has all of it.
    func endCarried(_ index: UInt32) {
        let visitor = visitors[index]
        visitor.pointee.phase = .lingering
        dropContent(index)
        guard !visitor.pointee.stream.out.isEmpty else { return closeVisitor(index) }
        visitor.pointee.closesAfterFlush = true
        armVisitor(index, limits.progressTime)
    }

    /// Nobody will take what is left of the request's content: its window is the connection's again.
    private func dropContent(_ index: UInt32) {
        let visitor = visitors[index]
        let taken = visitor.pointee.carried.taken
        visitor.pointee.carried.taken = 0
        visitor.pointee.carried.pendingTail = 0
        freePending(visitor)
        take(-taken, visitor)
        credit(visitor.pointee.carried.carrier, nil, taken)
    }

    /// Takes the request out of its connection, with RST_STREAM where either side is not through.
    func leaveCarrier(_ index: UInt32) {
        let visitor = visitors[index]
        let carried = visitor.pointee.carried
        giveCarriage(visitor)
        carriedCount -= 1
        take(-carried.taken, visitor)
        guard let carrier = visitors[carried.carrier].pointee.carrier else { return }
        carrier.pointee.kept -= visitor.pointee.stream.out.count - carried.outTail
        if let place = carrier.pointee.streams.firstIndex(where: { $0.id == carried.id }) {
            carrier.pointee.streams.remove(at: place)
            if carrier.pointee.turn > place { carrier.pointee.turn -= 1 }
        }
        carrier.pointee.activeAt = now
        var wasReset = carried.isReset
        if !wasReset, !carried.isEnded || !carried.isWhole {
            wasReset = true
            writeReset(carried.carrier, carried.id, carried.isEnded ? .noError : carried.code)
        }
        carrier.pointee.recent.add(carried.id, wasReset: wasReset)
        if carried.isEnded { carrier.pointee.budget.served() }
        // Nobody will take what is left of the content: its window is the connection's again.
        credit(carried.carrier, nil, carried.taken)
        if carrier.pointee.streams.isEmpty { markDirty(carried.carrier) }
    }
}

extension Carried {
    /// The number behind "u=" in a priority field (RFC 9218, section 4.1), or 3.
    static func urgency(_ value: UnsafeRawBufferPointer) -> UInt8 {
        guard value.count >= 3 else { return 3 }
        for index in 0..<value.count - 2
        where value[index] == UInt8(ascii: "u") && value[index + 1] == UInt8(ascii: "=") {
            let digit = value[index + 2]
            return digit >= 48 && digit <= 55 ? digit - 48 : 3
        }
        return 3
    }
}
