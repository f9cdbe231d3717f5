internal import Glibc

/// A file or standard input, read from front to back through one buffer, decompressed where its content (not its name)
/// says that it is gzip or Zstandard.
///
/// Nothing is written to disk, and the memory is bounded whatever the file holds: `bufferLimit`, and for a compressed
/// file `inputSize` and the decompressor's window. Use it like this:
///
///     while try file.fill(needing: missing) {
///         let taken = take(wholeRecordsOf: file.bytes)
///         file.consume(taken)
///     }
///
/// `bytes` must not be held beyond `consume`: give it to a function, or to a scope of its own.
package struct InputFile: ~Copyable {
    /// What is gathered at a time.
    package static let bufferSize = 1 << 20
    /// One record may be this long at most: a jumbo frame of a capture with all its options is far below it.
    package static let bufferLimit = 2 << 20
    /// The most memory that a compressed file may ask for, in bytes.
    package static var windowLimit: Int { 1 << Int(Decompressor.windowLog) }
    /// Compressed bytes read at a time.
    private static let inputSize = 128 << 10
    /// The path that stands for standard input.
    package static let standardInput = "-"

    /// For messages: the path as it was given, or "standard input".
    package let name: String
    /// What the file has on disk, for a progress bar; nil for a pipe.
    package let fileSize: UInt64?
    /// Bytes read of the file, compressed as they are there.
    package private(set) var bytesRead: UInt64 = 0
    /// Where the first byte of `bytes` is in the decompressed content.
    package private(set) var position: UInt64 = 0
    /// Known after the first `fill`.
    package private(set) var compression = Compression.none
    /// Nothing will be added to `bytes` any more.
    package private(set) var isAtEnd = false

    private let descriptor: Int32
    private let isOwned: Bool
    private var hasBegun = false
    private var decompressor: Decompressor?
    /// Bytes of the file that were not decompressed yet; empty for a file that is not compressed.
    private var input: UnsafeMutableRawBufferPointer
    private var inputStart = 0
    private var inputEnd = 0
    private var buffer: UnsafeMutableRawBufferPointer
    private var start = 0
    private var end = 0

    /// Opens a file, or standard input for "-"; nothing is read yet.
    package init(opening path: String) throws(InputError) {
        guard path != Self.standardInput else {
            self.init(descriptor: STDIN_FILENO, name: "standard input", isOwned: false)
            return
        }
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)
        guard descriptor >= 0 else { throw InputError(.cannotOpen, path, Self.reason(errno)) }
        self.init(descriptor: descriptor, name: path, isOwned: true)
    }

    /// Reads from a descriptor from where it stands, and closes it where it is owned.
    package init(descriptor: Int32, name: String, isOwned: Bool, bufferSize: Int = bufferSize) {
        var status = stat()
        let isFile = fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        fileSize = isFile ? UInt64(clamping: status.st_size) : nil
        // Reading ahead further than usual; only a hint, so its failure means nothing.
        if isFile { _ = posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL) }
        self.descriptor = descriptor
        self.name = name
        self.isOwned = isOwned
        input = .allocate(byteCount: Self.inputSize, alignment: 16)
        buffer = .allocate(byteCount: min(max(bufferSize, Self.inputSize), Self.bufferLimit), alignment: 16)
    }

    deinit {
        if isOwned { close(descriptor) }
        input.deallocate()
        buffer.deallocate()
    }

    /// The decompressed bytes at hand: read, and not yet consumed.
    package var bytes: RawSpan {
        @_lifetime(borrow self)
        get {
            let bytes = RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: buffer[start..<end]))
            // The buffer is only written or let go by mutating calls and the end, which this borrow excludes.
            return _overrideLifetime(bytes, borrowing: self)
        }
    }

    /// Bytes at hand.
    package var count: Int { end - start }

    /// Lets go of the first `count` bytes at hand; more than there are lets go of all.
    package mutating func consume(_ count: Int) {
        let count = max(0, min(count, end - start))
        start += count
        position &+= UInt64(count)
    }

    /// Adds at least one byte to `bytes`, and goes on until there are `needed`; false when nothing was added, for the
    /// file is at its end. What is there afterwards may still be less than needed: then the file ends within a record.
    ///
    /// Throws where the file cannot be read or decompressed, or `needed` is more than `bufferLimit`. What was at hand
    /// stays.
    package mutating func fill(needing needed: Int = 0) throws(InputError) -> Bool {
        guard !isAtEnd else { return false }
        try makeRoom(needed)
        let before = count
        if !hasBegun { try begin() }
        while !isAtEnd, count == before || count < needed {
            let added = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[end...]))
            end += added
            if added == 0 { isAtEnd = true }
        }
        return count > before
    }

    /// Moves what is at hand to the front, and takes a larger buffer where it must.
    private mutating func makeRoom(_ needed: Int) throws(InputError) {
        let held = count
        if start > 0 {
            if held > 0 { buffer.baseAddress?.copyMemory(from: buffer.baseAddress! + start, byteCount: held) }
            start = 0
            end = held
        }
        guard needed > buffer.count || held == buffer.count else { return }
        guard needed <= Self.bufferLimit, held < Self.bufferLimit else {
            throw InputError(
                .recordTooLarge, name, "one record of more than \(Self.bufferLimit >> 20) MiB at byte \(position)")
        }
        let larger = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.bufferLimit, alignment: 16)
        larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[..<held]))
        buffer.deallocate()
        buffer = larger
    }

    /// Reads the first bytes and looks what they are.
    private mutating func begin() throws(InputError) {
        hasBegun = true
        while inputEnd < Compression.headSize {
            let count = try readFile(into: UnsafeMutableRawBufferPointer(rebasing: input[inputEnd...]))
            if count == 0 { break }
            inputEnd += count
        }
        let first = UnsafeRawBufferPointer(rebasing: input[..<inputEnd])
        compression = Compression.recognise(RawSpan(_unsafeBytes: first))
        guard compression == .none else {
            do throws(Decompressor.Failure) {
                decompressor = try Decompressor(compression)
            } catch {
                throw failed(error)
            }
            return
        }
        // `fill` made room, and the buffer is larger than what is read first.
        UnsafeMutableRawBufferPointer(rebasing: buffer[end...]).copyMemory(from: first)
        end += inputEnd
        inputEnd = 0
        input.deallocate()
        input = UnsafeMutableRawBufferPointer(start: nil, count: 0)
    }

    /// At least one byte of content; 0 at the end.
    private mutating func read(into room: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        guard let decompressor else { return try readFile(into: room) }
        while true {
            let step: (taken: Int, written: Int)
            do throws(Decompressor.Failure) {
                step = try decompressor.step(UnsafeRawBufferPointer(rebasing: input[inputStart..<inputEnd]), into: room)
            } catch {
                throw failed(error)
            }
            inputStart += step.taken
            if step.written > 0 { return step.written }
            guard inputStart == inputEnd else {
                // Progress was made, or the library would be asked the same for ever.
                if step.taken > 0 { continue }
                throw failed(Decompressor.Failure(code: .damaged, reason: "damaged \(compression) content"))
            }
            inputStart = 0
            inputEnd = 0
            inputEnd = try readFile(into: input)
            guard inputEnd > 0 else {
                guard decompressor.isWhole else {
                    throw InputError(
                        .truncated, name, "the \(compression) content ends before it is complete", at: bytesRead)
                }
                return 0
            }
        }
    }

    private func failed(_ failure: Decompressor.Failure) -> InputError {
        InputError(failure.code, name, failure.reason, at: bytesRead &- UInt64(inputEnd - inputStart))
    }

    /// Some bytes of the file as they are there; 0 at its end.
    private mutating func readFile(into room: UnsafeMutableRawBufferPointer) throws(InputError) -> Int {
        while true {
            let count = Glibc.read(descriptor, room.baseAddress, room.count)
            if count >= 0 {
                bytesRead &+= UInt64(count)
                return count
            }
            let error = errno
            guard error != EINTR else { continue }
            throw InputError(error == EISDIR ? .cannotOpen : .cannotRead, name, Self.reason(error), at: bytesRead)
        }
    }

    /// The system's words for an error number.
    static func reason(_ error: Int32) -> String { String(cString: strerror(error)) }
}
