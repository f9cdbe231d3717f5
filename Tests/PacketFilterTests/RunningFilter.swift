import Bytes
import CLinux
import Glibc
import Messages
import TestKit
import Testing

/// A filter's process and the talk with it.
final class RunningFilter {
    let child: Child
    let state: String

    static let program: String = {
        var path = [UInt8](repeating: 0, count: 4_096)
        let count = path.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
        let own = String(decoding: path.prefix(max(0, count)), as: UTF8.self)
        return own.prefix(upTo: own.lastIndex(of: "/") ?? own.startIndex) + "/wasstraat-filter"
    }()

    /// Starts it, and waits until it says how it filters.
    init(_ words: [String] = [], state: String, interface: String = "near", prefix: [String] = []) throws {
        self.state = state
        child = try Child(prefix + [Self.program, "--interface", interface, "--state", state] + words)
        _ = try #require(child.waitForLine(holding: "\(interface): "))
    }

    func connect() throws -> Talk { try Talk(state + "/filter.sock") }

    func ask(_ request: FilterRequest) throws -> FilterReply { try connect().ask(request) }

    func end() -> Int32 {
        child.signal(SIGTERM)
        return child.wait()
    }
}

/// One connection.
final class Talk {
    let socket: Socket
    private var assembler = FrameAssembler()

    init(_ path: String) throws {
        let descriptor = linux_unix_connect(path)
        try #require(descriptor >= 0)
        socket = Socket(owning: descriptor)
    }

    func frame(within milliseconds: Int = 10_000) throws -> Frame? {
        while true {
            if let frame = try assembler.next() { return frame }
            let bytes = try socket.receive(within: milliseconds)
            guard !bytes.isEmpty else { return nil }
            assembler.append(bytes)
        }
    }

    func ask(_ request: FilterRequest) throws -> FilterReply {
        try socket.send(Frame(.filterRequest, body: request.encoded()).encoded())
        while let frame = try frame() {
            if frame.kind == .filterReply { return try FilterReply(decoding: frame.body.span.bytes) }
        }
        throw TestKitError.timedOut("a reply")
    }
}
