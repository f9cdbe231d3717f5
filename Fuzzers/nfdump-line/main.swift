import Collector
import Flows
import FuzzerSupport
import Glibc

// The input is what nfdump printed. A line that is taken for a flow is a flow of its own: printed by another way, it is
// read as the same; and a line that is cut off is none, or the same but for its last number.
private func run(_ bytes: [UInt8]) {
    for line in bytes.split(separator: 10, omittingEmptySubsequences: false) {
        let line = Array(line)
        guard let flow = read(line) else { continue }
        require(flow.samplingRate == 1, "nfcapd has multiplied already")
        require(flow.sourceMask <= 128 && flow.destinationMask <= 128, "masks")
        require(flow.protocolNumber == 6 || flow.flags == 0, "flags without TCP")
        if flow.protocolNumber == 1 || flow.protocolNumber == 58 {
            require(flow.sourcePort == 0 && flow.destinationPort == 0, "ports of ICMP")
        } else {
            require(flow.icmpType == 0 && flow.icmpCode == 0, "ICMP of another protocol")
        }
        for time in [flow.first, flow.last] {
            require(time >= 0 && time < 9_214_646_401_000_000_000 && time % 1_000_000 == 0, "time")
        }
        // A leap second at the end of the last year is read, but is of the next one.
        if max(flow.first, flow.last) < 9_214_646_400_000_000_000 {
            require(read(Array(print(flow).utf8)) == flow, "printed and read as another")
        }
        // One place for each line: all of them would take most of the time, for what other inputs show as well.
        let length = Digest.of(line.span).place(in: line.count - 1)
        guard var part = read(Array(line[..<length])) else { continue }
        part.destinationMask = flow.destinationMask
        require(part == flow, "cut off and read as another")
    }
}

private func read(_ line: [UInt8]) -> FlowRecord? { NfdumpLine.read(line.span.bytes) }

/// As nfdump prints it. The C library's calendar is another than the reader's.
private func print(_ flow: FlowRecord) -> String {
    let letters = Array("CEUAPRSF")
    let flags = (0..<8).map { flow.flags & 0x80 >> UInt8($0) != 0 ? letters[$0] : "." }
    let fields: [String] = [
        time(flow.first), time(flow.last), "\(flow.source)", "\(flow.destination)", "\(flow.sourcePort)",
        "\(flow.destinationPort)", "\(flow.icmpType)", "\(flow.icmpCode)", "\(flow.protocolNumber)", String(flags),
        "\(flow.typeOfService)", "\(flow.packets)", "\(flow.bytes)", "\(flow.input)", "\(flow.output)",
        "\(flow.sourceAS)", "\(flow.destinationAS)", "\(flow.sourceMask)", "\(flow.destinationMask)",
    ]
    return fields.joined(separator: "|")
}

private func time(_ nanoseconds: Int64) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    return digits(parts.tm_year + 1900, 4) + "-" + digits(parts.tm_mon + 1, 2) + "-" + digits(parts.tm_mday, 2) + " "
        + digits(parts.tm_hour, 2) + ":" + digits(parts.tm_min, 2) + ":" + digits(parts.tm_sec, 2) + "."
        + digits(Int32(nanoseconds / 1_000_000 % 1_000), 3)
}

private func digits(_ number: Int32, _ count: Int) -> String {
    let text = "\(number)"
    return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
}

exit(
    runFuzzer { data, size in
        run(size > 0 ? Array(UnsafeBufferPointer(start: data, count: size)) : [])
        return 0
    })
