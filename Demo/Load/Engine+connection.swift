internal import CLinux
internal import Glibc

/// The steps of one connection: connect, TLS, send, receive, rest.
extension Engine {
    /// Goes on with a connection as far as it can without waiting.
    func advance(_ connection: Connection) {
        switch connection.state {
        case .connecting: connected(connection)
        case .handshaking: handshake(connection)
        case .sending: write(connection)
        case .receiving, .idle: read(connection)
        case .closed: break
        }
    }

    private func connected(_ connection: Connection) {
        let error = linux_socket_error(connection.socket)
        guard error == 0 else {
            if error == ECONNREFUSED || error == ECONNRESET { connection.order.modify { reach(&$0) } }
            return end(connection, .broken)
        }
        connection.order.modify { reach(&$0) }
        let source = sources[connection.source]
        guard let tls else {
            if source.isFramedInClear, let browser = source.browser {
                connection.framed = FramedExchange(as: browsers[browser], isSecure: false)
            }
            return start(connection)
        }
        connection.tls = tls.open(
            socket: connection.socket, isVisitor: source.isVisitor, browser: source.browser,
            ticket: &sources[connection.source].ticket)
        guard connection.tls != nil else { return end(connection, .unsent) }
        connection.state = .handshaking
        handshake(connection)
    }

    private func handshake(_ connection: Connection) {
        guard let tls = connection.tls else { return close(connection) }
        switch tls.handshake() {
        case .moved:
            if tls.isResumed { resumed += 1 }
            if tls.isFramed, let browser = sources[connection.source].browser {
                connection.framed = FramedExchange(as: browsers[browser], isSecure: true)
            }
            start(connection)
        case .wantsRead: watch(connection, write: false)
        case .wantsWrite: watch(connection, write: true)
        case .ended, .broken: end(connection, .broken)
        case .failed: end(connection, .untrusted)
        }
    }

    private func start(_ connection: Connection) {
        guard let order = connection.order else { return close(connection) }
        begin(order, on: connection)
    }

    /// Puts a request on an open connection.
    func begin(_ order: Order, on connection: Connection) {
        let source = sources[connection.source]
        connection.order = order
        connection.sent = 0
        connection.out.removeAll(keepingCapacity: true)
        let cookies = source.isVisitor ? source.cookies.field : []
        if connection.framed == nil {
            connection.out += order.head
            connection.out += cookies
            connection.out += [13, 10]
            connection.out += order.body
        } else {
            framed += 1
            connection.framed?.begin(order.head, cookies: cookies, body: order.body, into: &connection.out)
        }
        connection.reader.begin(
            isHead: false, keepsBody: !order.word.isEmpty, keepsCookies: source.isVisitor)
        connection.state = .sending
        write(connection)
    }

