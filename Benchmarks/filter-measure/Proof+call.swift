import Addresses
import Bytes
import CLinux
import Fingerprints
import Glibc
import Messages
import Mitigations
import Moments

/// Point 3, as whoever calls the filter meets it: one address from the call over the open socket of the running process
/// until it is in the map, and until no packet of it passes any more.
extension Proof {
    private static let rounds = 51

    func addressByCall() throws -> [Row] {
        let hosts = try TwoHosts()
        try hosts.start()
        let socket = try FilterSocket(hosts.state + "/filter.sock")
        var times: [Double] = []
        for index in 0..<1_001 {
            let address = Address(ipv4: 0xc612_0000 + UInt32(index))
            let begin = Clock.nanoseconds
            // It answers when the map has it.
            _ = try socket.block(address)
            times.append(Double(Clock.nanoseconds - begin) / 1_000)
        }
        times.sort()
        let median = times[times.count / 2]
        let passing = try self.passing(hosts, socket).sorted()
        // Often none passes at all: the sender was not on a core just then.
        let late = passing.filter { $0 > 0 }
        let last = late.isEmpty ? 0 : late[late.count / 2]
        return [
            Row(
                "one address: from the call to the map", median <= 100,
                "\(Text.of(median)) us, 99 of 100 in \(Text.of(times[times.count * 99 / 100])) us (bar 100)"),
            Row(
                "one address: from the call to the last packet", last <= 100,
                "\(Text.of(last)) us where one passed after it (\(late.count) of \(passing.count) calls), 9 of 10 of all "
                    + "in \(Text.of(passing[passing.count * 9 / 10])) us, beside a sender that keeps a core busy (bar 100)"
            ),
        ]
    }

    /// Microseconds from each call until the last packet of the address came through, while it sends as fast as it can.
    private func passing(_ hosts: TwoHosts, _ filter: FilterSocket) throws -> [Double] {
        let inbox = try Inbox(Address(ipv4: 0x0a63_0701), port: 9)
        let over = hosts.state + "/datagrams.over"
        let sender = try Worker { _ = hosts.measure("datagrams --until '\(over)'") }
        var times: [Double] = []
        do {
            for _ in 0..<Self.rounds {
                try inbox.waitForSome()
                let begin = Inbox.now
                let id = try filter.block(Address(ipv4: 0x0a63_0702))
                let last = inbox.lastAfterSilence()
                // One that came before the call: it took no longer than from one packet to the next.
                times.append(max(0, last - begin) * 1_000_000)
                try filter.remove(id)
            }
        } catch {
            try File.write("", to: over)
            throw error
        }
        try File.write("", to: over)
        try sender.join()
        return times
    }

