import CLinux
import Collector
import Glibc
import TestKit
import Testing

/// Bytes that differ from place to place, the same each time.
func sample(_ count: Int) -> [UInt8] {
    var state: UInt64 = 42
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return UInt8(truncatingIfNeeded: state >> 33)
    }
}

/// All of a file, taken in pieces of at most `step` bytes.
private func content(_ file: inout InputFile, step: Int = .max) throws(InputError) -> [UInt8] {
    var all: [UInt8] = []
    repeat {
        while file.count > 0 {
            let count = min(step, file.count)
            file.bytes.withUnsafeBytes { all += $0[..<count] }
            file.consume(count)
        }
    } while try file.fill()
    return all
}

private func read(_ bytes: [UInt8]) throws -> Result<[UInt8], InputError> {
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes, to: "file")
    var file = try InputFile(opening: path)
    do throws(InputError) {
        return .success(try content(&file))
    } catch {
        return .failure(error)
    }
}

private func code(_ bytes: [UInt8]) throws -> InputError.Code? {
    guard case .failure(let error) = try read(bytes) else { return nil }
    #expect(error.description.contains("/file: "))
    return error.code
}

/// The ways in which the same content comes.
enum Form: String, CaseIterable {
    case plain, gzip, members, padded, zstandard, frames, skippable

    var compression: Compression {
        switch self {
        case .plain: .none
        case .gzip, .members, .padded: .gzip
        case .zstandard, .frames, .skippable: .zstandard
        }
    }

    func pack(_ content: [UInt8]) -> [UInt8] {
        let half = content.count / 2
        let (front, back) = (Array(content[..<half]), Array(content[half...]))
        return switch self {
        case .plain: content
        case .gzip: Packed.gzip(content)
        case .members: Packed.gzip(front) + Packed.gzip([]) + Packed.gzip(back)
        case .padded: Packed.gzip(content) + [UInt8](repeating: 0, count: 1000)
        case .zstandard: Packed.zstandard(content)
        case .frames: Packed.zstandard(front) + Packed.zstandard(back)
        case .skippable: Packed.skippable([1, 2, 3]) + Packed.zstandard(content) + Packed.skippable([])
        }
    }
}

@Suite struct `An input file` {
    @Test(arguments: Form.allCases, [0, 1, 3, 4, 5, 70_000, 3_000_000])
    func `gives its content however it is packed`(form: Form, size: Int) throws {
        let folder = try TemporaryFolder()
        let bytes = sample(size)
        let packed = form.pack(bytes)
        // A name that says something else: only the content counts.
        let path = try folder.write(packed, to: "capture.xz")
        var file = try InputFile(opening: path)
        #expect(file.fileSize == UInt64(packed.count))
        #expect(try content(&file) == bytes)
        #expect(file.compression == form.compression)
        #expect(file.bytesRead == UInt64(packed.count))
        #expect(file.position == UInt64(size))
        #expect(file.isAtEnd == true)
        #expect(try !file.fill())
    }

    @Test(arguments: [Form.plain, .members, .frames])
    func `is taken in any pieces`(form: Form) throws {
        let folder = try TemporaryFolder()
        let bytes = sample(200_000)
        let path = try folder.write(form.pack(bytes), to: "file")
        for step in [1, 7, 4096, 99_999] {
            var file = try InputFile(opening: path)
            #expect(try content(&file, step: step) == bytes)
        }
    }

