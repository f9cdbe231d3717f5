internal import CCompression

/// What a file's bytes are packed in.
package enum Compression: String, Sendable, CaseIterable {
    case none
    case gzip
    case zstandard

    /// Bytes that `recognise` needs to be sure; fewer only where the file is shorter.
    package static let headSize = 4

    /// By the first bytes: RFC 1952, section 2.3.1; RFC 8878, sections 3.1.1 and 3.1.2 (a skippable frame may come
    /// first).
    static func recognise(_ first: RawSpan) -> Compression {
        guard first.byteCount >= headSize else { return .none }
        let magic = UInt32(littleEndian: first.unsafeLoadUnaligned(fromByteOffset: 0, as: UInt32.self))
        // The third byte is the method, and deflate (8) the only one there ever was.
        if magic & 0xff_ffff == 0x08_8b1f { return .gzip }
        if magic == 0xfd2f_b528 || magic & 0xffff_fff0 == 0x184d_2a50 { return .zstandard }
        return .none
    }
}

/// Unpacks a gzip file of one or more members, or a Zstandard file of one or more frames, piece by piece.
///
/// Its memory is fixed: a bomb costs time, never room. After an error it must not be asked again.
final class Decompressor {
    /// 8 MiB, which every decoder must offer (RFC 8878, section 3.1.1.1.2) and `zstd -19` does not exceed.
    static let windowLog: Int32 = 23

    struct Failure: Error, Equatable {
        var code: InputError.Code
        var reason: String
    }

    /// Between two members or frames, or in the padding behind the last: the file may end here.
    private(set) var isWhole = false
    private let kind: Compression
    private let stream: OpaquePointer
    private var isPadding = false

    /// `kind` is gzip or Zstandard.
    init(_ kind: Compression) throws(Failure) {
        self.kind = kind
        let number = kind == .gzip ? compression_gzip : compression_zstd
        guard let stream = compression_open(number, Self.windowLog) else { throw Self.noMemory }
        self.stream = stream
    }

    deinit { compression_close(stream) }

    private static var noMemory: Failure { Failure(code: .outOfMemory, reason: "no memory to decompress it") }

    /// Takes bytes from `input`, writes what they hold to `output`, and says how many of each. Neither: more input is
    /// needed. `output` must not be empty.
    func step(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(Failure) -> (taken: Int, written: Int) {
        if isWhole {
            guard let next = input.first else { return (0, 0) }
            // Tapes and block devices pad with zeros; gzip itself lets them pass.
            if kind == .gzip, isPadding || next == 0 {
                isPadding = true
                guard input.allSatisfy({ $0 == 0 }) else {
                    throw Failure(code: .damaged, reason: "something else follows the compressed content")
                }
                return (input.count, 0)
            }
            guard compression_restart(stream) == 0 else { throw Self.noMemory }
            isWhole = false
        }
        var taken = 0
        var written = 0
        let status = compression_step(
            stream, input.baseAddress, input.count, &taken, output.baseAddress, output.count, &written)
        switch status {
        case compression_going: break
        case compression_ended: isWhole = true
        case compression_window:
            throw Failure(
                code: .windowTooLarge,
                reason: """
                    compressed with a window of more than \(1 << (Self.windowLog - 20)) MiB (zstd --long or --ultra): \
                    unpack it first, zstd -d --long=31
                    """)
        case compression_memory: throw Self.noMemory
        default:
            let reason = compression_reason(stream).map { String(cString: $0) } ?? ""
            throw Failure(code: .damaged, reason: "damaged \(kind) content" + (reason.isEmpty ? "" : " (\(reason))"))
        }
        return (taken, written)
    }
}
