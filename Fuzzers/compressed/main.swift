import CLinux
import Collector
import FuzzerSupport
import Glibc

// The input is a file. However it is taken, its content is the same, and it ends with the same verdict; what kind it is
// said to be depends on nothing else. A file in memory takes the place of one on disk.
private let file = linux_memory_file("compressed")

/// Content that is compared: a bomb in 4 KiB is 16 MiB of zeros at most, and takes long under the sanitizer.
private let contentLimit = 4 << 20

private struct Verdict: Equatable {
    var content = 0
    var count = 0
    var code: InputError.Code?
    var compression = Compression.none
}

private func read(step: Int) -> Verdict {
    lseek(file, 0, SEEK_SET)
    // A buffer of 1 MiB for each input is more work for the sanitizer than the reading.
    var input = InputFile(descriptor: file, name: "file", isOwned: false, bufferSize: 1 << 17)
    var verdict = Verdict()
    // The standard library is not instrumented: each byte of a digest of ours would be a comparison to trace.
    var content = Hasher()
    do throws(InputError) {
        while try input.fill(), verdict.count < contentLimit {
            require(input.count > 0 && input.count <= InputFile.bufferLimit, "nothing was added")
            require(input.position == UInt64(verdict.count), "position")
            while input.count > 0 {
                let count = min(step, input.count)
                input.bytes.withUnsafeBytes { content.combine(bytes: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
                input.consume(count)
                verdict.count += count
            }
        }
    } catch {
        verdict.code = error.code
        require(error.code != .recordTooLarge && error.code != .cannotRead, "another fault than the file's")
        require((error.place ?? 0) <= input.fileSize ?? 0, "place of the error")
    }
    require(input.bytesRead <= input.fileSize ?? 0, "read more than there is")
    verdict.compression = input.compression
    verdict.content = content.finalize()
    return verdict
}

private func run(_ bytes: RawSpan) {
    guard file >= 0, ftruncate(file, 0) == 0 else { fatalError("no file in memory") }
    bytes.withUnsafeBytes { require(pwrite(file, $0.baseAddress, $0.count, 0) == $0.count, "write") }
    let whole = read(step: .max)
    require(whole == read(step: 1000), "other content in other pieces")
    if whole.compression == .none {
        require(whole.code == nil && whole.count == bytes.byteCount, "a plain file is what it is")
    }
    let kind = InputKind.recognise(bytes)
    require(kind == InputKind.recognise(bytes), "kind")
    _ = NfdumpLine.read(bytes)
}

exit(
    runFuzzer { data, size in
        run(RawSpan(_unsafeStart: UnsafeRawPointer(data ?? UnsafePointer(bitPattern: 1)!), byteCount: size))
        return 0
    })
