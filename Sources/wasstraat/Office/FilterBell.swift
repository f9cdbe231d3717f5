internal import CLinux
internal import Glibc
internal import Synchronization

/// Wakes the thread that looks after the filter: there is a new rule or source, or the office ends.
final class FilterBell: Sendable {
    private let isStopping = Atomic(false)
    private let reader: Descriptor
    private let writer: Descriptor

    init() throws(OfficeError) {
        var ends: [Int32] = [-1, -1]
        let status = linux_pipe(&ends)
        guard status == 0 else { throw OfficeError(.system, "no pipe: \(OfficeError.text(status))") }
        for end in ends { _ = fcntl(end, F_SETFL, O_NONBLOCK) }
        reader = Descriptor(ends[0])
        writer = Descriptor(ends[1])
    }

    /// Readable once somebody rang, for who waits for other things too.
    var descriptor: Int32 { reader.number }

    var isStopped: Bool { isStopping.load(ordering: .acquiring) }

    func stop() {
        isStopping.store(true, ordering: .releasing)
        ring()
    }

    /// A full pipe wakes as well.
    func ring() { _ = write(writer.number, [1], 1) }

    /// Waits until somebody rings, or the time is over.
    func wait(milliseconds: Int64) {
        var watched = [pollfd(fd: reader.number, events: Int16(POLLIN), revents: 0)]
        guard poll(&watched, 1, Int32(clamping: max(0, milliseconds))) > 0 else { return }
        var bytes = [UInt8](repeating: 0, count: 64)
        while read(reader.number, &bytes, bytes.count) > 0 {}
    }
}
