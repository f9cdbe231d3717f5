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
        guard let tls else { return start(connection) }
        let isVisitor = sources[connection.source].isVisitor
        connection.tls = tls.open(
            socket: connection.socket, isVisitor: isVisitor, ticket: &sources[connection.source].ticket)
        guard connection.tls != nil else { return end(connection, .unsent) }
        connection.state = .handshaking
        handshake(connection)
    }

    private func handshake(_ connection: Connection) {
        guard let tls = connection.tls else { return close(connection) }
        switch tls.handshake() {
        case .moved:
            if tls.isResumed { resumed += 1 }
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
        connection.out += order.head
        if source.isVisitor { connection.out += source.cookies.field }
        connection.out += [13, 10]
        connection.out += order.body
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
                // A resting connection has asked for nothing: a late 408, or a server that errs.
                guard connection.state == .receiving else { return close(connection) }
                switch connection.reader.feed(UnsafeRawBufferPointer(rebasing: buffer[..<count])) {
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

    private func complete(_ connection: Connection) {
        guard let order = connection.order else { return close(connection) }
        var outcome = Outcome(job: order.job, ending: .complete)
        outcome.status = connection.reader.status
        outcome.hasWord = order.word.isEmpty || contains(connection.reader.body, order.word)
        for cookie in connection.reader.cookies { sources[connection.source].cookies.take(cookie) }
        connection.order = nil
        if connection.reader.keepsAlive {
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
