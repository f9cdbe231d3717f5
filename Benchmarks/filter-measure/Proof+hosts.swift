import Filters
import Glibc
import PacketFilter

/// Points 4 and 5: a flood of SYN, a killed process, a machine that starts again.
extension Proof {
    private static let datagrams = 4_079

    /// What is counted of a block and of a rule: by their reason, and each by itself.
    private struct Drops: Equatable, CustomStringConvertible {
        var blocked, bySite, ruled, byRule: Int

        init(each count: Int) { (blocked, bySite, ruled, byRule) = (count, count, count, count) }

        init(_ hosts: TwoHosts) throws {
            blocked = try hosts.packets("blocked_source")
            ruled = try hosts.packets("rule")
            (bySite, byRule) = try FilterSocket(hosts.state + "/filter.sock").dropped
        }

        var description: String {
            "by a block \(blocked), for its site \(bySite), by rules \(ruled), by this one \(byRule)"
        }
    }

    /// As many from a source that is blocked as from one that only the rule is for.
    private static func send(_ rounds: Int, _ hosts: TwoHosts) {
        for _ in 0..<rounds {
            hosts.send(datagrams)
            hosts.send(datagrams, from: "10.99.7.3")
        }
    }

    /// kill -9 of everything: the kernel filters on, counters go on exactly, the next process takes over with no packet
    /// missed.
    func crash() throws -> [Row] {
        let hosts = try TwoHosts()
        let street = try ServedStreet(hosts)
        try hosts.start()
        hosts.tell("add block 10.99.7.2 --for 1h --reason proof --tenant proof --site www.example.nl")
        try FilterSocket(hosts.state + "/filter.sock").drop(port: 9)
        Self.send(1, hosts)
        let first = try Drops(hosts)
        street.crash()
        hosts.stop(SIGKILL)
        Self.send(1, hosts)
        // Under way while the new one takes over.
        let sender = try Worker { Self.send(20, hosts) }
        try hosts.start()
        try sender.join()
        let all = try Drops(hosts)
        var rows = [
            Row(
                "kill -9 of office, lane and filter: counters go on, no gap",
                first == Drops(each: Self.datagrams) && all == Drops(each: 22 * Self.datagrams),
                "\(first) before; \(all) of \(22 * Self.datagrams) each after")
        ]
        // The machine starts again: no interface, no maps; the book alone is there.
        let ends = try FilterSocket(hosts.state + "/filter.sock").ends
        hosts.stop(SIGKILL)
        hosts.tearDown()
        _ = Command.run("rm -rf /sys/fs/bpf/wasstraat/wst-in")
        let before = Self.left(hosts.state)
        sleep(2)
        try hosts.build()
        try hosts.start()
        hosts.send(Self.datagrams)
        let again = try hosts.packets("blocked_source")
        let left = try FilterSocket(hosts.state + "/filter.sock").ends
        // The rule is met where the block is away.
        hosts.tell("remove 10.99.7.2")
        hosts.send(Self.datagrams)
        let byRule = try hosts.packets("rule")
        let isKept = ends.count == 2 && zip(ends, left).allSatisfy { abs($0 - $1) <= 1 } && left.count == 2
        rows.append(
            Row(
                "after a reboot the rest of the time, of a block and a rule",
                again == Self.datagrams && byRule == Self.datagrams && isKept && before,
                "\(again) and \(byRule) of \(Self.datagrams) dropped; ends moved by "
                    + "\(zip(ends, left).map { Text.of(abs($0 - $1)) }.joined(separator: " and ")) s"))
        return rows
    }

    /// The book is on disk, for its owner alone.
    private static func left(_ state: String) -> Bool {
        var facts = stat()
        return stat("\(state)/filter.book", &facts) == 0 && facts.st_mode & 0o077 == 0
    }

    /// Visitors of a site behind the filter and the lane while SYN from forged sources come as fast as the machine makes
    /// them; and how many SYN are answered, by the kernel alone and by us.
    func flood(_ count: Int) throws -> [Row] {
        let hosts = try TwoHosts()
        guard Command.run("sysctl -qw net.ipv4.tcp_syncookies=2") == 0 else { throw MeasureError("no sysctl") }
        let street = try ServedStreet(hosts)
        // For the kernel's turn something must stand at this end too, or a frame sent by a program does not arrive.
        let empty = try KernelProgram(FilterPrograms.empty, name: "empty", maps: KernelMaps())
        let attachment = try Attachment(empty, to: NetworkInterface(named: "wst-in"))
        let kernel = try Self.flooded(hosts, street, count)
        try attachment.detach()
        try hosts.start()
        hosts.tell("add flooded 10.99.7.1 --for 10m --reason proof")
        let own = try Self.flooded(hosts, street, count)
        let ratio = own.rate / max(1, kernel.rate)
        return [
            Row(
                "SYN flood: visitors served", own.served == own.asked && own.asked > 0,
                "\(own.served) of \(own.asked) requests during it (the kernel alone: \(kernel.served) of \(kernel.asked))"
            ),
            Row(
                "SYN flood: answers", ratio >= 3,
                "\(Text.of(own.rate / 1_000_000)) M SYN-ACK/s, the kernel alone \(Text.of(kernel.rate / 1_000_000)) M: "
                    + "\(Text.of(ratio)) times (bar 3)"),
        ]
    }

    private static func flooded(
        _ hosts: TwoHosts, _ street: ServedStreet, _ count: Int
    ) throws -> (rate: Double, served: Int, asked: Int) {
        var text = ""
        let marks = hosts.state + "/flood-\(Clock.nanoseconds)"
        let sender = try Worker {
            let hardware = hosts.hardware.map { String($0) }.joined(separator: ",")
            text = hosts.measure("syn-flood --count \(count) --to \(hardware) --marks \(marks)")
        }
        while access(marks + ".begun", F_OK) != 0, !sender.isOver { usleep(10_000) }
        let (served, asked) = street.visit { access(marks + ".over", F_OK) == 0 || sender.isOver }
        try sender.join()
        let words = text.split(whereSeparator: \.isWhitespace).compactMap { Double($0) }
        guard words.count == 2, words[1] > 0 else { throw MeasureError("no flood: \(text)") }
        return (words[0] / words[1], served, asked)
    }
}
