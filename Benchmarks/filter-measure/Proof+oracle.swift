import Bytes
import FilterKit
import Filters
import Glibc
import PacketFilter
import Packets

/// Point 1: the kernel, the interpreter and the model say the same of every frame; every rule set loads.
extension Proof {
    /// Frames for one set of rules, before the next is made.
    private static let framesPerSet = 20_000

    /// Plans that differ in what they read and do; budgets are not among them, for the kernel's clock does not stand still
    /// (their arithmetic is held against the model by the tests).
    private static func plan(_ random: inout Seeded) -> FilterPlan {
        var plan = FilterPlan()
        plan.readsTunnels = Bool.random(using: &random)
        plan.malformed = FilterPlan.Conduct.allCases.randomElement(using: &random)!
        plan.hasSketch = Bool.random(using: &random)
        plan.sampling = [0, 16, 1_024].randomElement(using: &random)!
        plan.hasCookies = Bool.random(using: &random)
        return plan
    }

    private mutating func makeOracle() throws -> Oracle {
        // Now and then a set of more than one chunk.
        let count = [3, 20, 60, 200, 700].randomElement(using: &random)!
        // Ends that lie in the past or far ahead: the kernel's clock runs on.
        let now: UInt64 = 1 << 20
        var rules = RandomRules.rules(count, at: now, &random)
        for index in rules.indices where rules[index].until != .max {
            rules[index].until = rules[index].until > now ? .max : 0
        }
        return try Oracle(plan: Self.plan(&random), rules: rules, lists: 40, at: now, &random)
    }

    /// So many made frames, each judged three times.
    mutating func judgeMadeFrames(_ count: Int) throws -> Row {
        var frames = HostileFrames(seed: random.next())
        var (done, inKernel) = (0, 0)
        while done < count {
            var oracle = try makeOracle()
            let kernel = try KernelSide(oracle)
            for _ in 0..<min(Self.framesPerSet, count - done) {
                let frame = frames.next()
                done += 1
                // The kernel takes no shorter ones for frames.
                guard KernelProgram.frameSizes.contains(frame.count) else {
                    var apart = oracle
                    _ = try apart.judge(frame)
                    continue
                }
                inKernel += 1
                try compare(frame, &oracle, kernel)
            }
            try oracle.compareCounters()
            try kernel.compareCounters(oracle)
        }
        return Row(
            "oracle: made frames", true, "\(done) frames, \(inKernel) of them in the kernel too: 0 differences")
    }

    private func compare(_ frame: [UInt8], _ oracle: inout Oracle, _ kernel: KernelSide) throws {
        let said = try oracle.judge(frame)
        let kernelSaid = try kernel.root.action(on: frame.span.bytes)
        guard kernelSaid == said else {
            throw Oracle.Difference(
                description: "the kernel says \(String(describing: kernelSaid)), the model \(said) of "
                    + Oracle.hex(frame))
        }
    }

    /// Every frame of the captures in a folder and those below it.
    mutating func judgeCaptures(_ folder: String) throws -> Row {
        let files = Command.output("find '\(folder)' -type f -name '*.pcap*' | sort").split(separator: "\n")
        var done = 0
        for file in files {
            var oracle = try makeOracle()
            let kernel = try KernelSide(oracle)
            guard let bytes = File.bytes(String(file)) else { throw MeasureError("cannot read \(file)") }
            for frame in File.frames(bytes) where KernelProgram.frameSizes.contains(frame.count) {
                try compare(frame, &oracle, kernel)
                done += 1
            }
            try kernel.compareCounters(oracle)
        }
        return Row("oracle: captures", done > 0, "\(done) frames of \(files.count) captures: 0 differences")
    }

    /// Random sets of rules, all of which the verifier must take.
    mutating func loadSets(small: Int, middle: Int, large: Int) throws -> Row {
        let maps = try KernelMaps(creating: FilterMaps.all)
        var (sets, programs) = (0, 0)
        for (count, size) in [(small, 256), (middle, 1_024), (large, 4_096)] {
            for _ in 0..<count {
                // Sizes are spread over their logarithm; the largest sets are whole.
                let most = size == 4_096 ? size : 1 << Int.random(in: 0...(size.trailingZeroBitCount), using: &random)
                let wanted = size == 4_096 ? size : Int.random(in: max(1, most / 2)...most, using: &random)
                let rules = RandomRules.rules(wanted, &random)
                guard let chunks = FilterPrograms.rules(rules, plan: Self.plan(&random), row: Oracle.row) else {
                    throw MeasureError("\(wanted) rules need more chunks than there are slots")
                }
                for chunk in chunks {
                    _ = try KernelProgram(chunk, name: "rules", maps: maps)
                    programs += 1
                }
                sets += 1
            }
        }
        return Row("every set of rules loads", true, "\(sets) sets, \(programs) programs: 0 refused by the verifier")
    }
}
