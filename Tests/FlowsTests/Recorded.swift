import Bytes
import Flows
import Glibc
import TestKit

/// A capture file of classic format as the shared recordings have it: Ethernet, IPv4, UDP, times in microseconds.
struct Recording {
    struct Datagram {
        /// Where its payload begins in the frame.
        var offset: Int
        var payload: [UInt8]
        var port: UInt16
        /// Nanoseconds since 1970.
        var time: Int64
    }

    var file: [UInt8] = []
    var datagrams: [Datagram] = []

    /// Files one after the other, as one recording.
    init(_ paths: [String]) throws {
        for (index, path) in paths.enumerated() {
            let bytes = try contents(path)
            file += index == 0 ? bytes : Array(bytes.dropFirst(24))
            try read(bytes)
        }
    }

    private mutating func read(_ bytes: [UInt8]) throws(Malformed) {
        var reader = ByteReader(bytes.span.bytes)
        guard try reader.readUInt32() == 0xd4c3_b2a1 else { throw reader.malformed(.unsupported) }
        try reader.skip(20)
        while reader.remaining > 0 {
            let seconds = try reader.readUInt32().byteSwapped
            let microseconds = try reader.readUInt32().byteSwapped
            let length = Int(try reader.readUInt32().byteSwapped)
            try reader.skip(4)
            let frame = try reader.readArray(length)
            let header = 14 + Int(frame[14] & 15) * 4
            // The frame may be longer than its packet.
            let size = Int(frame[header + 4]) << 8 | Int(frame[header + 5])
            datagrams.append(
                Datagram(
                    offset: header + 8, payload: Array(frame[(header + 8)..<(header + size)]),
                    port: UInt16(frame[header + 2]) << 8 | UInt16(frame[header + 3]),
                    time: Int64(seconds) * 1_000_000_000 + Int64(microseconds) * 1000))
        }
    }
}

/// The groups of fields that tshark reads in a recording: flows, samples and what belongs to their headers.
struct Dissection {
    /// Values in hexadecimal, by the field's name; what tells of the other direction begins with "reverse.".
    struct Group {
        var title: String
        var packet: Int
        var values: [String: String] = [:]
        var places: [String: Int] = [:]

        func number(_ name: String) -> UInt64? { values[name].flatMap { UInt64($0, radix: 16) } }
    }

    var groups: [Group] = []

    init(_ recording: Recording, protocol name: String, isTitle: (String) -> Bool) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(recording.file, to: "recording.pcap")
        var arguments = ["tshark", "-n", "-r", path, "-T", "pdml"]
        for port in Set(recording.datagrams.map(\.port)) { arguments += ["-d", "udp.port==\(port),\(name)"] }
        var packet = -1
        var isInside = false
        for line in try Tool.run(arguments).split(separator: "\n") {
            if line.hasPrefix("<packet>") {
                packet += 1
                isInside = false
            }
            // Protocols deeper inside are those of sampled packets.
            if line.hasPrefix("  <proto name=") {
                isInside = line.contains("<proto name=\"\(name)\"")
                if isInside { groups.append(Group(title: "", packet: packet)) }
            }
            guard isInside, line.contains("<field "), let field = attribute("name", line) else { continue }
            if field.isEmpty {
                let title = attribute("show", line) ?? ""
                if isTitle(title) { groups.append(Group(title: title, packet: packet)) }
                continue
            }
            let key = line.contains("(Reverse Type") ? "reverse." + field : field
            guard groups[groups.count - 1].values[key] == nil, let value = attribute("value", line) else { continue }
            groups[groups.count - 1].values[key] = value
            groups[groups.count - 1].places[key] = attribute("pos", line).flatMap { Int($0) }
        }
    }

    private func attribute(_ name: String, _ line: Substring) -> String? {
        let parts = line.split(separator: " \(name)=\"", maxSplits: 1)
        guard parts.count == 2 else { return nil }
        return parts[1].split(separator: "\"", maxSplits: 1, omittingEmptySubsequences: false).first.map(String.init)
    }
}

private func contents(_ path: String) throws(TestKitError) -> [UInt8] {
    guard let file = fopen(path, "r") else { throw .system("open \(path)", errno) }
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    return Array(buffer[..<fread(&buffer, 1, buffer.count, file)])
}
