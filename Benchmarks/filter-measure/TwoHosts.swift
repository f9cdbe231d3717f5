import Glibc

/// Two hosts joined by one wire: this namespace, which must be nobody else's, and another one. The filter's programs lie
/// beside this one.
final class TwoHosts {
    let state: String
    private let peer = "wst-peer-\(getpid())"
    private var filter: pid_t = 0
    let folder: String

    init() throws {
        var path = [UInt8](repeating: 0, count: 4_096)
        let count = path.withUnsafeMutableBytes { readlink("/proc/self/exe", $0.baseAddress!, $0.count) }
        let own = String(decoding: path.prefix(max(0, count)), as: UTF8.self)
        folder = own.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        state = "/tmp/wst-hosts-\(getpid())"
        mkdir(state, 0o700)
        guard Command.run("mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf") == 0 else {
            throw MeasureError("no bpffs")
        }
        try build()
    }

    deinit {
        stop(SIGKILL)
        _ = Command.run("'\(folder)/wasstraat-filter' --interface wst-in --state '\(state)' --detach")
        tearDown()
        _ = Command.run("rm -r '\(state)'")
    }

    /// The wire and its ends: 10.99.7.1 here, 10.99.7.2 and .3 there.
    func build() throws {
        let lines = [
            "ip link set lo up", "ip netns add \(peer)", "ip link add wst-in type veth peer name wst-out netns \(peer)",
            "ip addr add 10.99.7.1/24 dev wst-in", "ip link set wst-in up",
            "ip -n \(peer) addr add 10.99.7.2/24 dev wst-out", "ip -n \(peer) addr add 10.99.7.3/24 dev wst-out",
            "ip -n \(peer) link set lo up",
            "ip -n \(peer) link set wst-out up", "ip route add 198.18.0.0/15 via 10.99.7.2 dev wst-in",
        ]
        for line in lines {
            guard Command.run(line) == 0 else { throw MeasureError("cannot make a network: \(line)") }
        }
        // Both know each other from the start.
        for address in ["10.99.7.2", "10.99.7.3"] {
            _ = Command.run("ip neigh add \(address) lladdr \(hardware(there: true)) dev wst-in")
        }
        _ = Command.run("ip -n \(peer) neigh add 10.99.7.1 lladdr \(hardware(there: false)) dev wst-out")
    }

    func tearDown() { _ = Command.run("ip link del wst-in 2>/dev/null; ip netns del \(peer) 2>/dev/null") }

    /// An end's address as text.
    private func hardware(there: Bool) -> String {
        let text = Command.output(there ? "ip -n \(peer) -o link show wst-out" : "ip -o link show wst-in")
        let words = text.split(separator: " ")
        return words.firstIndex(of: "link/ether").map { String(words[$0 + 1]) } ?? ""
    }

    var hardware: [UInt8] { hardware(there: false).split(separator: ":").compactMap { UInt8($0, radix: 16) } }

    func output(there line: String) -> String { Command.output("ip netns exec \(peer) \(line)") }

    /// This program in the other namespace.
    func measure(_ arguments: String) -> String { output(there: "'\(folder)/filter-measure' \(arguments)") }

    // ---- The filter.

    func start() throws {
        filter = Command.start("'\(folder)/wasstraat-filter' --interface wst-in --state '\(state)' --sampling 0")
        for _ in 0..<100 {
            if tell("status --json").contains("\"mode\":\"native\"") { return }
            usleep(50_000)
        }
        throw MeasureError("the filter does not come up")
    }

    func stop(_ signal: Int32) {
        guard filter > 0 else { return }
        kill(filter, signal)
        waitpid(filter, nil, 0)
        filter = 0
    }

    /// What `wasstraat filter` answers.
    @discardableResult
    func tell(_ words: String) -> String {
        Command.output("'\(folder)/wasstraat' filter \(words) --state '\(state)' 2>/dev/null")
    }

    /// Packets that ended in a reason.
    func packets(_ reason: String) throws -> Int {
        let text = tell("status --json")
        guard let number = Self.packets(reason, in: text) else { throw MeasureError("no status: \(text)") }
        return number
    }

    /// The same of a JSON text, of the filter or of a trial.
    static func packets(_ reason: String, in text: String) -> Int? {
        text.firstPlace(of: "\"\(reason)\":{\"packets\":").flatMap {
            Int(text[$0.upperBound...].prefix { $0.isNumber })
        }
    }

    /// One of our programs.
    func program(_ name: String) -> String { "\(folder)/\(name)" }

    /// Sends the frames of a plain capture from there, so many times over.
    func replay(_ path: String, rounds: Int) {
        let script = state + "/replay.py"
        try? File.write(
            """
            import socket, struct
            data, place, frames = open('\(path)', 'rb').read(), 24, []
            while place < len(data):
                length = struct.unpack_from('<I', data, place + 8)[0]
                frames.append(data[place + 16:place + 16 + length])
                place += 16 + length
            wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            wire.bind(('wst-out', 0))
            for _ in range(\(rounds)):
                for frame in frames:
                    wire.send(frame)

            """, to: script)
        _ = output(there: "python3 '\(script)'")
    }

    /// Datagrams from there to here.
    func send(_ count: Int, from source: String = "10.99.7.2") {
        _ = output(
            there: "python3 -c \"import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
                + "s.bind(('\(source)', 0)); "
                + "[s.sendto(b'x' * 18, ('10.99.7.1', 9)) for _ in range(\(count))]\"")
    }
}