    @Test(arguments: [Form.plain, .gzip, .zstandard])
    func `keeps what was not consumed`(form: Form) throws {
        let folder = try TemporaryFolder()
        let bytes = sample(InputFile.bufferLimit + 5000)
        var file = try InputFile(opening: try folder.write(form.pack(bytes), to: "file"))
        #expect(try file.fill(needing: 100))
        file.consume(33)
        let needed = InputFile.bufferSize + 4321
        #expect(try file.fill(needing: needed))
        #expect(file.count >= needed)
        #expect(file.position == 33)
        file.bytes.withUnsafeBytes { #expect($0.elementsEqual(bytes[33..<33 + $0.count])) }
        // Its end within a record: what is there is given, and no more.
        file.consume(InputFile.bufferSize)
        #expect(try file.fill(needing: InputFile.bufferLimit))
        #expect(file.count == bytes.count - 33 - InputFile.bufferSize)
        #expect(file.isAtEnd == true)
        file.consume(.max)
        #expect(file.count == 0)
    }

    @Test func `refuses a record beyond its limit, and keeps what is at hand`() throws {
        let folder = try TemporaryFolder()
        var file = try InputFile(opening: try folder.write(sample(InputFile.bufferLimit + 1), to: "file"))
        #expect(try file.fill())
        let before = file.count
        #expect(throws: InputError.self) { try file.fill(needing: InputFile.bufferLimit + 1) }
        #expect(file.count == before)
        // Nor does it grow beyond it where nothing is ever consumed.
        var error: InputError?
        do throws(InputError) {
            while try file.fill() {}
        } catch let refusal {
            error = refusal
        }
        #expect(error?.code == .recordTooLarge)
        #expect(file.count == InputFile.bufferLimit)
    }

    @Test(arguments: [Form.gzip, .members, .zstandard, .frames])
    func `rejects every truncation`(form: Form) throws {
        let packed = form.pack(sample(40))
        // Between two members or frames a file may end.
        let ends = [Packed.gzip(sample(20)).count, Packed.gzip(sample(20)).count + Packed.gzip([]).count]
        let frameEnd = Packed.zstandard(sample(20)).count
        for length in Compression.headSize..<packed.count {
            let isBoundary = form == .members && ends.contains(length) || form == .frames && length == frameEnd
            #expect(try code(Array(packed[..<length])) == (isBoundary ? nil : .truncated), "\(length)")
        }
    }

    @Test func `gives no other content whatever gzip byte is wrong`() throws {
        let content = sample(60)
        let packed = Packed.gzip(content)
        var refused = 0
        for place in packed.indices {
            for bit in [UInt8(1), 0x10, 0x80] {
                var bytes = packed
                bytes[place] ^= bit
                switch try read(bytes) {
                case .success(let read): #expect(read == content || place < 3)
                case .failure(let error):
                    refused += 1
                    #expect(error.code == .damaged || error.code == .truncated)
                    #expect((error.place ?? 0) <= UInt64(bytes.count))
                }
            }
        }
        // All but the head's time, system and extra flags.
        #expect(refused > 3 * (packed.count - 12))
    }

    @Test func `rejects what follows the compressed content`() throws {
        let content = sample(100)
        #expect(try code(Packed.gzip(content) + [1, 2, 3, 4]) == .damaged)
        #expect(try code(Packed.gzip(content) + [0, 0, 3, 4]) == .damaged)
        #expect(try code(Packed.zstandard(content) + [1, 2, 3, 4]) == .damaged)
        #expect(try code(Packed.gzip(content) + Packed.zstandard(content)) == .damaged)
        // Block type 3 is reserved.
        #expect(try code([0x28, 0xb5, 0x2f, 0xfd, 0, 0x50, 7, 0, 0]) == .damaged)
    }

    @Test func `takes a window of 8 MiB and no larger one`() throws {
        #expect(InputFile.windowLimit == 8 << 20)
        #expect(try read(Packed.zstandard(sample(10), windowLog: 23)) == .success(sample(10)))
        let refusal = try read(Packed.zstandard(sample(10), windowLog: 24))
        guard case .failure(let error) = refusal else {
            Issue.record("a window of 16 MiB was taken")
            return
        }
        #expect(error.code == .windowTooLarge)
        #expect(error.reason.contains("8 MiB") && error.reason.contains("--long"))
    }

    @Test(arguments: [
        (Packed.gzip(zeroRuns: 1 << 18), 1 + (258 << 18)), (Packed.zstandard(zeroBlocks: 4096), 512 << 20),
    ])
    func `holds a bomb in fixed memory`(packed: [UInt8], size: Int) throws {
        #expect(packed.count * 150 < size)
        let folder = try TemporaryFolder()
        var file = try InputFile(opening: try folder.write(packed, to: "file"))
        var total = 0
        var largest = 0
        while try file.fill() {
            largest = max(largest, file.count)
            total += file.count
            file.consume(.max)
        }
        #expect(total == size)
        #expect(largest <= InputFile.bufferSize)
    }

    @Test func `names what it cannot open`() throws {
        let folder = try TemporaryFolder()
        let missing = folder.path("missing.pcap")
        var error: InputError?
        do throws(InputError) { _ = try InputFile(opening: missing) } catch let refusal { error = refusal }
        #expect(error?.code == .cannotOpen)
        #expect(error?.description == "\(missing): No such file or directory")
        error = nil
        do throws(InputError) {
            var file = try InputFile(opening: folder.path)
            _ = try file.fill()
        } catch let refusal {
            error = refusal
        }
        #expect(error?.code == .cannotOpen)
    }

    @Test(arguments: Form.allCases)
    func `reads a pipe that gives little at a time`(form: Form) throws {
        let bytes = sample(3000)
        let packed = form.pack(bytes)
        var ends: [Int32] = [-1, -1]
        try #require(linux_pipe(&ends) == 0)
        let (out, into) = (ends[0], ends[1])
        let writer = try TestThread {
            for (index, byte) in packed.enumerated() {
                var byte = byte
                write(into, &byte, 1)
                if index < 8 { usleep(500) }
            }
            close(into)
        }
        var file = InputFile(descriptor: out, name: "pipe", isOwned: true)
        #expect(file.fileSize == nil)
        #expect(try content(&file) == bytes)
        #expect(file.bytesRead == UInt64(packed.count))
        writer.join()
    }

    @Test(.needs(tool: "gzip"), arguments: ["-1", "-9"])
    func `reads what gzip writes`(level: String) throws {
        let folder = try TemporaryFolder()
        let bytes =
            Array(String(repeating: "192.0.2.1 - - [10/Oct/2000:13:55:36 -0700]\n", count: 40_000).utf8) + sample(5000)
        let path = try folder.write(bytes, to: "log")
        try Tool.run(["gzip", level, path])
        let packed = try folder.read("log.gz")
        #expect(try read(packed + packed) == .success(bytes + bytes))
        #expect(try code(Array(packed.dropLast(5))) == .truncated)
    }

    @Test(.needs(tool: "zstd"), arguments: [["-1"], ["-19"], ["--ultra", "-22"], ["--long=27"]])
    func `reads what zstd writes`(options: [String]) throws {
        let folder = try TemporaryFolder()
        let bytes =
            Array(String(repeating: "192.0.2.1 - - [10/Oct/2000:13:55:36 -0700]\n", count: 220_000).utf8) + sample(5000)
        let path = try folder.write(bytes, to: "log")
        try Tool.run(["zstd", "-q"] + options + [path])
        let packed = try folder.read("log.zst")
        guard options[0].count < 4 else {
            #expect(try code(packed) == .windowTooLarge)
            return
        }
        #expect(try read(packed + packed) == .success(bytes + bytes))
        var damaged = packed
        damaged[damaged.count - 2] ^= 1
        // Its checksum is at the end.
        #expect(try code(damaged) == .damaged)
        #expect(try code(Array(packed.dropLast(5))) == .truncated)
    }
}
