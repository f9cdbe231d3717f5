internal import Filters
internal import Glibc
package import Mitigations
internal import Moments

/// Carries the book out through nftables, where XDP cannot be had: one table `netdev wasstraat_…` with a chain at the
/// interface's ingress, written by Debian's program nft. Slower than the kernel's own filter, and it knows less:
/// ``EnforcerConduct/missing`` says what.
///
/// Each call starts nft and waits for it, some milliseconds as a rule; a book of a million addresses is written in some
/// six seconds, during which the old table holds. The table outlives this process and filters on; entries and rules end
/// in it by themselves. Bytes are counted from the IP header on.
///
/// The impossibles. *Our bug*: a word that nft does not take, an ``EnforcerError`` as any refusal. *Their fault*: a table
/// that somebody else has changed or flushed: the next call writes all of it anew. *Ignored, because it is fine*: an
/// entry that has ended in the kernel before the book says so.
package final class NFTEnforcer: Enforcer {
    /// Entries that one transaction changes: 0.3 s and 24 MB of nft's. Larger batches are several transactions.
    package static let elementLimit = 16_384
    /// Lines of rules: most rules have three, one of IPv4 and two of IPv6, so that the book's thousand fit. A packet that
    /// nothing else ended is asked each of its IP version, some 40 ns a line.
    package static let lineLimit = 4_096
    /// Rules that are left out and named with their reason, one by one; of more it is said how many.
    package static let sentenceLimit = 16

    /// Milliseconds that the wall clock may have run away from the machine's before the ends of rules are written anew.
    private static let stepLimit: Int64 = 2_000

    package private(set) var conduct = EnforcerConduct()
    let interface: NetworkInterface
    let process: NFTProcess
    let table: String
    private let reasons: [String]
    /// What is declared in the table. Sets that were emptied stay until all is written anew.
    private var sets: Set<NFTSet> = []
    /// In the names of the sets.
    private var generation: UInt64 = 0
    /// The table is as we have left it, as far as we know.
    private var isStanding = false
    /// In the table, with the distance of the two clocks by which their ends are written.
    private var rules: [NFTRule] = []
    private var offset: Int64 = 0
    private var leftOut: [String] = []
    /// What nft has said of rules, by their ids: why it does not take one, empty where it does.
    var judged: [UInt64: String] = [:]
    /// Why nothing is filtered, where that was found out and not asked for.
    private var complaint: String?

    /// Touches nothing yet.
    /// - Parameters:
    ///   - reasons: why the kernel's filter does not do it, in sentences.
    ///   - folders: where nft is looked for, with ":" between them; nil: where Debian has it.
    package init(
        interface: NetworkInterface, because reasons: [String] = [], searching folders: String? = nil
    ) throws(EnforcerError) {
        guard let process = NFTProcess(searching: folders ?? NFTProcess.folders) else {
            throw EnforcerError(Self.programMissing)
        }
        guard let table = Self.table(of: interface.name) else { throw EnforcerError(Self.unsayable) }
        self.interface = interface
        self.process = process
        self.table = table
        self.reasons = reasons
        describe()
    }

    private static let programMissing =
        "The program nft is not here: install the package \(NFTProcess.debianPackage)."
    private static let unsayable =
        "The interface's name has characters that nftables is not told: letters, digits, '.', '_', '-' and '@' alone."

    /// What is missing on this machine for it, in a sentence; nil: nothing. It tries, and nothing stays of it.
    package static func probe(interface name: String, searching folders: String? = nil) -> String? {
        guard let process = NFTProcess(searching: folders ?? NFTProcess.folders) else { return programMissing }
        guard let table = table(of: name) else { return unsayable }
        guard if_nametoindex(name) > 0 else { return "There is no interface \(name)." }
        var script = NFTScript(table: table)
        script.tellFrame(device: name)
        do throws(NFTProcess.Failure) {
            try process.perform(script.bytes, isTrial: true)
            return nil
        } catch {
            guard error.reason.contains("Operation not permitted") else {
                return "nftables does not take a trial: \(error.reason)."
            }
            return "This process may not change nftables: it lacks CAP_NET_ADMIN."
        }
    }

    /// The table's name, in which all but letters and digits is escaped; nil for a name that nft is not told: a wildcard,
    /// or what would end the text in which the interface is named.
    static func table(of interface: String) -> String? {
        guard (1...15).contains(interface.utf8.count) else { return nil }
        var name = "wasstraat_"
        for byte in interface.utf8 {
            switch byte {
            case 48...57, 65...90, 97...122: name.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: "@"):
                name += "_" + String(byte, radix: 16)
            default: return nil
            }
        }
        return name
    }

    // ---- Carrying out.

    package func perform(
        _ actions: [FilterAction], of book: FilterBook, at now: FilterTime
    ) throws(EnforcerError) {
        guard isStanding else { return try align(with: book, at: now) }
        let changes = Self.changes(actions, at: now)
        var cleared: Set<UInt32> = []
        for case .clearHits(let counter) in actions { cleared.insert(counter) }
        let compiles = !cleared.isEmpty || actions.contains(.compileRules)
        let fresh = Set(changes.compactMap(\.set)).subtracting(sets)
        var script = NFTScript(table: table)
        var compiled: (rules: [NFTRule], leftOut: [String])?
        if !fresh.isEmpty {
            for set in fresh { script.tell("add", "set", "\(set.name(generation)) \(set.declaration)") }
            script.tellSources(sets.union(fresh), generation: generation)
        }
        if compiles {
            let made = try compile(book, at: now)
            script.tellRules(made.rules, cleared: cleared, at: now)
            compiled = made
        }
        for start in stride(from: 0, to: changes.count, by: Self.elementLimit) {
            let part = changes[start..<min(start + Self.elementLimit, changes.count)]
            Self.tell(
                part, sets: sets.union(fresh), fresh: fresh, generation: generation, to: &script)
            try run(script)
            script = NFTScript(table: table)
        }
        try run(script)
        sets.formUnion(fresh)
        if let compiled { took(compiled.rules, leftOut: compiled.leftOut, at: now) }
    }

    package func align(with book: FilterBook, at now: FilterTime) throws(EnforcerError) {
        isStanding = false
        let found = try list()
        let others = found.sets.filter { NFTSet.generation(of: $0) != nil }
        let highest = max(generation, others.compactMap(NFTSet.generation(of:)).max() ?? 0)
        // The last number there is was none of ours: it is taken away with the others.
        let next = highest == .max ? 0 : highest + 1
        // Declared, and of these the ones that are in the kernel.
        var (made, written): (Set<NFTSet>, Set<NFTSet>) = ([], [])
        do throws(EnforcerError) {
            // New sets are filled beside those that hold; the last transaction lets the chains look into the new ones.
            var script = NFTScript(table: table)
            script.tell("add", "table")
            var count = 0
            for list in FilterList.allCases {
                let changes = Self.changes(book.everything(list, at: now), at: now)
                var start = 0
                while start < changes.count {
                    let part = changes[start..<min(start + Self.elementLimit - count, changes.count)]
                    for set in Set(part.compactMap(\.set)).subtracting(made) {
                        script.tell("add", "set", "\(set.name(next)) \(set.declaration)")
                        made.insert(set)
                    }
                    Self.tell(part, sets: [], generation: next, to: &script)
                    start += part.count
                    count += part.count
                    if count == Self.elementLimit {
                        try run(script)
                        written = made
                        script = NFTScript(table: table)
                        count = 0
                    }
                }
            }
            let compiled = try compile(book, at: now)
            script.tellFrame(device: interface.name)
            script.tellSources(made, generation: next)
            script.tellRules(compiled.rules, at: now)
            for name in others { script.tell("delete", "set", name) }
            try run(script)
            (sets, generation, isStanding, complaint) = (made, next, true, nil)
            took(compiled.rules, leftOut: compiled.leftOut, at: now)
        } catch {
            drop(written, of: next)
            throw error
        }
    }

    /// Takes sets away that nothing looks into. It may fail: then the next writing of all does it.
    private func drop(_ sets: Set<NFTSet>, of generation: UInt64) {
        guard !sets.isEmpty else { return }
        var script = NFTScript(table: table)
        for set in sets { script.tell("delete", "set", set.name(generation)) }
        // Why all this is needed is on its way to the caller, and says more than a second failure would.
        try? process.perform(script.bytes)
    }

    private static func offset(_ now: FilterTime) -> Int64 {
        now.wall.milliseconds - Int64(clamping: now.clock / 1_000_000)
    }

    private func took(_ rules: [NFTRule], leftOut: [String], at now: FilterTime) {
        self.rules = rules
        offset = Self.offset(now)
        self.leftOut = Array(leftOut.prefix(Self.sentenceLimit))
        if leftOut.count > Self.sentenceLimit {
            self.leftOut.append("\(leftOut.count - Self.sentenceLimit) more rules are not carried out.")
        }
        conduct.generation += 1
        describe()
    }

    /// Carries out one transaction; nothing for an empty one. After a failure the next call writes all anew.
    private func run(_ script: NFTScript) throws(EnforcerError) {
        guard !script.isEmpty else { return }
        do throws(NFTProcess.Failure) {
            do throws(NFTProcess.Failure) {
                try process.perform(script.bytes)
            } catch {
                guard error.isRefusal else { throw error }
                // Kernels before 6.8 look at the clock for each element: one that ends in the midst of a transaction
                // refuses it, and is gone the next time.
                try process.perform(script.bytes)
            }
        } catch {
            isStanding = false
            judged = [:]
            throw EnforcerError("The table \(table) cannot be written: \(error.reason).")
        }
    }

    /// Looks whether the interface is still the same, and whether the wall clock was set. Where something is wrong,
    /// ``EnforcerConduct/mode`` is none from then on, until the book is aligned or something is performed.
    package func rest(at now: FilterTime) {
        guard isStanding else { return }
        guard if_nametoindex(interface.name) == interface.index else {
            return fell("The interface \(interface.name) is gone, or has come anew: nothing is filtered.")
        }
        guard abs(Self.offset(now) - offset) > Self.stepLimit else { return }
        var script = NFTScript(table: table)
        script.tellRules(rules, at: now)
        do throws(EnforcerError) {
            try run(script)
            offset = Self.offset(now)
        } catch { fell(error.reason) }
    }

    package func detach() throws(EnforcerError) {
        var script = NFTScript(table: table)
        script.tell("add", "table")
        script.tell("delete", "table")
        try run(script)
        (isStanding, sets, rules, leftOut, complaint, judged) = (false, [], [], [], nil, [:])
        describe()
    }

    // ---- What is told.

    /// What happens to a table that we have thought to stand.
    private func fell(_ why: String) {
        isStanding = false
        complaint = why
        describe()
    }

    private func list() throws(EnforcerError) -> NFTListing {
        let listing: [UInt8]
        do throws(NFTProcess.Failure) {
            listing = try process.list()
        } catch {
            throw EnforcerError("The table \(table) cannot be read: \(error.reason).")
        }
        return try NFTListing(reading: listing, table: table)
    }

    /// All counters; none where there is no table and none is thought to be.
    private func counters() throws(EnforcerError) -> [String: FilterCount] {
        let found = try list()
        if isStanding, !found.chains.contains("ingress") {
            // As a restart of nftables.service does, which begins with "flush ruleset".
            fell("Somebody has taken the table \(table) away: nothing is filtered.")
            throw EnforcerError("Somebody has taken the table \(table) away.")
        }
        return found.counters
    }

    package func counts() throws(EnforcerError) -> [FilterCount] {
        let counters = try counters()
        return FilterReason.allCases.map { counters[$0.counterName] ?? FilterCount() }
    }

    package func hits(of wanted: [UInt32]) throws(EnforcerError) -> [FilterCount] {
        guard !wanted.isEmpty else { return [] }
        let counters = try counters()
        return wanted.map { counters[NFTRule.counterName($0)] ?? FilterCount() }
    }

    package func takeSamples(_: Int, _: (FilterSample) -> Void) {}

    private func describe() {
        conduct.mode = isStanding ? .nftables : .none
        conduct.missing = reasons + (complaint.map { [$0] } ?? []) + Self.lacks + leftOut
    }

    /// What nftables does not do here, each in a sentence.
    static let lacks = [
        "Packets whose headers contradict each other are not dropped: nftables does not check them.",
        "Packets in tunnels are not looked into: the tunnel's own addresses count.",
        "Packets with more than one VLAN tag are not looked into and pass.",
        "No budgets: what one source sends or one destination gets is not bounded.",
        "SYN floods are not answered with cookies.",
        "Blocked sources are counted all together, not site by site: no attack's record says what they dropped.",
        "No sketch: sources and destinations are not counted one by one.",
        "No samples: rules are not measured on live traffic.",
        "Packets that the interface has joined (GRO) are counted and measured as one: it must be off where rules ask for"
            + " lengths.",
        "Rules are asked one after the other: many of them slow every packet.",
    ]
}
