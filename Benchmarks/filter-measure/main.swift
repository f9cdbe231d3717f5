// What the packet filter costs, and what it must hold: `make filter-bench` and `make filter-proof`. Both need rights over
// the kernel's programs, and run in a network namespace of their own (unshare -n).
import FilterKit
import Filters
import Glibc
import Load

let usage = """
    usage: filter-measure bench [--rounds 7] [--result FILE]
           filter-measure proof [--frames 10000000] [--sets 10000,200,20] [--swapped 10000000] [--captures FOLDER]
                                [--flooded 3000000] [--seed 1] [--only POINT] [--without POINT]
                                [--result FILE]
           filter-measure syn-flood --count N --to HARDWARE --marks FILE
           filter-measure datagrams --until FILE
               (from wst-out, in a namespace without a way out)

    """

func word(after option: String) -> String? {
    guard let place = CommandLine.arguments.firstIndex(of: option), place + 1 < CommandLine.arguments.count else {
        return nil
    }
    return CommandLine.arguments[place + 1]
}

func number(after option: String, default value: Int) -> Int { word(after: option).flatMap { Int($0) } ?? value }

func bench() throws -> Bool {
    var bench = Bench(rounds: max(1, number(after: "--rounds", default: 7)))
    let rows = try bench.run()
    for row in rows {
        let peers = row.peers.map { "  \($0.name) \(Text.of($0.ns))" }.joined()
        let bars = row.bar == nil && row.peerBar == nil ? "" : row.holds ? "  holds" : "  FALLS SHORT"
        print("\(row.name): \(Text.of(row.ns)) ns, empty \(Text.of(row.emptyNs))\(peers)\(bars)  \(row.note)")
    }
    if let path = word(after: "--result") {
        let items = rows.map { row in
            let peers = row.peers.map { "\(Text.json($0.name)): \($0.ns)" }.joined(separator: ", ")
            return "  {\"name\": \(Text.json(row.name)), \"ns\": \(row.ns), \"empty_ns\": \(row.emptyNs), "
                + "\"peers\": {\(peers)}}"
        }
        try File.write("[\n\(items.joined(separator: ",\n"))\n]\n", to: path)
    }
    return true
}

func proof() throws -> Bool {
    var proof = Proof(seed: UInt64(number(after: "--seed", default: 1)))
    let sets = (word(after: "--sets") ?? "10000,200,20").split(separator: ",").compactMap { Int($0) }
    guard sets.count == 3 else { throw MeasureError("--sets takes three numbers") }
    let rows = proof.run(
        frames: number(after: "--frames", default: 10_000_000), sets: (sets[0], sets[1], sets[2]),
        swapped: number(after: "--swapped", default: 10_000_000),
        flooded: number(after: "--flooded", default: 3_000_000), captures: word(after: "--captures"),
        only: word(after: "--only"), without: word(after: "--without"))
    if let path = word(after: "--result") {
        let items = rows.map { row in
            "  {\"name\": \(Text.json(row.name)), \"holds\": \(row.holds), \"figure\": \(Text.json(row.figure))}"
        }
        try File.write("[\n\(items.joined(separator: ",\n"))\n]\n", to: path)
    }
    return rows.allSatisfy(\.holds)
}

// Whoever started it may have signals blocked: its children, which inherit that, would not hear that they are to end.
var signals = sigset_t()
sigemptyset(&signals)
sigprocmask(SIG_SETMASK, &signals, nil)

do {
    let command = CommandLine.arguments.dropFirst().first
    // Interfaces are made and load is sent: throws in the machine's own network, and in one with a way out.
    if command == "bench" || command == "proof" { _ = try HomeAddress(checking: SYNFlood.target) }
    switch command {
    case "bench": exit(try bench() ? 0 : 1)
    case "proof": exit(try proof() ? 0 : 1)
    case "syn-flood":
        let hardware = (word(after: "--to") ?? "").split(separator: ",").compactMap { UInt8($0) }
        let count = min(number(after: "--count", default: 0), 10_000_000)
        guard hardware.count == 6, count > 0 else { throw MeasureError(usage) }
        guard let marks = word(after: "--marks") else { throw MeasureError(usage) }
        let found = try SYNFlood.send(count, from: "wst-out", to: hardware, marks: marks)
        print(found.answered, found.seconds)
    case "datagrams":
        _ = try HomeAddress(checking: SYNFlood.target)
        guard let path = word(after: "--until") else { throw MeasureError(usage) }
        try Proof.sendDatagrams(until: path)
    default:
        Text.progress(usage)
        exit(64)
    }
} catch {
    Text.progress("filter-measure: \(error)")
    exit(1)
}
