package import Addresses
internal import CLinux
internal import Glibc
internal import Synchronization

/// A UDP socket that flow exports come to: taken in batches, without memory per datagram, and with every loss counted.
///
/// It belongs to one thread, which calls `receive` again and again; `stop` may be called from any other.
package struct FlowSocket: ~Copyable {
    /// Datagrams taken with one system call.
    package static let batchLimit = 64
    /// Longer datagrams are cut off, and counted: exports are made for Ethernet, of jumbo frames at most.
    package static let datagramLimit = 9216
    /// What is asked of the kernel for datagrams that wait, in bytes: a second of 10,000 datagrams of 1,500 bytes.
    package static let defaultBuffer = 16 << 20
    /// The largest buffer that may be asked for: the kernel counts its double in 31 bits.
    package static let bufferLimit = 1 << 29

    /// How often the kernel's counter of drops is read, in nanoseconds.
    package static let countInterval: Int64 = 100_000_000
    /// Milliseconds that datagrams may gather before they are taken: to be woken for each costs more than to read it, and
    /// nobody waits for milliseconds of a flow that is told of seconds later.
    private static let longestPause: Int64 = 40

    /// What `receive` came back with.
    package enum Arrival: Equatable, Sendable {
        /// So many datagrams, to be had by index until the next call.
        case datagrams(Int)
        /// The time was up. Under steady traffic batches come instead: whoever needs a clock looks at `time`.
        case tick
        case stopped
    }

    /// One datagram, as long as the socket does not receive again.
    package struct Datagram: ~Escapable {
        package let bytes: RawSpan
        /// Where they lie in the socket's ``bytes``.
        package let range: Range<Int>
        package let exporter: Address
        package let port: UInt16
        /// It was longer than `datagramLimit`; the rest is lost.
        package let isTruncated: Bool

        @_lifetime(copy bytes)
        init(_ bytes: RawSpan, _ range: Range<Int>, exporter: Address, port: UInt16, isTruncated: Bool) {
            self.bytes = bytes
            self.range = range
            self.exporter = exporter
            self.port = port
            self.isTruncated = isTruncated
        }
    }

    /// Where it listens, with the port that the kernel gave where 0 was asked for.
    package let endpoint: Endpoint
    /// Bytes that the kernel keeps for this socket, in the terms of what was asked; less than asked for where the system's
    /// limit (net.core.rmem_max) is lower and this process may not exceed it.
    package let receiveBuffer: Int
    /// Ends `receive`, from any thread.
    package let stop: Stop
    /// When the last batch or tick came: nanoseconds since 1970-01-01T00:00:00Z.
    package private(set) var time: Int64 = 0
    /// Since the socket was opened; all of them may wrap around.
    package private(set) var received: UInt64 = 0
    package private(set) var receivedBytes: UInt64 = 0
    package private(set) var truncated: UInt64 = 0
    /// Dropped by the kernel because nobody took them in time, as of the last `countDrops`.
    package private(set) var dropped: UInt64 = 0

    private let descriptor: Int32
    private let batch: OpaquePointer
    private var count = 0
    /// The last batch took all that it could: more is waiting, so there is no need to wait.
    private var isFull = false
    /// Milliseconds in which a third of the buffer fills, by what the last pause filled.
    private var pause: Int32 = 1
    private var dropCounter: UInt32 = 0
    private var countedAt: Int64 = 0

    /// Binds to an address of either version; :: takes both. `buffer` is clamped to 4,096...`bufferLimit` bytes.
    package init(binding endpoint: Endpoint, buffer: Int = defaultBuffer) throws(InputError) {
        let name = "\(endpoint)"
        guard let batch = linux_datagrams_create(Int32(Self.batchLimit), Int32(Self.datagramLimit)) else {
            throw InputError(.outOfMemory, name, "no memory for \(Self.batchLimit) datagrams")
        }
        let asked = Int32(max(4096, min(buffer, Self.bufferLimit)))
        var granted: Int32 = 0
        let (high, low) = (endpoint.address.high.bigEndian, endpoint.address.low.bigEndian)
        let descriptor = withUnsafeBytes(of: (high, low)) { bytes in
            linux_udp_listen(bytes.bindMemory(to: UInt8.self).baseAddress, endpoint.port, asked, &granted)
        }
        let stop = descriptor < 0 ? nil : Stop()
        let port = descriptor < 0 ? descriptor : linux_bound_port(descriptor)
        guard descriptor >= 0, port >= 0, let stop else {
            let error = descriptor < 0 ? -descriptor : port < 0 ? -port : EMFILE
            linux_datagrams_free(batch)
            if descriptor >= 0 { close(descriptor) }
            throw InputError(.cannotListen, name, "cannot listen: \(InputFile.reason(error))")
        }
        self.endpoint = Endpoint(endpoint.address, port: UInt16(truncatingIfNeeded: port))
        self.receiveBuffer = Int(granted)
        self.stop = stop
        self.descriptor = descriptor
        self.batch = batch
    }

    deinit {
        close(descriptor)
        linux_datagrams_free(batch)
    }

    /// Takes what has come, or waits for it up to so many milliseconds. Throws where the system refuses.
    package mutating func receive(waiting milliseconds: Int = 100) throws(InputError) -> Arrival {
        let wait = count > 0 && !isFull ? min(pause, Int32(clamping: max(0, milliseconds))) : 0
        count = 0
        guard !stop.isRequested else { return .stopped }
        if wait > 0 {
            if linux_wait_readable(-1, stop.descriptor, wait) > 0 { return .stopped }
            setPause(after: wait)
        }
        if !isFull {
            // Waiting first costs two calls a wake-up; asking first, three.
            let ready = linux_wait_readable(descriptor, stop.descriptor, Int32(clamping: max(0, milliseconds)))
            guard ready >= 0 else { throw failed(-ready) }
            if ready & 2 != 0 { return .stopped }
            if ready == 0 { return tick() }
        }
        let number = linux_datagrams_receive(descriptor, batch)
        guard number >= 0 else { throw failed(-number) }
        setTime()
        count = Int(number)
        isFull = count == Self.batchLimit
        received &+= UInt64(count)
        guard let datagrams = linux_datagrams_received(batch) else { return .tick }
        for index in 0..<count {
            receivedBytes &+= UInt64(datagrams[index].length)
            truncated &+= UInt64(datagrams[index].truncated)
        }
        // Another took the datagram for which we were woken, or its checksum was wrong.
        return count > 0 ? .datagrams(count) : .tick
    }

    /// A datagram of the last batch; the index is checked.
    @_lifetime(borrow self)
    package func datagram(_ index: Int) -> Datagram {
        precondition(index >= 0 && index < count, "no such datagram")
        let one = linux_datagrams_received(batch)[index]
        let start = index &* Self.datagramLimit
        let range = start..<start + Int(one.length)
        let datagram = Datagram(
            bytes.extracting(range), range, exporter: Address(high: one.high, low: one.low), port: one.port,
            isTruncated: one.truncated != 0)
        return _overrideLifetime(datagram, borrowing: self)
    }

    /// The memory that the last batch lies in, a place for each datagram.
    package var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            // Of this size as `init` asked for it. It is only written by `receive`, and let go at the end; this borrow
            // excludes both.
            let bytes = RawSpan(
                _unsafeStart: linux_datagrams_bytes(batch), byteCount: Self.batchLimit * Self.datagramLimit)
            return _overrideLifetime(bytes, borrowing: self)
        }
    }

    /// Asks the kernel what it dropped until now. `receive` does so itself, every `countInterval`.
    package mutating func countDrops() { _ = readMemory() }

    /// What of the buffer is filled, and how large it is, both as the kernel counts; and what it dropped until now.
    private mutating func readMemory() -> (filled: UInt32, room: UInt32) {
        countedAt = time
        var (filled, room): (UInt32, UInt32) = (0, 0)
        let now = linux_socket_memory(descriptor, &filled, &room)
        guard now >= 0 else { return (0, 0) }
        let counter = UInt32(truncatingIfNeeded: now)
        dropped &+= UInt64(counter &- dropCounter)
        dropCounter = counter
        return (filled, room)
    }

    /// Waits longer next time where little came in this pause, shorter where it was much, so that three times as much still
    /// finds room; and never longer than a full gigabit line that begins meanwhile would find room.
    private mutating func setPause(after wait: Int32) {
        let (filled, room) = readMemory()
        let fitting = Int64(wait) &* Int64(room) / (3 &* max(1, Int64(filled)))
        let longest = min(Self.longestPause, Int64(receiveBuffer) / 125_000)
        pause = Int32(clamping: min(fitting, 2 &* Int64(wait), longest))
    }

    private mutating func tick() -> Arrival {
        setTime()
        return .tick
    }

    private mutating func setTime() {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        time = Int64(now.tv_sec) &* 1_000_000_000 &+ Int64(now.tv_nsec)
        // The clock may be set back: then at once.
        if time &- countedAt >= Self.countInterval || time < countedAt {
            countDrops()
            // Where there was no time for a pause, there may be again.
            pause = max(1, pause)
        }
    }

    private func failed(_ error: Int32) -> InputError {
        InputError(.cannotRead, "\(endpoint)", InputFile.reason(error))
    }

    /// What ends `receive` in another thread; once asked for, for good.
    package final class Stop: Sendable {
        fileprivate let descriptor: Int32
        private let flag = Atomic<Bool>(false)

        /// nil where the process has no descriptor left.
        fileprivate init?() {
            descriptor = linux_event()
            if descriptor < 0 { return nil }
        }

        deinit { if descriptor >= 0 { close(descriptor) } }

        package var isRequested: Bool { flag.load(ordering: .acquiring) }

        package func request() {
            flag.store(true, ordering: .releasing)
            var one: UInt64 = 1
            // It can fail only when the counter is full, and then the waiter is awake already.
            _ = write(descriptor, &one, MemoryLayout<UInt64>.size)
        }
    }
}
