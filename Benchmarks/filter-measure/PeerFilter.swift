import Filters
import Glibc

/// xdp-filter (Debian's xdp-tools), loaded at an interface of this namespace with one blocked address; asked by test runs
/// of the program that it put there, through Debian's bpftool.
final class PeerFilter {
    private static let interface = "wst-peer"
    private static let frameFile = "/tmp/wst-peer-frame"
    private let program: String

    private init(_ program: String) { self.program = program }

    deinit {
        _ = Command.run("xdp-filter unload \(Self.interface)")
        _ = Command.run("ip link del \(Self.interface); rm -f \(Self.frameFile)")
    }

    /// nil where it is not installed, or cannot be loaded here.
    static func make() -> PeerFilter? {
        let frame = Frames.tcp(source: 0xc612_0007)
        guard let file = fopen(frameFile, "w") else { return nil }
        fwrite(frame, 1, frame.count, file)
        fclose(file)
        guard Command.run("command -v xdp-filter bpftool") == 0,
            Command.run("mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf") == 0,
            Command.run("ip link add \(interface) type veth peer name wst-peer2") == 0,
            Command.run("ip link set \(interface) up") == 0,
            Command.run("xdp-filter load -m skb \(interface)") == 0,
            Command.run("xdp-filter ip -m src 198.18.0.7") == 0
        else { return nil }
        let shown = Command.output("ip -d link show \(interface)")
        guard let place = shown.firstPlace(of: "prog/xdp id "),
            let id = shown[place.upperBound...].split(separator: " ").first
        else { return nil }
        return PeerFilter(String(id))
    }

    func run(repeats: Int) throws -> Double {
        let text = Command.output("bpftool prog run id \(program) data_in \(Self.frameFile) repeat \(repeats)")
        // "Return value: 1, duration (average): 112ns"
        guard text.hasPrefix("Return value: 1,"), let end = text.firstPlace(of: "ns"),
            let number = text[..<end.lowerBound].split(separator: " ").last.flatMap({ Double($0) })
        else { throw MeasureError("xdp-filter did not drop the packet: \(text)") }
        return number
    }
}
