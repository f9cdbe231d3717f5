internal import Admission
internal import Glibc
internal import Heads

/// Frames of an HTTP/2 connection as they come in (RFC 9113). Nothing is kept of a request that is refused.
extension Worker {
    /// Where in the buffer a request's head is written, behind all that a connection's frames can take: an incomplete
    /// frame and what is received at once.
    static let headPlace = 128 << 10

    /// Reads frames. True: there may be more.
    func readFrames(_ index: UInt32) -> Bool {
        let visitor = visitors[index]
        guard let carrier = visitor.pointee.carrier, carrier.pointee.failure == nil,
            // Who does not take the answers is not heard either.
            visitor.pointee.stream.out.count < Carrier.unsentLimit, now >= carrier.pointee.slowUntil
        else { return false }
        // Nobody waits for the answers.
        if visitor.pointee.stream.isHungUp, offences.isOffender(visitor.pointee.source, at: now) {
            abandon(index)
            return false
        }
        var held = visitor.pointee.pending.count
        if held > 0 { memcpy(buffer, visitor.pointee.pending.bytes.baseAddress!, held) }
        if !carrier.pointee.hasRest {
            let count = receive(&visitor.pointee.stream, at: held)
            guard count > 0 else {
                if count < 0 { peerEnded(index, carrier) }
                return false
            }
            held += count
        }
        carrier.pointee.hasRest = false
        let used = takeFrames(index, carrier, held)
        visitor.pointee.pending.clear()
        if used < held {
            visitor.pointee.pending.append(UnsafeRawBufferPointer(start: buffer + used, count: held - used))
        } else {
            visitor.pointee.pending.free()
        }
        // The clock of a head runs from its first byte.
        let isOpen = carrier.pointee.blockStream != 0 || used < held && !carrier.pointee.hasRest
        if !isOpen, carrier.pointee.hasSettings {
            carrier.pointee.headSince = 0
        } else if carrier.pointee.headSince == 0 {
            carrier.pointee.headSince = now
        }
        return true
    }

    /// Takes whole frames off the front of the buffer, and content as far as it is there. Returns the bytes used.
    private func takeFrames(_ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ held: Int) -> Int {
        let all = UnsafeRawBufferPointer(start: buffer, count: held)
        var offset = 0
        if !carrier.pointee.hasPreface {
            guard let end = readClientPreface(index, all) else { return 0 }
            offset = end
            carrier.pointee.hasPreface = true
        }
        while carrier.pointee.failure == nil {
            if carrier.pointee.content.left + carrier.pointee.content.padding > 0 {
                guard offset < held else { break }
                offset = takeContent(index, carrier, all, offset)
                continue
            }
            guard let frame = HTTP2Frame(all.bytes, at: offset) else { break }
            guard judge(index, carrier, frame) else { break }
            let start = offset + HTTP2Frame.headSize
            if frame.kind == .data {
                // Its padding's length comes first.
                let isPadded = frame.flags.contains(.padded)
                guard held > start || !isPadded else { break }
                offset = start + beginContent(index, carrier, frame, isPadded ? all[start] : 0)
                continue
            }
            guard held - start >= frame.length else { break }
            offset = start + frame.length
            if let fault = frame.fault() {
                self.fault(index, fault, frame.stream)
            } else {
                handle(index, carrier, frame, UnsafeRawBufferPointer(rebasing: all[start..<offset]))
            }
            if let batch = carrier.pointee.batch, batch.count >= Carrier.batchSize { sendBatch(index) }
            // Who asks faster than the answers are taken, or too much beside, is heard later.
            if visitors[index].pointee.stream.out.count >= Carrier.unsentLimit || now < carrier.pointee.slowUntil
                || isOverTurn(&visitors[index].pointee.stream)
            {
                carrier.pointee.hasRest = offset < held
                break
            }
        }
        return offset
    }

    private func readClientPreface(_ index: UInt32, _ bytes: UnsafeRawBufferPointer) -> Int? {
        let preface = HTTP2Frame.preface
        let count = min(bytes.count, preface.utf8CodeUnitCount)
        guard memcmp(bytes.baseAddress!, preface.utf8Start, count) == 0 else {
            fail(index, .protocolError)
            return nil
        }
        return count == preface.utf8CodeUnitCount ? count : nil
    }

