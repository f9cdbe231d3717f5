internal import CLinux
internal import Filters
internal import Glibc
internal import Logging
internal import Messages
internal import Mitigations
internal import Settings

/// The filter's process and what it says. Confined to the thread of its service, which it may block.
final class FilterDesk {
    /// Milliseconds between two questions how it does, and between two looks at one that does not answer.
    static let statusTime: Int64 = 1_000
    static let dialTime: Int64 = 250
    /// Names in the state folder: the process' own, and who was started by an office.
    static let lockFile = "filter.lock"
    static let processFile = "filter.pid"

    let service: FilterService
    let logger = Logger(label: "filter")
    var supervision = FilterSupervision(at: Clock.monotonic)
    var link: FilterLine?
    /// The filter's rules were asked for since it was connected to.
    var isListed = false
    /// The figures of handed sources that a line was written of, when the next may be, and why some were refused since.
    var toldSources = HandedSources()
    /// Rules that had stopped by themselves when it was asked last.
    var suspended: Set<UInt64> = []
    var nextListing: Int64 = 0
    var nextSourceLine: Int64 = 0
    var sourceTrouble: String?
    private var nextStatus: Int64 = 0
    /// What was said last of how it filters, so that it is said once.
    private var told: EnforcerConduct?
    /// Why there is no process, as it was said last.
    private var trouble: String?

    init(_ service: FilterService) { self.service = service }

    /// Works until it is told to stop and the process has ended, or is left to the next office.
    func run() {
        while supervision.phase != .ended {
            if service.bell.isStopped {
                if service.ending.leavesOthers {
                    supervision.leave()
                } else if let action = supervision.stop(at: Clock.monotonic) {
                    perform(action)
                }
            }
            if link == nil, !supervision.isStopping { dial() }
            look()
            if let action = supervision.tick(at: Clock.monotonic) { perform(action) }
            if !supervision.isStopping { talk() }
            tell()
            guard supervision.phase != .ended else { break }
            service.bell.wait(milliseconds: wait)
        }
        link = nil
        tell()
    }

    private var wait: Int64 {
        link == nil || supervision.isStopping ? Self.dialTime : nextStatus - Clock.monotonic
    }

    // ---- The process.

    private func dial() {
        link = FilterLine(socket: service.folder.filterSocket)
        isListed = false
        guard supervision.isAbsent, link != nil || isLocked else { return }
        let process = left
        supervision.found(process, at: Clock.monotonic)
        logger.notice(
            "the filter runs already; it is used as it is",
            metadata: ["started_by": process == nil ? "other" : "office"])
    }

    /// Whether somebody holds the filter's lock. Asked as seldom as can be: while it is asked, no process gets it.
    private var isLocked: Bool {
        do throws(OfficeError) {
            return try service.folder.lock(Self.lockFile) == nil
        } catch {
            // It is another user's: so is the process, and one of ours would not get the lock either.
            return true
        }
    }

    /// The process that an earlier office left, where it still is what it was.
    private var left: pid_t? {
        guard let process = pid_t(service.folder.holder(of: Self.processFile)), process > 1 else { return nil }
        // The kernel keeps 15 characters of a name.
        let name = String(service.program.split(separator: "/").last?.prefix(15) ?? "")
        return StateFolder(path: "/proc/\(process)").read("comm", limit: 64) == Array("\(name)\n".utf8) ? process : nil
    }

    private func look() {
        switch supervision.phase {
        case .own(let process, _, isChild: true):
            var status: Int32 = 0
            guard waitpid(process, &status, WNOHANG) == process else { return }
            let isSignal = status & 0x7f != 0
            logger.log(
                level: supervision.isStopping && status == 0 ? .info : .error, "the filter's process ended",
                metadata: [
                    "process": "\(process)",
                    isSignal ? "signal" : "exit": "\(isSignal ? status & 0x7f : status >> 8 & 0xff)",
                ])
        case .own(_, _, isChild: false), .foreign:
            guard link == nil, !isLocked else { return }
            logger.log(level: supervision.isStopping ? .info : .warning, "the filter's process is gone")
        case .absent, .ended: return
        }
        link = nil
        service.folder.remove(Self.processFile)
        supervision.gone(at: Clock.monotonic)
    }

    private func perform(_ action: FilterSupervision.Action) {
        switch action {
        case .start: start()
        case .kill(let process):
            logger.error("the filter's process does not answer; it is ended", metadata: ["process": "\(process)"])
            link = nil
            kill(process, SIGKILL)
        case .end(let process):
            logger.info("the filter's process is ended; the kernel filters on", metadata: ["process": "\(process)"])
            link = nil
            kill(process, SIGTERM)
        }
    }

