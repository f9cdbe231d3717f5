internal import Glibc

/// The processor's part of a search: it goes through the site's texts again and again, in small pieces, so that one search
/// does not hold up the others.
struct SearchWork {
    /// How long a piece takes at most, so that the server looks at its sockets in between: 0.25 ms of processor time.
    static let piece = 250_000
    private let text: [UInt8]
    /// Bytes gone through in a nanosecond of processor time.
    private var bytesPerNanosecond = 1.0
    private var place = 0
    private(set) var checksum: UInt64 = 0xcbf2_9ce4_8422_2325

    /// Measures how fast this processor is, by its own clock, so that other load does not falsify it.
    init(text: [UInt8]) {
        self.text = text
        for _ in 0..<8 {
            let bytes = 400_000
            let begun = Self.processorTime()
            go(through: bytes)
            let speed = Double(bytes) / Double(max(1, Self.processorTime() - begun))
            bytesPerNanosecond = max(bytesPerNanosecond, speed)
            if bytesPerNanosecond == 1.0 { bytesPerNanosecond = speed }
        }
    }

    mutating func work(nanoseconds: Int) { go(through: Int(Double(nanoseconds) * bytesPerNanosecond)) }

    private mutating func go(through bytes: Int) {
        var hash = checksum
        var at = place
        text.withUnsafeBufferPointer { text in
            for _ in 0..<bytes {
                hash = (hash ^ UInt64(text[at])) &* 0x100_0000_01b3
                at += 1
                if at == text.count { at = 0 }
            }
        }
        checksum = hash
        place = at
    }

    static func processorTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