    private func write(_ connection: Connection) {
        while connection.sent < connection.out.count {
            let step = connection.out.withUnsafeBytes { bytes -> TLSConnection.Step in
                let rest = UnsafeRawBufferPointer(rebasing: bytes[connection.sent...])
                if let tls = connection.tls { return tls.write(rest) }
                let count = Glibc.send(connection.socket, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                if count >= 0 { return .moved(count) }
                return errno == EAGAIN || errno == EINTR ? .wantsWrite : .broken
            }
            switch step {
            case .moved(let count): connection.sent += count
            case .wantsWrite: return watch(connection, write: true)
            case .wantsRead: return watch(connection, write: false)
            case .ended, .broken, .failed: return end(connection, .broken)
            }
        }
        connection.order.modify { reach(&$0) }
        connection.state = .receiving
        watch(connection, write: false)
    }

    private func read(_ connection: Connection) {
        while true {
            let step: TLSConnection.Step
            if let tls = connection.tls {
                step = tls.read(into: buffer)
                if let ticket = tls.takeTicket() { sources[connection.source].ticket = ticket }
            } else {
                let count = recv(connection.socket, buffer.baseAddress, buffer.count, 0)
                step =
                    count > 0
                    ? .moved(count)
                    : count == 0 ? .ended : errno == EAGAIN || errno == EINTR ? .wantsRead : .broken
            }
            switch step {
            case .moved(let count):
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                // A resting connection has asked for nothing: a late 408, or a server that errs. In HTTP/2 the server
                // may speak at any time.
                guard connection.state == .receiving || connection.framed != nil else { return close(connection) }
                let progress = take(bytes, on: connection)
                if connection.state == .idle {
                    if progress == .malformed || connection.framed?.isLeaving == true { return close(connection) }
                    continue
                }
                switch progress {
                case .unfinished: continue
                case .malformed: return end(connection, .malformed)
                case .complete: return complete(connection)
                }
            case .wantsRead: return watch(connection, write: false)
            case .wantsWrite: return watch(connection, write: true)
            case .ended, .broken, .failed:
                guard connection.state == .receiving else { return close(connection) }
                if !connection.reader.hasBegun { return end(connection, .broken) }
                if step == .ended, connection.reader.end() == .complete { return complete(connection) }
                return end(connection, .malformed)
            }
        }
    }

    private func take(_ bytes: UnsafeRawBufferPointer, on connection: Connection) -> ResponseReader.Progress {
        guard connection.framed != nil else { return connection.reader.feed(bytes) }
        let progress = connection.framed?.feed(bytes, into: &connection.reader, fields: &fields) ?? .malformed
        guard let replies = connection.framed?.replies, !replies.isEmpty else { return progress }
        connection.framed?.replies = []
        // A few bytes, which the socket has room for where the peer reads at all.
        let sent = replies.withUnsafeBytes { bytes -> Int in
            if let tls = connection.tls { return tls.write(bytes) == .moved(bytes.count) ? bytes.count : 0 }
            return Glibc.send(connection.socket, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
        }
        return sent == replies.count ? progress : .malformed
    }

    private func complete(_ connection: Connection) {
        guard let order = connection.order else { return close(connection) }
        var outcome = Outcome(job: order.job, ending: .complete)
        outcome.status = connection.reader.status
        outcome.hasWord = order.word.isEmpty || contains(connection.reader.body, order.word)
        outcome.location = connection.reader.location
        outcome.retryAfter = connection.reader.retryAfter
        outcome.refresh = connection.reader.refresh
        if outcome.refresh == nil, outcome.status != 200 || !outcome.hasWord {
            outcome.refresh = connection.reader.pageRefresh
        }
        for cookie in connection.reader.cookies { sources[connection.source].cookies.take(cookie) }
        connection.order = nil
        if connection.framed.map({ !$0.isLeaving }) ?? connection.reader.keepsAlive {
            connection.state = .idle
            connection.idleSince = now
            sources[connection.source].idle.append(connection)
        } else {
            close(connection)
        }
        tell(order, outcome)
    }

    private func watch(_ connection: Connection, write: Bool) {
        guard connection.wantsWrite != write else { return }
        connection.wantsWrite = write
        var event = epoll_event()
        event.events = write ? linux_epoll_in | linux_epoll_out : linux_epoll_in
        event.data.u64 = UInt64(connection.generation) << 32 | UInt64(connection.place)
        epoll_ctl(epoll, EPOLL_CTL_MOD, connection.socket, &event)
    }

    private func contains(_ body: [UInt8], _ word: [UInt8]) -> Bool {
        guard body.count >= word.count else { return false }
        return body.withUnsafeBytes { body in
            word.withUnsafeBytes { word in
                var at = 0
                while at + word.count <= body.count,
                    let found = memchr(body.baseAddress! + at, Int32(word[0]), body.count - word.count - at + 1)
                {
                    if memcmp(found, word.baseAddress!, word.count) == 0 { return true }
                    at = found - UnsafeMutableRawPointer(mutating: body.baseAddress!) + 1
                }
                return false
            }
        }
    }
}

extension Optional {
    /// Changes the value in place, where there is one.
    mutating func modify(_ change: (inout Wrapped) -> Void) {
        guard var value = self else { return }
        self = nil
        change(&value)
        self = value
    }
}
