import Addresses
import CLinux
import Collector
import Glibc
import Synchronization
import TestKit
import Testing

private let loopback = Address(ipv4: 0x7f00_0001)
private let loopback6 = Address(high: 0, low: 1)

private struct Received: Equatable {
    var bytes: [UInt8]
    var exporter: Address
    var port: UInt16
    var isTruncated = false
}

/// As many of the datagrams that were sent as are there, one by one: loopback has delivered them when `send` returns.
private func take(_ socket: inout FlowSocket, _ count: Int) throws -> [Received] {
    var all: [Received] = []
    while all.count < count, case .datagrams(let number) = try socket.receive(waiting: 100) {
        #expect((1...FlowSocket.batchLimit).contains(number))
        for index in 0..<number {
            let one = socket.datagram(index)
            all.append(
                Received(
                    bytes: one.bytes.withUnsafeBytes { Array($0) }, exporter: one.exporter, port: one.port,
                    isTruncated: one.isTruncated))
        }
    }
    return all
}

@Suite struct `A flow socket` {
    @Test func `gives each datagram with its exporter, in order`() throws {
        var socket = try FlowSocket(binding: Endpoint(loopback, port: 0))
        #expect(socket.endpoint.port != 0)
        let senders = [try Sender(), try Sender()]
        var expected: [Received] = []
        for index in 0..<200 {
            let bytes = Array(sample(2000)[..<(index * 7)])
            senders[index % 2].send(bytes, to: socket.endpoint.port)
            expected.append(Received(bytes: bytes, exporter: loopback, port: senders[index % 2].port))
        }
        #expect(try take(&socket, 200) == expected)
        #expect(socket.received == 200)
        #expect(socket.receivedBytes == UInt64(expected.reduce(0) { $0 + $1.bytes.count }))
        #expect(socket.truncated == 0 && socket.dropped == 0)
    }

    @Test func `takes both versions on one port`() throws {
        var socket = try FlowSocket(binding: Endpoint(Address(high: 0, low: 0), port: 0))
        let (four, six) = (try Sender(), try Sender(isIPv4: false))
        four.send([4], to: socket.endpoint.port)
        six.send([6], to: socket.endpoint.port)
        #expect(
            try take(&socket, 2) == [
                Received(bytes: [4], exporter: loopback, port: four.port),
                Received(bytes: [6], exporter: loopback6, port: six.port),
            ])
    }

    @Test func `takes IPv4 alone where it is bound to it, and IPv6 alone`() throws {
        var socket = try FlowSocket(binding: Endpoint(loopback6, port: 0))
        let six = try Sender(isIPv4: false)
        six.send([6], to: socket.endpoint.port)
        #expect(try take(&socket, 1) == [Received(bytes: [6], exporter: loopback6, port: six.port)])
    }

    @Test func `says what it cut off`() throws {
        var socket = try FlowSocket(binding: Endpoint(loopback, port: 0))
        let sender = try Sender()
        let long = sample(FlowSocket.datagramLimit + 1)
        sender.send(Array(long.dropLast()), to: socket.endpoint.port)
        sender.send(long, to: socket.endpoint.port)
        let received = try take(&socket, 2)
        #expect(received.map(\.isTruncated) == [false, true])
        #expect(received.allSatisfy { $0.bytes == Array(long.dropLast()) })
        #expect(socket.truncated == 1)
    }

    @Test func `counts what the kernel dropped, though nothing comes any more`() throws {
        var socket = try FlowSocket(binding: Endpoint(loopback, port: 0), buffer: 16 << 10)
        #expect(socket.receiveBuffer >= 16 << 10 && socket.receiveBuffer < 1 << 20)
        let sender = try Sender()
        let sent = 2000
        for _ in 0..<sent { sender.send(sample(1000), to: socket.endpoint.port) }
        let received = try take(&socket, sent)
        #expect(received.count < sent && !received.isEmpty)
        #expect(socket.dropped == UInt64(sent - received.count))
        // And goes on counting from there.
        for _ in 0..<sent { sender.send(sample(1000), to: socket.endpoint.port) }
        socket.countDrops()
        let more = try take(&socket, sent)
        #expect(socket.dropped == UInt64(2 * sent - received.count - more.count))
    }

    @Test func `ticks when nothing comes`() throws {
        var socket = try FlowSocket(binding: Endpoint(loopback, port: 0))
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        let before = Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
        #expect(try socket.receive(waiting: 100) == .tick)
        #expect((90_000_000..<5_000_000_000).contains(socket.time - before))
        #expect(try socket.receive(waiting: 0) == .tick)
        #expect(try socket.receive(waiting: -1) == .tick)
    }

    @Test func `stops for another thread, at once and for good`() throws {
        var socket = try FlowSocket(binding: Endpoint(loopback, port: 0))
        let stop = socket.stop
        let thread = try TestThread {
            pauseThread(100)
            stop.request()
            stop.request()
        }
        let start = ContinuousClock().now
        #expect(try socket.receive(waiting: 60_000) == .stopped)
        #expect(ContinuousClock().now - start < .seconds(30))
        thread.join()
        try Sender().send([1], to: socket.endpoint.port)
        #expect(try socket.receive() == .stopped)
        #expect(stop.isRequested)
    }

    @Test func `stops under steady traffic`() throws {
        var socket = try FlowSocket(binding: Endpoint(loopback, port: 0))
        let (stop, port) = (socket.stop, socket.endpoint.port)
        let thread = try TestThread {
            guard let sender = try? Sender() else { return }
            while !stop.isRequested { sender.send([1, 2, 3], to: port) }
        }
        var batches = 0
        while try socket.receive(waiting: 1000) != .stopped {
            batches += 1
            if batches == 50 { stop.request() }
        }
        #expect(batches == 50)
        thread.join()
    }

    @Test func `says where it cannot listen`() throws {
        let first = try FlowSocket(binding: Endpoint(loopback, port: 0))
        var error: InputError?
        do throws(InputError) { _ = try FlowSocket(binding: first.endpoint) } catch let refusal { error = refusal }
        #expect(error?.code == .cannotListen)
        #expect(error?.description == "\(first.endpoint): cannot listen: Address already in use")
        error = nil
        // 192.0.2.1 is for documentation (RFC 5737): no machine's own.
        let foreign = Endpoint(Address(ipv4: 0xc000_0201), port: 0)
        do throws(InputError) { _ = try FlowSocket(binding: foreign) } catch let refusal { error = refusal }
        #expect(error?.code == .cannotListen)
    }
}
