internal import Addresses
internal import Filters
internal import Fingerprints
internal import Mitigations
internal import Moments
internal import Packets

/// What the filter would do with the frames of captures: its own model judges each as it would have come in by the wire.
///
/// Not in it are budgets, which depend on the second in which a packet comes, and cookies, which need the kernel's sockets.
struct FilterTrial: ~Copyable, FrameTaker {
    struct Sum: Equatable {
        var packets: UInt64 = 0
        var bytes: UInt64 = 0

        mutating func add(_ length: Int) {
            packets &+= 1
            bytes &+= UInt64(length)
        }
    }

    /// A rule of the trial, and what it hit.
    struct Rule {
        var name: String
        var isDry: Bool
        var sum = Sum()
    }

    /// The longest frame that is filled up: the greatest IPv6 packet behind two tags. What a capture says beyond that is
    /// no frame.
    static let lengthLimit = 65_535 + 40 + 22
    /// Rules of the kernel's filter, and of the trial.
    static let ruleLimit = Int(FilterMaps.ruleLimit)

    private var model: FilterModel
    private(set) var rules: [Rule]
    /// Ethernet frames, which are judged.
    private(set) var judged = Sum()
    /// By the reason's number.
    private(set) var sums = [Sum](repeating: Sum(), count: FilterReason.allCases.count)
    private(set) var malformations: [Malformation: Sum] = [:]
    /// Of the entries that dropped, would have dropped or let pass.
    private(set) var entries: [Prefix: Sum] = [:]
    /// Frames of other links than Ethernet: no filter meets them.
    private(set) var otherLinks: UInt64 = 0
    /// Frames of which the capture did not keep all.
    private(set) var cutOff: UInt64 = 0
    private(set) var first: Int64?
    private(set) var last: Int64?
    /// Tells of each packet; nil: of none.
    var lines: FilterTrialLines?

    /// - Parameter rules: in the order in which ``FilterModel`` numbers them.
    init(_ lists: FilterTrialLists, readsTunnels: Bool, malformed: FilterPlan.Conduct = .live) {
        var plan = FilterPlan()
        plan.readsTunnels = readsTunnels
        plan.malformed = malformed
        model = FilterModel(plan: plan, rules: lists.rules.map(\.rule))
        model.allowed = lists.allowed
        model.networks = lists.networks
        model.blocked = lists.blocked
        rules = lists.rules.map { Rule(name: $0.name, isDry: $0.rule.isDry) }
    }

    mutating func take(_ frame: RawSpan, _ found: CaptureFrame) {
        guard found.link == .ethernet else {
            otherLinks &+= 1
            return
        }
        let length = max(found.originalLength, frame.byteCount)
        guard length > frame.byteCount else { return judge(frame, length, found.time) }
        // The filter saw all of it. What the capture did not keep is read as zeros: headers are judged as they were, and
        // what lies behind is nobody's payload.
        cutOff &+= 1
        var filled = frame.withUnsafeBytes { [UInt8]($0) }
        let whole = min(length, max(Self.lengthLimit, frame.byteCount))
        filled.append(contentsOf: repeatElement(0, count: whole - filled.count))
        judge(filled.span.bytes, length, found.time)
    }

    private mutating func judge(_ frame: RawSpan, _ length: Int, _ time: Int64) {
        // Nothing ends in a trial, so that the present is of no meaning.
        let judgement = model.judge(frame, at: 1)
        judged.add(length)
        first = min(first ?? time, time)
        last = max(last ?? time, time)
        sums[Int(judgement.reason.rawValue)].add(length)
        note(judgement.cause, length)
        for finding in judgement.dry {
            sums[Int(finding.reason.rawValue)].add(length)
            note(finding.cause, length)
        }
        lines?.tell(judgement, number: judged.packets + otherLinks, length: length, at: time, rules: rules)
    }

    private mutating func note(_ cause: FilterJudgement.Cause?, _ length: Int) {
        switch cause {
        case .malformation(let malformation)?: malformations[malformation, default: Sum()].add(length)
        // No more than there are in the lists.
        case .entry(let prefix)?: entries[prefix, default: Sum()].add(length)
        case .rule(let place, _)?: rules[place].sum.add(length)
        case .budget?, nil: break
        }
    }

    func sum(_ reason: FilterReason) -> Sum { sums[Int(reason.rawValue)] }
}

/// What a trial's filter is told.
struct FilterTrialLists {
    struct Named {
        var name: String
        var rule: KernelRule
    }

    var allowed = PrefixList()
    var networks = PrefixList()
    var blocked: [Address: FilterMaps.Entry] = [:]
    var rules: [Named] = []

    /// - Returns: false where a network would mean something else in the kernel, and so is not taken.
    mutating func add(_ prefix: Prefix, _ kind: FilterKind, isDry: Bool = false) -> Bool {
        let entry = FilterMaps.Entry(until: .max, isDry: isDry)
        guard PrefixList.canHold(prefix) else { return false }
        switch kind.list(of: prefix) {
        case .blocked?: blocked[prefix.address] = entry
        case .networks?: networks[prefix] = entry
        case .allowed?: allowed[prefix] = entry
        case .flooded?, nil: break
        }
        return true
    }

    /// A fingerprint as a rule that drops.
    /// - Returns: nil, or why the filter cannot say it.
    mutating func add(_ fingerprint: Fingerprint, targets: [Prefix], at now: Moment) -> String? {
        guard rules.count < FilterTrial.ruleLimit else { return "more than \(FilterTrial.ruleLimit) rules" }
        var fingerprint = fingerprint
        // A trial looks back: what has expired since is judged as it was.
        fingerprint.expires = max(fingerprint.expires, now + 86_400)
        var options = RuleOptions()
        // It is the trial that measures.
        options.acceptsUnmeasured = true
        options.collateralBound = 1
        let made = KernelRule.make(
            from: fingerprint, targets: targets, counter: UInt32(rules.count), at: now, clock: 1, options: options)
        switch made {
        case .failure(let refusal): return refusal.reason
        case .success(var made):
            made.rule.until = .max
            rules.append(Named(name: fingerprint.filterName, rule: made.rule))
            return nil
        }
    }

    /// A rule of the running filter, as it stands there.
    mutating func add(_ rule: FilterRule, at now: Moment) -> String? {
        guard rules.count < FilterTrial.ruleLimit else { return "more than \(FilterTrial.ruleLimit) rules" }
        switch rule.kernelRule(at: FilterTime(wall: now, clock: 1)) {
        case .failure(let refusal): return refusal.reason
        case .success(var made):
            made.until = .max
            made.counter = UInt32(rules.count)
            rules.append(Named(name: "\(rule.id) \(rule.fingerprint.filterName)", rule: made))
            return nil
        }
    }
}

extension FilterLink {
    /// What the running filter was told, into the lists of a trial.
    func read(into lists: inout FilterTrialLists) throws {
        for kind in [FilterKind.blocked, .allowed] {
            try entries(kind) { page in
                for entry in page {
                    guard let prefix = entry.prefix else { continue }
                    _ = lists.add(prefix, kind, isDry: entry.status == .dry)
                }
            }
        }
        try entries(.rule) { page in
            for rule in page.compactMap(\.rule) {
                if let reason = lists.add(rule, at: .now) { complain("rule \(rule.id) is not judged: \(reason)") }
            }
        }
    }
}
