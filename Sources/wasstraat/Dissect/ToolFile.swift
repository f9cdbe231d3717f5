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
    /// Reads a file of at most so many bytes.
    static func read(_ path: String, limit: Int) throws -> [UInt8] {
        var file = try InputFile(opening: path)
        var bytes: [UInt8] = []
        while try file.fill() {
            file.bytes.withUnsafeBytes { bytes.append(contentsOf: $0) }
            file.consume(file.count)
            guard bytes.count <= limit else {
                throw InputError(.recordTooLarge, path, "more than \(limit) bytes")
            }
        }
        return bytes
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

    /// Fingerprints of a file: ours, signed or not, or the coalition's.
    static func fingerprints(_ path: String) throws -> [Fingerprint] {
        let bytes = try read(path, limit: 16 << 20)
        do {
            return [try FingerprintForm(parsing: bytes).fingerprint]
        } catch {
            guard let theirs = try? CoalitionFingerprint.parse(bytes) else {
                throw InputError(.unsupported, path, "\(error)")
            }
            var found: [Fingerprint] = []
            for one in theirs {
                let (made, losses) = one.fingerprints(lifetime: 30 * 86_400, at: .now)
                found += made
                for loss in losses { complain("\(path): not taken over: \(loss.field): \(loss.reason)") }
            }
            return found
        }
    }

    /// What is normal, of a profile or of files to learn from.
    static func baseline(_ path: String) throws -> (profile: TrafficProfile?, requests: RequestBaseline?) {
        var file = try InputFile(opening: path)
        _ = try file.fill(needing: 4)
        let isProfile = file.count >= 4 && magic(file.bytes) == TrafficProfile.magic
        if isProfile { return (try profile(path), nil) }
        var baseline = Baseline()
        var source = TrafficSource()
        try source.read(path, into: &baseline)
        source.finish()
        let name = path.split(separator: "/").last.map(String.init) ?? path
        return (baseline.profile(named: name), baseline.requests.isEmpty ? nil : baseline.requests)
    }

    private static func magic(_ bytes: RawSpan) -> UInt32? {
        var reader = ByteReader(bytes)
        return try? reader.readUInt32()
    }

    static func profile(_ path: String) throws -> TrafficProfile {
        let bytes = try read(path, limit: TrafficProfile.sizeLimit)
        do {
            var reader = ByteReader(bytes.span.bytes)
            return try TrafficProfile(reading: &reader)
        } catch {
            throw InputError(.damaged, path, "no profile: \(error)")
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
    }
}