    private func start() {
        let now = Clock.monotonic
        let settings = service.settings
        let words =
            [service.program, "--interface", settings.interface, "--state", service.folder.path]
            + FilterPlan(settings).options
        let arguments: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        defer { for argument in arguments { free(argument) } }
        // It is given nothing of the office's but a descriptor of nothing.
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer { close(null) }
        let process = null < 0 ? -errno : linux_spawn(service.program, arguments, null)
        guard process > 0 else {
            let reason = "cannot start \(service.program): \(OfficeError.text(process))"
            supervision.startFailed(at: now)
            if trouble != reason { logger.error("no packet is filtered", metadata: ["missing": "\(reason)"]) }
            return trouble = reason
        }
        trouble = nil
        supervision.started(process, at: now)
        // Without it the next office takes the process for someone else's, and leaves it running at its end: no harm.
        try? service.folder.write(Array("\(process)\n".utf8), to: Self.processFile, isDurable: false)
        logger.notice(
            "the filter was started",
            metadata: [
                "process": "\(process)", "interface": "\(settings.interface)", "restarts": "\(supervision.restarts)",
            ])
    }

    // ---- What it says.

    private func talk() {
        if link != nil, Clock.monotonic >= nextStatus {
            nextStatus = Clock.monotonic + Self.statusTime
            askStatus()
        }
        // Sources first: a lane refuses them at its own cost until then.
        if link != nil { handOverSources() }
        if link != nil { handOver() }
    }

    func askStatus() {
        guard case .status(var status) = ask(.status) else { return }
        if let other = otherwise(status) { status.conduct.missing.append(other) }
        say(status.conduct)
        if isListed { saw(status) }
        service.report.update {
            $0.filter?.status = status
            $0.filter?.statusAt = Clock.monotonic
        }
        guard case .tallies(let tallies) = ask(.tallies) else { return }
        service.sources.saw(tallies, at: status.interface)
    }

    /// What the configuration says otherwise than a filter that somebody else started; nil: nothing.
    private func otherwise(_ status: FilterStatus) -> String? {
        let (asked, settings) = (FilterPlan(service.settings).options, service.settings)
        if status.interface != settings.interface {
            return "it is at \(status.interface); the configuration says \(settings.interface)"
        }
        guard status.options != asked else { return nil }
        return "it was started with \"\(status.options.joined(separator: " "))\"; the configuration says "
            + "\"\(asked.joined(separator: " "))\", which holds from its next start"
    }

    /// Asks; lets go of a link that brings no answer.
    func ask(_ request: FilterRequest) -> FilterReply? {
        guard let reply = link?.ask(request) else {
            link = nil
            return nil
        }
        supervision.answered(at: Clock.monotonic)
        return reply
    }

    /// Once, and again when it has changed.
    private func say(_ conduct: EnforcerConduct) {
        guard told?.mode != conduct.mode || told?.missing != conduct.missing else { return }
        let wasFiltering = told.map { $0.mode != .none } ?? false
        told = conduct
        let missing = conduct.missing.joined(separator: "; ")
        if conduct.mode == .none {
            logger.warning(
                "no packet is filtered; sites are served all the same", metadata: ["missing": "\(missing)"])
        } else {
            logger.log(
                level: wasFiltering && !missing.isEmpty ? .warning : .notice, "packets are filtered",
                metadata: missing.isEmpty
                    ? ["mode": "\(conduct.mode)"] : ["mode": "\(conduct.mode)", "missing": "\(missing)"])
        }
    }

    private func tell() {
        let (isUp, restarts) = (link != nil, supervision.restarts)
        let isSilent = !isUp && supervision.phase == .foreign
        let trouble = isSilent ? "somebody holds \(Self.lockFile), and nobody answers at filter.sock" : trouble
        service.report.update {
            $0.filter?.isUp = isUp
            $0.filter?.restarts = restarts
            $0.filter?.trouble = trouble
            if !isUp { $0.filter?.status = nil }
        }
    }
}

extension FilterPlan {
    /// What the configuration says of it.
    fileprivate init(_ settings: Settings.Filter) {
        func budget(_ one: Settings.Filter.Budget) -> Budget {
            Budget(packets: one.packets, bytes: one.bytes, isDry: one.isDry)
        }
        self.init()
        sampling = settings.sampling
        readsTunnels = settings.tunnels
        malformed =
            switch settings.malformed {
            case .off: .off
            case .dry: .dry
            case .live: .live
            }
        sourceBudget = settings.sourceBudget.map(budget)
        destinationBudget = settings.destinationBudget.map(budget)
    }
}
