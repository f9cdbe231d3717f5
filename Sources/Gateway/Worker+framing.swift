internal import Glibc
internal import Heads
internal import Messages

/// Frames of an HTTP/2 connection as they go out. Those of one round leave in one piece; content waits in the requests'
/// records until the visitor's windows let it go, and all requests have their turn.
extension Worker {
    /// Content in one frame: small enough that others have their turn soon.
    private static let pieceSize = 16_384
    /// Inks for frames that a worker keeps ready.
    private static let spareBatchLimit = 64

    /// Whether responses to this visitor leave as frames.
    func isFramed(_ visitor: UnsafeMutablePointer<Visitor>) -> Bool {
        visitor.pointee.isCarried || visitor.pointee.carrier != nil
    }

    // MARK: - Responses

    /// A response's head, as HTTP/1.1 has it, becomes HEADERS. With `ends` there is no content. `adds` writes fields of
    /// our own. Returns the block's size.
    @discardableResult
    func carryHead(
        _ index: UInt32, _ bytes: UnsafeRawBufferPointer, ends: Bool, passes: (Field) -> Bool = { _ in true },
        adds: (inout HPACKWriter) -> Void = { _ in }
    ) -> Int {
        var writer = HPACKWriter(UnsafeMutableRawBufferPointer(start: blockRoom, count: Self.blockSize))
        writer.writeStatus(response.status)
        // Such a response has no content, and clients of HTTP/2 take a length for a fault (RFC 9110, section 8.6).
        let hasLength = response.status >= 200 && response.status != 204
        writer.write(response, of: bytes) { passes($0) && (hasLength || $0.id != .contentLength) }
        adds(&writer)
        // Twice the longest head that is read.
        assert(!writer.isFull, "a header block has no room")
        let carried = visitors[index].pointee.carried
        writeHeaders(
            carried.carrier, carried.id, UnsafeRawBufferPointer(start: blockRoom, count: writer.count), ends: ends)
        visitors[index].pointee.carried.isEnded = ends
        return writer.count
    }

    /// A response's content goes out as DATA, as far as the windows allow, and waits for the rest.
    func carry(_ index: UInt32, _ bytes: UnsafeRawBufferPointer, ends: Bool) {
        let visitor = visitors[index]
        let place = visitor.pointee.carried.carrier
        guard let carrier = visitors[place].pointee.carrier, !visitor.pointee.carried.isEnded else { return }
        var offset = 0
        if visitor.pointee.stream.out.isEmpty {
            while offset < bytes.count || bytes.count == 0 && ends {
                let size = room(place, carrier, visitor, wanted: bytes.count - offset)
                guard size > 0 || bytes.count == 0 else { break }
                let isLast = ends && offset + size == bytes.count
                writeData(
                    place, carrier, visitor, UnsafeRawBufferPointer(rebasing: bytes[offset..<offset + size]), isLast)
                offset += size
                if isLast { return }
            }
        }
        if ends { visitor.pointee.carried.endsAfterOut = true }
        guard offset < bytes.count else { return }
        visitor.pointee.stream.out.append(UnsafeRawBufferPointer(rebasing: bytes[offset...]))
        keep(bytes.count - offset, &visitor.pointee.stream)
        carrier.pointee.kept += bytes.count - offset
    }

    /// Trailer lines of a chunked body end the response, behind the content that still waits. False: they are no lines.
    func carryTrailers(_ index: UInt32, _ lines: UnsafeRawBufferPointer) -> Bool {
        let visitor = visitors[index]
        var writer = HPACKWriter(UnsafeMutableRawBufferPointer(start: blockRoom, count: Self.blockSize))
        guard writer.writeTrailers(lines), !writer.isFull else { return false }
        let block = UnsafeRawBufferPointer(start: blockRoom, count: writer.count)
        guard block.count > 0 else {
            carry(index, UnsafeRawBufferPointer(start: nil, count: 0), ends: true)
            return true
        }
        guard !visitor.pointee.stream.out.isEmpty else {
            writeHeaders(visitor.pointee.carried.carrier, visitor.pointee.carried.id, block, ends: true)
            visitor.pointee.carried.isEnded = true
            return true
        }
        visitor.pointee.stream.out.append(block)
        keep(block.count, &visitor.pointee.stream)
        visitor.pointee.carried.outTail = block.count
        return true
    }

