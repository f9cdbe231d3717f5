internal import Addresses
internal import CLinux
internal import Messages

/// The visitors' listeners with their sockets: what stays as it is while a lane or an office comes and goes.
struct BoundListeners {
    /// Connections that the kernel may hold ready per socket while a lane is restarted.
    static let backlog: Int32 = 4_096
    /// Seconds that a connection may wait in the kernel for its first byte, before a worker hears of it.
    static let deferSeconds: Int32 = 5
    /// Sockets in all: they travel in one message, beside the history's memory.
    static let socketLimit = 249

    /// Ports are the real ones, also where the configuration asked the kernel for one (0).
    var listeners: [Snapshot.Listener]
    var cores: [UInt16]
    /// Listener by listener, one per worker.
    var sockets: [Descriptor]

    var workers: Int { listeners.isEmpty ? 0 : sockets.count / listeners.count }

    static func workerCount(_ cores: [UInt16]) -> Int {
        if !cores.isEmpty { return cores.count }
        var usable = [UInt16](repeating: 0, count: 1_024)
        return max(1, Int(linux_cores(&usable, Int32(usable.count))))
    }

    /// Binds all that a snapshot asks for.
    init(binding snapshot: Snapshot) throws(OfficeError) {
        let workers = Self.workerCount(snapshot.cores)
        guard snapshot.listeners.count * workers <= Self.socketLimit else {
            throw OfficeError(
                .configuration,
                "\(snapshot.listeners.count) listeners for \(workers) workers need more than \(Self.socketLimit) sockets; "
                    + "name fewer listeners or cores")
        }
        listeners = snapshot.listeners
        cores = snapshot.cores
        sockets = []
        for index in listeners.indices {
            for _ in 0..<workers {
                let socket = try Self.bind(listeners[index].endpoint)
                sockets.append(socket)
                listeners[index].endpoint.port = UInt16(linux_bound_port(socket.number))
            }
        }
    }

    /// Takes over the sockets of a living lane; nil when they are not those of `snapshot`.
    init?(adopting sockets: [Descriptor], of snapshot: Snapshot) {
        let count = snapshot.listeners.count
        guard count > 0, !sockets.isEmpty, sockets.count.isMultiple(of: count) else { return nil }
        let workers = sockets.count / count
        for (index, socket) in sockets.enumerated() {
            let port = linux_bound_port(socket.number)
            guard port == Int32(snapshot.listeners[index / workers].endpoint.port) else { return nil }
        }
        listeners = snapshot.listeners
        cores = snapshot.cores
        self.sockets = sockets
    }

    static func bind(_ endpoint: Endpoint, deferSeconds: Int32 = deferSeconds) throws(OfficeError) -> Descriptor {
        var bytes = [UInt8](repeating: 0, count: 16)
        for index in 0..<8 {
            bytes[index] = UInt8(truncatingIfNeeded: endpoint.address.high >> UInt64(56 - 8 * index))
            bytes[index + 8] = UInt8(truncatingIfNeeded: endpoint.address.low >> UInt64(56 - 8 * index))
        }
        let socket = linux_listen(bytes, endpoint.port, backlog, deferSeconds)
        guard socket < 0 else { return Descriptor(socket) }
        var reason = "cannot listen on \(endpoint): \(OfficeError.text(socket))"
        if endpoint.port < 1_024, endpoint.port > 0, OfficeError.text(socket) == "Permission denied" {
            reason += " (a port under 1024 needs CAP_NET_BIND_SERVICE)"
        }
        throw OfficeError(.system, reason)
    }

    /// Puts these listeners into a snapshot in place of its own, as far as a restart is needed for the difference.
    ///
    /// Which peers speak the PROXY protocol and whether clear requests are served can change at once, because the
    /// sockets stay the same.
    /// - Returns: what needs a restart to come into force, for people.
    func apply(to snapshot: inout Snapshot) -> [String] {
        var complaints: [String] = []
        let isSame =
            snapshot.listeners.count == listeners.count
            && zip(snapshot.listeners, listeners).allSatisfy { wanted, bound in
                wanted.endpoint.address == bound.endpoint.address && wanted.isTLS == bound.isTLS
                    && (wanted.endpoint.port == bound.endpoint.port || wanted.endpoint.port == 0)
            }
        if isSame {
            for index in listeners.indices { snapshot.listeners[index].endpoint = listeners[index].endpoint }
        } else {
            complaints.append("listeners")
            snapshot.listeners = listeners
        }
        if snapshot.cores != cores {
            complaints.append("lane.cores")
            snapshot.cores = cores
        }
        return complaints
    }
}