    /// Datagrams from 10.99.7.2 to 10.99.7.1 until a file is there, at most ten seconds.
    static func sendDatagrams(until path: String) throws {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        guard descriptor >= 0 else { throw MeasureError("no socket") }
        defer { close(descriptor) }
        var target = Inbox.name(Address(ipv4: 0x0a63_0701), port: 9)
        let end = Clock.nanoseconds + 10_000_000_000
        while access(path, F_OK) != 0, Clock.nanoseconds < end {
            for _ in 0..<256 {
                _ = withUnsafePointer(to: &target) {
                    $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        sendto(descriptor, [1], 1, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
            }
        }
    }
}

/// A connection to the filter's process.
final class FilterSocket {
    private let descriptor: Int32
    private var assembler = FrameAssembler()

    init(_ path: String) throws {
        descriptor = linux_unix_connect(path)
        guard descriptor >= 0 else { throw MeasureError("nobody answers at \(path)") }
        _ = fcntl(descriptor, F_SETFL, 0)
    }

    deinit { close(descriptor) }

    func block(_ address: Address) throws -> UInt64 {
        let note = FilterNote(tenant: "", reason: "proof", author: .operator)
        let reply = try ask(
            .add(FilterOrder(.block([Prefix(address, length: 128)]), note: note, seconds: 600)))
        guard case .done(let ids, 0, _) = reply, let id = ids.first else { throw MeasureError("refused: \(reply)") }
        return id
    }

    /// A live rule against datagrams to a port of this end.
    func drop(port: UInt16) throws {
        let now = Moment(milliseconds: Int64(Inbox.wall * 1_000))
        let fingerprint = Fingerprint(
            conditions: [.init(.protocol, "udp"), .init(.destinationPort, "\(port)")], kind: "udp-flood",
            evidence: .init(
                coverage: 1, collateral: 0, attackCount: 1_000, baselineCount: 1_000, sources: 1, from: now + -60,
                until: now), made: now, expires: now + 86_400)
        let note = FilterNote(tenant: "", reason: "proof", author: .operator)
        let target = Prefix(Address(ipv4: 0x0a63_0701), length: 128)
        let reply = try ask(.add(FilterOrder(.rule(fingerprint, targets: [target]), note: note, seconds: 1_800)))
        guard case .done(_, 0, _) = reply else { throw MeasureError("refused: \(reply)") }
    }

    /// When the entries of the book end, in seconds since 1970: blocks first, then rules.
    var ends: [Double] {
        get throws {
            try [FilterKind.blocked, .rule].flatMap { kind -> [Double] in
                guard case .entries(let entries) = try ask(.list(kind, from: 0, count: 16)) else { return [] }
                return entries.map { Double($0.until.milliseconds) / 1_000 }
            }
        }
    }

    /// Packets that the blocks of all sites and all rules have dropped, as each of them counts for itself.
    var dropped: (blocks: Int, rules: Int) {
        get throws {
            guard case .tallies(let said) = try ask(.tallies), case .status(let status) = try ask(.status) else {
                throw MeasureError("the filter says something else")
            }
            return (
                said.tallies.reduce(0) { $0 + Int($1.dropped.packets) },
                status.rules.reduce(0) { $0 + Int($1.hits.packets) }
            )
        }
    }

    func remove(_ id: UInt64) throws {
        let reply = try ask(.remove(id: id))
        guard case .done = reply else { throw MeasureError("refused: \(reply)") }
    }

    private func ask(_ request: FilterRequest) throws -> FilterReply {
        let bytes = Frame(.filterRequest, body: request.encoded()).encoded()
        guard send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw MeasureError("the filter is gone")
        }
        var chunk = [UInt8](repeating: 0, count: 4_096)
        while true {
            if let frame = try assembler.next() { return try FilterReply(decoding: frame.body.span.bytes) }
            let count = recv(descriptor, &chunk, chunk.count, 0)
            guard count > 0 else { throw MeasureError("the filter is gone") }
            assembler.append(chunk[..<count])
        }
    }
}

/// A socket for datagrams whose coming the kernel notes.
final class Inbox {
    private static let lastStamp: UInt = 0x8907
    private let descriptor: Int32

    init(_ address: Address, port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard descriptor >= 0 else { throw MeasureError("no socket") }
        // What waits while the call is answered must not be thrown away: then the last would not be the last.
        var size: Int32 = 16 << 20
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUFFORCE, &size, socklen_t(MemoryLayout<Int32>.size))
        var own = Self.name(address, port: port)
        let status = withUnsafePointer(to: &own) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else { throw MeasureError("the port is taken") }
        // The first question is what makes the kernel note.
        _ = stamp
    }

    deinit { close(descriptor) }

    static func name(_ address: Address, port: UInt16) -> sockaddr_in {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_port = port.bigEndian
        name.sin_addr.s_addr = address.ipv4.bigEndian
        return name
    }

    /// By the wall clock, as the kernel's notes are.
    static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return seconds(time)
    }

    /// Seconds since 1970.
    static var wall: Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
    }

    private static func seconds(_ time: timespec) -> Double {
        // Of a day: as many digits as are needed stay.
        Double(time.tv_sec % 86_400) + Double(time.tv_nsec) / 1_000_000_000
    }

    /// When the last one came that was read; 0: none.
    private var stamp: Double {
        var time = timespec()
        return ioctl(descriptor, Self.lastStamp, &time) == 0 ? Self.seconds(time) : 0
    }

    private func drain() -> Int {
        var (byte, count): (UInt8, Int) = (0, 0)
        while recv(descriptor, &byte, 1, 0) > 0 { count += 1 }
        return count
    }

    func waitForSome() throws {
        var count = 0
        for _ in 0..<5_000 {
            count += drain()
            if count > 100 { return }
            usleep(1_000)
        }
        throw MeasureError("no datagram comes")
    }

    /// Reads until nothing has come for some milliseconds.
    func lastAfterSilence() -> Double {
        var silence = 0
        while silence < 5 {
            silence = drain() > 0 ? 0 : silence + 1
            usleep(1_000)
        }
        return stamp
    }
}