    private func room(
        _ place: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ visitor: UnsafeMutablePointer<Visitor>,
        wanted: Int
    ) -> Int {
        // What the socket does not take would wait behind what others have put there.
        guard visitors[place].pointee.stream.out.isEmpty else { return 0 }
        return max(
            0, min(wanted, Self.pieceSize, carrier.pointee.sendWindow, visitor.pointee.carried.sendWindow))
    }

    private func writeData(
        _ place: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ visitor: UnsafeMutablePointer<Visitor>,
        _ bytes: UnsafeRawBufferPointer, _ ends: Bool
    ) {
        write(
            place, HTTP2Frame(.data, ends ? .endsStream : [], length: bytes.count, stream: visitor.pointee.carried.id),
            bytes)
        carrier.pointee.sendWindow -= bytes.count
        carrier.pointee.sent &+= bytes.count
        carrier.pointee.budget.sentData(bytes.count)
        visitor.pointee.carried.sendWindow -= bytes.count
        if ends { visitor.pointee.carried.isEnded = true }
        if let batch = carrier.pointee.batch, batch.count >= Carrier.batchSize { sendBatch(place) }
    }

    /// Moves content that waits into frames, request by request, until a window is shut or the socket is full.
    func moveContent(_ place: UInt32) {
        while let carrier = visitors[place].pointee.carrier, !carrier.pointee.isBroken,
            visitors[place].pointee.stream.out.isEmpty, let index = nextToMove(carrier)
        {
            let visitor = visitors[index]
            let held = visitor.pointee.stream.out.count - visitor.pointee.carried.outTail
            let size = room(place, carrier, visitor, wanted: held)
            if held > 0 {
                let isLast = visitor.pointee.carried.endsAfterOut && size == held
                writeData(
                    place, carrier, visitor,
                    UnsafeRawBufferPointer(rebasing: visitor.pointee.stream.out.bytes[..<size]),
                    isLast)
                visitor.pointee.stream.out.consume(size)
                keep(-size, &visitor.pointee.stream)
                carrier.pointee.kept -= size
            }
            if size == held, visitor.pointee.carried.outTail > 0 {
                writeHeaders(place, visitor.pointee.carried.id, visitor.pointee.stream.out.bytes, ends: true)
                keep(-visitor.pointee.stream.out.count, &visitor.pointee.stream)
                visitor.pointee.stream.out.clear()
                visitor.pointee.carried.outTail = 0
                visitor.pointee.carried.isEnded = true
            }
            guard visitor.pointee.stream.out.isEmpty else { continue }
            visitor.pointee.stream.out.free()
            // All is out: what waited for that goes on.
            if flushed(index) { drive(index) }
        }
    }

    /// The request whose turn it is: the most urgent of those that may send, each in turn among equals.
    private func nextToMove(_ carrier: UnsafeMutablePointer<Carrier>) -> UInt32? {
        var best: Int?
        var bestUrgency = UInt8.max
        let count = carrier.pointee.streams.count
        for step in 0..<count {
            let place = (carrier.pointee.turn + step) % count
            let visitor = visitors[carrier.pointee.streams[place].place]
            let held = visitor.pointee.stream.out.count
            guard held > 0, visitor.pointee.carried.urgency < bestUrgency else { continue }
            let mayGo =
                held == visitor.pointee.carried.outTail
                || carrier.pointee.sendWindow > 0 && visitor.pointee.carried.sendWindow > 0
            guard mayGo else { continue }
            best = place
            bestUrgency = visitor.pointee.carried.urgency
        }
        guard let best else { return nil }
        carrier.pointee.turn = best + 1
        return carrier.pointee.streams[best].place
    }

