internal import Addresses

/// Where requests come from: one address, with what a browser there would remember.
struct Source {
    var address: Address?
    /// Which recorded browser greets for it; nil: none.
    var browser: Int?
    /// Speaks HTTP/2 in clear without asking (RFC 9113, section 3.3).
    var isFramedInClear = false
    /// Keeps cookies, resumes TLS sessions and verifies the server, as a browser does.
    let isVisitor: Bool
    var cookies = CookieJar()
    var ticket: TLSTicket?
    var idle: [Connection] = []
    var open = 0
}

/// One connection of a source. A class: it is named in the epoll table, in the list of its source and in the sweep.
final class Connection {
    enum State {
        case connecting, handshaking, sending, receiving, idle, closed
    }

    /// Its place in the engine's table.
    let place: Int
    var socket: Int32 = -1
    var state = State.closed
    var source = 0
    /// Counts up with each use of the place, so that a late event finds nobody.
    var generation: UInt32 = 0
    var tls: TLSConnection?
    var order: Order?
    /// The order came to a connection that had carried one before.
    var isReused = false
    var wantsWrite = false
    var idleSince: UInt64 = 0
    var out: [UInt8] = []
    var sent = 0
    var reader = ResponseReader()
    /// HTTP/2; nil: HTTP/1.1.
    var framed: FramedExchange?

    init(place: Int) { self.place = place }
}
