import Glibc

/// Point 4, second part: a captured reflection is sent again to the host where the lane serves visitors, with addresses
/// of the proof's own network; the rule is what `wasstraat dissect` finds in the capture.
extension Proof {
    private static let capture = "attacks/amp.UDP.snmp.src161.pcapng"
    private static let rounds = 60

    /// - Parameter captures: the folder of captures; where this one is not in it, nothing is measured, and that is said.
    func reflection(_ captures: String?) throws -> [Row] {
        guard let captures, let bytes = File.bytes("\(captures)/\(Self.capture)") else {
            Text.progress("skipped  reflection: the capture \(Self.capture) is not here")
            return []
        }
        let hosts = try TwoHosts()
        let frames = File.frames(bytes).compactMap { Readdressed.frame($0, to: hosts.hardware) }
        let replayed = hosts.state + "/reflection.pcap"
        try Readdressed.write(frames, to: replayed)
        let found = hosts.state + "/found"
        _ = Command.run("'\(hosts.program("wasstraat"))' dissect '\(captures)/\(Self.capture)' --save '\(found)'")
        let rule = Command.output("ls '\(found)'/snmp-reflection-*.json 2>/dev/null | head -n 1")
            .split(separator: "\n").first.map(String.init)
        guard let rule else { throw MeasureError("no fingerprint was found in \(Self.capture)") }
        let said = Command.output("'\(hosts.program("wasstraat"))' filter test '\(replayed)' --rule '\(rule)' --json")
        guard let matched = TwoHosts.packets("rule", in: said), matched > 0 else {
            throw MeasureError("the rule matches nothing: \(said)")
        }
        let street = try ServedStreet(hosts)
        try hosts.start()
        hosts.tell("add rule '\(rule)' --live --for 10m --reason proof")
        let before = try Self.unwanted()
        let begin = Clock.nanoseconds
        let sender = try Worker { hosts.replay(replayed, rounds: Self.rounds) }
        let (served, asked) = street.visit { sender.isOver }
        try sender.join()
        let seconds = Double(Clock.nanoseconds - begin) / 1_000_000_000
        let (dropped, expected) = (try hosts.packets("rule"), matched * Self.rounds)
        let through = try Self.unwanted() - before
        return [
            Row(
                "reflection: visitors served", served == asked && asked > 0,
                "\(served) of \(asked) requests through the lane during it"),
            Row(
                "reflection: dropped", dropped == expected && through == 0,
                "\(dropped) of \(expected) packets (\(Text.of(Double(dropped) / seconds / 1_000)) thousand/s) of "
                    + "\(frames.count * Self.rounds) sent; \(through) came to a socket's door"),
        ]
    }

    /// Datagrams that came as far as to nobody's port, as this namespace's kernel counts them.
    private static func unwanted() throws -> Int {
        let lines = Command.output("grep ^Udp: /proc/net/snmp").split(separator: "\n").map { $0.split(separator: " ") }
        guard lines.count == 2, let place = lines[0].firstIndex(of: "NoPorts"), let count = Int(lines[1][place]) else {
            throw MeasureError("the kernel counts no datagrams")
        }
        return count
    }
}

/// Frames of a capture with other addresses: the target is the proof's own host, sources are in 198.18.0.0/15, which is
/// nobody's. What is inside stays as it came.
enum Readdressed {
    /// nil: it is no IPv4.
    static func frame(_ frame: [UInt8], to hardware: [UInt8]) -> [UInt8]? {
        guard frame.count >= 34, frame[12] == 8, frame[13] == 0, frame[14] >> 4 == 4 else { return nil }
        let header = Int(frame[14] & 15) * 4
        guard header >= 20, frame.count >= 14 + header else { return nil }
        var frame = frame
        frame.replaceSubrange(0..<12, with: hardware + [2, 0, 0, 0, 0, 9])
        // 17 bits of the source, so that different ones stay different, but for a few.
        var mixed: UInt32 = 2_166_136_261
        for byte in frame[26..<30] { mixed = (mixed ^ UInt32(byte)) &* 16_777_619 }
        let source: UInt32 = 0xc612_0000 | (mixed ^ mixed >> 15) & 0x1ffff
        frame.replaceSubrange(26..<34, with: bytes(source) + bytes(0x0a63_0701))
        frame.replaceSubrange(24..<26, with: [0, 0])
        let sum = checksum(frame[14..<14 + header])
        frame.replaceSubrange(24..<26, with: [UInt8(sum >> 8), UInt8(sum & 255)])
        // A datagram may come without a checksum; that of a later piece is not its own.
        let isFirst = UInt16(frame[20] & 0x1f) << 8 | UInt16(frame[21]) == 0
        if frame[23] == 17, isFirst, frame.count >= 14 + header + 8 {
            frame.replaceSubrange(14 + header + 6..<14 + header + 8, with: [0, 0])
        }
        return frame
    }

    private static func bytes(_ word: UInt32) -> [UInt8] {
        [UInt8(word >> 24), UInt8(word >> 16 & 255), UInt8(word >> 8 & 255), UInt8(word & 255)]
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt16 {
        var sum: UInt32 = 0
        for place in stride(from: bytes.startIndex, to: bytes.endIndex, by: 2) {
            sum += UInt32(bytes[place]) << 8 | UInt32(bytes[place + 1])
        }
        while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
        return ~UInt16(sum)
    }

    /// As a plain capture.
    static func write(_ frames: [[UInt8]], to path: String) throws {
        var words: [UInt8] = []
        func add(_ value: UInt32) { words += bytes(value.byteSwapped) }
        add(0xa1b2_c3d4)
        words += [2, 0, 4, 0]
        for value: UInt32 in [0, 0, 65_535, 1] { add(value) }
        for (number, frame) in frames.enumerated() {
            add(1_600_000_000)
            add(UInt32(number % 1_000_000))
            add(UInt32(frame.count))
            add(UInt32(frame.count))
            words += frame
        }
        guard let file = fopen(path, "w") else { throw MeasureError("cannot write \(path)") }
        defer { fclose(file) }
        guard fwrite(words, 1, words.count, file) == words.count else { throw MeasureError("cannot write \(path)") }
    }
}