    // MARK: - Our own responses

    /// One of the lane's own responses, over HTTP/2: for the request that is being decided on there is nothing to give
    /// back, for it has no record.
    func replyFramed(_ index: UInt32, _ status: UInt16, form: Replies.Form, isHead: Bool) {
        replyFramed(index, framedReplies.reply(status, form, date: replies.date), isHead: isHead)
    }

    func replyFramed(_ index: UInt32, _ reply: FramedReplies.Reply, isHead: Bool) {
        let visitor = visitors[index]
        guard let carrier = visitor.pointee.carrier else {
            let carried = visitor.pointee.carried
            writeHeaders(carried.carrier, carried.id, reply.block, ends: isHead)
            visitor.pointee.carried.isEnded = isHead
            if !isHead { carry(index, reply.content, ends: true) }
            return endCarried(index)
        }
        let candidate = carrier.pointee.candidate
        let size = reply.content.count
        // Nothing is kept for who has shut its windows: the head says it all.
        let hasContent =
            !isHead && size <= min(carrier.pointee.sendWindow, carrier.pointee.settings.initialWindow)
            && visitor.pointee.stream.out.isEmpty
        writeHeaders(index, candidate.id, reply.block, ends: !hasContent)
        if hasContent {
            write(index, HTTP2Frame(.data, .endsStream, length: size, stream: candidate.id), reply.content)
            carrier.pointee.sendWindow -= size
            carrier.pointee.budget.sentData(size)
        }
        // What of the request is still to come, nobody wants (RFC 9113, section 8.1).
        if !candidate.isWhole { writeReset(index, candidate.id, .noError) }
        carrier.pointee.recent.add(candidate.id, wasReset: !candidate.isWhole)
    }

    /// A response of our own without content, whose head is not a constant.
    func replyFramed(_ index: UInt32, head: UnsafeRawBufferPointer) {
        readOwnHead(head)
        let place = placeOfRequest(index)
        carryHead(place, head, ends: true) { $0.id != .contentLength }
        endCarried(place)
    }

    /// Reads a head that we wrote into `response`.
    func readOwnHead(_ head: UnsafeRawBufferPointer) {
        let refusal = head.withMemoryRebound(to: UInt8.self) { response.read($0.span, from: 0, method: .head) }
        assert(refusal == nil, "our own head cannot be read")
    }

    // MARK: - Single frames

    /// HEADERS, and CONTINUATION where the block is long.
    func writeHeaders(_ place: UInt32, _ stream: UInt32, _ block: UnsafeRawBufferPointer, ends: Bool) {
        guard let carrier = visitors[place].pointee.carrier else { return }
        var lead = 0
        if carrier.pointee.tableIsDue {
            carrier.pointee.tableIsDue = false
            lead = 1
        }
        var offset = min(block.count, HTTP2Frame.payloadLimit - lead)
        var flags: HTTP2Frame.Flags = ends ? .endsStream : []
        if offset == block.count { flags.insert(.endsHeaders) }
        write(place, HTTP2Frame(.headers, flags, length: lead + offset, stream: stream), nil)
        // Table size 0 (RFC 7541, section 6.3).
        if lead > 0 { carrier.pointee.batch?.write(0x20 as UInt8) }
        write(place, UnsafeRawBufferPointer(rebasing: block[..<offset]))
        while offset < block.count {
            let size = min(block.count - offset, HTTP2Frame.payloadLimit)
            flags = offset + size == block.count ? .endsHeaders : []
            write(
                place, HTTP2Frame(.continuation, flags, length: size, stream: stream),
                UnsafeRawBufferPointer(rebasing: block[offset..<offset + size]))
            offset += size
        }
    }

