import Addresses
import CLinux
import Glibc
import Synchronization
import TestKit

/// Connects and says hello, so many times a second, each time from another address of 127.0.0.0/8, and never goes on.
final class HelloFlood: Sendable {
    private struct State {
        var threads: [TestThread] = []
    }

    private let isOver = Flag()
    private let connected = Counter()
    private let missed = Counter()
    private let state = Mutex(State())
    private let clock = ContinuousClock()
    private let began: ContinuousClock.Instant

    /// Connections that said what they had to say, and those that came to nothing.
    var reached: Int { connected.value }
    var lost: Int { missed.value }
    /// A second, since it began.
    var rate: Double { Double(reached) / began.duration(to: clock.now).seconds }

    /// - Parameters:
    ///   - hold: connections that stay open at the same time; the oldest one is reset then.
    init(
        at endpoint: Endpoint, saying bytes: [UInt8], rate: Int, sources: Int = 10_000, hold: Int = 400,
        threads: Int = 2
    ) throws {
        began = clock.now
        for number in 0..<threads {
            let thread = try TestThread { [self] in
                flood(endpoint, bytes, rate / threads, sources, hold / threads, number, threads)
            }
            state.withLock { $0.threads.append(thread) }
        }
    }

    func stop() {
        isOver.isUp = true
        for thread in state.withLock({ $0.threads }) { thread.join() }
    }

    private func flood(
        _ endpoint: Endpoint, _ bytes: [UInt8], _ rate: Int, _ sources: Int, _ hold: Int, _ number: Int, _ threads: Int
    ) {
        let target = Socket.octets(endpoint.address)
        var open = [Int32](repeating: -1, count: max(1, hold))
        var count = 0
        let start = clock.now
        while !isOver.isUp {
            // In steps of ten milliseconds: who is late makes up for it, but for no more than a step.
            let due = Int(start.duration(to: clock.now).seconds * Double(rate))
            if due - count > rate / 50 { count = due - rate / 50 }
            while count < due, !isOver.isUp {
                let place = count % open.count
                if open[place] >= 0 {
                    linux_reset_on_close(open[place])
                    close(open[place])
                }
                let index = (count * threads + number) % sources
                let source = Socket.octets(Address(ipv4: 0x7f40_0001 + UInt32(index / 200) << 8 + UInt32(index % 200)))
                let socket = linux_connect(target, endpoint.port, source)
                open[place] = socket
                count += 1
                guard socket >= 0, send(socket, bytes, bytes.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT)) > 0
                else {
                    missed.add()
                    continue
                }
                connected.add()
            }
            pauseThread(5)
        }
        for socket in open where socket >= 0 { close(socket) }
    }
}

/// What threads of a test tell each other.
final class Flag: Sendable {
    private let flag = Atomic(false)

    var isUp: Bool {
        get { flag.load(ordering: .relaxed) }
        set { flag.store(newValue, ordering: .relaxed) }
    }
}

final class Counter: Sendable {
    private let count = Atomic(0)

    func add() { count.add(1, ordering: .relaxed) }
    var value: Int { count.load(ordering: .relaxed) }
}

extension Duration {
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