    /// Whether the frame may come now; its length too, before it is waited for.
    private func judge(_ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ frame: HTTP2Frame) -> Bool {
        if let fault = frame.fault(), fault.scope == .connection {
            fail(index, fault.code)
            return false
        }
        let isInOrder =
            carrier.pointee.hasSettings
            ? carrier.pointee.blockStream == 0
                ? frame.kind != .continuation
                : frame.kind == .continuation && frame.stream == carrier.pointee.blockStream
            : frame.kind == .settings && !frame.flags.contains(.acknowledged)
        if !isInOrder { fail(index, .protocolError) }
        return isInOrder
    }

    private func handle(
        _ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ frame: HTTP2Frame,
        _ payload: UnsafeRawBufferPointer
    ) {
        switch frame.kind {
        case .headers, .continuation: takeBlock(index, carrier, frame, payload)
        case .data: break
        case .priority:
            if let fault = frame.priorityFault(payload.bytes) { self.fault(index, fault, frame.stream) }
            spend(index, .priority)
        case .reset: peerReset(index, carrier, frame.stream)
        case .settings: takeSettings(index, carrier, frame, payload)
        case .ping:
            guard !frame.flags.contains(.acknowledged) else { return pingWasAnswered(index, carrier, payload) }
            writePing(index, payload, .acknowledged)
            spend(index, .ping)
        case .goAway:
            if carrier.pointee.peerLeaves { spend(index, .noise) }
            carrier.pointee.peerLeaves = true
            markDirty(index)
        case .windowUpdate: openWindow(index, carrier, frame, payload)
        case .pushPromise: fail(index, .protocolError)
        case nil:
            if frame.type == Self.priorityUpdate { return takePriority(index, carrier, payload) }
            spend(index, .noise)
        }
    }

    // MARK: - Settings, windows, priorities

    private func takeSettings(
        _ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ frame: HTTP2Frame,
        _ payload: UnsafeRawBufferPointer
    ) {
        guard !frame.flags.contains(.acknowledged) else { return spend(index, .settings) }
        let before = carrier.pointee.settings
        if let fault = carrier.pointee.settings.read(payload.bytes) { return fail(index, fault.code) }
        let settings = carrier.pointee.settings
        if settings.headerTableSize < min(before.headerTableSize, UInt32(HPACKDecoder.tableSize)) {
            carrier.pointee.tableIsDue = true
        }
        let change = settings.initialWindow - before.initialWindow
        if change != 0 {
            for stream in carrier.pointee.streams {
                let window = visitors[stream.place].pointee.carried.sendWindow + change
                guard window <= HTTP2Settings.windowLimit else { return fail(index, .flowControlError) }
                visitors[stream.place].pointee.carried.sendWindow = window
            }
        }
        if carrier.pointee.hasSettings {
            spend(index, .settings)
        } else {
            carrier.pointee.hasSettings = true
            for byte in payload { carrier.pointee.mixAgent(UInt64(byte)) }
        }
        writeSettingsAcknowledgement(index)
    }

    private func openWindow(
        _ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ frame: HTTP2Frame,
        _ payload: UnsafeRawBufferPointer
    ) {
        var increment = 0
        do throws(HTTP2Fault) {
            increment = try frame.increment(payload.bytes)
        } catch {
            guard isOpened(index, carrier, frame.stream) else { return }
            return fault(index, error, frame.stream)
        }
        spend(index, .windowUpdate)
        if frame.stream == 0 {
            guard carrier.pointee.sendWindow + increment <= HTTP2Settings.windowLimit else {
                return fail(index, .flowControlError)
            }
            carrier.pointee.sendWindow += increment
            if carrier.pointee.lastStream == 0 { carrier.pointee.mixAgent(UInt64(increment)) }
        } else {
            guard isOpened(index, carrier, frame.stream) else { return }
            // For a stream that has ended it was under way.
            guard let place = carrier.pointee.place(of: frame.stream) else { return }
            guard visitors[place].pointee.carried.sendWindow + increment <= HTTP2Settings.windowLimit else {
                return fault(index, HTTP2Fault(.stream, .flowControlError), frame.stream)
            }
            visitors[place].pointee.carried.sendWindow += increment
        }
        if carrier.pointee.kept > 0 { markDirty(index) }
    }

    /// Whether the stream was opened at some time; if not, the frame is a fault of the connection.
    private func isOpened(_ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ stream: UInt32) -> Bool {
        guard stream == 0 || stream & 1 == 1 && stream <= carrier.pointee.highestSeen else {
            fail(index, .protocolError)
            return false
        }
        return true
    }

