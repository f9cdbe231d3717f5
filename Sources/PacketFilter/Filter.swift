package import Filters
package import Mitigations

/// The kernel's filter at one interface: its maps, its programs and its attachment, all pinned, so that they outlive this
/// process and the next one takes them over while packets pass.
///
/// The order is what makes it safe at each moment: lists are right before the program asks them; a row of rules is whole
/// before the first of them is placed; what was before goes last. One thread uses it.
package final class Filter: Enforcer {
    /// What the pin of the attachment is called.
    static let linkName = "link"
    /// Nanoseconds after which no packet can be in a program that was replaced: they take microseconds.
    static let grace: UInt64 = 1_000_000_000
    /// Nanoseconds between two looks at whether the attachment still stands.
    static let lookInterval: UInt64 = 1_000_000_000

    package let interface: String
    let folder: PinFolder
    package let maps: KernelMaps
    package let table: ProgramTable
    package let presence: MappedArray
    var plan: FilterPlan
    var bits: PresenceCounts
    package internal(set) var conduct = EnforcerConduct()

    private var attachment: Attachment?
    private var index: UInt32 = 0
    private var lastLook: UInt64 = 0
    private let modes: [Attachment.Mode]
    /// What cannot change while it runs.
    private let drawbacks: [String]
    /// Of the rules that hold, and of those that wait to be let go.
    package internal(set) var row = 0
    var rowsToClear: [(row: Int, since: UInt64)] = []
    /// Why the latest rules, or the attachment, do not hold.
    var troubles: [Trouble: String] = [:] {
        didSet { say() }
    }
    var ring: SampleRing?
    private var sketches: MappedArray?
    var sampled = SampleTally()

    enum Trouble: Int {
        case attachment, native, rules, cookies
    }

    /// Opens what is pinned of the interface, or makes it; puts in what the book says; and lets the program stand at the
    /// interface. Where one of ours stands there already, it filters on until this one stands in its place.
    package init(
        interface: String, plan: FilterPlan, book: FilterBook, at now: FilterTime, folder: PinFolder? = nil,
        modes: [Attachment.Mode] = [.native, .generic], drawbacks: [String] = []
    ) throws(KernelError) {
        self.interface = interface
        self.folder = folder ?? PinFolder(interface: interface)
        self.plan = plan
        self.plan.key = book.key
        // Where ticks cannot be asked for, the programs ask for the time itself.
        self.plan.clock = try? KernelClock.ticks()
        self.modes = modes
        self.drawbacks = drawbacks
        bits = PresenceCounts(key: book.key)
        try self.folder.prepare()
        maps = try KernelMaps(keeping: plan.maps, in: self.folder)
        table = ProgramTable(try Self.map(FilterMaps.slots, of: maps))
        presence = try MappedArray(Self.map(FilterMaps.presence, of: maps))
        if plan.sampling > 0 { ring = try SampleRing(Self.map(FilterMaps.samples, of: maps)) }
        if plan.hasSketch { sketches = try MappedArray(Self.map(FilterMaps.sketch, of: maps)) }
        findRow()
        do throws(KernelError) {
            try alignLists(with: book, at: now)
            try program(book, at: now)
            // What the program before had and this one has not is let go with it.
            for shape in FilterMaps.all where maps[shape] == nil { try self.folder.remove(shape.name) }
        } catch {
            // Where nothing stands at the interface, no list stays in the kernel.
            if !self.folder.names.contains(Self.linkName) { try? self.folder.removeAll() }
            throw error
        }
        // Bits that no program asks for any more.
        writePresence(keeping: false)
        sampled.begin(counts: (try? counts()) ?? [], at: now.clock)
        say()
    }

    static func map(_ shape: EBPF.Map, of maps: KernelMaps) throws(KernelError) -> KernelMap {
        guard let map = maps[shape] else {
            throw KernelError(2, .openPin, shape.name, reason: "there is no map \(shape.name)")
        }
        return map
    }

    func map(_ shape: EBPF.Map) throws(KernelError) -> KernelMap { try Self.map(shape, of: maps) }

    // ---- Programs.

    /// Writes all programs as the plan and the book say, and puts them in place, the first one last.
    func program(_ book: FilterBook, at now: FilterTime) throws(KernelError) {
        plan.hasCookies = book.count(of: .flooded) > 0
        placeCookies()
        // Rules that the kernel does not take leave those before them, and are said.
        try? placeRules(book, at: now)
        let root = try KernelProgram(FilterPrograms.root(plan), name: "wasstraat", maps: maps)
        try stand(root)
        if !plan.hasCookies { _ = try? table.clear(FilterMaps.Slot.cookies) }
    }

    private func placeCookies() {
        troubles[.cookies] = nil
        guard plan.hasCookies else { return }
        do throws(KernelError) {
            let program = try KernelProgram(FilterPrograms.cookies(plan), name: "ws_cookies", maps: maps)
            try table.place(program, in: FilterMaps.Slot.cookies)
        } catch {
            plan.hasCookies = false
            troubles[.cookies] = "SYN are not answered with cookies: \(error)"
        }
    }

    /// Lets the program stand at the interface, in place of ours where one stands there.
    private func stand(_ root: KernelProgram) throws(KernelError) {
        let place = try NetworkInterface(named: interface)
        if attachment == nil { attachment = open(at: place) }
        if attachment != nil {
            try attachment?.replace(with: root)
        } else {
            let made = try Attachment(root, to: place, modes: modes)
            try made.pin(at: folder.path(Self.linkName))
            attachment = .some(made)
        }
        index = place.index
        troubles[.attachment] = nil
        troubles[.native] = attachment?.nativeRefusal.map { "it does not run in the driver: \($0)" }
        say()
    }

    /// The pinned attachment, where it still stands at the interface; else its pin is taken away.
    private func open(at place: NetworkInterface) -> Attachment? {
        do throws(KernelError) {
            let opened = try Attachment(opening: folder.path(Self.linkName))
            let facts = try opened.facts
            if facts.interface == place.index { return .some(opened) }
        } catch {
            // There is none, or it cannot be asked: either way a new one is made.
        }
        _ = try? folder.remove(Self.linkName)
        return nil
    }

    private func say() {
        let mode = attachment?.mode
        conduct.mode = troubles[.attachment] != nil ? .none : mode == .native ? .native : .generic
        if attachment == nil { conduct.mode = .none }
        conduct.missing = drawbacks + troubles.sorted { $0.key.rawValue < $1.key.rawValue }.map(\.value)
    }

    // ---- Enforcer.

    package func perform(
        _ actions: [FilterAction], of book: FilterBook, at now: FilterTime
    ) throws(EnforcerError) {
        do throws(KernelError) {
            var compiles = false
            for action in actions {
                switch action {
                case .insert(let list, let prefix, let until, let isDry, let tally):
                    try insert(prefix, into: list, until: until, isDry: isDry, tally: tally)
                case .remove(let list, let prefix): try remove(prefix, from: list)
                case .clearHits(let counter): try map(FilterMaps.ruleHits).clear(counter)
                case .clearTally(let number):
                    for counter in [2 * number, 2 * number + 1] { try map(FilterMaps.tallies).clear(counter) }
                case .compileRules: compiles = true
                }
            }
            let wantsCookies = book.count(of: .flooded) > 0
            if wantsCookies != plan.hasCookies, troubles[.cookies] == nil || !wantsCookies {
                try program(book, at: now)
            } else if compiles {
                try placeRules(book, at: now)
            }
        } catch { throw EnforcerError("\(error)") }
    }

    package func align(with book: FilterBook, at now: FilterTime) throws(EnforcerError) {
        do throws(KernelError) {
            try alignLists(with: book, at: now)
            writePresence(keeping: false)
            try placeRules(book, at: now)
        } catch { throw EnforcerError("\(error)") }
    }

    package func rest(at now: FilterTime) {
        clearRows(at: now.clock)
        guard now.clock >= lastLook &+ Self.lookInterval else { return }
        lastLook = now.clock
        sampled.look(counts: (try? counts()) ?? [], sampling: plan.sampling, at: now.clock)
        conduct.samples = sampled.taken
        conduct.lost = sampled.lost
        lookAtAttachment()
    }

    /// An interface may go and come again under its name: then the program must be attached anew.
    private func lookAtAttachment() {
        if let facts = try? attachment?.facts, facts.interface == index, index != 0 { return }
        attachment = nil
        do throws(KernelError) {
            // Asked first: while the interface is gone, no program is loaded each second.
            _ = try NetworkInterface(named: interface)
            try stand(KernelProgram(FilterPrograms.root(plan), name: "wasstraat", maps: maps))
        } catch { troubles[.attachment] = "nothing is filtered: \(error)" }
    }

    package func counts() throws(EnforcerError) -> [FilterCount] {
        do throws(KernelError) {
            return Self.pairs(try map(FilterMaps.counters).sums(ofFirst: FilterReason.allCases.count))
        } catch { throw EnforcerError("\(error)") }
    }

    package func hits(of counters: [UInt32]) throws(EnforcerError) -> [FilterCount] {
        guard let last = counters.max() else { return [] }
        do throws(KernelError) {
            let all = Self.pairs(try map(FilterMaps.ruleHits).sums(ofFirst: Int(last) + 1))
            return counters.map { Int($0) < all.count ? all[Int($0)] : FilterCount() }
        } catch { throw EnforcerError("\(error)") }
    }

    package func tallies(ofFirst count: Int) throws(EnforcerError) -> [FilterCount]? {
        do throws(KernelError) {
            return Self.pairs(try map(FilterMaps.tallies).sums(ofFirst: count))
        } catch { throw EnforcerError("\(error)") }
    }

    package func sketch() -> SketchCounts? {
        guard sketches != nil else { return nil }
        var counts = SketchCounts(key: plan.key)
        let processors = Int(FilterMaps.sketch.entries)
        for processor in 0..<min(processors, Processors.possible ?? processors) {
            sketches?.withBytes(of: processor) { counts.add($0) }
        }
        return counts
    }

    private static func pairs(_ sums: [UInt64]) -> [FilterCount] {
        stride(from: 0, to: sums.count - 1, by: 2).map { FilterCount(packets: sums[$0], bytes: sums[$0 + 1]) }
    }

    /// Takes away what an earlier process left at an interface, where none runs. Does nothing where there is nothing.
    package static func detach(interface: String, folder: PinFolder? = nil) throws(KernelError) {
        let folder = folder ?? PinFolder(interface: interface)
        if folder.names.contains(linkName) {
            // Of an interface that is gone the pin alone is left.
            if let standing = try? Attachment(opening: folder.path(linkName)) { try? standing.detach() }
        }
        try folder.removeAll()
    }

    package func detach() throws(EnforcerError) {
        do throws(KernelError) {
            if let standing = attachment.take() { try standing.detach() }
            try folder.removeAll()
            troubles[.attachment] = "it was taken away"
        } catch { throw EnforcerError("\(error)") }
    }
}
