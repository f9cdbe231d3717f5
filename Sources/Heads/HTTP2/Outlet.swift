/// Writes into a caller's buffer and never beyond it: what does not fit sets `isFull` and is left out.
struct Outlet {
    private let output: UnsafeMutableRawBufferPointer
    private(set) var count = 0
    private(set) var isFull = false

    init(_ output: UnsafeMutableRawBufferPointer) {
        self.output = output
    }

    mutating func write(_ byte: UInt8) {
        guard count < output.count else {
            isFull = true
            return
        }
        output[count] = byte
        count += 1
    }

    mutating func write(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count <= output.count - count else {
            isFull = true
            return
        }
        UnsafeMutableRawBufferPointer(rebasing: output[count...]).copyMemory(from: bytes)
        count += bytes.count
    }

    mutating func write(_ text: StaticString) {
        write(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    mutating func writeLowered(_ bytes: UnsafeRawBufferPointer) {
        let start = count
        write(bytes)
        for index in start..<count { output[index] = Octets.lowered(output[index]) }
    }
}
