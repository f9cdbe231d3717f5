internal import CLinux
internal import Glibc

/// The memory of earlier visitors: a memory file that the lane fills and the office keeps on disk, so that it survives
/// both. Its content means nothing to the office.
struct HistoryMemory {
    /// Two Bloom filters' worth and a page for their header.
    static let size = 12 << 20 | 4_096

    let file: String
    let descriptor: Descriptor
    private var saved: UInt64?

    /// Fresh memory, filled from the state folder where a history of the right size lies there.
    /// - Parameters:
    ///   - file: its name in the state folder.
    ///   - isKnown: false when the history's key is new, so that an old history says nothing.
    init(loading file: String, from folder: StateFolder, isKnown: Bool) throws(OfficeError) {
        self.file = file
        let opened = linux_memory_file("wasstraat-history")
        guard opened >= 0 else { throw OfficeError(.system, "no memory for the history: \(OfficeError.text(opened))") }
        descriptor = Descriptor(opened)
        guard ftruncate(opened, off_t(Self.size)) == 0 else {
            throw OfficeError(.system, "no memory for the history: \(OfficeError.text(errno))")
        }
        guard isKnown, let bytes = folder.read(file, limit: Self.size), bytes.count == Self.size else { return }
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeBytes {
                pwrite(opened, $0.baseAddress! + offset, $0.count - offset, off_t(offset))
            }
            guard count > 0 else { throw OfficeError(.system, "cannot fill the history: \(OfficeError.text(errno))") }
            offset += count
        }
    }

    /// The memory that a living lane handed over; nil when it is not of the right size.
    init?(adopting descriptor: Descriptor, file: String) {
        var status = stat()
        guard fstat(descriptor.number, &status) == 0, Int(status.st_size) == Self.size else { return nil }
        self.descriptor = descriptor
        self.file = file
    }

    /// Writes the history to the state folder where it has changed since the last time. Not durable by fsync: what a
    /// power cut takes is a minute of history.
    mutating func save(to folder: StateFolder) throws(OfficeError) {
        var bytes = [UInt8](repeating: 0, count: Self.size)
        var offset = 0
        while offset < bytes.count {
            let count = bytes.withUnsafeMutableBytes {
                pread(descriptor.number, $0.baseAddress! + offset, $0.count - offset, off_t(offset))
            }
            guard count > 0 else { throw OfficeError(.system, "cannot read the history: \(OfficeError.text(errno))") }
            offset += count
        }
        let sum = Self.sum(bytes)
        guard sum != saved else { return }
        try folder.write(bytes, to: file, isDurable: false)
        saved = sum
    }

    /// FNV-1a over 64-bit words: only tells whether something changed.
    private static func sum(_ bytes: [UInt8]) -> UInt64 {
        bytes.withUnsafeBytes { raw in
            var sum: UInt64 = 0xcbf2_9ce4_8422_2325
            for word in raw.bindMemory(to: UInt64.self) { sum = (sum ^ word) &* 0x100_0000_01b3 }
            return sum
        }
    }
}
