internal import Addresses
internal import Glibc
internal import Heads
internal import Messages

/// Writing heads into the ink: what passes, what ends here, what we add (RFC 9110, section 7.6).
extension Worker {
    /// The request's head towards the origin. `request` holds it, read from the exchange's bytes.
    func writeRequestHead(_ exchange: UnsafeMutablePointer<Exchange>) {
        let visitor = visitors[exchange.pointee.visitor]
        let bytes = exchange.pointee.head.bytes
        let isTrusted = visitor.pointee.isTrustedPeer
        ink.clear()
        write(bytes, request.methodName)
        ink.write(" ")
        if request.isAsterisk {
            ink.write("*")
        } else if request.path.count == 0 {
            ink.write("/")
        } else {
            write(bytes, request.path)
        }
        ink.write(" HTTP/1.1\r\nHost: ")
        write(bytes, request.authority)
        ink.write("\r\n")
        writeFields(bytes, request.fields) { field in
            switch field.id {
            case .host: false
            case .contentLength, .transferEncoding, .trailer: !field.isLookalike
            case .expect: !field.isLookalike && waitsForWord(exchange)
            case .via where !field.isLookalike: true
            case let id where id.tellsSource: false
            case let id where id.isHopByHop: false
            case .other: !request.hasConnectionOptions || !named(field, bytes)
            default: !field.isLookalike
            }
        }
        if exchange.pointee.revalidates != nil { writeCondition(exchange) }
        writeSource(exchange, bytes, isTrusted: isTrusted)
        ink.write(visitor.pointee.isCarried ? "Via: 2.0 " : request.minorVersion == 1 ? "Via: 1.1 " : "Via: 1.0 ")
        ink.write(table.instanceName)
        if request.upgrade.count > 0 {
            ink.write("\r\nConnection: upgrade\r\nUpgrade: ")
            write(bytes, request.upgrade)
        }
        ink.write("\r\n\r\n")
    }

    /// Whether the visitor, who expects 100 (Continue), has still to hear it. Not where his body has begun; one that was slow
    /// to start was told so before.
    private func waitsForWord(_ exchange: UnsafeMutablePointer<Exchange>) -> Bool {
        let visitor = visitors[exchange.pointee.visitor]
        return visitor.pointee.pending.isEmpty && !exchange.pointee.startsSlow
            && visitor.pointee.carriage?.pointee.isWhole != true
    }

    /// Whether what is kept still holds (RFC 9111, section 4.3.1).
    private func writeCondition(_ exchange: UnsafeMutablePointer<Exchange>) {
        guard let validators = exchange.pointee.revalidates?._withUnsafeGuaranteedRef({ $0.head.validators }) else {
            return
        }
        for (name, value) in [
            ("If-None-Match: " as StaticString, validators.etag), ("If-Modified-Since: ", validators.lastModified),
        ] where !value.isEmpty {
            ink.write(name)
            ink.write(value)
            ink.write("\r\n")
        }
    }

    private func named(_ field: Field, _ bytes: UnsafeRawBufferPointer) -> Bool {
        bytes.withMemoryRebound(to: UInt8.self) { request.connectionNames(field, $0.span) }
    }

    /// Who asks: Forwarded (RFC 7239) and its forerunners. What an untrusted peer claims is left out; what a trusted one
    /// says comes first.
    private func writeSource(
        _ exchange: UnsafeMutablePointer<Exchange>, _ bytes: UnsafeRawBufferPointer, isTrusted: Bool
    ) {
        let visitor = visitors[exchange.pointee.visitor]
        let source = visitor.pointee.source
        let isTLS = visitor.pointee.isTLS
        ink.write("X-Forwarded-For: ")
        if isTrusted { writeOld(.forwardedFor, bytes) }
        write(source)
        ink.write("\r\nX-Forwarded-Proto: ")
        if isTrusted, let old = request.first(.forwardedProto) {
            write(bytes, old.value)
        } else {
            ink.write(isTLS ? "https" : "http")
        }
        ink.write("\r\nX-Forwarded-Host: ")
        if isTrusted, let old = request.first(.forwardedHost) {
            write(bytes, old.value)
        } else {
            write(bytes, request.authority)
        }
        ink.write("\r\nX-Real-IP: ")
        if isTrusted, let old = request.first(.realIP) { write(bytes, old.value) } else { write(source) }
        ink.write("\r\nForwarded: ")
        if isTrusted { writeOld(.forwarded, bytes) }
        ink.write(source.isIPv4 ? "for=" : "for=\"[")
        write(source)
        ink.write(source.isIPv4 ? ";proto=" : "]\";proto=")
        ink.write(isTLS ? "https;host=\"" : "http;host=\"")
        write(bytes, request.authority)
        ink.write("\"\r\n")
    }

    /// The values of all fields of that name, each followed by a comma.
    private func writeOld(_ id: FieldName, _ bytes: UnsafeRawBufferPointer) {
        for field in request.fields where field.id == id && !field.isLookalike && field.value.count > 0 {
            write(bytes, field.value)
            ink.write(", ")
        }
    }

    private func write(_ address: Address) {
        guard address.isIPv4 else { return ink.write(Array(address.description.utf8)) }
        let value = address.ipv4
        for shift in [24, 16, 8, 0] as [UInt32] {
            ink.write(decimal: UInt64(value >> shift & 255))
            if shift > 0 { ink.write(".") }
        }
    }

