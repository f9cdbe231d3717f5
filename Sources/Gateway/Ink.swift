internal import Glibc

/// A worker's reusable place to write bytes into; it grows to what was needed once and stays there.
///
/// A class, as the slabs and the wheel are, and held for good: a worker's variable of a struct would be looked after for
/// overlapping accesses at run time, each time it is used, which cost one part in twenty of a proxied request.
final class Ink {
    private(set) var base: UnsafeMutableRawPointer
    private(set) var count = 0
    private var capacity: Int

    init(capacity: Int) {
        base = malloc(capacity)!
        self.capacity = capacity
    }

    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    func clear() { count = 0 }

    func write(_ source: UnsafeRawBufferPointer) {
        guard let from = source.baseAddress, source.count > 0 else { return }
        reserve(source.count)
        memcpy(base + count, from, source.count)
        count += source.count
    }

    func write(_ text: StaticString) {
        write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { write($0) }
    }

    func write(_ byte: UInt8) {
        reserve(1)
        (base + count).storeBytes(of: byte, as: UInt8.self)
        count += 1
    }

    func write(decimal value: UInt64) {
        guard value >= 10 else { return write(UInt8(48 + value)) }
        var digits: (UInt64, UInt64, UInt64) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { place in
            var index = place.count
            var rest = value
            while rest > 0 {
                index -= 1
                place[index] = UInt8(48 + rest % 10)
                rest /= 10
            }
            write(UnsafeRawBufferPointer(rebasing: place[index...]))
        }
    }

    func write(hexadecimal value: UInt64, digits: Int) {
        for index in (0..<digits).reversed() {
            let nibble = UInt8(truncatingIfNeeded: value >> UInt64(index * 4)) & 15
            write(nibble < 10 ? 48 + nibble : 87 + nibble)
        }
    }

    /// Makes room for `size` bytes at the end, which the caller fills at once.
    func extend(_ size: Int) -> UnsafeMutableRawBufferPointer {
        reserve(size)
        defer { count += size }
        return UnsafeMutableRawBufferPointer(start: base + count, count: size)
    }

    /// It did not have to grow far beyond what a worker's inks begin with.
    var isModest: Bool { capacity <= 256 << 10 }

    /// Gives the memory back; the ink is of no use after it.
    func free() { Glibc.free(base) }

    private func reserve(_ needed: Int) {
        guard capacity - count < needed else { return }
        capacity = (count + needed) * 2
        base = realloc(base, capacity)!
    }
}