    func writeReset(_ place: UInt32, _ stream: UInt32, _ code: HTTP2Code) {
        write(place, HTTP2Frame(.reset, length: 4, stream: stream), code.rawValue)
    }

    func writeWindowUpdate(_ place: UInt32, _ stream: UInt32, _ size: Int) {
        write(place, HTTP2Frame(.windowUpdate, length: 4, stream: stream), UInt32(size))
    }

    func writePing(_ place: UInt32, _ payload: UnsafeRawBufferPointer, _ flags: HTTP2Frame.Flags = []) {
        write(place, HTTP2Frame(.ping, flags, length: 8, stream: 0), payload)
    }

    func writeGoAway(_ place: UInt32, _ code: HTTP2Code, last: UInt32) {
        write(place, HTTP2Frame(.goAway, length: 8, stream: 0), last)
        withUnsafeBytes(of: code.rawValue.bigEndian) { write(place, $0) }
    }

    func writeSettingsAcknowledgement(_ place: UInt32) {
        write(place, HTTP2Frame(.settings, .acknowledged, length: 0, stream: 0), nil)
    }

    /// What we say of ourselves, and the connection's window.
    func writeSettings(_ place: UInt32) {
        let settings: [(HTTP2Settings.Name, UInt32)] = [
            (.maxConcurrentStreams, UInt32(Carrier.streamLimit)), (.initialWindow, UInt32(Carrier.streamWindow)),
            (.headerListSize, UInt32(fields.limits.bytes)),
        ]
        scratch.clear()
        for (name, value) in settings { HTTP2Settings.write(name, value, to: scratch.extend(6)) }
        write(place, HTTP2Frame(.settings, length: scratch.count, stream: 0), scratch.bytes)
        writeWindowUpdate(place, 0, Carrier.window - HTTP2Settings().initialWindow)
    }

    private func write(_ place: UInt32, _ frame: HTTP2Frame, _ number: UInt32) {
        withUnsafeBytes(of: number.bigEndian) { write(place, frame, $0) }
    }

    private func write(_ place: UInt32, _ frame: HTTP2Frame, _ payload: UnsafeRawBufferPointer?) {
        guard let carrier = visitors[place].pointee.carrier else { return }
        if carrier.pointee.batch == nil { carrier.pointee.batch = takeBatch() }
        carrier.pointee.batch?.write(frame)
        if let payload { carrier.pointee.batch?.write(payload) }
        markDirty(place)
    }

    /// Bytes behind what was written last.
    private func write(_ place: UInt32, _ bytes: UnsafeRawBufferPointer) {
        guard let carrier = visitors[place].pointee.carrier else { return }
        if carrier.pointee.batch == nil { carrier.pointee.batch = takeBatch() }
        carrier.pointee.batch?.write(bytes)
        markDirty(place)
    }

    // MARK: - Leaving together

    /// Sends the frames that were written since the last time.
    func sendBatch(_ place: UInt32) {
        let visitor = visitors[place]
        guard let carrier = visitor.pointee.carrier, let batch = carrier.pointee.batch else { return }
        carrier.pointee.batch = nil
        visitor.pointee.moved &+= UInt64(batch.count)
        if !send(&visitor.pointee.stream, batch.bytes) {
            carrier.pointee.isBroken = true
            markDirty(place)
        }
        giveBatch(batch)
    }

    private func takeBatch() -> Ink {
        spareBatches.popLast() ?? Ink(capacity: Carrier.batchSize + Self.pieceSize + 64)
    }

    func giveBatch(_ batch: Ink) {
        guard spareBatches.count < Self.spareBatchLimit, batch.isModest else { return batch.free() }
        batch.clear()
        spareBatches.append(batch)
    }
}

extension Ink {
    func write(_ frame: HTTP2Frame) {
        frame.write(to: extend(HTTP2Frame.headSize))
    }
}
