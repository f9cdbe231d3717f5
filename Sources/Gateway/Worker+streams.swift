internal import Admission
internal import CLinux
internal import Glibc
internal import Messages

/// Moving bytes between sockets, TLS and the worker's buffers.
extension Worker {
    static let events = linux_epoll_in | linux_epoll_out | linux_epoll_rdhup | linux_epoll_edge

    /// Receives into the worker's buffer, from `offset` on. Returns how many bytes (at most `receiveSize` and one TLS
    /// record), 0 when there is nothing now, -1 when the peer has ended or the connection is broken.
    func receive(_ stream: UnsafeMutablePointer<Stream>, at offset: Int) -> Int {
        while stream.pointee.isReadable {
            let target = stream.pointee.tls == nil ? buffer + offset : cipherBuffer
            let count = recv(stream.pointee.socket, target, Self.receiveSize, 0)
            if count < 0 {
                if errno == EINTR { continue }
                stream.pointee.isReadable = false
                if errno == EAGAIN { return 0 }
                stream.pointee.isEnded = true
                stream.pointee.isBroken = true
                return -1
            }
            if count == 0 {
                stream.pointee.isReadable = false
                stream.pointee.isEnded = true
                return -1
            }
            // A short read emptied the socket, unless its end is waiting behind it.
            if count < Self.receiveSize, !stream.pointee.isHungUp { stream.pointee.isReadable = false }
            guard let tls = stream.pointee.tls else { return count }
            port.pointee.input = UnsafeRawPointer(cipherBuffer)
            port.pointee.inputCount = count
            let plain = readPlain(stream, tls, at: offset)
            if isWasteful(stream, count, giving: plain) {
                stream.pointee.isEnded = true
                stream.pointee.isBroken = true
                return -1
            }
            if plain != 0 { return plain }
        }
        return stream.pointee.isEnded ? -1 : 0
    }

    /// Whether the peer makes us decrypt for nothing, at a time when others need the processor.
    private func isWasteful(_ stream: UnsafeMutablePointer<Stream>, _ received: Int, giving content: Int) -> Bool {
        guard !stream.pointee.isOrigin,
            !stream.pointee.records.received(received, giving: max(0, content), at: instant),
            isBusy || handshakes.isPressed(at: instant)
        else { return false }
        report.connections.tls.cut += 1
        return true
    }

    /// Takes out of TLS all that the port's input gives.
    func readPlain(_ stream: UnsafeMutablePointer<Stream>, _ tls: OpaquePointer, at offset: Int) -> Int {
        var total = 0
        reading: while total < Self.receiveSize + Self.recordSize {
            switch TLS.read(tls, into: buffer + offset + total, room: Self.receiveSize + Self.recordSize - total) {
            case .bytes(let count): total += count
            case .more: break reading
            case .end:
                stream.pointee.isEnded = true
                break reading
            case .failed:
                stream.pointee.isEnded = true
                stream.pointee.isBroken = true
                break reading
            }
        }
        // TLS may have something to say by itself: an alert, a key update.
        if !flushPort(stream) { stream.pointee.isEnded = true }
        return total > 0 ? total : stream.pointee.isEnded ? -1 : 0
    }

    /// Sends, or keeps what the socket does not take. False: the connection is broken.
    func send(_ stream: UnsafeMutablePointer<Stream>, _ bytes: UnsafeRawBufferPointer, isLast: Bool = false) -> Bool {
        guard let tls = stream.pointee.tls else { return push(stream, bytes) }
        guard TLS.write(tls, bytes) else { return false }
        if isLast { TLS.shutdown(tls) }
        return flushPort(stream)
    }

    /// Sends what the socket takes now. In clear only the first `lead` bytes are kept if it does not; under TLS all are.
    /// Returns how many of the bytes went out or are kept, or -1 when the connection is broken.
    func sendSome(
        _ stream: UnsafeMutablePointer<Stream>, _ bytes: UnsafeRawBufferPointer, keeping lead: Int, isLast: Bool
    ) -> Int {
        guard stream.pointee.tls == nil else { return send(stream, bytes, isLast: isLast) ? bytes.count : -1 }
        var sent = 0
        if stream.pointee.out.isEmpty {
            sent = Glibc.send(stream.pointee.socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if sent < 0 {
                guard errno == EAGAIN || errno == EINTR else { return -1 }
                sent = 0
            }
        }
        guard sent < lead else { return sent }
        stream.pointee.out.append(UnsafeRawBufferPointer(rebasing: bytes[sent..<lead]))
        keep(lead - sent, stream)
        return lead
    }

    /// Sends what TLS has put into the port.
    func flushPort(_ stream: UnsafeMutablePointer<Stream>) -> Bool {
        let count = port.pointee.outputCount
        guard count > 0 else { return true }
        port.pointee.outputCount = 0
        return push(stream, UnsafeRawBufferPointer(start: port.pointee.output, count: count))
    }

    private func push(_ stream: UnsafeMutablePointer<Stream>, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count > 0 else { return true }
        guard stream.pointee.out.isEmpty else {
            stream.pointee.out.append(bytes)
            keep(bytes.count, stream)
            return true
        }
        var sent = Glibc.send(stream.pointee.socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        if sent < 0 {
            guard errno == EAGAIN || errno == EINTR || errno == ENOTCONN else { return false }
            sent = 0
        }
        guard sent < bytes.count else { return true }
        stream.pointee.out.append(UnsafeRawBufferPointer(rebasing: bytes[sent...]))
        keep(bytes.count - sent, stream)
        return true
    }

    /// Sends what was kept. Returns bytes sent, or -1 when the connection is broken.
    func flush(_ stream: UnsafeMutablePointer<Stream>) -> Int {
        var total = 0
        while !stream.pointee.out.isEmpty {
            let bytes = stream.pointee.out.bytes
            let sent = Glibc.send(stream.pointee.socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
            if sent < 0 {
                if errno == EINTR { continue }
                return errno == EAGAIN ? total : -1
            }
            stream.pointee.out.consume(sent)
            keep(-sent, stream)
            total += sent
        }
        stream.pointee.out.free()
        return total
    }

    /// Closes the socket and gives back what the stream holds.
    func closeStream(_ stream: UnsafeMutablePointer<Stream>) {
        if let tls = stream.pointee.tls { TLS.free(tls) }
        if stream.pointee.socket >= 0 { close(stream.pointee.socket) }
        if !stream.pointee.out.isEmpty { keep(-stream.pointee.out.count, stream) }
        stream.pointee.out.free()
        stream.pointee = Stream()
    }
}
