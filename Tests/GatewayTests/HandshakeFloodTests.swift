import Addresses
import CNIOBoringSSL
import Messages
import Synchronization
import TestKit
import Testing

/// Floods of connections that want TLS, beside visitors who want it too. Rates are printed: they depend on the machine,
/// which the flood shares with the lane.
@Suite(.serialized, .needs(tool: "openssl")) struct `Under a flood of handshakes` {
    /// Visitors over TLS, each from an address of its own, every one over a new connection; half of them resume.
    private final class Crowd: Sendable {
        struct Figures {
            var served = 0
            var resumed = 0
            var failed = 0
            /// Milliseconds of each visit that was served.
            var times: [Double] = []

            var share: Double { Double(served) / Double(max(1, served + failed)) }
            var late: Double { times.sorted().dropLast(times.count / 100).last ?? 0 }

            var text: String {
                let share = (share * 1000).rounded() / 10
                return "\(share) % of \(served + failed) served (\(resumed) resumed), p99 \(late.rounded()) ms"
            }
        }

        private let isOver = Flag()
        private let figures = Mutex((known: Figures(), new: Figures()))
        private let threads = Mutex<[TestThread]>([])

        /// - Parameter newcomers: whether every fifth visit is of somebody from an address that never came before.
        init(_ endpoint: Endpoint, newcomers: Flag) throws {
            for number in 0..<4 {
                let thread = try TestThread { [self] in
                    let resuming = TLSVisitor.Manner()
                    var plain = resuming
                    plain.hasTicket = false
                    let visitors = (0..<8).map { place in
                        TLSVisitor(
                            to: endpoint, from: Address(ipv4: 0x7f0a_0001 + UInt32(number) << 8 + UInt32(place)),
                            place % 2 == 0 ? resuming : plain)
                    }
                    let clock = ContinuousClock()
                    var round = 0
                    while !isOver.isUp {
                        let isNew = newcomers.isUp && round % 5 == 4
                        let address = Address(ipv4: 0x7f14_0001 + UInt32(number) << 16 + UInt32(round) << 8)
                        let visitor = isNew ? TLSVisitor(to: endpoint, from: address, plain) : visitors[round % 8]
                        let began = clock.now
                        let outcome = visitor.visit()
                        let time = began.duration(to: clock.now).seconds * 1000
                        figures.withLock { all in
                            if isNew {
                                Self.count(outcome, time, &all.new)
                            } else {
                                Self.count(outcome, time, &all.known)
                            }
                        }
                        pauseThread(40)
                        round += 1
                    }
                }
                threads.withLock { $0.append(thread) }
            }
        }

        private static func count(_ outcome: TLSVisitor.Outcome, _ time: Double, _ figures: inout Figures) {
            guard case .served(let isResumed) = outcome else {
                figures.failed += 1
                return
            }
            figures.served += 1
            if isResumed { figures.resumed += 1 }
            figures.times.append(time)
        }

        /// What happened since the last time.
        func take() -> (known: Figures, new: Figures) {
            figures.withLock { all in
                defer { all = (Figures(), Figures()) }
                return all
            }
        }

        func stop() {
            isOver.isUp = true
            for thread in threads.withLock({ $0 }) { thread.join() }
        }
    }

    private let street: Street

    init() throws {
        street = try Street(certificates: try `TLS`.certificates.get())
    }

    /// Full handshakes, one after the other in each thread, from 2,000 addresses: those that it did.
    private func handshakes(threads: Int, pause: Int, _ isOver: @escaping @Sendable () -> Bool) throws -> Int {
        let endpoint = street.tls
        let count = Counter()
        let all = try (0..<threads).map { number in
            try TestThread {
                var manner = TLSVisitor.Manner()
                manner.hasTicket = false
                manner.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"
                var round = 0
                while !isOver() {
                    let index = UInt32((round * threads + number) % 2000)
                    round += 1
                    let source = Address(ipv4: 0x7f50_0001 + index / 200 << 8 + index % 200)
                    if TLSVisitor(to: endpoint, from: source, manner).connect(within: 3000) != nil { count.add() }
                    if pause > 0 { pauseThread(pause) }
                }
            }
        }
        for thread in all { thread.join() }
        return count.value
    }

    /// Milliseconds that the lane has used so far.
    private var processorTime: Double {
        let text = (try? Tool.run(["cat", "/proc/\(street.lane.child.process)/stat"])) ?? ""
        // Behind the name, which may hold anything: user and system time in hundredths of a second.
        let fields = text.split(separator: ")").last?.split(separator: " ") ?? []
        return fields.count > 12 ? (Double(fields[11]) ?? 0) * 10 + (Double(fields[12]) ?? 0) * 10 : 0
    }

    @Test func `visitors who were here before are served: hellos, full handshakes, half of hellos`() throws {
        let newcomers = Flag()
        let crowd = try Crowd(street.tls, newcomers: newcomers)
        defer { crowd.stop() }
        // Calm: what comes is learnt after two slices of five seconds.
        pauseThread(17_000)
        let calm = crowd.take().known
        print("calm: \(calm.text)")
        #expect(calm.share == 1)
        newcomers.isUp = true

        let before = processorTime
        let hellos = try HelloFlood(at: street.tls, saying: TLSVisitor.hello(Self.tool), rate: 10_000, hold: 3000)
        pauseThread(6000)
        let underHellos = crowd.take()
        let rate = hellos.rate
        hellos.stop()
        pauseThread(1000)
        let spent = processorTime - before
        let first = street.lane.status { _ in true }.connections
        print(
            "hellos: \(Int(rate))/s reached, \(hellos.lost) lost; known \(underHellos.known.text); new \(underHellos.new.text)"
        )
        print("  \(Self.text(first)); the lane used \(spent.rounded()) ms of the processor")
        #expect(underHellos.known.share > 0.95)
        #expect(underHellos.known.served > 5)

        pauseThread(2000)
        _ = crowd.take()
        let clock = ContinuousClock()
        let end = clock.now.advanced(by: .seconds(6))
        let full = try handshakes(threads: 6, pause: 1) { ContinuousClock().now >= end }
        let underFull = crowd.take()
        let second = street.lane.status { $0.connections.handshakes > first.handshakes }.connections
        print("full handshakes: \(full / 6)/s; known \(underFull.known.text); new \(underFull.new.text)")
        print("  \(Self.text(second))")
        #expect(underFull.known.share > 0.95)

        let hello = TLSVisitor.hello(Self.tool)
        let half = try HelloFlood(
            at: street.tls, saying: Array(hello[..<(hello.count / 2)]), rate: 2000, sources: 2000, hold: 4000)
        pauseThread(5000)
        let underHalf = crowd.take()
        let open = street.lane.status { _ in true }.connections.open
        half.stop()
        print(
            "half of hellos: \(half.reached) reached, \(open) open; known \(underHalf.known.text); new \(underHalf.new.text)"
        )
        #expect(underHalf.known.share > 0.99)
        #expect(street.lane.lines.isEmpty)
    }

    /// Another client than the visitors'.
    private static var tool: TLSVisitor.Manner {
        var manner = TLSVisitor.Manner()
        manner.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256"
        return manner
    }

    private static func text(_ status: LaneStatus.Connections) -> String {
        let tls = status.tls
        return "handshakes \(status.handshakes), resumed \(status.resumed), refused \(tls.refused) "
            + "(\(tls.refusedKnown) known), waited \(tls.waited), abandoned \(tls.abandoned), "
            + "connections refused \(status.refused); \(tls.busyNanoseconds / 1_000_000) ms in key exchanges"
    }
}