    /// The type of PRIORITY_UPDATE (RFC 9218, section 7.1).
    private static let priorityUpdate: UInt8 = 0x10

    private func takePriority(
        _ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ payload: UnsafeRawBufferPointer
    ) {
        spend(index, .priority)
        guard let stream = HTTP2Frame.number(payload.bytes),
            let place = carrier.pointee.place(of: stream & 0x7fff_ffff)
        else { return }
        visitors[place].pointee.carried.urgency = Carried.urgency(UnsafeRawBufferPointer(rebasing: payload[4...]))
    }

    // MARK: - Streams

    private func peerReset(_ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ stream: UInt32) {
        guard isOpened(index, carrier, stream) else { return }
        guard let place = carrier.pointee.place(of: stream) else { return spend(index, .noise) }
        visitors[place].pointee.carried.isReset = true
        abandon(place)
        spend(index, .reset)
    }

    /// Puts a header block together, and takes it once it is whole.
    private func takeBlock(
        _ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ frame: HTTP2Frame,
        _ payload: UnsafeRawBufferPointer
    ) {
        var piece = payload
        var ownFault: HTTP2Fault?
        if frame.kind == .headers {
            do throws(HTTP2Fault) {
                let content = try frame.content(of: payload.bytes)
                piece = UnsafeRawBufferPointer(rebasing: payload[content.range])
                ownFault = content.fault
            } catch {
                return fault(index, error, frame.stream)
            }
            carrier.pointee.blockEndsStream = frame.flags.contains(.endsStream)
            if frame.flags.contains(.endsHeaders) {
                return takeHeaders(index, carrier, frame.stream, piece, ownFault)
            }
            carrier.pointee.blockStream = frame.stream
        } else {
            spend(index, .continuation)
        }
        // No list within the limits is longer in code than it is in letters; one somewhat over them is told so.
        guard carrier.pointee.block.count + piece.count <= fields.limits.bytes * 2,
            books.taken.mayHold(piece.count, at: Int(visitors[index].pointee.stream.tenant))
        else { return fail(index, .enhanceYourCalm) }
        carrier.pointee.block.append(piece)
        take(piece.count, visitors[index])
        guard frame.flags.contains(.endsHeaders) else { return }
        let stream = carrier.pointee.blockStream
        carrier.pointee.blockStream = 0
        var block = carrier.pointee.block
        carrier.pointee.block = Store()
        take(-block.count, visitors[index])
        takeHeaders(index, carrier, stream, block.bytes, ownFault)
        block.free()
    }

    private func takeHeaders(
        _ index: UInt32, _ carrier: UnsafeMutablePointer<Carrier>, _ stream: UInt32, _ block: UnsafeRawBufferPointer,
        _ ownFault: HTTP2Fault?
    ) {
        // Decoded whatever becomes of it: the table must stay in step.
        if let fault = carrier.pointee.decoder.decode(block.bytes, into: &fields) { return fail(index, fault.code) }
        if let ownFault, stream & 1 == 1 {
            // What was said to be the last one stays so (RFC 9113, section 6.8).
            if !carrier.pointee.isLeaving { carrier.pointee.lastStream = max(stream, carrier.pointee.lastStream) }
            carrier.pointee.highestSeen = max(stream, carrier.pointee.highestSeen)
            return fault(index, ownFault, stream)
        }
        if let place = carrier.pointee.place(of: stream) {
            return takeTrailers(index, place, endsStream: carrier.pointee.blockEndsStream)
        }
        guard stream & 1 == 1, stream > carrier.pointee.highestSeen else {
            switch carrier.pointee.recent.ending(of: stream) {
            case .reset: return spend(index, .noise)
            case .ordinary: return fail(index, .streamClosed)
            case .unknown: return fail(index, .protocolError)
            }
        }
        // After GOAWAY the peer knows that it was not looked at.
        guard !carrier.pointee.isLeaving else {
            carrier.pointee.highestSeen = stream
            return carrier.pointee.recent.add(stream, wasReset: true)
        }
        takeRequest(index, carrier, stream)
    }
}

extension Carrier {
    mutating func mixAgent(_ value: UInt64) { agent = (agent ^ value) &* 0x100_0000_01b3 }
}
