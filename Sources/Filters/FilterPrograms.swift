internal import Fingerprints

/// The programs of the kernel's filter. The first one stands at the interface; it goes on in the programs of
/// ``FilterMaps/slots``, which can be replaced while packets pass.
package enum FilterPrograms {
    /// Passes everything: what the others are measured against.
    package static var empty: EBPF.Program {
        var code = EBPF.Assembler()
        code.exit(.pass)
        return code.finished()
    }

    /// Headers, lists, budgets, sketch and samples.
    package static func root(_ plan: FilterPlan) -> EBPF.Program {
        var writer = FilterWriter(plan: plan)
        let asks = plan.hasAllowed || plan.hasBlocked || plan.hasNetworks || plan.hasSketch
        if asks || plan.sourceBudget != nil || plan.destinationBudget != nil { writer.wanted = [.addresses] }
        writer.begin()
        writer.readFrame { $0.takeSample() }
        writer.countInSketch()
        writer.askAllowed()
        writer.askBlocked()
        writer.askNetworks()
        writer.askBudgets()
        if plan.hasRules { writer.goOn(in: FilterMaps.Slot.rules) }
        if plan.hasCookies { writer.goOn(in: FilterMaps.Slot.cookies) }
        writer.pass(.passed)
        return writer.finish()
    }

    /// The most conditional jumps of one program: from 8,192 on the verifier gives up on the ways through it.
    private static let jumpLimit = 6_000

    /// Compiled fingerprints, in chunks that the verifier takes; none for no rules. The first belongs into
    /// ``FilterMaps/Slot/rules``, the others into a row of slots, from its begin on.
    /// - Returns: nil where there are more chunks than a row has places.
    package static func rules(_ rules: [KernelRule], plan: FilterPlan, row: ClosedRange<Int32>) -> [EBPF.Program]? {
        let chunks = chunks(rules)
        guard chunks.count <= row.count + 1 else { return nil }
        return chunks.enumerated().map { place, branches in
            var writer = FilterWriter(plan: plan)
            writer.isTrusting = true
            writer.wanted = [.transport]
            if branches.contains(where: { $0.pattern.readsPayload }) { writer.wanted.insert(.payload) }
            if branches.contains(where: { $0.pattern.dnsType != nil }) { writer.wanted.insert(.dnsType) }
            if branches.contains(where: { $0.pattern.icmpType != nil || $0.pattern.icmpCode != nil }) {
                writer.wanted.insert(.control)
            }
            if branches.contains(where: { $0.pattern.ttl != nil }) { writer.wanted.insert(.ttl) }
            if branches.contains(where: { !$0.rule.targets.isEmpty || !$0.rule.sources.isEmpty }) {
                writer.wanted.insert(.addresses)
            }
            writer.begin()
            writer.readFrame()
            writer.readRules(branches)
            if place < chunks.count - 1 { writer.goOn(in: row.lowerBound + Int32(place)) }
            if plan.hasCookies { writer.goOn(in: FilterMaps.Slot.cookies) }
            writer.pass(.passed)
            return writer.finish()
        }
    }

    /// Answers to SYN, for destinations in ``FilterMaps/flooded``.
    package static func cookies(_ plan: FilterPlan) -> EBPF.Program {
        var plan = plan
        // What comes in a tunnel is answered by who ends the tunnel.
        plan.readsTunnels = false
        var writer = FilterWriter(plan: plan)
        writer.isTrusting = true
        writer.wanted = [.transport, .addresses]
        writer.begin()
        writer.readFrame(isShort: false)
        writer.readCookies()
        writer.pass(.passed)
        return writer.finish()
    }

    /// All patterns in the order in which they are asked, cut where a program would become too much for the verifier.
    private static func chunks(_ rules: [KernelRule]) -> [[FilterWriter.Branch]] {
        var chunks: [[FilterWriter.Branch]] = []
        var used = jumpLimit
        for place in PatternPlace.ordered(rules) {
            let rule = rules[place.rule]
            let branch = FilterWriter.Branch(rule: rule, pattern: rule.patterns[place.pattern])
            let needed = branch.jumps
            if used + needed > jumpLimit {
                chunks.append([])
                used = 0
            }
            chunks[chunks.count - 1].append(branch)
            used += needed
        }
        return chunks
    }
}

extension FilterWriter.Branch {
    /// Conditional jumps that it takes at most, with its part of the tree.
    fileprivate var jumps: Int {
        let numbers = [
            pattern.sourcePorts, pattern.destinationPorts, pattern.length, pattern.ttl, pattern.icmpType,
            pattern.icmpCode, pattern.dnsType,
        ]
        let own =
            numbers.reduce(0) { $0 + 2 * ($1?.ranges.count ?? 0) } + 2 * (pattern.flags?.count ?? 0)
            + pattern.marks.count + 5 * (rule.targets.count + rule.sources.count) + 12
        let copies = (pattern.singleSourcePorts ?? pattern.singleDestinationPorts)?.count ?? 1
        return (own + 2) * copies
    }
}
