internal import Glibc
internal import Synchronization

/// Where the chain ends: the number and the hash of an entry.
struct Tip: Equatable, Sendable {
    var seq: Int64
    var hash: [UInt8]
}

/// The small file beside the database that says where the chain ended: without it the youngest entries could be cut off
/// together with their rows and the rest would still fit.
///
/// Written after each commit: it may lag behind the chain, it is never ahead of it.
final class HeadFile: Sendable {
    private let path: String
    private let state: Mutex<(written: Int64, owed: Tip?)>

    init(register: String) {
        path = Self.path(of: register)
        state = Mutex((-1, nil))
    }

    static func path(of register: String) -> String { register + ".head" }

    /// nil where there is none.
    static func read(register: String) throws(RegisterError) -> Tip? {
        let path = path(of: register)
        guard let bytes = try Files.read(path, limit: 256) else { return nil }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
        let parts = lines.count == 3 ? lines[1].split(separator: " ") : []
        guard lines.first == "wasstraat register head 1", parts.count == 2, let seq = Int64(parts[0]), seq >= 0,
            let hash = bytesOf(hexadecimal: parts[1]), hash.count == 32
        else { throw RegisterError(.torn, "\(path), which says where the register ends, is damaged") }
        return Tip(seq: seq, hash: hash)
    }

    /// Writes the tip unless a younger one is there. A failure is kept and thrown before the next write to the register,
    /// not now: what this tip stands for is on disk already.
    func follow(_ tip: Tip) {
        state.withLock { state in
            guard tip.seq > state.written else { return }
            do {
                try Files.replace(path, with: Self.text(tip))
                state = (tip.seq, nil)
            } catch {
                state.owed = tip
            }
        }
    }

    /// Throws where an earlier tip could not be written and still cannot.
    func settle() throws(RegisterError) {
        let failure: RegisterError? = state.withLock { state in
            guard let tip = state.owed else { return nil }
            do throws(RegisterError) {
                try Files.replace(path, with: Self.text(tip))
                state = (tip.seq, nil)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    static func text(_ tip: Tip) -> [UInt8] {
        Array("wasstraat register head 1\n\(tip.seq) \(hexadecimal(tip.hash))\n".utf8)
    }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}

private func bytesOf(hexadecimal text: Substring) -> [UInt8]? {
    let digits = Array(text.utf8)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let byte = UInt8(String(decoding: digits[index..<index + 2], as: UTF8.self), radix: 16) else {
            return nil
        }
        bytes.append(byte)
    }
    return bytes
}
