internal import FuzzerDriver

/// Runs libFuzzer over `body` with the program's arguments; does not return before it has ended.
package func runFuzzer(_ body: @escaping @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32) -> Int32 {
    var count = CommandLine.argc
    // libFuzzer may write to the array of arguments, never beyond it.
    var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
    return LLVMFuzzerRunDriver(&count, &arguments, body)
}

/// Ends the run, and keeps the input, where something that must hold does not.
@inline(__always)
package func require(_ condition: Bool, _ what: StaticString, line: UInt = #line) {
    if !condition { fatalError("line \(line): \(what)") }
}

/// FNV-1a: chooses where an input is cut, and compares contents without keeping them.
package struct Digest: Equatable {
    package private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    package init() {}

    package mutating func add(_ byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }

    package static func of(_ bytes: Span<UInt8>) -> Digest {
        var digest = Digest()
        for index in bytes.indices { digest.add(bytes[index]) }
        return digest
    }

    /// A place in 0...count.
    package func place(in count: Int) -> Int { Int(truncatingIfNeeded: value >> 33) % (count + 1) }
}
