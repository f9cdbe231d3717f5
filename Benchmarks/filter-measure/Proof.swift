import FilterKit
import Filters
import Glibc

/// What the packet filter must hold, point by point; each ends in a row.
struct Proof {
    struct Row {
        var name: String
        var holds: Bool
        var figure: String

        init(_ name: String, _ holds: Bool, _ figure: String) {
            self.name = name
            self.holds = holds
            self.figure = figure
        }
    }

    var random: Seeded

    init(seed: UInt64) { random = Seeded(state: seed) }

    /// - Parameters:
    ///   - frames: made frames that are judged three times.
    ///   - sets: random sets of rules up to 256, up to 1,024, of 4,096.
    ///   - captures: a folder of captures, if there is one.
    ///   - swapped: packets that are judged while rules are swapped.
    ///   - flooded: SYN that are sent.
    ///   - only: the one point that is looked at; nil: all.
    ///   - without: one that is not.
    mutating func run(
        frames: Int, sets: (Int, Int, Int), swapped: Int, flooded: Int, captures: String?, only: String?,
        without: String?
    ) -> [Row] {
        var rows: [Row] = []
        func note(_ name: String, _ found: () throws -> [Row]) {
            guard only ?? name == name, without != name else { return }
            let reported = rows.count
            do {
                rows += try found()
            } catch {
                rows.append(Row(name, false, "\(error)"))
            }
            for row in rows[reported...] {
                Text.progress("\(row.holds ? "holds" : "FAILS")  \(row.name): \(row.figure)")
            }
        }
        var proof = self
        note("oracle: made frames") { [try proof.judgeMadeFrames(frames)] }
        if let captures { note("oracle: captures") { [try proof.judgeCaptures(captures)] } }
        note("every set of rules loads") { [try proof.loadSets(small: sets.0, middle: sets.1, large: sets.2)] }
        note("one address in force") { [try proof.addressInForce()] }
        note("one address by call") { try proof.addressByCall() }
        note("rules in force") { try proof.rulesInForce() }
        note("swap under load") { [try proof.swapUnderLoad(swapped)] }
        note("kill -9") { try proof.crash() }
        note("SYN flood") { try proof.flood(flooded) }
        note("reflection") { try proof.reflection(captures) }
        note("proven sources") { try proof.provenSources() }
        self = proof
        return rows
    }
}
