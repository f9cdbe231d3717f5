internal import Addresses

/// Where requests come from: one address, with what a browser there would remember.
struct Source {
    let address: Address?
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

    init(place: Int) { self.place = place }
}
