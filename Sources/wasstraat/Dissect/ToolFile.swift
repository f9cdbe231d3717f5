internal import ArgumentParser
internal import Bytes
internal import CLinux
internal import Collector
internal import Detection
internal import Exchange
internal import Fingerprints
internal import Glibc
internal import Moments

/// A clock that only goes forward.
enum MonotonicClock {
    static var milliseconds: Int64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
    }
}

/// Files that the tools read and write whole.
enum ToolFile {
    /// "a.pcap" of "/captures/a.pcap".
    static func name(of path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }

    /// Reads a file of at most so many bytes.
    static func read(_ path: String, limit: Int) throws(InputError) -> [UInt8] {
        var file = try InputFile(opening: path)
        return try rest(of: &file, limit: limit)
    }

    /// Reads an open file to its end.
    static func rest(of file: inout InputFile, limit: Int) throws(InputError) -> [UInt8] {
        var bytes: [UInt8] = []
        repeat {
            file.bytes.withUnsafeBytes { bytes.append(contentsOf: $0) }
            file.consume(file.count)
            guard bytes.count <= limit else {
                throw InputError(.recordTooLarge, file.name, "more than \(limit) bytes")
            }
        } while try file.fill()
        return bytes
    }

    /// Whether a file is there to be read: better known before hours of reading than after.
    static func check(_ path: String) throws(InputError) {
        guard path != InputFile.standardInput, access(path, R_OK) != 0 else { return }
        throw InputError(.cannotOpen, path, String(cString: strerror(errno)))
    }

    /// Makes a folder where there is none.
    static func makeFolder(_ path: String) throws(InputError) {
        guard mkdir(path, 0o755) != 0, errno != EEXIST else { return }
        throw InputError(.cannotOpen, path, "cannot make the folder: \(String(cString: strerror(errno)))")
    }

    static func write(_ bytes: [UInt8], to path: String) throws {
        guard let file = fopen(path, "wxe") ?? fopen(path, "we") else {
            throw InputError(.cannotOpen, path, "cannot write: \(String(cString: strerror(errno)))")
        }
        let written = fwrite(bytes, 1, bytes.count, file)
        guard fclose(file) == 0, written == bytes.count else {
            throw InputError(.cannotRead, path, "cannot write: \(String(cString: strerror(errno)))")
        }
    }

    /// Fingerprints of a file: ours, signed or not, those of a report of ours, or the coalition's.
    static func fingerprints(_ path: String) throws -> [Fingerprint] {
        let bytes = try read(path, limit: 16 << 20)
        do {
            switch try FingerprintFile(parsing: bytes) {
            case .ours(let found): return found
            case .coalition(let theirs):
                var found: [Fingerprint] = []
                for one in theirs {
                    let (made, losses) = one.fingerprints(lifetime: 30 * 86_400, at: .now)
                    found += made
                    for loss in losses { complain("\(path): not taken over: \(loss)") }
                }
                return found
            }
        } catch {
            throw InputError(.unsupported, path, "no fingerprint that can be read: \(error.reason)")
        }
    }

    /// What is normal, of a profile or of files to learn from.
    static func baseline(_ path: String) throws -> (profile: TrafficProfile?, requests: RequestBaseline?) {
        var baseline = Baseline()
        var source = TrafficSource()
        if let profile = try source.read(path, into: &baseline, allowsProfile: true) { return (profile, nil) }
        source.finish(complainingOf: path)
        let known = (baseline.profile(named: name(of: path)), baseline.requests.isEmpty ? nil : baseline.requests)
        guard known.0 != nil || known.1 != nil else {
            throw InputError(.unsupported, path, "nothing in it could be learnt from")
        }
        return known
    }

    static func isProfile(_ bytes: RawSpan) -> Bool {
        var reader = ByteReader(bytes)
        return (try? reader.readUInt32()) == TrafficProfile.magic
    }

    static func profile(_ path: String) throws(InputError) -> TrafficProfile {
        var file = try InputFile(opening: path)
        return try profile(&file)
    }

    static func profile(_ file: inout InputFile) throws(InputError) -> TrafficProfile {
        let name = file.name
        let bytes = try rest(of: &file, limit: TrafficProfile.sizeLimit)
        guard isProfile(bytes.span.bytes) else {
            throw InputError(.unsupported, name, "it is no profile: wasstraat profile learn makes one")
        }
        var reader = ByteReader(bytes.span.bytes)
        do {
            return try TrafficProfile(reading: &reader)
        } catch {
            throw InputError(.damaged, name, "a damaged profile, or one of another version: \(error)")
        }
    }
}

/// Runs a tool's work; what the user has to know is said in one line.
func tooling(_ work: () throws -> Void) throws {
    do {
        try work()
    } catch let error as InputError {
        complain(error.description)
        throw ExitCode.failure
    } catch let error as ExchangeError {
        complain("\(error)")
        throw ExitCode.failure
    } catch let error as ValidationError {
        complain(error.message)
        throw ExitCode.failure
    }
}
