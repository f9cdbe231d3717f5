import Addresses
import CLinux
import Glibc
import Synchronization
import TestKit

/// A name server on loopback, over UDP, that knows what a test told it. It reads questions by itself, not with the code
/// that is tested.
final class NameServer: Sendable {
    /// What the server's thread and the test share.
    private final class Desk: Sendable {
        let records: [String: [[UInt8]]]
        let questions = Mutex<[String]>([])
        let isStopping = Atomic(false)

        init(_ records: [String: [[UInt8]]]) { self.records = records }

        func serve(_ socket: Int32) {
            var watched = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
            guard poll(&watched, 1, 20) > 0 else { return }
            var bytes = [UInt8](repeating: 0, count: 512)
            var peer = sockaddr_in()
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            withUnsafeMutablePointer(to: &peer) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    let count = recvfrom(socket, &bytes, bytes.count, 0, address, &size)
                    guard count > 16, let reply = answer(Array(bytes[..<count])) else { return }
                    sendto(socket, reply, reply.count, 0, address, size)
                }
            }
        }

        /// nil: silence.
        private func answer(_ query: [UInt8]) -> [UInt8]? {
            var labels: [String] = []
            var place = 12
            while query[place] != 0 {
                let end = place + 1 + Int(query[place])
                labels.append(String(decoding: query[place + 1..<end], as: UTF8.self))
                place = end
            }
            let kind = query[place + 2]
            let names: [UInt8: String] = [1: "A", 12: "PTR", 28: "AAAA"]
            let key = "\(names[kind] ?? "?") \(labels.joined(separator: "."))"
            questions.withLock { $0.append(key) }
            guard let records = records[key] else { return Array(query[..<2]) + [0x81, 0x83] + Array(query[4...]) }
            guard !records.isEmpty else { return nil }
            var reply =
                Array(query[..<2]) + [0x81, 0x80, 0, 1, 0, UInt8(records.count), 0, 0, 0, 0] + Array(query[12...])
            for record in records { reply += [0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, UInt8(record.count)] + record }
            return reply
        }
    }

    let endpoint: Endpoint
    private let desk: Desk
    private let thread: TestThread

    /// "PTR 5.113.0.203.in-addr.arpa", each time that it was asked for.
    var asked: [String] { desk.questions.withLock { $0 } }

    /// - Parameter records: data of records by type and name, such as "PTR 5.113.0.203.in-addr.arpa"; none: silence. What
    ///   is not there does not exist.
    init(_ records: [String: [[UInt8]]]) throws {
        var granted: Int32 = 0
        let loopback: [UInt8] = Array(repeating: 0, count: 10) + [0xff, 0xff, 127, 0, 0, 1]
        let socket = linux_udp_listen(loopback, 0, 1 << 16, &granted)
        guard socket >= 0 else { throw TestKitError.system("listen", -socket) }
        endpoint = Endpoint(Address(ipv4: 0x7f00_0001), port: UInt16(linux_bound_port(socket)))
        let desk = Desk(records)
        self.desk = desk
        thread = try TestThread {
            while !desk.isStopping.load(ordering: .acquiring) { desk.serve(socket) }
            close(socket)
        }
    }

    deinit {
        desk.isStopping.store(true, ordering: .releasing)
        thread.join()
    }

    static func name(_ text: String) -> [UInt8] {
        text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }
}