    /// The response's head towards the visitor. `response` holds it, read from `head`.
    func writeResponseHead(_ exchange: UnsafeMutablePointer<Exchange>, _ head: UnsafeBufferPointer<UInt8>) {
        let bytes = UnsafeRawBufferPointer(head)
        ink.clear()
        let givesCookie = exchange.pointee.givesCookie && response.status == 200 && isPage(bytes)
        guard !visitors[exchange.pointee.visitor].pointee.isCarried else {
            return carryResponseHead(exchange, bytes, givesCookie: givesCookie)
        }
        writeStatus(bytes)
        writeFields(bytes, response.fields) { field in
            switch field.id {
            case .contentLength, .trailer: true
            case .transferEncoding: exchange.pointee.minorVersion == 1
            case let id where id.isHopByHop: false
            default: !response.hasConnectionOptions || !response.connectionNames(field, head.span)
            }
        }
        // Who has a clock adds what the origin did not say (RFC 9110, section 6.6.1).
        if response.first(.date) == nil {
            ink.write("Date: ")
            ink.write(replies.date)
            ink.write("\r\n")
        }
        if exchange.pointee.enchunks { ink.write("Transfer-Encoding: chunked\r\n") }
        if givesCookie {
            ink.write("Set-Cookie: ")
            writeCookie(exchange, to: ink)
            ink.write("\r\n")
        }
        ink.write("Via: 1.1 ")
        ink.write(table.instanceName)
        if exchange.pointee.closesVisitor {
            ink.write("\r\nConnection: close")
        } else if exchange.pointee.minorVersion == 0 {
            ink.write("\r\nConnection: keep-alive")
        }
        ink.write("\r\n\r\n")
    }

    /// The same over HTTP/2, where it leaves at once.
    private func carryResponseHead(
        _ exchange: UnsafeMutablePointer<Exchange>, _ bytes: UnsafeRawBufferPointer, givesCookie: Bool
    ) {
        scratch.clear()
        if givesCookie { writeCookie(exchange, to: scratch) }
        let cookie = scratch.bytes
        // Trailers are announced by their own frame; the field may pass.
        let size = carryHead(
            exchange.pointee.visitor, bytes, ends: exchange.pointee.response.isDone,
            adds: { writer in
                if response.first(.date) == nil { replies.date.withUnsafeBytes { writer.write("date", $0) } }
                if cookie.count > 0 { writer.write("set-cookie", cookie) }
                table.viaValue.withUnsafeBytes { writer.write("via", $0) }
            })
        exchange.pointee.bytesOut += UInt64(size)
    }

    /// A head that passes whole: an interim response, or the switch to another protocol.
    func writeInterimHead(_ exchange: UnsafeMutablePointer<Exchange>, _ head: UnsafeBufferPointer<UInt8>) {
        ink.clear()
        guard !visitors[exchange.pointee.visitor].pointee.isCarried else {
            carryHead(exchange.pointee.visitor, UnsafeRawBufferPointer(head), ends: false)
            return
        }
        writeStatus(UnsafeRawBufferPointer(head))
        writeFields(UnsafeRawBufferPointer(head), response.fields) { field in
            response.status == 101 || !field.id.isHopByHop
        }
        ink.write("\r\n")
    }

    private func writeStatus(_ bytes: UnsafeRawBufferPointer) {
        ink.write("HTTP/1.1 ")
        ink.write(decimal: UInt64(response.status))
        ink.write(" ")
        write(bytes, response.reason)
        ink.write("\r\n")
    }

    private func isPage(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let type = response.first(.contentType), type.value.count >= 9 else { return false }
        return memcmp(bytes.baseAddress! + Int(type.value.start), "text/html", 9) == 0
    }

    private func writeCookie(_ exchange: UnsafeMutablePointer<Exchange>, to ink: Ink) {
        writeCookie(of: site(exchange), isTLS: visitors[exchange.pointee.visitor].pointee.isTLS, to: ink)
    }

    func writeCookie(of site: Site, isTLS: Bool, to ink: Ink) {
        ink.write(SiteCookie.name)
        ink.write("=")
        ink.write(site.cookie.value(hour: wallSeconds / 3600))
        ink.write("; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax")
        if isTLS { ink.write("; Secure") }
    }

    private func write(_ bytes: UnsafeRawBufferPointer, _ slice: Heads.Slice) {
        ink.write(UnsafeRawBufferPointer(rebasing: bytes[slice.range]))
    }

    /// Copies the lines that pass; neighbours go in one piece.
    private func writeFields(_ bytes: UnsafeRawBufferPointer, _ fields: [Field], passes: (Field) -> Bool) {
        var runStart = 0
        var runEnd = 0
        for index in fields.indices {
            guard passes(fields[index]) else { continue }
            let start = Int(fields[index].name.start)
            let end = index + 1 < fields.count ? Int(fields[index + 1].name.start) : bytes.count - 2
            if start != runEnd {
                ink.write(UnsafeRawBufferPointer(rebasing: bytes[runStart..<runEnd]))
                runStart = start
            }
            runEnd = end
        }
        ink.write(UnsafeRawBufferPointer(rebasing: bytes[runStart..<runEnd]))
    }
}
