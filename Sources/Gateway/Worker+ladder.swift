internal import Admission
internal import Glibc
internal import Heads
internal import Messages
internal import Synchronization

/// What those get who are turned away and may come again: the waiting page with a turn, or a redirect that asks for it.
extension Worker {
    /// The last part of the query of a request that was sent round for its cookie. The origin does not see it, and who
    /// brings the cookie is sent on without it.
    static let mark: StaticString = "wasstraat-cookie"

    /// Takes the mark off the request in `request`, and keeps in mind whether it was there.
    func takeMark(_ bytes: UnsafeBufferPointer<UInt8>) {
        isMarked = false
        let size = Self.mark.utf8CodeUnitCount
        let place = Int(request.path.count) - size - 1
        guard place >= request.pathLength else { return }
        let start = Int(request.path.start)
        let joint: UInt8 = place == request.pathLength ? UInt8(ascii: "?") : UInt8(ascii: "&")
        guard bytes[start + place] == joint,
            memcmp(bytes.baseAddress! + start + place + 1, Self.mark.utf8Start, size) == 0
        else { return }
        isMarked = true
        request.path = Heads.Slice(start, start + place)
    }

    /// The turn that the request brings.
    func heldTurn(_ cookies: OwnCookies, _ bytes: UnsafeBufferPointer<UInt8>, isAsset: Bool) -> HeldTurn? {
        cookies.turn.map { HeldTurn($0, age: cookies.age, isForPage: isForPage(bytes, isAsset: isAsset)) }
    }

    /// Whether a browser asks for a page, with nothing sent along.
    private func isForPage(_ bytes: UnsafeBufferPointer<UInt8>, isAsset: Bool) -> Bool {
        (request.method == .get || request.method == .head) && request.framing == .none && request.upgrade.count == 0
            && !isAsset && form(bytes) != .text
    }

    /// Whether the request can be sent round for a cookie, and was not yet.
    func mayBeSent(_ bytes: UnsafeBufferPointer<UInt8>, isAsset: Bool) -> Bool {
        request.method == .get && !isMarked && isForPage(bytes, isAsset: isAsset)
    }

    // MARK: - Turning away

    /// Answers a refused request by the ladder; nil: plainly. True: the connection stands and goes on.
    func turnAway(
        _ index: UInt32, _ site: Site, _ arrival: Arrival, _ cause: SiteAdmission.RefusalCause,
        _ visitorClass: VisitorClass, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> Bool? {
        let question = self.question(
            cause, visitorClass, arrival.source, isKnown: arrival.isKnown, turn: arrival.turn, bytes,
            isAsset: arrival.traits?.isAsset ?? false)
        guard question.isForPage else { return nil }
        let answer = site.state.admission.withLock { $0.answer(question, at: instant) }
        guard answer != .plain else { return nil }
        let visitor = visitors[index]
        let closes = !request.keepsAlive || isDraining
        let status = Self.status(of: answer)
        counters[Int(site.index)].countResponse(status)
        writeLog(
            site.name, visitor, bytes, method: request.methodName, path: request.path,
            pathLength: request.pathLength, status: status, visitorClass: visitorClass,
            decision: Self.decision(of: answer), exchange: nil)
        let size = write(answer, index, site, bytes, closes: closes)
        sendWritten(index, headCount: size, closes: closes, isHead: request.method == .head, lingers: false)
        guard !closes, visitor.pointee.phase == .head else { return false }
        armVisitor(index, limits.idleTime)
        return true
    }

    /// What a request gets that waited in vain.
    func answer(
        _ exchange: UnsafeMutablePointer<Exchange>, _ cause: SiteAdmission.RefusalCause
    ) -> Ladder.Answer {
        let site = site(exchange)
        reread(exchange)
        let visitorClass: VisitorClass =
            exchange.pointee.isSuspect ? .suspect : exchange.pointee.isKnown ? .known : .unknown
        let question = exchange.pointee.head.bytes.withMemoryRebound(to: UInt8.self) { bytes in
            let isAsset = request.traits(bytes.span, route: 0).isAsset
            return self.question(
                cause, visitorClass, exchange.pointee.sourceHash, isKnown: exchange.pointee.isKnown,
                turn: heldTurn(readCookies(site, bytes), bytes, isAsset: isAsset), bytes, isAsset: isAsset)
        }
        return question.isForPage ? site.state.admission.withLock { $0.answer(question, at: instant) } : .plain
    }

    private func question(
        _ cause: SiteAdmission.RefusalCause, _ visitorClass: VisitorClass, _ source: UInt64, isKnown: Bool,
        turn: HeldTurn?, _ bytes: UnsafeBufferPointer<UInt8>, isAsset: Bool
    ) -> Ladder.Question {
        Ladder.Question(
            cause: cause, visitorClass: visitorClass, isKnown: isKnown, source: source, turn: turn,
            isForPage: isForPage(bytes, isAsset: isAsset), mayBeSent: request.method == .get, wasSent: isMarked)
    }

    static func status(of answer: Ladder.Answer) -> UInt16 { answer == .proof ? 302 : 503 }

    /// As the log has it.
    static func decision(of answer: Ladder.Answer) -> StaticString {
        answer == .proof ? "cookie_proof" : "waiting_page"
    }

    /// To the address without the mark, for who came back with the cookie. True: the connection stands and goes on.
    func sendOn(_ index: UInt32, _ site: Site, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        let visitor = visitors[index]
        let closes = !request.keepsAlive || isDraining
        counters[Int(site.index)].countResponse(302)
        writeLog(
            site.name, visitor, bytes, method: request.methodName, path: request.path,
            pathLength: request.pathLength, status: 302, visitorClass: .unknown, decision: "proven", exchange: nil)
        scratch.clear()
        let size = writeHead(nil, index, site, bytes, closes: closes)
        sendWritten(index, headCount: size, closes: closes, isHead: false, lingers: false)
        guard !closes, visitor.pointee.phase == .head else { return false }
        armVisitor(index, limits.idleTime)
        return true
    }

    // MARK: - Bytes

    /// Writes an answer that is not plain: over HTTP/1 all of it into the ink, over HTTP/2 its block, and its content into
    /// `scratch`. Returns the size of its head.
    func write(
        _ answer: Ladder.Answer, _ index: UInt32, _ site: Site, _ bytes: UnsafeBufferPointer<UInt8>, closes: Bool
    ) -> Int {
        scratch.clear()
        if case .page(let page) = answer { table.waitingPage.write(page, form(bytes), to: scratch) }
        return writeHead(answer, index, site, bytes, closes: closes)
    }

    /// - Parameter answer: nil: to the address without the mark.
    private func writeHead(
        _ answer: Ladder.Answer?, _ index: UInt32, _ site: Site, _ bytes: UnsafeBufferPointer<UInt8>, closes: Bool
    ) -> Int {
        let visitor = visitors[index]
        let isTLS = visitor.pointee.isTLS
        var page: Ladder.Page?
        if case .page(let shown) = answer { page = shown }
        let givesTurn = answer == .proof || page?.givesTurn == true
        guard !isFramed(visitor) else {
            return writeBlock(page, site, bytes, isMarking: answer == .proof, givesTurn: givesTurn, isTLS: isTLS)
        }
        ink.clear()
        ink.write(page == nil ? "HTTP/1.1 302 Found\r\nDate: " : "HTTP/1.1 503 Service Unavailable\r\nDate: ")
        ink.write(replies.date)
        if let page {
            ink.write("\r\nRetry-After: ")
            ink.write(decimal: UInt64(page.again))
            ink.write("\r\nContent-Type: text/html; charset=utf-8\r\nContent-Language: ")
            ink.write(form(bytes) == .english ? "en" : "nl")
            ink.write("\r\nVary: Accept, Accept-Language\r\nX-Content-Type-Options: nosniff\r\n")
            ink.write("Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; img-src data:")
        } else {
            ink.write("\r\nLocation: ")
            writeLocation(bytes, isMarking: answer == .proof)
        }
        if givesTurn {
            ink.write("\r\nSet-Cookie: ")
            writeTurnCookie(site, isTLS: isTLS, to: ink)
        }
        ink.write("\r\nCache-Control: no-store\r\nContent-Length: ")
        ink.write(decimal: UInt64(scratch.count))
        ink.write(
            closes
                ? "\r\nConnection: close\r\n\r\n"
                : request.minorVersion == 0 ? "\r\nConnection: keep-alive\r\n\r\n" : "\r\n\r\n")
        let headCount = ink.count
        ink.write(scratch.bytes)
        return headCount
    }

    /// The same for HTTP/2. What is no constant is written into the ink first.
    private func writeBlock(
        _ page: Ladder.Page?, _ site: Site, _ bytes: UnsafeBufferPointer<UInt8>, isMarking: Bool, givesTurn: Bool,
        isTLS: Bool
    ) -> Int {
        ink.clear()
        if page == nil { writeLocation(bytes, isMarking: isMarking) }
        let locationEnd = ink.count
        if givesTurn { writeTurnCookie(site, isTLS: isTLS, to: ink) }
        var writer = HPACKWriter(UnsafeMutableRawBufferPointer(start: blockRoom, count: Self.blockSize))
        writer.writeStatus(page == nil ? 302 : 503)
        replies.date.withUnsafeBytes { writer.write("date", $0) }
        if let page {
            writer.write("retry-after", decimal: UInt64(page.again))
            writer.write("content-type", "text/html; charset=utf-8")
            writer.write("content-language", form(bytes) == .english ? "en" : "nl")
            writer.write("vary", "Accept, Accept-Language")
            writer.write("x-content-type-options", "nosniff")
            writer.write("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:")
        } else {
            writer.write("location", UnsafeRawBufferPointer(rebasing: ink.bytes[..<locationEnd]))
        }
        if givesTurn { writer.write("set-cookie", UnsafeRawBufferPointer(rebasing: ink.bytes[locationEnd...])) }
        writer.write("cache-control", "no-store")
        // A target is far shorter than the room for a block.
        assert(!writer.isFull, "a header block has no room")
        return writer.count
    }

    /// The same address, with the mark or without it. Relative, for which scheme and port the visitor sees is known to
    /// what stands before us; and beginning so that it cannot name another host.
    private func writeLocation(_ bytes: UnsafeBufferPointer<UInt8>, isMarking: Bool) {
        let raw = UnsafeRawBufferPointer(bytes)
        let start = Int(request.path.start)
        let end = request.path.range.upperBound
        let pathEnd = start + request.pathLength
        guard isMarking else {
            // No path at all means "/".
            ink.write(request.pathLength == 0 ? "/" : "./")
            var segment = pathEnd
            while segment > start, raw[segment - 1] != UInt8(ascii: "/") { segment -= 1 }
            return ink.write(UnsafeRawBufferPointer(rebasing: raw[segment..<end]))
        }
        if end > pathEnd {
            ink.write(UnsafeRawBufferPointer(rebasing: raw[pathEnd..<end]))
            ink.write("&")
        } else {
            ink.write("?")
        }
        ink.write(Self.mark)
    }

    /// Sends what `write` wrote.
    func sendWritten(_ index: UInt32, headCount: Int, closes: Bool, isHead: Bool, lingers: Bool) {
        let visitor = visitors[index]
        guard !isFramed(visitor) else {
            let block = UnsafeRawBufferPointer(start: blockRoom, count: headCount)
            return replyFramed(
                index, FramedReplies.Reply(block: block, content: scratch.bytes), isHead: isHead || scratch.count == 0)
        }
        let size = isHead ? headCount : ink.count
        guard
            send(
                &visitor.pointee.stream, UnsafeRawBufferPointer(rebasing: ink.bytes[..<size]),
                isLast: closes && !lingers)
        else { return closeVisitor(index) }
        if closes { endReply(index, lingers: lingers) }
    }
}
